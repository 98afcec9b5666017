/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: values, mistakes, unknown flags, defaults, --help. */
#include "program/flags.h"

#include <check.h>
#include <stdlib.h>

struct values {
    const char *input;
    int64_t count;
    double rate;
    bool verbose, quick;
    bm_texts names;
};

static const beam_flag table[] = {
    BEAM_TEXT_FLAG(struct values, input, "in.txt", "what to read"),
    BEAM_INT_FLAG(struct values, count, "3", "how many"),
    BEAM_DOUBLE_FLAG(struct values, rate, "0.5", "how fast"),
    BEAM_BOOL_FLAG(struct values, verbose, "false", "say more"),
    BEAM_BOOL_FLAG(struct values, quick, "true", "hurry"),
    { "names", BM_FLAG_TEXTS, offsetof(struct values, names), NULL, "some names" },
};

static bm_arena arena;
static bm_flags flags;
static struct values values;
static beam_error err;

static void setup(void)
{
    bm_arena_init(&arena, 0);
    bm_flags_init(&flags, &arena);
    values = (struct values){ 0 };
    ck_assert_int_eq(bm_flags_add(&flags, "This program", table, BEAM_COUNT(table),
                                  &values, &err),
                     BEAM_OK);
}

static void teardown(void)
{
    bm_flags_free(&flags);
    bm_arena_free(&arena);
}

enum { MAX_ARGS = 8 };

/* Arguments up to the first NULL. */
static beam_status parse(char *const args[MAX_ARGS])
{
    char *argv[MAX_ARGS + 1] = { (char *)"program" };
    int argc = 1;
    for (; argc <= MAX_ARGS && args[argc - 1]; argc++) argv[argc] = args[argc - 1];
    return bm_flags_parse(&flags, argc, argv, &err);
}
#define PARSE(...) parse((char *const[MAX_ARGS]){ __VA_ARGS__ })

static const char *unknown_json(void)
{
    static char text[500];
    char *json = json_dumps(flags.unknown, JSON_COMPACT | JSON_SORT_KEYS);
    snprintf(text, sizeof text, "%s", json);
    free(json);
    return text;
}

START_TEST(defaults)
{
    ck_assert_int_eq(PARSE(NULL), BEAM_OK);
    ck_assert_str_eq(values.input, "in.txt");
    ck_assert_int_eq(values.count, 3);
    ck_assert_double_eq(values.rate, 0.5);
    ck_assert(!values.verbose && values.quick);
    ck_assert_uint_eq(values.names.n, 0);
    ck_assert(!bm_flags_was_given(&flags, "count"));
}
END_TEST

START_TEST(each_kind)
{
    ck_assert_int_eq(PARSE("--input=a=b", "--count=-7", "--rate=1e3", "--verbose",
                           "--noquick"),
                     BEAM_OK);
    ck_assert_str_eq(values.input, "a=b");
    ck_assert_int_eq(values.count, -7);
    ck_assert_double_eq(values.rate, 1000);
    ck_assert(values.verbose && !values.quick);
    ck_assert(bm_flags_was_given(&flags, "count"));
}
END_TEST

START_TEST(other_spellings)
{
    ck_assert_int_eq(PARSE("--input", "x", "--count", "-2", "--verbose=yes",
                           "--no_quick"),
                     BEAM_OK);
    ck_assert_str_eq(values.input, "x");
    ck_assert_int_eq(values.count, -2);
    ck_assert(values.verbose && !values.quick);
}
END_TEST

START_TEST(repeated_texts)
{
    ck_assert_int_eq(PARSE("--names=a,b", "--names=c", "--names=,d,"), BEAM_OK);
    ck_assert_uint_eq(values.names.n, 4);
    ck_assert_str_eq(values.names.at[1], "b");
    ck_assert_str_eq(values.names.at[3], "d");
    ck_assert_uint_eq(json_array_size(json_object_get(flags.given, "names")), 4);
}
END_TEST

static const struct {
    char *args[MAX_ARGS];
    const char *message;
} mistakes[] = {
    { { (char *)"--count=x" }, "--count needs a whole number, not 'x'" },
    { { (char *)"--count=" }, "--count needs a whole number, not ''" },
    { { (char *)"--count=99999999999999999999" },
      "--count needs a whole number, not '99999999999999999999'" },
    { { (char *)"--rate=fast" }, "--rate needs a number, not 'fast'" },
    { { (char *)"--verbose=maybe" }, "--verbose needs true or false, not 'maybe'" },
    { { (char *)"--count" }, "--count needs a value: a whole number" },
    { { (char *)"--input", (char *)"--verbose" }, "--input needs a value: a text" },
    { { (char *)"--verbos" }, "there is no flag --verbos; did you mean --verbose?" },
    { { (char *)"--imput=x" }, "there is no flag --imput; did you mean --input?" },
    { { (char *)"file" }, "unexpected argument 'file': flags are written --name=value" },
    { { (char *)"-v" }, "unexpected argument '-v': flags are written --name=value" },
    { { (char *)"--" }, "unexpected argument '--': flags are written --name=value" },
    { { (char *)"--=x" }, "unexpected argument '--=x': flags are written --name=value" },
    { { (char *)"--other=\xff" }, "the value of --other is not UTF-8 text" },
};

START_TEST(wrong_command_lines)
{
    ck_assert_int_eq(parse(mistakes[_i].args), BEAM_EUSAGE);
    ck_assert_str_eq(err.message, mistakes[_i].message);
}
END_TEST

START_TEST(unknown_flags_are_kept_with_their_types)
{
    ck_assert_int_eq(PARSE("--object_reuse=true", "--max-parallelism=128",
                           "--factor=0.25", "--state_backend=rocksdb", "--flagged",
                           "--labels={\"a\":[1]}", "--master=[local]"),
                     BEAM_OK);
    ck_assert_str_eq(
        unknown_json(),
        "{\"factor\":0.25,\"flagged\":true,\"labels\":{\"a\":[1]},\"master\":\"[local]\","
        "\"max_parallelism\":128,\"object_reuse\":true,\"state_backend\":\"rocksdb\"}");
}
END_TEST

START_TEST(repeated_unknown_flags_are_lists)
{
    ck_assert_int_eq(PARSE("--label=a", "--label=b", "--label=3"), BEAM_OK);
    ck_assert_str_eq(unknown_json(), "{\"label\":[\"a\",\"b\",3]}");
}
END_TEST

START_TEST(a_flag_of_two_tables_sets_both)
{
    struct values other = { 0 };
    ck_assert_int_eq(bm_flags_add(&flags, "Other", &table[1], 1, &other, &err), BEAM_OK);
    ck_assert_int_eq(PARSE("--count=9"), BEAM_OK);
    ck_assert_int_eq(values.count, 9);
    ck_assert_int_eq(other.count, 9);
}
END_TEST

START_TEST(a_wrong_default_is_the_programs_mistake)
{
    static const beam_flag wrong[] = { BEAM_INT_FLAG(struct values, count, "many", "") };
    ck_assert_int_eq(bm_flags_add(&flags, "Wrong", wrong, 1, &values, &err), BEAM_EINVAL);
    ck_assert_str_eq(err.message,
                     "the program's default of --count, 'many', is not a whole number");
}
END_TEST

START_TEST(help_lists_every_flag_with_its_default)
{
    bm_writer text = { 0 };
    bm_flags_help(&flags, "prog", "does things", &text);
    bm_write_u8(&text, '\0');
    const char *help = (const char *)text.data;
    ck_assert_ptr_nonnull(strstr(help, "prog - does things\n"));
    ck_assert_ptr_nonnull(strstr(help, "This program:\n"));
    ck_assert_ptr_nonnull(
        strstr(help,
               "  --input=TEXT                      what to read (default in.txt)\n"));
    ck_assert_ptr_nonnull(strstr(help, "  --verbose                         say more\n"));
    ck_assert_ptr_nonnull(strstr(help, "--quick"));
    ck_assert_ptr_nonnull(strstr(help, "hurry (default true)\n"));
    bm_writer_free(&text);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("flags");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, defaults);
    tcase_add_test(tests, each_kind);
    tcase_add_test(tests, other_spellings);
    tcase_add_test(tests, repeated_texts);
    tcase_add_loop_test(tests, wrong_command_lines, 0, (int)BEAM_COUNT(mistakes));
    tcase_add_test(tests, unknown_flags_are_kept_with_their_types);
    tcase_add_test(tests, repeated_unknown_flags_are_lists);
    tcase_add_test(tests, a_flag_of_two_tables_sets_both);
    tcase_add_test(tests, a_wrong_default_is_the_programs_mistake);
    tcase_add_test(tests, help_lists_every_flag_with_its_default);
    Suite *suite = suite_create("program/flags");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
