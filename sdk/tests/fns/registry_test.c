/* SPDX-License-Identifier: Apache-2.0 */
/* Functions and struct coders by name. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "fns/builtin.h"
#include "fns/registry.h"

static const beam_struct_coder point = { .name = "test.point" };
static const beam_struct_coder other_point = { .name = "test.point" };
static const beam_struct_coder shape = { .name = "test.shape" };
static const beam_output_spec outputs[] = { { "bad",
                                              BEAM_NULLABLE(BEAM_STRUCT(&shape)) } };
static const beam_dofn a_fn = { .name = "a",
                                .in = BEAM_KV(BEAM_STRING, BEAM_STRUCT(&point)),
                                .outputs = BEAM_TABLE(outputs) };
static const beam_dofn b_fn = { .name = "b", .out = BEAM_STRUCT(&other_point) };
static const beam_combine c_fn = { .name = "a", .acc = BEAM_STRUCT(&point) };

static bm_registry registry;
static beam_error err;

static beam_status init(const beam_dofn *const *dofns, size_t n,
                        const beam_combine *combine)
{
    const beam_combine *const combines[] = { combine };
    const beam_functions functions = { .dofns = { dofns, n },
                                       .combines = { combines, combine ? 1 : 0 } };
    return bm_registry_init(&registry, &functions, &err);
}

START_TEST(found)
{
    const beam_dofn *const dofns[] = { &a_fn, &a_fn };
    ck_assert_int_eq(init(dofns, 2, &c_fn), BEAM_OK);
    ck_assert_ptr_eq(bm_registry_dofn(&registry, beam_span_of("a")), &a_fn);
    ck_assert_ptr_eq(bm_registry_combine(&registry, beam_span_of("a")), &c_fn);
    ck_assert_ptr_null(bm_registry_dofn(&registry, beam_span_of("b")));
    ck_assert_ptr_null(bm_registry_dofn(&registry, (beam_span){ NULL, 0 }));
    ck_assert_ptr_eq(bm_registry_struct_coder(&registry, beam_span_of("test.point")),
                     &point);
    ck_assert_ptr_eq(bm_registry_struct_coder(&registry, beam_span_of("test.shape")),
                     &shape);
    bm_registry_free(&registry);
    ck_assert_ptr_null(bm_registry_dofn(&registry, beam_span_of("a")));
}
END_TEST

static beam_window same_window(beam_window main_window)
{
    return main_window;
}
static const beam_window_mapping same = { "test.same", same_window };
static const beam_side_spec sides[] = { { .tag = "at", .kind = BEAM_SIDE_ITERABLE,
                                          .type = BEAM_STRUCT(&point), .mapping = &same } };
static const beam_combine of_state = { .name = "test.of_state" };
static const beam_state_spec states[] = { BEAM_COMBINING_STATE("n", &of_state),
                                          BEAM_BAG_STATE("all", BEAM_STRUCT(&shape)) };
static const beam_dofn declares_fn = { .name = "declares", .sides = BEAM_TABLE(sides),
                                       .states = BEAM_TABLE(states) };
static beam_status assign(beam_ctx *c, beam_value element, beam_millis t)
{
    (void)c, (void)element, (void)t;
    return BEAM_OK;
}
static const beam_custom_windows ms_windows = { .name = "test.ms", .assign = assign };
static const beam_custom_windows no_windows = { .name = "test.none" };

START_TEST(found_by_way_of_dofns)
{
    const beam_dofn *const dofns[] = { &declares_fn };
    ck_assert_int_eq(init(dofns, 1, NULL), BEAM_OK);
    ck_assert_ptr_eq(bm_registry_window_mapping(&registry, beam_span_of("test.same")), &same);
    ck_assert_ptr_eq(bm_registry_combine(&registry, beam_span_of("test.of_state")), &of_state);
    ck_assert_ptr_eq(bm_registry_struct_coder(&registry, beam_span_of("test.point")), &point);
    ck_assert_ptr_eq(bm_registry_struct_coder(&registry, beam_span_of("test.shape")), &shape);
    bm_registry_free(&registry);
}
END_TEST

START_TEST(window_fns)
{
    const beam_custom_windows *table[] = { &ms_windows };
    const beam_functions functions = { .window_fns = { table, 1 } };
    ck_assert_int_eq(bm_registry_init(&registry, &functions, &err), BEAM_OK);
    ck_assert_ptr_eq(bm_registry_window_fn(&registry, beam_span_of("test.ms")), &ms_windows);
    ck_assert_ptr_null(bm_registry_window_fn(&registry, beam_span_of("test.none")));
    bm_registry_free(&registry);
    table[0] = &no_windows;
    ck_assert_int_eq(bm_registry_init(&registry, &functions, &err), BEAM_EINVAL);
    ck_assert_str_eq(err.message, "WindowFn 'test.none' has no .assign");
}
END_TEST

START_TEST(built_in)
{
    ck_assert_int_eq(init(NULL, 0, NULL), BEAM_OK);
    for (size_t i = 0; i < bm_builtin_dofns_count; i++) {
        const beam_dofn *fn = bm_builtin_dofns[i];
        ck_assert_ptr_eq(bm_registry_dofn(&registry, beam_span_of(fn->name)), fn);
        ck_assert_int_eq(strncmp(fn->name, "beam.", 5), 0);
        ck_assert(fn->in && !fn->process != !fn->map && (fn->out || fn->process));
    }
    for (size_t i = 0; i < bm_builtin_combines_count; i++) {
        const beam_combine *fn = bm_builtin_combines[i];
        ck_assert_ptr_eq(bm_registry_combine(&registry, beam_span_of(fn->name)), fn);
        ck_assert_int_eq(strncmp(fn->name, "beam.", 5), 0);
    }
    bm_registry_free(&registry);
}
END_TEST

static void refuse(const beam_dofn *second, const beam_combine *combine,
                   const char *message)
{
    const beam_dofn *const dofns[] = { &a_fn, second };
    ck_assert_int_eq(init(dofns, 2, combine), BEAM_EINVAL);
    ck_assert_str_eq(err.message, message);
    bm_registry_free(&registry); /* does no harm */
}

START_TEST(refused)
{
    beam_dofn twin = a_fn;
    refuse(&twin, NULL,
           "two DoFns are named 'a': names go over the wire, so give each its own");
    refuse(
        &b_fn, NULL,
        "two struct coders are named 'test.point': names go over the wire, so give each "
        "its own");
    refuse(NULL, NULL, "the table of DoFns holds a NULL");
    const beam_dofn nameless = { .name = "" };
    refuse(&nameless, NULL, "a DoFn has no name: give it one, unique in the program");
    const beam_dofn taken = { .name = "beam.keys" };
    refuse(
        &taken, NULL,
        "two DoFns are named 'beam.keys': names go over the wire, so give each its own");
    const beam_combine taken_too = { .name = "beam.count" };
    refuse(
        &a_fn, &taken_too,
        "two CombineFns are named 'beam.count': names go over the wire, so give each its "
        "own");
    const beam_combine nameless_too = { .name = NULL };
    refuse(&a_fn, &nameless_too,
           "a CombineFn has no name: give it one, unique in the program");
}
END_TEST

START_TEST(names)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    ck_assert_int_eq(init(NULL, 0, NULL), BEAM_OK);
    ck_assert_str_eq(bm_registry_names(&registry.dofns, &arena), "none");
    bm_registry_free(&registry);

    enum { N = 42 };
    beam_dofn fns[N];
    const beam_dofn *table[N];
    for (int i = 0; i < N; i++) {
        fns[i] = (beam_dofn){ .name = bm_format(&arena, "f%d", i) };
        table[i] = &fns[i];
    }
    ck_assert_int_eq(init(table, 3, NULL), BEAM_OK);
    ck_assert_str_eq(bm_registry_names(&registry.dofns, &arena), "f0, f1, f2");
    bm_registry_free(&registry);
    ck_assert_int_eq(init(table, N, NULL), BEAM_OK);
    const char *text = bm_registry_names(&registry.dofns, &arena);
    ck_assert_str_eq(text + strlen(text) - strlen(", f39 and 2 more"),
                     ", f39 and 2 more");
    bm_registry_free(&registry);
    bm_arena_free(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("registry");
    TCase *cases = tcase_create("registry");
    tcase_add_test(cases, found);
    tcase_add_test(cases, found_by_way_of_dofns);
    tcase_add_test(cases, window_fns);
    tcase_add_test(cases, built_in);
    tcase_add_test(cases, refused);
    tcase_add_test(cases, names);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
