/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline as a whole: open and empty scopes, what scopes read and give, pictures. */
#include "beam/testing.h"
#include "graph_test.h"

static const beam_output_spec bad_output[] = { { "bad \"ones\"", BEAM_BYTES } };
static const beam_dofn parse_fn = { .name = "test.parse",
                                    .in = BEAM_STRING,
                                    .out = BEAM_STRING,
                                    .outputs = BEAM_TABLE(bad_output),
                                    .process = test_process };
static const beam_dofn sink_fn = { .name = "test.sink",
                                   .in = BEAM_ANY,
                                   .process = test_process };

START_TEST(nothing)
{
    ck_assert_int_eq(bm_graph_check(p), BEAM_EINVAL);
    expect_error(BEAM_EINVAL, "the pipeline has no steps: nothing to run");
}
END_TEST

START_TEST(open_scope)
{
    beam_scope_begin(p, "A");
    beam_scope_begin(p, "B");
    words();
    ck_assert_int_eq(bm_graph_check(p), BEAM_ESTATE);
    expect_error(BEAM_ESTATE, "scope 'A/B' is still open: call beam_scope_end()");
}
END_TEST

START_TEST(open_test_stream)
{
    beam_test_stream_add(beam_test_stream_begin(p, "Events", BEAM_INT64), beam_int64(1), 0);
    words();
    ck_assert_int_eq(bm_graph_check(p), BEAM_ESTATE);
    expect_error(BEAM_ESTATE, "TestStream 'Events' has no end: call beam_test_stream_end()");
}
END_TEST

START_TEST(empty_scopes_go)
{
    beam_scope_begin(p, "A");
    beam_scope_begin(p, "B");
    beam_scope_end(p);
    beam_scope_end(p);
    beam_scope_begin(p, "C");
    beam_impulse(p, "Impulse");
    beam_scope_begin(p, "D");
    beam_scope_end(p);
    beam_scope_end(p);
    beam_scope_begin(p, "E");
    beam_scope_end(p);
    expect_print("C: composite\n"
                 "  Impulse: Impulse -> BYTES\n");
    ck_assert_ptr_eq(p->first->last_child, p->last);
    ck_assert_ptr_null(p->last->next_sibling);
}
END_TEST

START_TEST(only_empty_scopes)
{
    beam_scope_begin(p, "A");
    beam_scope_end(p);
    ck_assert_int_eq(bm_graph_check(p), BEAM_EINVAL);
    ck_assert_ptr_null(p->last);
}
END_TEST

static void build_scopes(void)
{
    beam_pcoll *c = words();
    beam_scope_begin(p, "Clean");
    beam_scope_begin(p, "Deep");
    beam_pcoll *parsed = beam_par_do(c, "Parse", &parse_fn);
    beam_scope_end(p);
    beam_pcoll *again = beam_par_do(parsed, "Again", &parse_fn);
    beam_scope_end(p);
    beam_par_do(again, "Out", &sink_fn);
    beam_par_do(beam_output(again, 0), "Bad", &sink_fn);
    beam_par_do(again, "Out 2", &sink_fn);
}

START_TEST(ports_of_scopes)
{
    build_scopes();
    const char *text = CREATED(
        "Words",
        "STRING") "Clean: composite (Words) -> STRING, BYTES\n"
                  "  Deep: composite (Words) -> STRING\n"
                  "    Parse: ParDo 'test.parse' (Words) -> STRING, 'bad \"ones\"': BYTES\n"
                  "  Again: ParDo 'test.parse' (Clean/Deep/Parse) -> STRING, 'bad \"ones\"': BYTES\n"
                  "Out: ParDo 'test.sink' (Clean/Again)\n"
                  "Bad: ParDo 'test.sink' (Clean/Again.bad \"ones\")\n"
                  "Out 2: ParDo 'test.sink' (Clean/Again)\n";
    expect_print(text);
    expect_print(text); /* the check can run again */
    const bm_step *clean = p->first;
    while (strcmp(clean->name, "Clean") != 0) clean = clean->next;
    ck_assert_uint_eq(clean->n_inputs, 1);
    ck_assert_str_eq(clean->input_tags[0], "in");
    ck_assert_str_eq(clean->output_tags[0], "out");
    ck_assert_str_eq(clean->output_tags[1], "out1");
}
END_TEST

START_TEST(picture)
{
    build_scopes();
    ck_assert_int_eq(bm_graph_check(p), BEAM_OK);
    bm_writer w = { 0 };
    bm_graph_dot(p, &w);
    bm_write_u8(&w, 0);
    ck_assert_str_eq(
        (const char *)w.data,
        "digraph pipeline {\n"
        "  node [shape=box, style=rounded];\n"
        "  subgraph cluster_0 {\n"
        "    label=\"Words\";\n"
        "    s1 [label=\"Impulse\\nImpulse\"];\n"
        "    s2 [label=\"Values\\nParDo\\nbeam.create\"];\n"
        "    subgraph cluster_3 {\n"
        "      label=\"Reshuffle\";\n"
        "      s4 [label=\"Reify\\nParDo\\nbeam.reshuffle_spread\"];\n"
        "      s5 [label=\"Window\\nWindowInto\\nglobal window, trigger always\"];\n"
        "      s6 [label=\"GroupByKey\\nGroupByKey\"];\n"
        "      s7 [label=\"Restore\\nParDo\\nbeam.reshuffle_unspread\"];\n"
        "    }\n"
        "  }\n"
        "  subgraph cluster_8 {\n"
        "    label=\"Clean\";\n"
        "    subgraph cluster_9 {\n"
        "      label=\"Deep\";\n"
        "      s10 [label=\"Parse\\nParDo\\ntest.parse\"];\n"
        "    }\n"
        "    s11 [label=\"Again\\nParDo\\ntest.parse\"];\n"
        "  }\n"
        "  s12 [label=\"Out\\nParDo\\ntest.sink\"];\n"
        "  s13 [label=\"Bad\\nParDo\\ntest.sink\"];\n"
        "  s14 [label=\"Out 2\\nParDo\\ntest.sink\"];\n"
        "  s1 -> s2 [label=\"BYTES\"];\n"
        "  s2 -> s4 [label=\"STRING\"];\n"
        "  s4 -> s5 [label=\"KV<INT64, KV<BYTES, STRING>>\"];\n"
        "  s5 -> s6 [label=\"KV<INT64, KV<BYTES, STRING>>\"];\n"
        "  s6 -> s7 [label=\"KV<INT64, ITERABLE<KV<BYTES, STRING>>>\"];\n"
        "  s7 -> s10 [label=\"STRING\"];\n"
        "  s10 -> s11 [label=\"STRING\"];\n"
        "  s11 -> s12 [label=\"STRING\"];\n"
        "  s11 -> s13 [label=\"bad \\\"ones\\\": BYTES\"];\n"
        "  s11 -> s14 [label=\"STRING\"];\n"
        "}\n");
    bm_writer_free(&w);
}
END_TEST

START_TEST(names_are_escaped)
{
    beam_impulse(p, "a\"b\\c\nd");
    bm_writer w = { 0 };
    bm_graph_dot(p, &w);
    bm_write_u8(&w, 0);
    ck_assert_ptr_nonnull(
        strstr((const char *)w.data, "s0 [label=\"a\\\"b\\\\c\\nd\\nImpulse\"];"));
    bm_writer_free(&w);
}
END_TEST

RUN("check", nothing, open_scope, open_test_stream, empty_scopes_go, only_empty_scopes, ports_of_scopes,
    picture, names_are_escaped)
