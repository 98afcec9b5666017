/* SPDX-License-Identifier: Apache-2.0 */
/* What CombineGlobally gives for no input: the CombineFn applied to a group without values,
 * and a choice between that and the real result. Bundle thread. */
#include "fns/builtin.h"
#include "fns/ctx.h"

#define MARKED BEAM_KV(BEAM_BOOL, BEAM_ANY)

static beam_status empty_group(beam_ctx *c, beam_value impulse)
{
    (void)impulse;
    beam_value nothing = { BEAM_KIND_ITERABLE, { false } };
    nothing.as.iter = bm_iter_of_values(bm_ctx_arena(c), NULL, 0);
    return beam_emit_kv(c, beam_bytes(beam_span_of("")), nothing);
}

static beam_status mark(beam_ctx *c, beam_value in)
{
    beam_value pair[] = { beam_bool(beam_config(c).len > 0), beam_val(in) };
    return beam_emit_kv(c, beam_key(in), beam_kv(pair));
}

/* The first value that is a default, or is none. */
static bool find(beam_value group, bool is_default, beam_value *out)
{
    beam_iter *it = beam_as_iter(beam_val(group));
    for (beam_value v; beam_next(it, &v);) {
        if (beam_as_bool(beam_key(v)) != is_default) continue;
        *out = beam_val(v);
        return true;
    }
    return false;
}

static beam_status choose(beam_ctx *c, beam_value in)
{
    beam_value chosen;
    bool found = find(in, false, &chosen) || find(in, true, &chosen);
    return found ? beam_emit(c, chosen) : BEAM_OK;
}

const beam_dofn bm_empty_group_fn = { .name = "beam.empty_group",
                                      .in = BEAM_BYTES,
                                      .out = BEAM_KV(BEAM_BYTES, BEAM_ITERABLE(BEAM_ANY)),
                                      .process = empty_group };
const beam_dofn bm_mark_fn = { .name = "beam.mark",
                               .in = BEAM_KV(BEAM_BYTES, BEAM_ANY),
                               .out = BEAM_KV(BEAM_BYTES, MARKED),
                               .process = mark };
const beam_dofn bm_choose_fn = { .name = "beam.choose",
                                 .in = BEAM_KV(BEAM_BYTES, BEAM_ITERABLE(MARKED)),
                                 .out = BEAM_ANY,
                                 .process = choose };
