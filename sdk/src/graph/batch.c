/* SPDX-License-Identifier: Apache-2.0 */
/* GroupIntoBatches. One thread, as its pipeline. */
#include "fns/builtin.h"
#include "graph/build.h"

static bool limits_are_good(bm_step *step, const beam_batch_opts *opts)
{
    const char *problem =
        opts->size < 0 || opts->bytes < 0 || opts->buffering_ms < 0
            ? "a limit of beam_group_into_batches() is negative"
        : !opts->size && !opts->bytes
            ? "beam_group_into_batches() needs .size or .bytes: without, a batch has no end"
            : NULL;
    if (problem) bm_step_fail(step, BEAM_EINVAL, "%s", problem);
    return !problem;
}

/* The same elements under KV<K, BYTES shard>. */
static beam_pcoll *sharded(beam_pcoll *in)
{
    bm_arena *arena = &in->pipeline->arena;
    const beam_type *key = bm_type_kv(arena, in->type->arg[0], BEAM_BYTES);
    return bm_built_in(in, "Shard", &bm_shard_fn, (beam_span){ NULL, 0 },
                       bm_type_kv(arena, key, in->type->arg[1]));
}

beam_pcoll *beam_group_into_batches_with(beam_pcoll *in, const char *name,
                                         const beam_batch_opts *opts)
{
    static const beam_batch_opts nothing;
    if (!opts) opts = &nothing;
    bm_step *step = bm_step_reading(in, BM_STEP_COMPOSITE, name);
    if (!step || !bm_step_needs_keys(step, in) || !limits_are_good(step, opts))
        return bm_nil_of(in);
    bm_arena *arena = &step->pipeline->arena;
    bm_writer config = { 0 };
    bm_write_varint(&config, (uint64_t)opts->size);
    bm_write_varint(&config, (uint64_t)opts->bytes);
    bm_write_varint(&config, (uint64_t)opts->buffering_ms);
    bm_step_open(step);
    beam_pcoll *keyed = opts->sharded ? sharded(in) : in;
    const beam_type *out = bm_type_kv(arena, keyed->type->arg[0],
                                      bm_type_iterable(arena, keyed->type->arg[1]));
    beam_pcoll *batches = beam_par_do(keyed, "Batch", &bm_batch_fn,
                                      .config = bm_written(&config), .out = out);
    bm_writer_free(&config);
    return bm_step_close(step, batches);
}
