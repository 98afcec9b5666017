/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a Reshuffle, for runners that do not do it themselves: timestamp and window
 * of each element go through the shuffle as bytes beside its value. Panes are not kept.
 * Bundle thread. */
#include "base/reader.h"
#include "base/writer.h"
#include "fns/builtin.h"
#include "fns/random.h"
#include "fns/ctx.h"

/* KV<bytes, value>, as it goes through the shuffle. */
#define REIFIED BEAM_KV(BEAM_BYTES, BEAM_ANY)

/* -- timestamp and window as bytes ---------------------------------------------------- */
typedef enum window_form { GLOBAL, INTERVAL, CUSTOM } window_form;

enum { PLACE_SIZE = 8 + 1 + 8 + 8 };

typedef struct place {
    beam_millis timestamp;
    beam_window window;
} place;

static window_form form_of(const beam_window *w)
{
    return w->custom.ptr ? CUSTOM : w->start == BEAM_MIN_TIMESTAMP ? GLOBAL : INTERVAL;
}

static char *put_be64(char *at, int64_t v)
{
    uint64_t swapped = __builtin_bswap64((uint64_t)v);
    return (char *)memcpy(at, &swapped, 8) + 8;
}

/* The bytes are in beam_alloc() memory. */
static beam_span save_place(beam_ctx *c)
{
    beam_window w = beam_element_window(c);
    char *bytes = beam_alloc(c, PLACE_SIZE + w.custom.len);
    char *at = put_be64(bytes, beam_timestamp(c));
    window_form form = form_of(&w);
    *at++ = (char)form;
    if (form != GLOBAL) {
        at = put_be64(at, w.start);
        at = put_be64(at, w.end);
    }
    if (form == CUSTOM) {
        memcpy(at, w.custom.ptr, w.custom.len);
        at += w.custom.len;
    }
    return (beam_span){ bytes, (size_t)(at - bytes) };
}

static beam_status load_place(beam_span bytes, place *out)
{
    bm_reader in = bm_reader_of(bytes);
    uint64_t timestamp, start, end;
    uint8_t form;
    BEAM_TRY(bm_read_be64(&in, &timestamp));
    BEAM_TRY(bm_read_u8(&in, &form));
    *out = (place){ .timestamp = (beam_millis)timestamp,
                    .window = { BEAM_MIN_TIMESTAMP,
                                BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP + 1,
                                { NULL, 0 } } };
    if (form == GLOBAL) return bm_left(&in) ? BEAM_ECODER : BEAM_OK;
    BEAM_TRY(bm_read_be64(&in, &start));
    BEAM_TRY(bm_read_be64(&in, &end));
    out->window.start = (beam_millis)start;
    out->window.end = (beam_millis)end;
    if (form == CUSTOM) out->window.custom = bm_rest(&in);
    return form == INTERVAL && bm_left(&in) ? BEAM_ECODER : BEAM_OK;
}

/* -- before the shuffle --------------------------------------------------------------- */
static beam_status by_key(beam_ctx *c, beam_value in)
{
    beam_value pair[] = { beam_bytes(save_place(c)), beam_val(in) };
    return beam_emit_kv(c, beam_key(in), beam_kv(pair));
}

/* Keys are random, from a generator per instance that starts somewhere else each time. */
typedef struct spread_self {
    uint64_t state;
} spread_self;

static beam_status spread_setup(beam_ctx *c)
{
    spread_self *self = beam_self(c);
    self->state = bm_random_seed();
    return BEAM_OK;
}

/* Few enough keys for groups of more than one, many enough for any number of workers. */
static int64_t next_key(spread_self *self)
{
    return (int64_t)(bm_random_next(&self->state) >> 50); /* 14 bits: two bytes as a varint */
}

static beam_status spread(beam_ctx *c, beam_value in)
{
    beam_value pair[] = { beam_bytes(save_place(c)), in };
    return beam_emit_kv(c, beam_int64(next_key(beam_self(c))), beam_kv(pair));
}

/* -- after it ------------------------------------------------------------------------- */
static beam_status restore(beam_ctx *c, beam_value reified, const beam_value *key)
{
    place at;
    if (load_place(beam_as_span(beam_key(reified)), &at) != BEAM_OK)
        return beam_fail(c, BEAM_ECODER, "an element came out of the shuffle damaged");
    beam_value pair[] = { key ? *key : beam_null(), beam_val(reified) };
    return beam_emit_windowed(c, -1, key ? beam_kv(pair) : pair[1], at.timestamp,
                              &at.window);
}

static beam_status from_key(beam_ctx *c, beam_value in)
{
    beam_value key = beam_key(in);
    beam_iter *it = beam_as_iter(beam_val(in));
    for (beam_value v; beam_next(it, &v);) BEAM_TRY(restore(c, v, &key));
    return BEAM_OK;
}

static beam_status unspread(beam_ctx *c, beam_value in)
{
    beam_iter *it = beam_as_iter(beam_val(in));
    for (beam_value v; beam_next(it, &v);) BEAM_TRY(restore(c, v, NULL));
    return BEAM_OK;
}

const beam_dofn bm_reshuffle_by_key_fn = { .name = "beam.reshuffle_by_key",
                                           .in = BEAM_KV(BEAM_ANY, BEAM_ANY),
                                           .out = BEAM_KV(BEAM_ANY, REIFIED),
                                           .flags = BEAM_OBSERVES_WINDOW,
                                           .process = by_key };
const beam_dofn bm_reshuffle_from_key_fn = { .name = "beam.reshuffle_from_key",
                                             .in = BEAM_KV(BEAM_ANY,
                                                           BEAM_ITERABLE(REIFIED)),
                                             .out = BEAM_KV(BEAM_ANY, BEAM_ANY),
                                             .process = from_key };
const beam_dofn bm_reshuffle_spread_fn = { .name = "beam.reshuffle_spread",
                                           .in = BEAM_ANY,
                                           .out = BEAM_KV(BEAM_INT64, REIFIED),
                                           .flags = BEAM_OBSERVES_WINDOW,
                                           .self_size = sizeof(spread_self),
                                           .setup = spread_setup,
                                           .process = spread };
const beam_dofn bm_reshuffle_unspread_fn = { .name = "beam.reshuffle_unspread",
                                             .in = BEAM_KV(BEAM_INT64,
                                                           BEAM_ITERABLE(REIFIED)),
                                             .out = BEAM_ANY,
                                             .process = unspread };
