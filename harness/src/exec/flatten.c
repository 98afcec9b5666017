/* SPDX-License-Identifier: Apache-2.0 */
/* Transforms that hand elements on without user code: flatten, the identity that a runner
 * leaves of a reshuffle, and to_string. Bundle thread. */
#include "base/error.h"
#include "exec/node.h"

typedef struct passing_node {
    bm_node node;
    bm_pcoll *out;
} passing_node;

static beam_status flatten_process(bm_node *node, const bm_element *element)
{
    bm_pcoll *out = ((passing_node *)node)->out;
    return out ? bm_send(out, element) : BEAM_OK;
}

static const char *whole_text(bm_arena *arena, beam_value value)
{
    for (size_t max = 256;; max *= 4) {
        const char *text = bm_value_text(arena, value, max);
        if (strlen(text) < max - 8) return text; /* it was not cut */
    }
}

/* KV<nonce, T> -> KV<nonce, string> */
static beam_status to_string_process(bm_node *node, const bm_element *element)
{
    bm_pcoll *out = ((passing_node *)node)->out;
    if (!out) return BEAM_OK;
    bm_arena *scratch = &node->plan->scratch;
    bm_mark mark = bm_arena_mark(scratch);
    beam_value value = beam_val(element->value);
    beam_span text = value.kind == BEAM_KIND_STRING
                         ? value.as.span
                         : beam_span_of(whole_text(scratch, value));
    const beam_value pair[2] = { beam_key(element->value), beam_string(text) };
    bm_element with_text = *element;
    with_text.value = beam_kv(pair);
    beam_status status = bm_send(out, &with_text);
    bm_rewind(scratch, mark);
    return status;
}

static const bm_node_ops flatten_ops = { .process = flatten_process };
static const bm_node_ops to_string_ops = { .process = to_string_process };

static void make(bm_plan *plan, const bm_transform *t, const bm_node_ops *ops, bm_node **out)
{
    passing_node *p = bm_node_make(plan, t, ops, sizeof *p);
    p->out = bm_only_output(t);
    *out = &p->node;
}

beam_status bm_flatten_new(bm_plan *plan, const bm_transform *t, bm_node **out,
                           beam_error *err)
{
    (void)err;
    make(plan, t, &flatten_ops, out);
    return BEAM_OK;
}

beam_status bm_to_string_new(bm_plan *plan, const bm_transform *t, bm_node **out,
                             beam_error *err)
{
    (void)err;
    make(plan, t, &to_string_ops, out);
    return BEAM_OK;
}
