/* SPDX-License-Identifier: Apache-2.0 */
/* GroupByKey results that go on in the runner's state. */
#include "fixture.h"

static beam_status add_up(beam_ctx *c, beam_value in)
{
    beam_iter *iter = beam_as_iter(beam_val(in));
    int64_t sums[2] = { 0, 0 };
    int n = 0;
    for (int round = 0; round < 2; round++) {
        iter = beam_as_iter(beam_val(in));
        n = 0;
        for (beam_value v; beam_next(iter, &v); n++) sums[round] += beam_as_int64(v);
    }
    beam_span text = beam_format(c, "%d: %lld %lld", n, (long long)sums[0],
                                 (long long)sums[1]);
    return beam_emit_kv(c, beam_key(in), beam_string(text));
}
static const beam_dofn sum_fn = { .name = "test.sum", .in = BEAM_ANY, .out = BEAM_ANY,
                                  .process = add_up };
static const beam_dofn *const fns[] = { &sum_fn };

#define IN "kv<string_utf8,state_backed_iterable<varint>>"
#define OUT "kv<string_utf8,string_utf8>"

static void init(fixture *f)
{
    fixture_init(f, fns, BEAM_COUNT(fns), NULL, 0);
    fixture_pcoll(f, "p1", "kv<string_utf8,iterable<varint>>");
    fixture_pcoll(f, "p2", OUT);
    fixture_source(f, "a", "p1", IN, "global_window");
    fixture_par_do(f, "b", "test.sum", "", "in=p1", "out=p2");
    fixture_sink(f, "c", "p2", OUT, "global_window");
    fixture_build(f);
    /* Key "k", values 1 and 2, then -1, and what is behind "token". */
    static const char element[] = "\x80\0\0\0\0\0\0\0" "\0\0\0\1\x0f" "\1k"
                                  "\xff\xff\xff\xff" "\2\1\2"
                                  "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1" "\5token";
    bm_write_bytes(&f->in[0], element, sizeof element - 1);
}

START_TEST(values_are_paged_in_each_time)
{
    fixture f;
    init(&f);
    /* 300 is two bytes, cut by the end of a page. */
    f.io.pages[0] = (beam_span){ "\3\xac", 2 };
    f.io.pages[1] = (beam_span){ "", 0 };
    f.io.pages[2] = (beam_span){ "\2\4", 2 };
    f.io.n_pages = 3;
    fixture_run(&f);
    expect_output(&f, 0, "KV{\"k\", \"5: 310 310\"} @0\n");
    ck_assert_int_eq(f.io.gets, 6);
    fixture_free(&f);
}
END_TEST

START_TEST(a_failed_page_fails_the_bundle)
{
    fixture f;
    init(&f);
    f.io.gets_fail = true;
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_ERPC);
    ck_assert_str_eq(f.err.message, "Transform 'Scope/b' (DoFn 'test.sum') could not read more "
                                    "of an iterable: the state is gone");
    fixture_free(&f);
}
END_TEST

START_TEST(a_bad_page_fails_the_bundle)
{
    fixture f;
    init(&f);
    f.io.pages[0] = (beam_span){ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11 };
    f.io.n_pages = 1;
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_ECODER);
    expect_error(&f, "Transform 'Scope/b' (DoFn 'test.sum') failed reading an iterable of its "
                     "input: its items are not what their coder says");
    fixture_free(&f);
}
END_TEST

START_TEST(the_sink_gets_all_values_not_the_token)
{
    fixture f;
    fixture_init(&f, NULL, 0, NULL, 0);
    fixture_pcoll(&f, "p1", "kv<string_utf8,iterable<varint>>");
    fixture_source(&f, "a", "p1", IN, "global_window");
    fixture_sink(&f, "c", "p1", IN, "global_window");
    fixture_build(&f);
    static const char element[] = "\x80\0\0\0\0\0\0\0" "\0\0\0\1\x0f" "\1k"
                                  "\xff\xff\xff\xff" "\2\1\2"
                                  "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1" "\5token";
    bm_write_bytes(&f.in[0], element, sizeof element - 1);
    f.io.pages[0] = (beam_span){ "\3\4", 2 };
    f.io.n_pages = 1;
    fixture_run(&f);
    f.io.n_pages = 0;
    expect_output(&f, 0, "KV{\"k\", [1, 2, 3, 4]} @0\n");
    fixture_free(&f);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        values_are_paged_in_each_time,
        a_failed_page_fails_the_bundle,
        a_bad_page_fails_the_bundle,
        the_sink_gets_all_values_not_the_token,
    };
    return run_tests("exec/state", tests, BEAM_COUNT(tests));
}
