/* SPDX-License-Identifier: Apache-2.0 */
/* Element types: text, what is wrong with one, what can be a key. */
#include "graph/build.h"
#include "graph_test.h"

static const beam_schema visit = { .id = "visit" };

START_TEST(text)
{
    const beam_type *type =
        BEAM_KV(BEAM_STRING,
                BEAM_ITERABLE(BEAM_KV(BEAM_NULLABLE(BEAM_BOOL), BEAM_ROW(&visit))));
    ck_assert_str_eq(bm_type_text(&p->arena, type),
                     "KV<STRING, ITERABLE<KV<NULLABLE<BOOL>, ROW<visit>>>>");
    ck_assert_str_eq(bm_type_text(&p->arena, BEAM_ROW(NULL)), "ROW");
    ck_assert_str_eq(bm_type_text(&p->arena, NULL), "?");
    ck_assert_str_eq(bm_type_text(&p->arena, BEAM_KV(BEAM_BYTES, NULL)), "KV<BYTES, ?>");
}
END_TEST

START_TEST(problems)
{
    ck_assert_ptr_null(bm_type_problem(BEAM_KV(BEAM_ANY, BEAM_ROW(&visit))));
    ck_assert_str_eq(bm_type_problem(NULL), "a type without one of its parts");
    ck_assert_str_eq(bm_type_problem(BEAM_KV(BEAM_ANY, BEAM_NULLABLE(BEAM_NULLABLE(BEAM_ANY)))),
                     "a NULLABLE of a NULLABLE");
    ck_assert_str_eq(bm_type_problem(BEAM_NULLABLE(BEAM_STRUCT(NULL))),
                     "a STRUCT without coder");
    const beam_struct_coder coder = { .name = "x" };
    ck_assert_str_eq(bm_type_problem(BEAM_STRUCT(&coder)),
                     "a STRUCT whose coder lacks a callback");
    const beam_struct_coder nameless = { .name = "" };
    ck_assert_str_eq(bm_type_problem(BEAM_STRUCT(&nameless)),
                     "a STRUCT whose coder has no name");
    beam_type loop = { .kind = BEAM_KIND_ITERABLE };
    loop.arg[0] = &loop;
    ck_assert_str_eq(bm_type_problem(&loop), "a type that nests too deep");
    const beam_type unknown = { .kind = (beam_kind)77 };
    ck_assert_str_eq(bm_type_problem(&unknown), "a type that elements cannot have");
}
END_TEST

START_TEST(determinism)
{
    const char *why = "";
    ck_assert(bm_type_is_deterministic(BEAM_DOUBLE, &why));
    ck_assert(
        bm_type_is_deterministic(BEAM_KV(BEAM_NULLABLE(BEAM_STRING), BEAM_ROW(&visit)),
                                 NULL));
    ck_assert(!bm_type_is_deterministic(BEAM_KV(BEAM_STRING, BEAM_ANY), &why));
    ck_assert_str_eq(why, "a type that is not known here");

    static const beam_field item = { .kind = BEAM_FIELD_INT64 };
    static const beam_field map = { .kind = BEAM_FIELD_MAP, .key = &item, .of = &item };
    static const beam_field inner[] = {
        { .name = "a", .kind = BEAM_FIELD_ARRAY, .of = &map }
    };
    static const beam_schema inner_schema = { "inner", BEAM_TABLE(inner), NULL };
    static const beam_field outer[] = {
        { .name = "n", .kind = BEAM_FIELD_INT64 },
        { .name = "r", .kind = BEAM_FIELD_ROW, .row = &inner_schema },
    };
    static const beam_schema outer_schema = { "outer", BEAM_TABLE(outer), NULL };
    ck_assert(!bm_type_is_deterministic(BEAM_ROW(&outer_schema), &why));
    ck_assert_str_eq(why, "a map, whose order is not fixed");
}
END_TEST

START_TEST(any_is_replaced)
{
    const beam_type *type = BEAM_KV(BEAM_ANY, BEAM_ITERABLE(BEAM_ANY));
    ck_assert(bm_type_has_any(type));
    const beam_type *whole = bm_type_with(&p->arena, type, BEAM_INT64);
    ck_assert_str_eq(bm_type_text(&p->arena, whole), "KV<INT64, ITERABLE<INT64>>");
    ck_assert_ptr_eq(bm_type_with(&p->arena, BEAM_STRING, BEAM_INT64), BEAM_STRING);
}
END_TEST

RUN("type", text, problems, determinism, any_is_replaced)
