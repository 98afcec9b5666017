/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of elements, and timers. */
#include <stdlib.h>

#include "codec.h"

#include "coders/coder_impl.h"
#include "coders/plain_element.h"

static const bm_coder *windowed(bm_coder_kind window)
{
    return bm_coder_new(&test_arena, BM_CODER_WINDOWED_VALUE, of_type(BEAM_STRING),
                        leaf(window));
}

static const bm_windows first = { 1, { { 0, 10, { NULL, 0 } } } };
static const bm_windows second = { 1, { { 10, 20, { NULL, 0 } } } };
static const bm_windows both = { 2, { { 0, 10, { NULL, 0 } }, { 10, 20, { NULL, 0 } } } };
static const bm_windows long_one = { 1, { { 0, (beam_millis)1 << 40, { NULL, 0 } } } };
static const beam_pane late = { .is_last = true, .timing = BEAM_PANE_LATE, .index = 3,
                                .on_time_index = 1 };

static void write_element(const bm_coder *coder, const char *text, beam_millis timestamp,
                          const bm_windows *windows, const beam_pane *pane,
                          bm_writer *out)
{
    bm_element element = { beam_string(beam_span_of(text)), timestamp, windows, pane };
    ck_assert_int_eq(bm_element_encode(coder, &element, out), BEAM_OK);
}

static bm_element next(bm_element_decoder *decoder, bm_reader *in)
{
    bm_element element;
    bm_decoding decoding = { .arena = &test_arena };
    ck_assert_int_eq(bm_element_decode(decoder, in, &decoding, &element), BEAM_OK);
    return element;
}

static void expect_windows(const bm_windows *got, const bm_windows *want)
{
    ck_assert_uint_eq(got->n, want->n);
    for (size_t i = 0; i < got->n; i++)
        ck_assert(bm_window_equal(&got->at[i], &want->at[i]));
}

START_TEST(headers_are_shared)
{
    const bm_coder *coder = windowed(BM_CODER_INTERVAL_WINDOW);
    const bm_windows *const windows[] = {
        &first, &first, &second, &first, &both, &second
    };
    bm_writer out = { 0 };
    for (int i = 0; i < 6; i++)
        write_element(coder, "v", i, windows[i], i == 5 ? &late : &bm_no_firing, &out);
    bm_element_decoder decoder;
    bm_element_decoder_init(&decoder, coder);
    bm_reader in = bm_reader_of(bm_written(&out));
    bm_element got[6];
    for (int i = 0; i < 6; i++) {
        got[i] = next(&decoder, &in);
        ck_assert_int_eq(got[i].timestamp, i);
        expect_windows(got[i].windows, windows[i]);
        expect_bytes(beam_as_span(got[i].value), BYTES("v"));
    }
    ck_assert_uint_eq(bm_left(&in), 0);
    ck_assert_ptr_eq(got[0].windows, got[1].windows);
    ck_assert_ptr_eq(got[0].windows, got[3].windows);
    ck_assert_ptr_eq(got[0].pane, got[3].pane);
    ck_assert_int_eq(got[4].pane->timing, BEAM_PANE_UNKNOWN);
    ck_assert_int_eq(got[5].pane->timing, BEAM_PANE_LATE);
    ck_assert_int_eq(got[5].pane->index, 3);
    ck_assert_int_eq(got[5].pane->on_time_index, 1);
    ck_assert_uint_eq(decoder.headers.n, 4);
    bm_element_decoder_free(&decoder);
    bm_writer_free(&out);
}
END_TEST

START_TEST(global_window)
{
    const bm_coder *coder = windowed(BM_CODER_GLOBAL_WINDOW);
    bm_writer out = { 0 };
    write_element(coder, "a", -1, &bm_global_windows, &bm_no_firing, &out);
    expect_bytes(bm_written(&out),
                 BYTES("\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\x01\x0f\x01"
                       "a"));
    write_element(coder, "b", BEAM_MIN_TIMESTAMP, &bm_global_windows, &late, &out);
    write_element(coder, "", INT64_MIN, &bm_global_windows, &late, &out);
    bm_element_decoder decoder;
    bm_element_decoder_init(&decoder, coder);
    bm_reader in = bm_reader_of(bm_written(&out));
    bm_element a = next(&decoder, &in), b = next(&decoder, &in), c = next(&decoder, &in);
    ck_assert_ptr_eq(a.windows, &bm_global_windows);
    ck_assert_ptr_eq(a.pane, &bm_no_firing);
    ck_assert_int_eq(a.timestamp, -1);
    ck_assert_ptr_eq(b.windows, &bm_global_windows);
    ck_assert_int_eq(b.pane->index, 3);
    ck_assert_int_eq(b.timestamp, BEAM_MIN_TIMESTAMP);
    ck_assert_int_eq(c.timestamp, INT64_MIN);
    ck_assert_ptr_eq(c.pane, b.pane);
    bm_element_decoder_free(&decoder);
    bm_writer_free(&out);
}
END_TEST

START_TEST(windows_of_the_wrong_kind)
{
    bm_element element = { beam_string(BYTES("a")), 0, &first, &bm_no_firing };
    bm_writer out = { 0 };
    ck_assert_int_eq(bm_element_encode(windowed(BM_CODER_GLOBAL_WINDOW), &element, &out),
                     BEAM_ETYPE);
    element.value = beam_int64(1);
    ck_assert_int_eq(bm_element_encode(windowed(BM_CODER_INTERVAL_WINDOW), &element,
                                       &out),
                     BEAM_ETYPE);
    ck_assert_uint_eq(out.len, 0);
    bm_writer_free(&out);
}
END_TEST

START_TEST(cut_anywhere)
{
    static const bm_coder_kind kinds[] = { BM_CODER_GLOBAL_WINDOW,
                                           BM_CODER_INTERVAL_WINDOW };
    for (size_t k = 0; k < 2; k++) {
        const bm_coder *coder = windowed(kinds[k]);
        bm_writer out = { 0 };
        const bm_windows *windows = k ? &both : &bm_global_windows;
        write_element(coder, "text", 5, windows, k ? &late : &bm_no_firing, &out);
        bm_element_decoder decoder;
        bm_element_decoder_init(&decoder, coder);
        for (int round = 0; round < 2; round++) {
            for (size_t n = 0; n < out.len; n++) {
                bm_reader in = bm_reader_of((beam_span){ (char *)out.data, n });
                bm_element element;
                bm_decoding decoding = { .arena = &test_arena };
                ck_assert_int_eq(bm_element_decode(&decoder, &in, &decoding, &element),
                                 BEAM_ESHORT);
            }
            bm_reader in = bm_reader_of(bm_written(&out));
            next(&decoder, &in);
        }
        bm_element_decoder_free(&decoder);
        bm_writer_free(&out);
    }
}
END_TEST

START_TEST(metadata_goes_with_the_pane)
{
    beam_span bytes = BYTES("\x80\0\0\0\0\0\0\x01\0\0\0\x01\x8f\x02zz\x01"
                            "a");
    const bm_coder *coder = windowed(BM_CODER_GLOBAL_WINDOW);
    bm_element_decoder decoder;
    bm_element_decoder_init(&decoder, coder);
    bm_reader in = bm_reader_of(bytes);
    bm_element element = next(&decoder, &in);
    expect_bytes(beam_as_span(element.value), BYTES("a"));
    ck_assert_int_eq(element.pane->timing, BEAM_PANE_UNKNOWN);
    expect_bytes(element.pane->metadata, BYTES("zz"));
    bm_writer out = { 0 };
    bm_element copy;
    ck_assert_int_eq(bm_element_copy(&test_arena, &element, &copy), BEAM_OK);
    bm_element_decoder_free(&decoder);
    ck_assert_int_eq(bm_element_encode(coder, &copy, &out), BEAM_OK);
    expect_bytes(bm_written(&out), bytes);
    bm_writer_free(&out);
    beam_value value = decoded(coder, bytes);
    ck_assert_int_eq(((const bm_element *)value.as.ptr)->timestamp, 1);
    ck_assert_int_eq(decode_status(coder, true, bytes), BEAM_OK);
}
END_TEST

START_TEST(metadata_is_what_beam_says)
{
    beam_metadata all = bm_metadata_decode(
        BYTES("\x08\x02\x12\x02tp\x1a\x02ts\x20\x03\x79" "12345678\x7a\x01z"));
    ck_assert(all.is_draining);
    expect_bytes(all.traceparent, BYTES("tp"));
    expect_bytes(all.tracestate, BYTES("ts"));
    ck_assert_int_eq(all.value_kind, BEAM_VALUE_UPDATE_AFTER);
    ck_assert(!bm_metadata_decode(BYTES("\x08\x01")).is_draining);
    ck_assert_int_eq(bm_metadata_decode(BYTES("\x20\x09")).value_kind,
                     BEAM_VALUE_KIND_UNSPECIFIED);
    /* Cut or wrong: what could be read. */
    ck_assert(bm_metadata_decode(BYTES("\x08\x02\x12\x09x")).is_draining);
    ck_assert(!bm_metadata_decode(BYTES("\x0b")).is_draining);
}
END_TEST

START_TEST(metadata_differs_between_neighbours)
{
    const bm_coder *coder = windowed(BM_CODER_INTERVAL_WINDOW);
    bm_writer out = { 0 };
    beam_pane one = late, two = late;
    one.metadata = BYTES("one");
    two.metadata = BYTES("two");
    write_element(coder, "a", 1, &first, &one, &out);
    write_element(coder, "b", 2, &first, &two, &out);
    write_element(coder, "c", 3, &first, &late, &out);
    write_element(coder, "d", 4, &both, &two, &out);
    bm_element_decoder decoder;
    bm_element_decoder_init(&decoder, coder);
    bm_reader in = bm_reader_of(bm_written(&out));
    expect_bytes(next(&decoder, &in).pane->metadata, BYTES("one"));
    expect_bytes(next(&decoder, &in).pane->metadata, BYTES("two"));
    ck_assert_ptr_null(next(&decoder, &in).pane->metadata.ptr);
    bm_element last = next(&decoder, &in);
    expect_bytes(last.pane->metadata, BYTES("two"));
    ck_assert_int_eq(last.pane->index, 3);
    expect_windows(last.windows, &both);
    bm_element_decoder_free(&decoder);
    bm_writer_free(&out);
}
END_TEST

START_TEST(reset_forgets)
{
    const bm_coder *coder = windowed(BM_CODER_INTERVAL_WINDOW);
    bm_writer out = { 0 };
    write_element(coder, "a", 0, &first, &bm_no_firing, &out);
    bm_element_decoder decoder;
    bm_element_decoder_init(&decoder, coder);
    for (int i = 0; i < 3; i++) {
        bm_reader in = bm_reader_of(bm_written(&out));
        expect_windows(next(&decoder, &in).windows, &first);
        bm_element_decoder_reset(&decoder);
    }
    bm_element_decoder_free(&decoder);
    bm_writer_free(&out);
}
END_TEST

START_TEST(copies)
{
    char text[] = "text";
    bm_windows *windows = bm_alloc(&test_arena, sizeof *windows + sizeof windows->at[0]);
    windows->n = 1;
    windows->at[0] = (beam_window){ 0, 1, { text, 4 } };
    beam_pane pane = late;
    bm_element element = { beam_string((beam_span){ text, 4 }), 7, windows, &pane }, copy;
    ck_assert_int_eq(bm_element_copy(&test_arena, &element, &copy), BEAM_OK);
    memset(text, 0, sizeof text);
    memset(&pane, 0, sizeof pane);
    windows->at[0].end = 0;
    expect_bytes(beam_as_span(copy.value), BYTES("text"));
    ck_assert_int_eq(copy.timestamp, 7);
    ck_assert_int_eq(copy.windows->at[0].end, 1);
    expect_bytes(copy.windows->at[0].custom, BYTES("text"));
    ck_assert_int_eq(copy.pane->index, 3);
    element.windows = &bm_global_windows;
    ck_assert_int_eq(bm_element_copy(&test_arena, &element, &copy), BEAM_OK);
    ck_assert_ptr_eq(copy.windows, &bm_global_windows);
}
END_TEST

START_TEST(timers)
{
    const bm_coder *coder = bm_coder_new(&test_arena, BM_CODER_TIMER,
                                         of_type(BEAM_STRING),
                                         leaf(BM_CODER_INTERVAL_WINDOW));
    bm_timer timer = { .key = beam_string(BYTES("k")),
                       .tag = BYTES("t"),
                       .windows = &first,
                       .fire = 1,
                       .hold = -1,
                       .pane = &late };
    bm_writer out = { 0 };
    ck_assert_int_eq(bm_timer_encode(coder, &timer, &out), BEAM_OK);
    expect_bytes(bm_written(&out),
                 BYTES(
                     "\x01k\x01t\0\0\0\x01\x80\0\0\0\0\0\0\x0a\x0a\0"
                     "\x80\0\0\0\0\0\0\x01\x7f\xff\xff\xff\xff\xff\xff\xff\x2a\x03\x01"));
    bm_reader in = bm_reader_of(bm_written(&out));
    bm_timer got;
    ck_assert_int_eq(bm_timer_decode(coder, &in, &test_arena, &got), BEAM_OK);
    ck_assert_int_eq(got.hold, -1);
    ck_assert_int_eq(got.pane->index, 3);
    expect_windows(got.windows, &first);
    timer.clear = true;
    timer.tag = (beam_span){ NULL, 0 };
    out.len = 0;
    ck_assert_int_eq(bm_timer_encode(coder, &timer, &out), BEAM_OK);
    expect_bytes(bm_written(&out),
                 BYTES("\x01k\0\0\0\0\x01\x80\0\0\0\0\0\0\x0a\x0a\x01"));
    timer.key = beam_int64(1);
    out.len = 0;
    ck_assert_int_eq(bm_timer_encode(coder, &timer, &out), BEAM_ETYPE);
    ck_assert_uint_eq(out.len, 0);
    bm_writer_free(&out);
}
END_TEST

/* Puts n values by the short way into just the room that it asks for. */
static bool put_plain(const bm_coder *coder, int n, const beam_value *values,
                      const bm_element *like, bool is_short, bm_writer *out)
{
    const bm_plain_coder plain = bm_plain_coder_of(coder);
    const beam_value *other = n == 2 ? &values[1] : NULL;
    size_t texts = is_short ? (size_t)n * BM_SHORT
                            : bm_plain_text(values) + (other ? bm_plain_text(other) : 0);
    *out = (bm_writer){ malloc(BM_PLAIN_ROOM + texts), 0, BM_PLAIN_ROOM + texts };
    uint8_t *end = is_short
                       ? bm_put_plain_element(out->data, &plain, like, values, other, true,
                                              (beam_span){ NULL, 0 })
                       : bm_put_plain_element(out->data, &plain, like, values, other, false,
                                              (beam_span){ NULL, 0 });
    if (end) out->len = (size_t)(end - out->data);
    return end;
}

/* Takes the last of the elements off by the short way, from a copy that ends after `n` bytes
 * of it; true: it is what the long way gives. */
static bool take_plain(const bm_coder *coder, const bm_element_decoder *decoder, beam_span last,
                       size_t n)
{
    const bm_plain_coder plain = bm_plain_coder_of(coder);
    char *bytes = malloc(n ? n : 1);
    memset(bytes, 0x55, n);
    memcpy(bytes, last.ptr, n < last.len ? n : last.len);
    bm_reader in = bm_reader_of((beam_span){ bytes, n });
    beam_value pair[2];
    bm_element got = { .value = { BEAM_KIND_KV, { .kv = pair } } };
    bool taken = bm_take_plain_element(&plain, decoder->last, &in, pair, &got);
    if (taken) {
        ck_assert_uint_eq(bm_left(&in), n - last.len);
        bm_writer again = { 0 };
        ck_assert_int_eq(bm_element_encode(coder, &got, &again), BEAM_OK);
        expect_bytes(bm_written(&again), last);
        bm_writer_free(&again);
    } else {
        ck_assert_ptr_eq(in.at, bytes);
    }
    free(bytes);
    return taken;
}

static bool is_quick(int n, const beam_value *values)
{
    for (int i = 0; i < n; i++)
        if (values[i].kind == BEAM_KIND_INT64
            && bm_varint_size((uint64_t)values[i].as.int64) > 8)
            return false;
    return true;
}

/* The element of these bytes, when one with the same windows was before it. */
static void expect_taken(const bm_coder *coder, beam_span bytes, bool quick)
{
    enum { SLACK = 32 };
    bm_element_decoder decoder;
    bm_element_decoder_init(&decoder, coder);
    bm_reader in = bm_reader_of(bytes);
    next(&decoder, &in);
    for (size_t n = 0; n < bytes.len; n++) ck_assert(!take_plain(coder, &decoder, bytes, n));
    for (size_t n = bytes.len; n < bytes.len + SLACK; n++) take_plain(coder, &decoder, bytes, n);
    ck_assert_int_eq(take_plain(coder, &decoder, bytes, bytes.len + SLACK), quick);
    bm_element_decoder_free(&decoder);
}

static void expect_plain(const bm_coder *coder, int n, const beam_value *values,
                         const bm_element *like)
{
    bm_writer got, want = { 0 };
    bm_element element = *like;
    element.value = n == 2 ? beam_kv(values) : values[0];
    ck_assert_int_eq(bm_element_encode(coder, &element, &want), BEAM_OK);
    bool all_short = true;
    for (int i = 0; i < n; i++) all_short &= bm_plain_text(&values[i]) <= BM_SHORT;
    for (int is_short = 0; is_short < 2; is_short++) {
        bool done = put_plain(coder, n, values, like, is_short, &got);
        ck_assert_int_eq(done, !is_short || all_short);
        if (done) expect_bytes(bm_written(&got), bm_written(&want));
        bm_writer_free(&got);
    }
    bm_writer_free(&want);
}

static void expect_both_ways(const bm_coder *coder, int n, const beam_value *values,
                             const bm_element *like)
{
    expect_plain(coder, n, values, like);
    bm_element element = *like;
    element.value = n == 2 ? beam_kv(values) : values[0];
    bm_writer bytes = { 0 };
    ck_assert_int_eq(bm_element_encode(coder, &element, &bytes), BEAM_OK);
    expect_taken(coder, bm_written(&bytes), is_quick(n, values));
    bm_writer_free(&bytes);
}

static void refuse_plain(const bm_coder *coder, int n, const beam_value *values,
                         const bm_element *like)
{
    for (int is_short = 0; is_short < 2; is_short++) {
        bm_writer out;
        ck_assert(!put_plain(coder, n, values, like, is_short, &out));
        bm_writer_free(&out);
    }
}

START_TEST(plain_elements)
{
    const bm_coder *types[] = { of_type(BEAM_STRING), of_type(BEAM_BYTES), of_type(BEAM_INT64) };
    const beam_value values[] = { beam_string(BYTES("text")), beam_bytes(BYTES("")),
                                  beam_int64(-1) };
    const bm_element global = { beam_null(), -5, &bm_global_windows, &bm_no_firing },
                     interval = { beam_null(), 7, &second, &bm_no_firing },
                     weeks = { beam_null(), 7, &long_one, &bm_no_firing },
                     twice = { beam_null(), 7, &both, &bm_no_firing },
                     fired = { beam_null(), 7, &bm_global_windows, &late };
    for (int i = 0; i < 3; i++) {
        const bm_coder *in_global = bm_coder_new(&test_arena, BM_CODER_WINDOWED_VALUE, types[i],
                                                 leaf(BM_CODER_GLOBAL_WINDOW));
        const bm_coder *in_interval = bm_coder_new(&test_arena, BM_CODER_WINDOWED_VALUE, types[i],
                                                   leaf(BM_CODER_INTERVAL_WINDOW));
        expect_both_ways(in_global, 1, &values[i], &global);
        expect_both_ways(in_interval, 1, &values[i], &interval);
        expect_both_ways(in_interval, 1, &values[i], &weeks);
        refuse_plain(in_global, 1, &values[i], &interval);
        refuse_plain(in_interval, 1, &values[i], &global);
        refuse_plain(in_interval, 1, &values[i], &twice);
        refuse_plain(in_global, 1, &values[i], &fired);
        refuse_plain(in_global, 1, &values[(i + 1) % 3], &global);
        for (int j = 0; j < 3; j++) {
            const bm_coder *kv = bm_coder_new(&test_arena, BM_CODER_KV, types[i], types[j]);
            const bm_coder *pairs = bm_coder_new(&test_arena, BM_CODER_WINDOWED_VALUE, kv,
                                                 leaf(BM_CODER_GLOBAL_WINDOW));
            const beam_value pair[2] = { values[i], values[j] };
            const beam_value wrong[2] = { values[i], values[(j + 1) % 3] };
            expect_both_ways(pairs, 2, pair, &global);
            refuse_plain(pairs, 2, wrong, &global);
            refuse_plain(pairs, 1, pair, &global);
        }
    }
    refuse_plain(windowed(BM_CODER_CUSTOM_WINDOW), 1, values, &interval);
    const beam_value number = beam_double(1);
    refuse_plain(bm_coder_new(&test_arena, BM_CODER_WINDOWED_VALUE, of_type(BEAM_DOUBLE),
                              leaf(BM_CODER_GLOBAL_WINDOW)),
                 1, &number, &global);
}
END_TEST

/* Each text in memory of its own size, so that reading past its end is seen. */
START_TEST(plain_texts_of_any_length)
{
    const bm_element global = { beam_null(), -5, &bm_global_windows, &bm_no_firing };
    const bm_coder *lone = bm_coder_new(&test_arena, BM_CODER_WINDOWED_VALUE,
                                        of_type(BEAM_STRING), leaf(BM_CODER_GLOBAL_WINDOW));
    const bm_coder *pairs = bm_coder_new(
        &test_arena, BM_CODER_WINDOWED_VALUE,
        bm_coder_new(&test_arena, BM_CODER_KV, of_type(BEAM_STRING), of_type(BEAM_STRING)),
        leaf(BM_CODER_GLOBAL_WINDOW));
    for (size_t n = 0; n < 300; n++) {
        char *text = malloc(n ? n : 1);
        for (size_t i = 0; i < n; i++) text[i] = (char)(i + 1);
        const beam_value whole = beam_string((beam_span){ text, n });
        expect_plain(lone, 1, &whole, &global);
        for (size_t tail = 0; tail <= n; tail += 1 + n / 8) {
            const beam_value parts[2] = { whole,
                                          beam_string((beam_span){ text + n - tail, tail }) };
            expect_plain(pairs, 2, parts, &global);
        }
        free(text);
    }
}
END_TEST

START_TEST(numbers_of_all_sizes)
{
    const bm_coder *coder = bm_coder_new(&test_arena, BM_CODER_WINDOWED_VALUE,
                                         of_type(BEAM_INT64), leaf(BM_CODER_GLOBAL_WINDOW));
    const bm_element like = { beam_null(), 0, &bm_global_windows, &bm_no_firing };
    for (int bits = 0; bits < 64; bits++) {
        for (int by = -1; by <= 1; by++) {
            beam_value n = beam_int64((int64_t)(((uint64_t)1 << bits) + (uint64_t)by));
            expect_both_ways(coder, 1, &n, &like);
        }
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { headers_are_shared,
                                   global_window,
                                   windows_of_the_wrong_kind,
                                   cut_anywhere,
                                   metadata_goes_with_the_pane,
                                   metadata_is_what_beam_says,
                                   metadata_differs_between_neighbours,
                                   reset_forgets,
                                   copies,
                                   plain_elements,
                                   numbers_of_all_sizes,
                                   plain_texts_of_any_length,
                                   timers };
    return RUN_TESTS("element", tests);
}
