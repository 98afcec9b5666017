/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline: its first error, names, scopes, and how long a large one takes. */
#include <time.h>

#include "graph_test.h"

static const beam_dofn upper_fn = {
    .name = "test.upper", .in = BEAM_STRING, .out = BEAM_STRING, .map = test_map
};

START_TEST(first_error_stays)
{
    ck_assert_ptr_null(beam_pipeline_error(p));
    beam_pipeline_fail(p, BEAM_EIO, "%s", "one");
    beam_pipeline_fail(p, BEAM_EUSER, "%s", "two");
    expect_error(BEAM_EIO, "one");
    beam_pcoll *c = beam_impulse(p, "Impulse");
    ck_assert_ptr_nonnull(c);
    ck_assert_ptr_eq(beam_pcoll_pipeline(c), p);
    ck_assert_ptr_eq(beam_map(c, "Map", &upper_fn), c);
    ck_assert_ptr_eq(beam_output(c, 3), c);
    beam_scope_begin(p, "Scope");
    beam_scope_end(p);
    beam_scope_end(p);
    ck_assert_ptr_null(p->first);
    ck_assert_int_eq(bm_graph_check(p), BEAM_EIO);
}
END_TEST

START_TEST(failing_with_ok_is_a_failure)
{
    beam_pipeline_fail(p, BEAM_OK, "odd");
    expect_error(BEAM_EINVAL, "odd");
}
END_TEST

START_TEST(nothing_is_null)
{
    beam_pipeline_free(NULL);
    beam_pipeline_fail(NULL, BEAM_EIO, "x");
    ck_assert_ptr_null(beam_pipeline_error(NULL));
    ck_assert_ptr_null(beam_pcoll_pipeline(NULL));
    ck_assert_ptr_eq(beam_pcoll_type(NULL), BEAM_ANY);
    ck_assert_str_eq(beam_pipeline_format(NULL, "%d", 1), "");
    beam_scope_begin(NULL, "Scope");
    beam_scope_end(NULL);
    beam_scope_claim(NULL, "the file 'x'");
    beam_pcoll *c = beam_impulse(NULL, "Impulse");
    ck_assert_ptr_nonnull(c);
    ck_assert_ptr_null(beam_pcoll_pipeline(c));
    ck_assert_ptr_eq(beam_map(NULL, "Map", &upper_fn), c);
    ck_assert_ptr_eq(beam_par_do(c, NULL, NULL), c);
    ck_assert_ptr_eq(beam_output(c, 0), c);
    ck_assert_ptr_eq(beam_group_by_key(NULL, "Group"), c);
    ck_assert_ptr_eq(beam_combine_per_key(NULL, "Sum", &beam_sum_int64), c);
    ck_assert_ptr_eq(beam_combine_globally(NULL, "Sum", &beam_sum_int64), c);
    ck_assert_ptr_eq(beam_count_per_element(NULL, "Count"), c);
    ck_assert_ptr_eq(beam_top_per_key(NULL, "Top", 1, BEAM_LARGEST), c);
    ck_assert_ptr_eq(beam_reshuffle(NULL, "Reshuffle"), c);
    ck_assert_ptr_eq(beam_keys(NULL, "Keys"), c);
    ck_assert_ptr_eq(beam_values(NULL, "Values"), c);
    ck_assert_ptr_eq(beam_swap(NULL, "Swap"), c);
    ck_assert_ptr_eq(beam_window_into(NULL, "Window", beam_global()), c);
    ck_assert_ptr_eq(beam_flatten(NULL, "Flatten", &c, 1), c);
    ck_assert_ptr_eq(beam_create(NULL, "Create", BEAM_STRING, NULL, 0), c);
    ck_assert_ptr_eq(beam_create_strings(NULL, "Create", NULL, 0), c);
    beam_pcoll *out[2] = { NULL, NULL };
    beam_partition(NULL, "Partition", &upper_fn, 2, out);
    ck_assert_ptr_eq(out[1], c);
    beam_external(NULL, "External", &(beam_external_opts){ .output_tags = { "o" } }, out);
    ck_assert_ptr_eq(out[0], c);
}
END_TEST

START_TEST(a_null_input_fails_the_pipeline)
{
    beam_impulse(p, "Start");
    beam_map(NULL, "Map", &upper_fn);
    expect_error(BEAM_EINVAL, "Map: its pipeline or input collection is NULL: pass what another "
                              "step has returned");
}
END_TEST

START_TEST(format_lives_as_long_as_the_pipeline)
{
    ck_assert_str_eq(beam_pipeline_format(p, "%s %d", "step", 7), "step 7");
}
END_TEST

START_TEST(names_are_copied)
{
    char name[] = "Impulse";
    beam_pcoll *c = beam_impulse(p, name);
    name[0] = 'X';
    ck_assert_str_eq(c->producer->unique_name, "Impulse");
}
END_TEST

START_TEST(no_name)
{
    beam_impulse(p, NULL);
    expect_error(BEAM_EINVAL,
                 "a step of kind Impulse has no name (NULL): give each step a "
                 "name, unique within its scope");
}
END_TEST

START_TEST(empty_name)
{
    beam_scope_begin(p, "Read");
    beam_map(words(), "", &upper_fn);
    expect_error(BEAM_EINVAL,
                 "a step of kind ParDo has an empty name in scope 'Read': give "
                 "each step a name, unique within its scope");
}
END_TEST

START_TEST(name_that_is_not_utf8)
{
    static const char *const names[] = { "\xff",
                                         "a\xc3",
                                         "\xc0\x80",
                                         "\xed\xa0\x80",
                                         "\xf4\x90\x80\x80",
                                         "\xf8\x88\x80\x80\x80",
                                         "\x80" };
    for (size_t i = 0; i < BEAM_COUNT(names); i++) {
        beam_impulse(p, names[i]);
        expect_error(BEAM_EINVAL,
                     "a step of kind Impulse has a name that is not UTF-8: give "
                     "each step a name, unique within its scope");
        beam_pipeline_free(p);
        p = beam_pipeline_new();
    }
}
END_TEST

START_TEST(utf8_names)
{
    beam_impulse(p, "W\xc3\xb6rter \xe2\x82\xac \xf0\x9f\x98\x80");
    expect_no_error();
}
END_TEST

START_TEST(same_name_twice)
{
    beam_pcoll *c = words();
    beam_scope_begin(p, "Clean");
    beam_map(c, "Upper", &upper_fn);
    beam_combine_globally(c, "Upper", &beam_count);
    expect_error(
        BEAM_EINVAL,
        "Clean/Upper: this composite has the name of another step (ParDo of DoFn "
        "'test.upper'): names are unique within a scope, so rename one of them");
}
END_TEST

START_TEST(same_name_in_two_scopes)
{
    for (int i = 0; i < 2; i++) {
        beam_scope_begin(p, i ? "A" : "B");
        beam_impulse(p, "Impulse");
        beam_scope_end(p);
    }
    expect_print("B: composite\n"
                 "  Impulse: Impulse -> BYTES\n"
                 "A: composite\n"
                 "  Impulse: Impulse -> BYTES\n");
}
END_TEST

START_TEST(scope_and_step_that_come_to_one_name)
{
    beam_impulse(p, "A/B");
    beam_scope_begin(p, "A");
    beam_impulse(p, "B");
    expect_error(
        BEAM_EINVAL,
        "A/B: this Impulse has the name of another step (Impulse): names are unique "
        "within a scope, so rename one of them");
}
END_TEST

START_TEST(scope_end_without_begin)
{
    beam_scope_begin(p, "A");
    beam_scope_end(p);
    beam_scope_end(p);
    expect_error(BEAM_ESTATE, "beam_scope_end() without an open scope: each needs a "
                              "beam_scope_begin() before it");
}
END_TEST

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

START_TEST(large_pipelines_are_quick)
{
    enum { N = 10000 };
    double start = seconds_now();
    beam_pcoll *c = words();
    beam_pcoll **all = calloc(N, sizeof *all);
    for (int i = 0; i < N; i++) {
        c = beam_map(c, beam_pipeline_format(p, "Step %d", i), &upper_fn);
        all[i] = c;
    }
    beam_flatten(p, "Flatten", all, N);
    ck_assert_int_eq(bm_graph_check(p), BEAM_OK);
    free(all);
    bm_writer text = { 0 };
    bm_graph_print(p, &text);
    bm_graph_dot(p, &text);
    bm_writer_free(&text);
    double took = seconds_now() - start;
    ck_assert_msg(took < 2, "%d steps took %.2f s", N, took);
}
END_TEST

START_TEST(a_claim_is_one_scopes)
{
    beam_scope_begin(p, "One");
    beam_scope_claim(p, "the file 'x'");
    beam_scope_claim(p, "the file 'x'");
    beam_scope_end(p);
    beam_scope_begin(p, "Two");
    beam_scope_claim(p, "the file 'y'");
    ck_assert_ptr_null(beam_pipeline_error(p));
    beam_scope_claim(p, "the file 'x'");
    beam_scope_end(p);
    expect_error(BEAM_EINVAL, "Two: the file 'x' is that of 'One' already: choose another");
}
END_TEST

START_TEST(a_claim_without_a_scope)
{
    beam_scope_claim(p, "the file 'x'");
    expect_error(BEAM_ESTATE, "beam_scope_claim() without an open scope: each needs a "
                              "beam_scope_begin() before it");
}
END_TEST

RUN("pipeline", first_error_stays, failing_with_ok_is_a_failure, nothing_is_null,
    a_null_input_fails_the_pipeline,
    format_lives_as_long_as_the_pipeline, names_are_copied, no_name, empty_name,
    name_that_is_not_utf8, utf8_names, same_name_twice, same_name_in_two_scopes,
    scope_and_step_that_come_to_one_name, scope_end_without_begin,
    a_claim_is_one_scopes, a_claim_without_a_scope,
    large_pipelines_are_quick)
