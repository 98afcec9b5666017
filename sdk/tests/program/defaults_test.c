/* SPDX-License-Identifier: Apache-2.0 */
/* Options that jobs get by default: of each kind of job, by what the person gave. */
#include "program/defaults.h"

#include <check.h>
#include <stdlib.h>

#include "program/standard.h"

#define FLOW \
    "faster_copy=true finish_bundle_before_checkpointing=true max_bundle_size=10000 "
#define FILES "state_backend=\"filesystem\" state_backend_storage_path=\"file:///tmp/c\""
#define TIME "max_bundle_time_mills=200 "
#define END "shutdown_sources_after_idle_ms=1000 "

/* What the person gives for every default. */
#define ALL_GIVEN                                                                    \
    {                                                                                \
        "--max_bundle_size=7", "--max_bundle_time_mills=8", "--faster_copy=false",   \
            "--finish_bundle_before_checkpointing=false", "--state_backend=rocksdb", \
            "--shutdown_sources_after_idle_ms=9"                                     \
    }
#define ALL_STAY                                                                    \
    "faster_copy=false finish_bundle_before_checkpointing=false max_bundle_size=7 " \
    "max_bundle_time_mills=8 shutdown_sources_after_idle_ms=9 state_backend=\"rocksdb\""

static const struct {
    bm_job_kind kind; /* runner, is_bounded, checkpoints, is_embedded */
    const char *given[6], *options;
} jobs[] = {
    { { BM_FLINK_BATCH, true, false, true }, { NULL }, "" },
    { { BM_FLINK_BATCH, true, false, false }, { NULL }, "" },
    { { BM_PRISM, true, false, false }, { NULL }, "" },
    { { BM_PRISM, false, false, false }, { NULL }, "" },
    { { BM_UNKNOWN_RUNNER, false, true, false }, { NULL }, "" },
    { { BM_UNKNOWN_RUNNER, true, true, false }, { NULL }, END },
    { { BM_FLINK_STREAMING, false, false, true }, { NULL }, FLOW TIME },
    { { BM_FLINK_STREAMING, false, false, false }, { NULL }, FLOW TIME },
    { { BM_FLINK_STREAMING, true, false, true }, { NULL }, FLOW TIME },
    { { BM_FLINK_CHECKPOINTS, false, true, true }, { NULL }, FLOW TIME FILES },
    { { BM_FLINK_CHECKPOINTS, false, true, false }, { NULL }, FLOW TIME },
    { { BM_FLINK_CHECKPOINTS, true, true, true }, { NULL }, FLOW TIME END FILES },
    { { BM_FLINK_CHECKPOINTS, true, true, false }, { NULL }, FLOW TIME END },
    /* What is given stays, and the others get their default. */
    { { BM_FLINK_STREAMING, false, false, false },
      { "--max_bundle_size=7" },
      "faster_copy=true finish_bundle_before_checkpointing=true max_bundle_size=7 " TIME },
    { { BM_FLINK_CHECKPOINTS, false, true, true },
      { "--state_backend_storage_path=hdfs://x" },
      FLOW TIME "state_backend=\"filesystem\" state_backend_storage_path=\"hdfs://x\"" },
    { { BM_FLINK_CHECKPOINTS, false, true, true },
      { "--state_backend=rocksdb" },
      FLOW TIME "state_backend=\"rocksdb\"" },
    { { BM_FLINK_CHECKPOINTS, true, true, true }, ALL_GIVEN, ALL_STAY },
    { { BM_FLINK_CHECKPOINTS, true, true, false }, ALL_GIVEN, ALL_STAY },
    { { BM_FLINK_BATCH, true, false, true }, ALL_GIVEN, ALL_STAY },
};

static const char *const names[] = {
    "faster_copy",
    "finish_bundle_before_checkpointing",
    "max_bundle_size",
    "max_bundle_time_mills",
    "shutdown_sources_after_idle_ms",
    "state_backend",
    "state_backend_storage_path",
};

/* The options that there are defaults for: "name=value ...", and a word as it came from a flag. */
static const char *text_of(bm_arena *arena, const json_t *options)
{
    const char *text = "";
    for (size_t i = 0; i < BEAM_COUNT(names); i++) {
        const json_t *value = json_object_get(options, names[i]);
        if (!value) continue;
        char *dumped = json_dumps(value, JSON_ENCODE_ANY);
        text = bm_format(arena, "%s%s%s=%s", text, *text ? " " : "", names[i], dumped);
        free(dumped);
    }
    return text;
}

static json_t *given_options(bm_arena *arena, const char *const given[6])
{
    beam_error err;
    bm_flags flags;
    bm_standard standard = { 0 };
    bm_flags_init(&flags, arena);
    ck_assert_int_eq(bm_standard_add(&flags, &standard, &err), BEAM_OK);
    char *argv[7] = { (char *)"program" };
    int argc = 1;
    for (; argc < 7 && given[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)given[argc - 1];
    ck_assert_msg(bm_flags_parse(&flags, argc, argv, &err) == BEAM_OK, "%s", err.message);
    json_t *options = bm_standard_options(&flags, "job", NULL, 0);
    bm_flags_free(&flags);
    return options;
}

START_TEST(of_each_kind_of_job)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    json_t *options = given_options(&arena, jobs[_i].given);
    bm_default_options(options, &jobs[_i].kind);
    if (bm_wants_checkpoint_files(options, &jobs[_i].kind))
        bm_keep_checkpoints_in(options, "/tmp/c");
    char *expected = bm_strdup(&arena, jobs[_i].options);
    size_t len = strlen(expected);
    if (len && expected[len - 1] == ' ') expected[len - 1] = '\0';
    ck_assert_str_eq(text_of(&arena, options), expected);
    json_decref(options);
    bm_arena_free(&arena);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("defaults");
    tcase_add_loop_test(tcase, of_each_kind_of_job, 0, BEAM_COUNT(jobs));
    Suite *suite = suite_create("defaults");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
