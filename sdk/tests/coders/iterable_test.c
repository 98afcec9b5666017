/* SPDX-License-Identifier: Apache-2.0 */
/* Iterables: in memory, in batches, in pages of a state; again and again; malformed. */
#include "codec.h"

static void expect_numbers(beam_iter *iter, const int64_t *numbers, size_t n)
{
    beam_value v;
    for (size_t i = 0; i < n; i++) {
        ck_assert(beam_next(iter, &v));
        ck_assert_int_eq(beam_as_int64(v), numbers[i]);
    }
    ck_assert(!beam_next(iter, &v));
    ck_assert(!beam_next(iter, &v));
    ck_assert_int_eq(iter->failed, BEAM_OK);
}

START_TEST(known_size)
{
    beam_span bytes = BYTES("\0\0\0\x03\x01\xac\x02\x03");
    beam_value v = decoded(of_type(BEAM_ITERABLE(BEAM_INT64)), bytes);
    for (int i = 0; i < 2; i++) {
        beam_iter *iter = beam_as_iter(v);
        ck_assert_int_eq(iter->known_size, 3);
        expect_numbers(iter, (int64_t[]){ 1, 300, 3 }, 3);
    }
    expect_encoded(of_type(BEAM_ITERABLE(BEAM_INT64)), true, v, bytes);
}
END_TEST

START_TEST(rewound_half_way)
{
    beam_value v = decoded(of_type(BEAM_ITERABLE(BEAM_INT64)),
                           BYTES("\0\0\0\x03\x01\x02\x03"));
    beam_value item;
    beam_next(beam_as_iter(v), &item);
    expect_numbers(beam_as_iter(v), (int64_t[]){ 1, 2, 3 }, 3);
}
END_TEST

START_TEST(batches)
{
    beam_span bytes = BYTES("\xff\xff\xff\xff\x02\x01\x02\x01\x03\x00");
    beam_value v = decoded(of_type(BEAM_ITERABLE(BEAM_INT64)), bytes);
    ck_assert_int_eq(v.as.iter->known_size, -1);
    for (int i = 0; i < 2; i++)
        expect_numbers(beam_as_iter(v), (int64_t[]){ 1, 2, 3 }, 3);
}
END_TEST

START_TEST(values_as_iterable)
{
    beam_value items[] = { beam_int64(1), beam_int64(2) };
    const bm_coder *coder = of_type(BEAM_ITERABLE(BEAM_INT64));
    expect_encoded(coder, true, beam_list(items, 2), BYTES("\0\0\0\x02\x01\x02"));
    beam_value v = { .kind = BEAM_KIND_ITERABLE };
    v.as.iter = bm_iter_of_values(&test_arena, items, 2);
    expect_encoded(coder, true, v, BYTES("\0\0\0\x02\x01\x02"));
    expect_numbers(beam_as_iter(v), (int64_t[]){ 1, 2 }, 2);
    v.as.iter->known_size = -1;
    expect_encoded(coder, true, v, BYTES("\xff\xff\xff\xff\x02\x01\x02\x00"));
    v.as.iter->known_size = 3;
    ck_assert_int_eq(encode_status(coder, v), BEAM_ESTATE);
}
END_TEST

START_TEST(many_of_unknown_number)
{
    enum { N = 1000 };
    beam_value items[N], v = { .kind = BEAM_KIND_ITERABLE };
    int64_t numbers[N];
    for (int i = 0; i < N; i++) items[i] = beam_int64(numbers[i] = i);
    v.as.iter = bm_iter_of_values(&test_arena, items, N);
    v.as.iter->known_size = -1;
    const bm_coder *coder = of_type(BEAM_ITERABLE(BEAM_INT64));
    bm_writer out = { 0 };
    ck_assert_int_eq(bm_encode(coder, true, v, &out), BEAM_OK);
    expect_numbers(beam_as_iter(decoded(coder, bm_written(&out))), numbers, N);
    bm_writer_free(&out);
}
END_TEST

START_TEST(nothing_to_iterate)
{
    beam_value v;
    ck_assert_ptr_null(beam_as_iter(beam_int64(1)));
    ck_assert(!beam_next(NULL, &v));
}
END_TEST

START_TEST(items_with_memory_of_their_own)
{
    const bm_coder *coder = of_type(
        BEAM_ITERABLE(BEAM_KV(BEAM_STRING, BEAM_ITERABLE(BEAM_INT64))));
    beam_span bytes = BYTES("\0\0\0\x02\x01"
                            "a\0\0\0\x01\x05\x01"
                            "b\0\0\0\x02\x06\x07");
    beam_value v = decoded(coder, bytes), item;
    beam_iter *iter = beam_as_iter(v);
    ck_assert(beam_next(iter, &item));
    expect_bytes(beam_as_span(beam_key(item)), BYTES("a"));
    expect_numbers(beam_as_iter(beam_val(item)), (int64_t[]){ 5 }, 1);
    ck_assert(beam_next(iter, &item));
    expect_numbers(beam_as_iter(beam_val(item)), (int64_t[]){ 6, 7 }, 2);
    ck_assert(!beam_next(iter, &item));
    expect_round_trip(coder, v, bytes);
}
END_TEST

START_TEST(counts_are_checked)
{
    const bm_coder *coder = of_type(BEAM_ITERABLE(BEAM_DOUBLE));
    ck_assert_int_eq(decode_status(coder, true, BYTES("\x7f\xff\xff\xff")), BEAM_ESHORT);
    ck_assert_int_eq(decode_status(coder, true, BYTES("\xff\xff\xff\xfe")), BEAM_ECODER);
    ck_assert_int_eq(decode_status(coder, true, BYTES("\x80\0\0\0")), BEAM_ECODER);
    coder = of_type(BEAM_ITERABLE(BEAM_STRING));
    ck_assert_int_eq(decode_status(coder, true, BYTES("\x7f\xff\xff\xff\0\0\0")),
                     BEAM_ESHORT);
    beam_span huge_batch = BYTES(
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f\0\0");
    ck_assert_int_eq(decode_status(coder, true, huge_batch), BEAM_ESHORT);
}
END_TEST

START_TEST(items_without_bytes)
{
    const bm_coder *coder = bm_coder_new(&test_arena, BM_CODER_ITERABLE,
                                         leaf(BM_CODER_GLOBAL_WINDOW), NULL);
    beam_value v = decoded(coder, BYTES("\0\0\x03\xe8")), item;
    int n = 0;
    for (beam_iter *iter = beam_as_iter(v); beam_next(iter, &item);) n++;
    ck_assert_int_eq(n, 1000);
    ck_assert_int_eq(decode_status(coder, true, BYTES("\x7f\xff\xff\xff")), BEAM_ECODER);
    ck_assert_int_eq(decode_status(coder, true,
                                   BYTES("\xff\xff\xff\xff\xff\xff\xff\x7f\0")),
                     BEAM_ECODER);
}
END_TEST

static void encode_nothing(const void *object, beam_writer *out)
{
    (void)object;
    (void)out;
}
static beam_status decode_nothing(void *object, beam_reader *in)
{
    (void)object;
    (void)in;
    return BEAM_OK;
}
static const beam_struct_coder nothing = { "nothing", 0, encode_nothing, decode_nothing };

START_TEST(structs_without_bytes)
{
    const bm_coder *coder = of_type(BEAM_ITERABLE(BEAM_STRUCT(&nothing)));
    ck_assert_int_eq(decode_status(coder, true, BYTES("\0\0\0\x09")), BEAM_OK);
    ck_assert_int_eq(decode_status(coder, true, BYTES("\x7f\xff\xff\xff")), BEAM_ECODER);
}
END_TEST

/* -- pages of a state ------------------------------------------------------------------------ */
/* Gives out `bytes` by `step`; the continuation token is the place to go on at. */
typedef struct test_state {
    beam_span bytes;
    size_t step, fail_at;
    int n_calls;
    size_t max_page; /* the largest buffer seen */
} test_state;

static beam_status page(void *self, beam_span state_token, beam_span continuation,
                        bm_writer *out, bm_writer *next)
{
    test_state *state = self;
    state->n_calls++;
    if (out->cap > state->max_page) state->max_page = out->cap;
    expect_bytes(state_token, BYTES("tok"));
    size_t at = 0;
    if (continuation.len) memcpy(&at, continuation.ptr, sizeof at);
    if (state->fail_at && at >= state->fail_at) return BEAM_ERPC;
    size_t n = state->bytes.len - at < state->step ? state->bytes.len - at : state->step;
    bm_write_bytes(out, state->bytes.ptr + at, n);
    at += n;
    if (at < state->bytes.len) bm_write_bytes(next, &at, sizeof at);
    return BEAM_OK;
}

#define TOKEN "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x03tok"

static const bm_coder *state_backed(const beam_type *item)
{
    return bm_coder_new(&test_arena, BM_CODER_STATE_BACKED_ITERABLE, of_type(item), NULL);
}

static beam_value decode_paged(const bm_coder *coder, beam_span bytes, test_state *state,
                               beam_status *failed)
{
    bm_pager *pager = BM_NEW(&test_arena, bm_pager);
    *pager = (bm_pager){ state, page };
    bm_reader in = bm_reader_of(bytes);
    bm_decoding decoding = { &test_arena, state ? pager : NULL, failed };
    beam_value v;
    ck_assert_int_eq(bm_decode_with(coder, true, &in, &decoding, &v), BEAM_OK);
    ck_assert_uint_eq(bm_left(&in), 0);
    return v;
}

START_TEST(pages_of_any_size)
{
    beam_span prefix = BYTES("\xff\xff\xff\xff\x01\x07" TOKEN);
    const int64_t want[] = { 7, 1, 300, 70000, 2 };
    for (size_t step = 1; step < 10; step++) {
        test_state state = { BYTES("\x01\xac\x02\xf0\xa2\x04\x02"), step, 0, 0, 0 };
        beam_value v = decode_paged(state_backed(BEAM_INT64), prefix, &state, NULL);
        ck_assert_int_eq(state.n_calls, 0);
        for (int i = 0; i < 3; i++) expect_numbers(beam_as_iter(v), want, 5);
        int n_pages = (int)((7 + step - 1) / step);
        /* a single page is kept */
        ck_assert_int_eq(state.n_calls, n_pages == 1 ? 1 : 3 * n_pages);
        expect_encoded(state_backed(BEAM_INT64), true, v,
                       BYTES("\xff\xff\xff\xff\x05\x07\x01\xac\x02\xf0\xa2\x04\x02\x00"));
    }
}
END_TEST

START_TEST(empty_state)
{
    test_state state = { BYTES(""), 1, 0, 0, 0 };
    beam_value v = decode_paged(state_backed(BEAM_STRING),
                                BYTES("\xff\xff\xff\xff" TOKEN), &state, NULL);
    expect_numbers(beam_as_iter(v), NULL, 0);
    ck_assert_int_eq(state.n_calls, 1);
}
END_TEST

START_TEST(pages_of_things_with_memory)
{
    beam_span bytes = BYTES("\x01"
                            "a\0\0\0\x01\x05\x01"
                            "b\0\0\0\x02\x06\x07");
    for (size_t step = 1; step < 20; step++) {
        test_state state = { bytes, step, 0, 0, 0 };
        const bm_coder *coder = state_backed(
            BEAM_KV(BEAM_STRING, BEAM_ITERABLE(BEAM_INT64)));
        beam_value v = decode_paged(coder, BYTES("\xff\xff\xff\xff" TOKEN), &state, NULL),
                   item;
        beam_iter *iter = beam_as_iter(v);
        ck_assert(beam_next(iter, &item));
        expect_bytes(beam_as_span(beam_key(item)), BYTES("a"));
        expect_numbers(beam_as_iter(beam_val(item)), (int64_t[]){ 5 }, 1);
        ck_assert(beam_next(iter, &item));
        expect_bytes(beam_as_span(beam_key(item)), BYTES("b"));
        expect_numbers(beam_as_iter(beam_val(item)), (int64_t[]){ 6, 7 }, 2);
        ck_assert(!beam_next(iter, &item));
        ck_assert_int_eq(iter->failed, BEAM_OK);
    }
}
END_TEST

START_TEST(memory_does_not_grow_with_the_state)
{
    enum { N = 1 << 20 };
    char *bytes = bm_calloc(&test_arena, N);
    test_state state = { { bytes, N }, 4096, 0, 0, 0 };
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_pager pager = { &state, page };
    beam_span prefix = BYTES("\xff\xff\xff\xff" TOKEN);
    bm_reader in = bm_reader_of(prefix);
    bm_decoding decoding = { &arena, &pager, NULL };
    beam_value v, item;
    const bm_coder *coder = state_backed(BEAM_KV(BEAM_INT64, BEAM_INT64));
    ck_assert_int_eq(bm_decode_with(coder, true, &in, &decoding, &v), BEAM_OK);
    bm_mark before = bm_arena_mark(&arena);
    int64_t n = 0;
    const beam_value *pair = NULL;
    for (beam_iter *iter = beam_as_iter(v); beam_next(iter, &item); n++) {
        if (!pair) pair = item.as.kv;
        ck_assert_ptr_eq(item.as.kv, pair);
    }
    ck_assert_int_eq(n, N / 2);
    ck_assert_uint_le(state.max_page, 3 * 4096);
    ck_assert_int_eq(state.n_calls, N / 4096);
    bm_mark after = bm_arena_mark(&arena);
    ck_assert(before.block == after.block && before.at == after.at);
    bm_arena_free(&arena);
}
END_TEST

START_TEST(failed_pages)
{
    for (int i = 0; i < 2; i++) {
        test_state state = { BYTES("\x01\x02\x03\x04"), 2, 2, 0, 0 };
        beam_status failed = BEAM_OK;
        beam_value v = decode_paged(state_backed(BEAM_INT64),
                                    BYTES("\xff\xff\xff\xff" TOKEN), &state, &failed);
        beam_value item, copy;
        if (i) {
            ck_assert_int_eq(bm_value_copy(&test_arena, v, &copy), BEAM_ERPC);
            ck_assert_int_eq(encode_status(state_backed(BEAM_INT64), v), BEAM_ERPC);
        }
        beam_iter *iter = beam_as_iter(v);
        while (beam_next(iter, &item)) continue;
        ck_assert_int_eq(iter->failed, BEAM_ERPC);
        ck_assert_int_eq(failed, BEAM_ERPC);
        ck_assert(!beam_next(beam_as_iter(v), &item));
        ck_assert_int_eq(state.n_calls, 2);
    }
}
END_TEST

START_TEST(malformed_pages)
{
    static const struct {
        beam_span bytes;
        int n;
    } cases[] = {
        { { "\x01\x00\x02", 3 }, 1 }, /* bool 2 */
        { { "\x01\x00", 2 }, 1 },
    };
    for (size_t i = 0; i < BEAM_COUNT(cases); i++) {
        test_state state = { cases[i].bytes, 1, 0, 0, 0 };
        beam_value v, item;
        v = decode_paged(state_backed(BEAM_KV(BEAM_BOOL, BEAM_KV(BEAM_BOOL, BEAM_BOOL))),
                         BYTES("\xff\xff\xff\xff" TOKEN), &state, NULL);
        beam_iter *iter = beam_as_iter(v);
        ck_assert(!beam_next(iter, &item));
        ck_assert_int_eq(iter->failed, BEAM_ECODER);
    }
}
END_TEST

START_TEST(pages_of_nothing)
{
    test_state state = { BYTES("\x01"), 1, 0, 0, 0 };
    beam_value item, v = decode_paged(state_backed(BEAM_STRUCT(&nothing)),
                                      BYTES("\xff\xff\xff\xff" TOKEN), &state, NULL);
    beam_iter *iter = beam_as_iter(v);
    ck_assert(!beam_next(iter, &item));
    ck_assert_int_eq(iter->failed, BEAM_ECODER);
}
END_TEST

START_TEST(no_pager)
{
    beam_value item,
        v = decode_paged(state_backed(BEAM_INT64),
                         BYTES("\xff\xff\xff\xff\x01\x07" TOKEN), NULL, NULL);
    beam_iter *iter = beam_as_iter(v);
    ck_assert(beam_next(iter, &item));
    ck_assert(!beam_next(iter, &item));
    ck_assert_int_eq(iter->failed, BEAM_ESTATE);
}
END_TEST

START_TEST(copies_are_in_memory)
{
    test_state state = { BYTES("\x01"
                               "b\x01"
                               "c"),
                         1, 0, 0, 0 };
    char bytes[] = "\xff\xff\xff\xff\x01\x01"
                   "a" TOKEN;
    beam_value copy, item;
    beam_value v = decode_paged(state_backed(BEAM_STRING),
                                (beam_span){ bytes, sizeof bytes - 1 }, &state, NULL);
    ck_assert_int_eq(bm_value_copy(&test_arena, v, &copy), BEAM_OK);
    int n_calls = state.n_calls;
    memset(bytes, 0, sizeof bytes);
    beam_iter *iter = beam_as_iter(copy);
    ck_assert_int_eq(iter->known_size, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert(beam_next(iter, &item));
        ck_assert_int_eq(beam_as_span(item).ptr[0], 'a' + i);
    }
    ck_assert_int_eq(state.n_calls, n_calls);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { known_size,
                                   rewound_half_way,
                                   batches,
                                   values_as_iterable,
                                   many_of_unknown_number,
                                   nothing_to_iterate,
                                   items_with_memory_of_their_own,
                                   counts_are_checked,
                                   items_without_bytes,
                                   structs_without_bytes,
                                   pages_of_any_size,
                                   empty_state,
                                   pages_of_things_with_memory,
                                   memory_does_not_grow_with_the_state,
                                   failed_pages,
                                   malformed_pages,
                                   pages_of_nothing,
                                   no_pager,
                                   copies_are_in_memory };
    return RUN_TESTS("iterable", tests);
}
