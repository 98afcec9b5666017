/* SPDX-License-Identifier: Apache-2.0 */
/* GroupIntoBatches: elements wait in a bag until there are enough of them, or the window
 * ends, or the first has waited long enough. Bundle thread. */
#include "fns/builtin.h"
#include "fns/ctx.h"
#include "fns/random.h"

enum { BATCH, COUNT, BYTES };
static const beam_state_spec states[] = {
    [BATCH] = BEAM_BAG_STATE("batch", BEAM_ANY),
    [COUNT] = BEAM_VALUE_STATE("count", BEAM_INT64),
    [BYTES] = BEAM_VALUE_STATE("bytes", BEAM_INT64),
};
enum { WINDOW_END, WAITED };
static const beam_timer_spec timers[] = {
    [WINDOW_END] = { "window_end", BEAM_EVENT_TIME },
    [WAITED] = { "waited", BEAM_PROCESSING_TIME },
};

typedef struct batch_self {
    int64_t size, bytes, buffering_ms;
} batch_self;

static beam_status read_config(beam_ctx *c)
{
    batch_self *self = beam_self(c);
    bm_reader in = bm_reader_of(beam_config(c));
    uint64_t size, bytes, buffering_ms;
    if (bm_read_varint(&in, &size) != BEAM_OK || bm_read_varint(&in, &bytes) != BEAM_OK ||
        bm_read_varint(&in, &buffering_ms) != BEAM_OK)
        return beam_fail(c, BEAM_ECODER, "the configuration of the batches is damaged");
    *self = (batch_self){ (int64_t)size, (int64_t)bytes, (int64_t)buffering_ms };
    return BEAM_OK;
}

static beam_status flush(beam_ctx *c, beam_value key)
{
    beam_value batch = { BEAM_KIND_ITERABLE, { false } };
    batch.as.iter = beam_state_iter(c, BATCH);
    BEAM_TRY(beam_emit_kv(c, key, batch));
    BEAM_TRY(beam_state_clear(c, BATCH));
    BEAM_TRY(beam_state_clear(c, COUNT));
    return beam_state_clear(c, BYTES);
}

static beam_status start_waiting(beam_ctx *c, const batch_self *self)
{
    beam_window window = beam_element_window(c);
    BEAM_TRY(beam_timer_set(c, WINDOW_END, beam_window_max_timestamp(window)));
    if (!self->buffering_ms) return BEAM_OK;
    return beam_timer_set(c, WAITED, beam_now(c) + self->buffering_ms);
}

static int64_t encoded_bytes(beam_ctx *c, beam_value value)
{
    const bm_coder *input = bm_ctx_input_coder(c);
    bm_writer w = { 0 };
    beam_status status = bm_encode(input->arg[1], true, value, &w);
    int64_t bytes = (int64_t)w.len;
    bm_writer_free(&w);
    if (status != BEAM_OK) beam_fail(c, status, "the size of a value cannot be told");
    return bytes;
}

static beam_status add(beam_ctx *c, beam_value in)
{
    const batch_self *self = beam_self(c);
    beam_value value = beam_val(in);
    int64_t count = beam_as_int64(beam_state_read(c, COUNT)) + 1;
    int64_t bytes = 0;
    if (self->bytes)
        bytes = beam_as_int64(beam_state_read(c, BYTES)) + encoded_bytes(c, value);
    BEAM_TRY(beam_state_add(c, BATCH, value));
    if (count == 1) BEAM_TRY(start_waiting(c, self));
    if ((self->size && count >= self->size) || (self->bytes && bytes >= self->bytes)) {
        if (self->buffering_ms)
            BEAM_TRY(beam_timer_clear(c, WAITED, (beam_span){ NULL, 0 }));
        return flush(c, beam_key(in));
    }
    BEAM_TRY(beam_state_write(c, COUNT, beam_int64(count)));
    return self->bytes ? beam_state_write(c, BYTES, beam_int64(bytes)) : BEAM_OK;
}

static beam_status on_timer(beam_ctx *c, const beam_timer *timer)
{
    const batch_self *self = beam_self(c);
    /* Else it would hold the watermark until then. */
    if (timer->timer == WINDOW_END && self->buffering_ms)
        BEAM_TRY(beam_timer_clear(c, WAITED, (beam_span){ NULL, 0 }));
    return beam_state_is_empty(c, BATCH) ? BEAM_OK : flush(c, timer->key);
}

const beam_dofn bm_batch_fn = { .name = "beam.batch",
                                .in = BEAM_KV(BEAM_ANY, BEAM_ANY),
                                .out = BEAM_KV(BEAM_ANY, BEAM_ITERABLE(BEAM_ANY)),
                                .flags = BEAM_OBSERVES_WINDOW,
                                .self_size = sizeof(batch_self),
                                .states = BEAM_TABLE(states),
                                .timers = BEAM_TABLE(timers),
                                .setup = read_config,
                                .process = add,
                                .on_timer = on_timer };

/* -- sharded keys --------------------------------------------------------------------- */
/* One shard an instance: its elements are batched with each other only. */
static beam_status choose_shard(beam_ctx *c)
{
    *(uint64_t *)beam_self(c) = bm_random_seed();
    return BEAM_OK;
}

static beam_status shard(beam_ctx *c, beam_value in)
{
    beam_span id = { beam_self(c), sizeof(uint64_t) };
    beam_value key[2] = { beam_key(in), beam_bytes(id) };
    return beam_emit_kv(c, beam_kv(key), beam_val(in));
}

const beam_dofn bm_shard_fn = { .name = "beam.shard",
                                .in = BEAM_KV(BEAM_ANY, BEAM_ANY),
                                .out = BEAM_KV(BEAM_KV(BEAM_ANY, BEAM_BYTES), BEAM_ANY),
                                .self_size = sizeof(uint64_t),
                                .setup = choose_shard,
                                .process = shard };
