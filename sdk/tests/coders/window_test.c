/* SPDX-License-Identifier: Apache-2.0 */
/* Windows and panes. */
#include "codec.h"

#include "coders/coder_impl.h"

static beam_pane pane(bool is_first, bool is_last, beam_pane_timing timing, int64_t index,
                      int64_t on_time_index)
{
    return (beam_pane){ .is_first = is_first, .is_last = is_last, .timing = timing,
                        .index = index, .on_time_index = on_time_index };
}

static void expect_window(const bm_coder *coder, beam_window window, beam_span bytes)
{
    bm_writer out = { 0 };
    ck_assert_int_eq(bm_window_encode(coder, &window, &out), BEAM_OK);
    expect_bytes(bm_written(&out), bytes);
    bm_writer_free(&out);
    bm_reader in = bm_reader_of(bytes);
    beam_window got;
    ck_assert_int_eq(bm_window_decode(coder, &in, &test_arena, &got), BEAM_OK);
    ck_assert_uint_eq(bm_left(&in), 0);
    ck_assert(bm_window_equal(&got, &window));
}

static beam_status window_status(const bm_coder *coder, beam_window window)
{
    bm_writer out = { 0 };
    beam_status status = bm_window_encode(coder, &window, &out);
    bm_writer_free(&out);
    return status;
}

START_TEST(intervals)
{
    const bm_coder *coder = leaf(BM_CODER_INTERVAL_WINDOW);
    expect_window(coder, (beam_window){ 0, 300, { NULL, 0 } },
                  BYTES("\x80\0\0\0\0\0\x01\x2c\xac\x02"));
    expect_window(coder, (beam_window){ -1, 0, { NULL, 0 } },
                  BYTES("\x80\0\0\0\0\0\0\0\x01"));
    beam_window from_the_start = { BEAM_MIN_TIMESTAMP, 0, { NULL, 0 } };
    ck_assert(!bm_window_is_global(&from_the_start));
}
END_TEST

START_TEST(global)
{
    const bm_coder *coder = leaf(BM_CODER_GLOBAL_WINDOW);
    expect_window(coder, bm_global_windows.at[0], BYTES(""));
    ck_assert(bm_window_is_global(&bm_global_windows.at[0]));
    ck_assert_int_eq(window_status(coder, (beam_window){ 0, 1, { NULL, 0 } }),
                     BEAM_ETYPE);
    ck_assert_int_eq(beam_window_max_timestamp(bm_global_windows.at[0]),
                     BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP);
}
END_TEST

START_TEST(custom)
{
    const bm_coder *text = bm_coder_new(&test_arena, BM_CODER_CUSTOM_WINDOW,
                                        of_type(BEAM_STRING), NULL);
    expect_window(text,
                  (beam_window){ BEAM_MIN_TIMESTAMP, 1,
                                 BYTES("\x02"
                                       "ab") },
                  BYTES("\x80\0\0\0\0\0\0\0\x02"
                        "ab"));
    const bm_coder *interval = bm_coder_new(&test_arena, BM_CODER_CUSTOM_WINDOW,
                                            leaf(BM_CODER_INTERVAL_WINDOW), NULL);
    beam_span bytes = BYTES("\x80\0\0\0\0\0\0\x04\x80\0\0\0\0\0\0\x05\x02");
    expect_window(interval, (beam_window){ 3, 5, { bytes.ptr + 8, 9 } }, bytes);
    const bm_coder *empty = bm_coder_new(&test_arena, BM_CODER_CUSTOM_WINDOW,
                                         leaf(BM_CODER_GLOBAL_WINDOW), NULL);
    expect_window(empty, (beam_window){ BEAM_MIN_TIMESTAMP, 1, BYTES("") },
                  BYTES("\x80\0\0\0\0\0\0\0"));
    ck_assert_int_eq(window_status(text, (beam_window){ 0, 1, { NULL, 0 } }), BEAM_ETYPE);
}
END_TEST

START_TEST(custom_of_this_sdk)
{
    const bm_coder *own = bm_window_coder(&test_arena);
    const bm_coder *coder = bm_coder_new(&test_arena, BM_CODER_CUSTOM_WINDOW, own, NULL);
    beam_span bytes = BYTES("\x80\0\0\0\0\0\0\x04\x80\0\0\0\0\0\0\x05\x02\x02xy");
    expect_window(coder, (beam_window){ 3, 5, BYTES("xy") }, bytes);
    expect_window(coder, (beam_window){ 3, 5, { NULL, 0 } },
                  BYTES("\x80\0\0\0\0\0\0\x04\x80\0\0\0\0\0\0\x05\x02\0"));
    /* A runner has put a length in front of what it does not know. */
    const bm_coder *prefixed = bm_coder_new(&test_arena, BM_CODER_LENGTH_PREFIX, own, NULL);
    coder = bm_coder_new(&test_arena, BM_CODER_CUSTOM_WINDOW, prefixed, NULL);
    expect_window(coder, (beam_window){ 3, 5, BYTES("xy") },
                  BYTES("\x80\0\0\0\0\0\0\x04\x0c\x80\0\0\0\0\0\0\x05\x02\x02xy"));
    for (size_t n = 0; n < bytes.len; n++) {
        bm_reader in = bm_reader_of((beam_span){ bytes.ptr, n });
        beam_window window;
        ck_assert_int_ne(bm_window_decode(coder, &in, &test_arena, &window), BEAM_OK);
    }
}
END_TEST

START_TEST(length_prefixed)
{
    const bm_coder *interval = bm_coder_new(&test_arena, BM_CODER_LENGTH_PREFIX,
                                            leaf(BM_CODER_INTERVAL_WINDOW), NULL);
    expect_window(interval, (beam_window){ 0, 1, { NULL, 0 } },
                  BYTES("\x09\x80\0\0\0\0\0\0\x01\x01"));
    const bm_coder *opaque = bm_coder_new(&test_arena, BM_CODER_LENGTH_PREFIX,
                                          leaf(BM_CODER_OPAQUE), NULL);
    expect_window(opaque,
                  (beam_window){ BEAM_MIN_TIMESTAMP, BEAM_MAX_TIMESTAMP, BYTES("xy") },
                  BYTES("\x02xy"));
    ck_assert_int_eq(window_status(leaf(BM_CODER_VARINT), (beam_window){ 0 }),
                     BEAM_EUNSUPPORTED);
}
END_TEST

START_TEST(custom_windows_are_copied)
{
    char bytes[] = "\x80\0\0\0\0\0\0\0\x01z";
    bm_reader in = bm_reader_of((beam_span){ bytes, sizeof bytes - 1 });
    const bm_coder *coder = bm_coder_new(&test_arena, BM_CODER_CUSTOM_WINDOW,
                                         of_type(BEAM_STRING), NULL);
    beam_window window;
    ck_assert_int_eq(bm_window_decode(coder, &in, &test_arena, &window), BEAM_OK);
    memset(bytes, 0, sizeof bytes);
    expect_bytes(window.custom, BYTES("\x01z"));
}
END_TEST

static beam_status windows_status(const bm_coder *coder, beam_span bytes)
{
    bm_reader in = bm_reader_of(bytes), skipped = in;
    const bm_windows *windows;
    beam_status status = bm_windows_decode(coder, &in, &test_arena, &windows);
    ck_assert_int_eq(bm_windows_skip(coder, &skipped), status);
    return status;
}

START_TEST(counts_are_checked)
{
    const bm_coder *interval = leaf(BM_CODER_INTERVAL_WINDOW);
    ck_assert_int_eq(windows_status(interval, BYTES("\x7f\xff\xff\xff\0")), BEAM_ESHORT);
    ck_assert_int_eq(windows_status(interval, BYTES("\xff\xff\xff\xff\0")), BEAM_ECODER);
    ck_assert_int_eq(windows_status(interval, BYTES("\0\0\0\0")), BEAM_OK);
    const bm_coder *none = leaf(BM_CODER_GLOBAL_WINDOW);
    ck_assert_int_eq(windows_status(none, BYTES("\0\0\0\x01")), BEAM_OK);
    ck_assert_int_eq(windows_status(none, BYTES("\0\0\0\x02")), BEAM_ECODER);
}
END_TEST

static void expect_pane(beam_pane pane, beam_span bytes)
{
    bm_writer out = { 0 };
    bm_pane_encode(&pane, &out);
    expect_bytes(bm_written(&out), bytes);
    bm_writer_free(&out);
    bm_reader in = bm_reader_of(bytes);
    beam_pane got;
    bool has_metadata;
    ck_assert_int_eq(bm_pane_decode(&in, &got, &has_metadata), BEAM_OK);
    ck_assert(!has_metadata);
    ck_assert_int_eq(got.is_first, pane.is_first);
    ck_assert_int_eq(got.is_last, pane.is_last);
    ck_assert_int_eq(got.timing, pane.timing);
    ck_assert_int_eq(got.index, pane.index);
    ck_assert_int_eq(got.on_time_index, pane.on_time_index);
    for (size_t n = 0; n < bytes.len; n++) {
        in = bm_reader_of((beam_span){ bytes.ptr, n });
        ck_assert_int_eq(bm_pane_decode(&in, &got, &has_metadata), BEAM_ESHORT);
    }
}

START_TEST(panes)
{
    expect_pane(bm_no_firing, BYTES("\x0f"));
    expect_pane(pane(true, false, BEAM_PANE_ON_TIME, 0, 0), BYTES("\x05"));
    expect_pane(pane(true, false, BEAM_PANE_EARLY, 0, -1), BYTES("\x11\0"));
    expect_pane(pane(false, false, BEAM_PANE_EARLY, 300, -1),
                BYTES("\x10\xac\x02"));
    expect_pane(pane(false, true, BEAM_PANE_LATE, 2, 2), BYTES("\x1a\x02"));
    expect_pane(pane(false, true, BEAM_PANE_ON_TIME, 2, 0), BYTES("\x26\x02\0"));
}
END_TEST

START_TEST(malformed_panes)
{
    bm_reader in = bm_reader_of(BYTES("\x30\0\0"));
    beam_pane pane;
    bool has_metadata;
    ck_assert_int_eq(bm_pane_decode(&in, &pane, &has_metadata), BEAM_ECODER);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { intervals,
                                   global,
                                   custom,
                                   custom_of_this_sdk,
                                   length_prefixed,
                                   custom_windows_are_copied,
                                   counts_are_checked,
                                   panes,
                                   malformed_panes };
    return RUN_TESTS("window", tests);
}
