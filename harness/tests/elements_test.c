/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing Elements: messages in any number of slices, and bytes that are none. */
#include "elements.h"

#include <check.h>
#include <stdlib.h>

#include "model/beam_fn_api.upb.h"

static upb_StringView view(const char *text)
{
    return upb_StringView_FromString(text);
}

/* Two Data and one Timers, with fields that we do not know between. */
static beam_span sample(upb_Arena *upb)
{
    pb_Elements *all = pb_Elements_new(upb);
    pb_Elements_Data *data = pb_Elements_add_data(all, upb);
    pb_Elements_Data_set_instruction_id(data, view("bundle-1"));
    pb_Elements_Data_set_transform_id(data, view("source"));
    pb_Elements_Data_set_data(data, view("some data"));
    data = pb_Elements_add_data(all, upb);
    pb_Elements_Data_set_instruction_id(data, view("b2"));
    pb_Elements_Data_set_transform_id(data, view(""));
    pb_Elements_Data_set_is_last(data, true);
    pb_Elements_Timers *timers = pb_Elements_add_timers(all, upb);
    pb_Elements_Timers_set_instruction_id(timers, view("b3"));
    pb_Elements_Timers_set_transform_id(timers, view("t"));
    pb_Elements_Timers_set_timer_family_id(timers, view("family"));
    pb_Elements_Timers_set_timers(timers, view("tick"));
    pb_Elements_Timers_set_is_last(timers, true);
    beam_span bytes;
    bytes.ptr = pb_Elements_serialize(all, upb, &bytes.len);
    return bytes;
}

static void expect_span(beam_span span, const char *text)
{
    ck_assert(beam_span_equal(span, beam_span_of(text)));
}

static void expect_payload(const bm_entry *entry, const char *text)
{
    for (size_t i = 0; i < entry->n_pieces; i++) {
        beam_span bytes = entry->pieces[i].bytes;
        ck_assert_uint_gt(bytes.len, 0);
        ck_assert_uint_le(bytes.len, strlen(text));
        ck_assert_mem_eq(bytes.ptr, text, bytes.len);
        text += bytes.len;
    }
    ck_assert_str_eq(text, "");
}

static void expect_sample(bm_elements_reader *r)
{
    bm_entry entry;
    ck_assert_int_eq(bm_elements_next(r, &entry), BEAM_OK);
    expect_span(entry.instruction_id, "bundle-1");
    expect_span(entry.transform_id, "source");
    ck_assert_ptr_null(entry.timer_family_id.ptr);
    expect_payload(&entry, "some data");
    ck_assert(!entry.is_last);
    ck_assert_int_eq(bm_elements_next(r, &entry), BEAM_OK);
    expect_span(entry.instruction_id, "b2");
    ck_assert_uint_eq(entry.transform_id.len, 0);
    expect_payload(&entry, "");
    ck_assert(entry.is_last);
    ck_assert_int_eq(bm_elements_next(r, &entry), BEAM_OK);
    expect_span(entry.instruction_id, "b3");
    expect_span(entry.timer_family_id, "family");
    expect_payload(&entry, "tick");
    ck_assert(entry.is_last);
    ck_assert_int_eq(bm_elements_next(r, &entry), BEAM_ESHORT);
}

static void add(bm_message *message, const char *bytes, size_t n)
{
    bm_message_add(message, bm_slice_copy((beam_span){ bytes, n }));
}

START_TEST(one_run_of_bytes)
{
    upb_Arena *upb = upb_Arena_New();
    bm_elements_reader r;
    bm_elements_reader_init(&r);
    bm_elements_reader_bytes(&r, sample(upb));
    expect_sample(&r);
    bm_elements_reader_free(&r);
    upb_Arena_Free(upb);
}
END_TEST

START_TEST(two_slices_cut_anywhere)
{
    upb_Arena *upb = upb_Arena_New();
    beam_span bytes = sample(upb);
    bm_elements_reader r;
    bm_elements_reader_init(&r);
    for (size_t cut = 0; cut <= bytes.len; cut++) {
        bm_message *message = bm_message_new();
        add(message, bytes.ptr, cut);
        add(message, "", 0);
        add(message, bytes.ptr + cut, bytes.len - cut);
        bm_elements_reader_message(&r, message);
        expect_sample(&r);
        bm_message_free(message);
    }
    bm_elements_reader_free(&r);
    upb_Arena_Free(upb);
}
END_TEST

START_TEST(slices_of_a_byte_each)
{
    upb_Arena *upb = upb_Arena_New();
    beam_span bytes = sample(upb);
    bm_message *message = bm_message_new();
    for (size_t i = 0; i < bytes.len; i++) add(message, bytes.ptr + i, 1);
    bm_elements_reader r;
    bm_elements_reader_init(&r);
    bm_elements_reader_message(&r, message);
    expect_sample(&r);
    bm_elements_reader_free(&r);
    bm_message_free(message);
    upb_Arena_Free(upb);
}
END_TEST

/* What the reader says of bytes, after the entries that it finds. */
static beam_status outcome(const char *bytes, size_t n, int *entries)
{
    char *own = malloc(n ? n : 1); /* so that a sanitizer sees what reads beyond it */
    memcpy(own, bytes, n);
    bm_elements_reader r;
    bm_elements_reader_init(&r);
    bm_elements_reader_bytes(&r, (beam_span){ own, n });
    bm_entry entry;
    beam_status status;
    *entries = 0;
    while ((status = bm_elements_next(&r, &entry)) == BEAM_OK) ++*entries;
    bm_elements_reader_free(&r);
    free(own);
    return status;
}

START_TEST(messages_that_end_early)
{
    upb_Arena *upb = upb_Arena_New();
    beam_span bytes = sample(upb);
    int entries, before = 0;
    for (size_t n = 0; n <= bytes.len; n++) {
        beam_status status = outcome(bytes.ptr, n, &entries);
        if (status == BEAM_ESHORT) { /* only where an entry ends */
            ck_assert_int_eq(entries, before);
            before++;
        } else {
            ck_assert_int_eq(status, BEAM_ECODER);
        }
    }
    ck_assert_int_eq(before, 4);
    upb_Arena_Free(upb);
}
END_TEST

#define BAD(text)                \
    {                            \
        (text), sizeof(text) - 1 \
    }
static const struct {
    const char *bytes;
    size_t n;
} hostile[] = {
    BAD("\x0a\x05"),                                     /* longer than the message */
    BAD("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), /* 2^64 - 1 bytes */
    BAD("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), /* no varint */
    BAD("\x0a\x03\x0a\x02x"),     /* id longer than its entry */
    BAD("\x0a\x03\x1a\x7fx"),     /* payload longer than its entry */
    BAD("\x0a\x02\x0a\x05hello"), /* inside the message, not the entry */
    BAD("\x0a\x01\x20"),          /* is_last without a value */
    BAD("\x0a\x01\x99"),          /* a tag that goes on behind it */
    BAD("\x0a\x02\x0b\x0c"),      /* a group */
    BAD("\x0a\x02\x0f\x01"),      /* no wire type */
    BAD("\x0b"),
    BAD("\x11"
        "1234567"), /* seven bytes of eight */
    BAD("\x15"
        "123"),
    BAD("\x80"),
};

START_TEST(bytes_that_are_no_elements)
{
    int entries;
    ck_assert_int_eq(outcome(hostile[_i].bytes, hostile[_i].n, &entries), BEAM_ECODER);
}
END_TEST

START_TEST(unknown_fields_are_passed_over)
{
    static const char bytes[] = "\x18\x05" /* varint 3 */
                                "\x21"
                                "12345678" /* fixed64 4 */
                                "\x2d"
                                "1234"       /* fixed32 5 */
                                "\x32\x02xx" /* bytes 6 */
                                "\x0a\x0d"
                                "\x0a\x01i"
                                "\x28\x07"
                                "\x32\x01y"
                                "\x12\x01t"
                                "\x20\x00";
    bm_elements_reader r;
    bm_elements_reader_init(&r);
    bm_elements_reader_bytes(&r, (beam_span){ bytes, sizeof bytes - 1 });
    bm_entry entry;
    ck_assert_int_eq(bm_elements_next(&r, &entry), BEAM_OK);
    expect_span(entry.instruction_id, "i");
    expect_span(entry.transform_id, "t");
    ck_assert(!entry.is_last);
    ck_assert_int_eq(bm_elements_next(&r, &entry), BEAM_ESHORT);
    bm_elements_reader_free(&r);
}
END_TEST

/* -- writing --------------------------------------------------------------------------- */
/* What others read of an entry with a payload of zeros. */
static const pb_Elements *written(upb_Arena *upb, const bm_address *of, size_t payload,
                                  bool is_last)
{
    char *bytes = calloc(1, payload + 1);
    bm_gather gather = { .message = NULL };
    bm_entry_write(&gather.head, of, payload, is_last);
    if (payload) bm_gather_slice(&gather, bm_slice_copy((beam_span){ bytes, payload }));
    bm_message *message = bm_gather_take(&gather);
    ck_assert_uint_eq(bm_message_size(message), bm_entry_size(of, payload, is_last));
    bm_arena arena;
    bm_arena_init(&arena, 0);
    beam_span flat = bm_message_flat(message, &arena);
    const pb_Elements *all = pb_Elements_parse(flat.ptr, flat.len, upb);
    ck_assert_ptr_nonnull(all);
    bm_arena_free(&arena);
    bm_message_free(message);
    free(bytes);
    return all;
}

static void expect_entry(const char *id, const char *transform, size_t payload,
                         bool is_last)
{
    upb_Arena *upb = upb_Arena_New();
    const bm_address of = { beam_span_of(id), beam_span_of(transform), { NULL, 0 } };
    size_t n;
    const pb_Elements_Data *const *list =
        pb_Elements_data(written(upb, &of, payload, is_last), &n);
    ck_assert_uint_eq(n, 1);
    ck_assert(upb_StringView_IsEqual(pb_Elements_Data_instruction_id(list[0]), view(id)));
    ck_assert(
        upb_StringView_IsEqual(pb_Elements_Data_transform_id(list[0]), view(transform)));
    ck_assert_uint_eq(pb_Elements_Data_data(list[0]).size, payload);
    ck_assert(pb_Elements_Data_is_last(list[0]) == is_last);
    upb_Arena_Free(upb);
}

static void expect_timers(const char *family, size_t payload, bool is_last)
{
    upb_Arena *upb = upb_Arena_New();
    const bm_address of = { beam_span_of("b1"), beam_span_of("fn"), beam_span_of(family) };
    const pb_Elements *all = written(upb, &of, payload, is_last);
    size_t n;
    pb_Elements_data(all, &n);
    ck_assert_uint_eq(n, 0);
    const pb_Elements_Timers *const *list = pb_Elements_timers(all, &n);
    ck_assert_uint_eq(n, 1);
    ck_assert(
        upb_StringView_IsEqual(pb_Elements_Timers_instruction_id(list[0]), view("b1")));
    ck_assert(upb_StringView_IsEqual(pb_Elements_Timers_transform_id(list[0]), view("fn")));
    ck_assert(
        upb_StringView_IsEqual(pb_Elements_Timers_timer_family_id(list[0]), view(family)));
    ck_assert_uint_eq(pb_Elements_Timers_timers(list[0]).size, payload);
    ck_assert(pb_Elements_Timers_is_last(list[0]) == is_last);
    upb_Arena_Free(upb);
}

START_TEST(entries_are_what_others_read)
{
    static const size_t sizes[] = { 0, 1, 127, 128, 2048, 2049, 20000, 3 << 20 };
    for (size_t i = 0; i < BEAM_COUNT(sizes); i++) {
        expect_entry("bundle-1", "sink", sizes[i], false);
        expect_entry("bundle-1", "sink", sizes[i], true);
        expect_entry("", "", sizes[i], true);
        expect_timers("family", sizes[i], false);
        expect_timers("", sizes[i], true);
    }
}
END_TEST

START_TEST(large_payloads_are_not_copied)
{
    enum { LARGE = 1 << 20 };
    char *bytes = calloc(1, LARGE);
    bm_slice *slice = bm_slice_take(bytes, LARGE);
    bm_gather gather = { .message = NULL };
    const bm_address of = { beam_span_of("b"), beam_span_of("s"), { NULL, 0 } };
    bm_entry_write(&gather.head, &of, LARGE, false);
    bm_gather_slice(&gather, slice);
    bm_entry_write(&gather.head, &of, 0, true);
    bm_message *message = bm_gather_take(&gather);
    ck_assert_uint_eq(bm_message_slices(message), 3);
    ck_assert_ptr_eq(bm_slice_span(bm_message_slice(message, 1)).ptr, bytes);
    bm_message_free(message);
}
END_TEST

START_TEST(nothing_gathered_is_an_empty_message)
{
    bm_gather gather = { .message = NULL };
    bm_message *message = bm_gather_take(&gather);
    ck_assert_ptr_nonnull(message);
    ck_assert_uint_eq(bm_message_size(message), 0);
    bm_message_free(message);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("elements");
    TCase *tcase = tcase_create("elements");
    tcase_add_test(tcase, one_run_of_bytes);
    tcase_add_test(tcase, two_slices_cut_anywhere);
    tcase_add_test(tcase, slices_of_a_byte_each);
    tcase_add_test(tcase, messages_that_end_early);
    tcase_add_loop_test(tcase, bytes_that_are_no_elements, 0, BEAM_COUNT(hostile));
    tcase_add_test(tcase, unknown_fields_are_passed_over);
    tcase_add_test(tcase, entries_are_what_others_read);
    tcase_add_test(tcase, large_payloads_are_not_copied);
    tcase_add_test(tcase, nothing_gathered_is_an_empty_message);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
