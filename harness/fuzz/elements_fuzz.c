/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: the input says how to cut bytes into slices, then come the bytes. Elements
 * must read the same from slices as from one run, and as protobuf reads them. */
#include <stdlib.h>

#include "elements.h"
#include "model/beam_fn_api.upb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
    if (!(condition)) abort()

static beam_span payload_of(const bm_entry *entry, bm_arena *arena)
{
    size_t n = 0;
    for (size_t i = 0; i < entry->n_pieces; i++) {
        CHECK(entry->pieces[i].bytes.len);
        n += entry->pieces[i].bytes.len;
    }
    char *all = bm_alloc(arena, n + 1), *at = all;
    for (size_t i = 0; i < entry->n_pieces; i++) {
        memcpy(at, entry->pieces[i].bytes.ptr, entry->pieces[i].bytes.len);
        at += entry->pieces[i].bytes.len;
    }
    return (beam_span){ all, n };
}

static bm_message *cut(const uint8_t *cuts, size_t n_cuts, beam_span bytes)
{
    bm_message *message = bm_message_new();
    for (size_t i = 0; i < n_cuts; i++) {
        size_t n = cuts[i] < bytes.len ? cuts[i] : bytes.len;
        bm_message_add(message, bm_slice_copy((beam_span){ bytes.ptr, n }));
        bytes.ptr += n;
        bytes.len -= n;
    }
    bm_message_add(message, bm_slice_copy(bytes));
    return message;
}

/* Protobuf is stricter (UTF-8 in ids, field 0) and laxer (groups) than we are: where both
 * take the bytes, they must find the same. */
typedef struct oracle {
    const pb_Elements_Data *const *data;
    size_t n_data, at_data;
    const pb_Elements_Timers *const *timers;
    size_t n_timers, at_timers;
} oracle;

static bool same(upb_StringView view, beam_span span)
{
    return beam_span_equal((beam_span){ view.data, view.size }, span);
}

/* A message that comes in parts (the field of one entry is never that) is not merged. */
static void check_entry(oracle *o, const bm_entry *entry, beam_span payload)
{
    if (entry->timer_family_id.ptr) {
        CHECK(o->at_timers < o->n_timers);
        const pb_Elements_Timers *t = o->timers[o->at_timers++];
        CHECK(same(pb_Elements_Timers_instruction_id(t), entry->instruction_id));
        CHECK(same(pb_Elements_Timers_transform_id(t), entry->transform_id));
        CHECK(same(pb_Elements_Timers_timer_family_id(t), entry->timer_family_id));
        CHECK(same(pb_Elements_Timers_timers(t), payload));
        CHECK(pb_Elements_Timers_is_last(t) == entry->is_last);
        return;
    }
    CHECK(o->at_data < o->n_data);
    const pb_Elements_Data *d = o->data[o->at_data++];
    CHECK(same(pb_Elements_Data_instruction_id(d), entry->instruction_id));
    CHECK(same(pb_Elements_Data_transform_id(d), entry->transform_id));
    CHECK(same(pb_Elements_Data_data(d), payload));
    CHECK(pb_Elements_Data_is_last(d) == entry->is_last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { CUTS = 4 };
    if (size < CUTS) return 0;
    beam_span bytes = { (const char *)data + CUTS, size - CUTS };
    bm_message *message = cut(data, CUTS, bytes);
    upb_Arena *upb = upb_Arena_New();
    const pb_Elements *parsed = pb_Elements_parse(bytes.ptr, bytes.len, upb);
    oracle o = { .n_data = 0 };
    if (parsed) {
        o.data = pb_Elements_data(parsed, &o.n_data);
        o.timers = pb_Elements_timers(parsed, &o.n_timers);
    }
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_elements_reader whole, sliced;
    bm_elements_reader_init(&whole);
    bm_elements_reader_init(&sliced);
    bm_elements_reader_bytes(&whole, bytes);
    bm_elements_reader_message(&sliced, message);
    beam_status status;
    do {
        bm_entry a, b;
        status = bm_elements_next(&whole, &a);
        CHECK(bm_elements_next(&sliced, &b) == status);
        if (status != BEAM_OK) break;
        beam_span payload = payload_of(&a, &arena);
        CHECK(beam_span_equal(payload, payload_of(&b, &arena)));
        CHECK(beam_span_equal(a.instruction_id, b.instruction_id));
        CHECK(beam_span_equal(a.transform_id, b.transform_id));
        CHECK(beam_span_equal(a.timer_family_id, b.timer_family_id));
        CHECK(a.is_last == b.is_last);
        if (parsed) check_entry(&o, &a, payload);
    } while (true);
    CHECK(status == BEAM_ESHORT || status == BEAM_ECODER);
    if (parsed && status == BEAM_ESHORT) CHECK(o.at_data == o.n_data);
    bm_elements_reader_free(&whole);
    bm_elements_reader_free(&sliced);
    bm_message_free(message);
    bm_arena_free(&arena);
    upb_Arena_Free(upb);
    return 0;
}
