/* SPDX-License-Identifier: Apache-2.0 */
/* Flatten, and CoGroupByKey, which is built on it. One thread, as its pipeline. */
#include "fns/builtin.h"
#include "graph/build.h"

enum { MIN_CO_INPUTS = 2, MAX_CO_INPUTS = 8 };

bool bm_step_windowings_agree(bm_step *step)
{
    bm_arena *arena = &step->pipeline->arena;
    for (size_t i = 1; i < step->n_inputs; i++) {
        const bm_windowing *first = bm_windowing_of(step->inputs[0]);
        const bm_windowing *other = bm_windowing_of(step->inputs[i]);
        if (bm_windowing_compatible(first, other)) continue;
        bm_step_fail(step, BEAM_EINVAL,
                     "'%s' is in %s, but '%s' is in %s: give both the same "
                     "beam_window_into() first",
                     bm_pcoll_name(step->inputs[0]), bm_windowing_text(arena, first),
                     bm_pcoll_name(step->inputs[i]), bm_windowing_text(arena, other));
        return false;
    }
    return true;
}

/* Inputs "0", "1", ...; false after failing. */
static bool read_all(bm_step *step, beam_pcoll *const inputs[], size_t n)
{
    bm_arena *arena = &step->pipeline->arena;
    if (n && !inputs) {
        bm_step_fail(step, BEAM_EINVAL, "its array of inputs is NULL");
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const char *tag = bm_format(arena, "%zu", i);
        if (!bm_step_read(step, tag, inputs[i], bm_format(arena, "input %zu", i)))
            return false;
    }
    return bm_step_windowings_agree(step);
}

static bool all_bounded(const bm_step *step)
{
    for (size_t i = 0; i < step->n_inputs; i++)
        if (!step->inputs[i]->bounded) return false;
    return true;
}

static bool same_types(bm_step *step)
{
    const beam_pcoll *first = step->inputs[0];
    for (size_t i = 1; i < step->n_inputs; i++) {
        const beam_pcoll *other = step->inputs[i];
        if (beam_type_equal(first->type, other->type)) continue;
        bm_step_fail(
            step, BEAM_ETYPE,
            "Flatten reads one type, but '%s' holds %s and '%s' holds %s: make them "
            "the same before this step",
            bm_pcoll_name(first), bm_pcoll_type_text(first), bm_pcoll_name(other),
            bm_pcoll_type_text(other));
        return false;
    }
    return true;
}

/* Who makes a collection: what Beam's Java runners do with a Flatten depends on it. */
typedef enum maker { BY_WORKER, BY_RUNNER, BY_ANOTHER_SDK } maker;

static maker maker_of(const beam_pcoll *c)
{
    /* A Flatten's other inputs are made as its first. */
    const bm_step *producer = c->first ? c->first->producer : c->producer;
    for (const bm_step *whole = producer->parent; whole; whole = whole->parent)
        if (whole->kind == BM_STEP_RESHUFFLE) return BY_RUNNER;
    switch (producer->kind) {
    case BM_STEP_IMPULSE:
    case BM_STEP_GROUP_BY_KEY:
    case BM_STEP_TEST_STREAM: return BY_RUNNER;
    case BM_STEP_EXTERNAL: return BY_ANOTHER_SDK;
    default: return BY_WORKER;
    }
}

/* Beam's Java runners run a Flatten themselves when an input is of their own making, and then
 * miss those that a worker makes: the job fails (beam issue 34647). */
static bool has_several_makers(const bm_step *flatten)
{
    maker first = maker_of(flatten->inputs[0]);
    for (size_t i = 1; i < flatten->n_inputs; i++)
        if (maker_of(flatten->inputs[i]) != first) return true;
    return false;
}

/* The Flatten with a worker's step before each input that no worker makes. */
static beam_pcoll *flatten_of_several_makers(bm_step *step)
{
    bm_arena *arena = &step->pipeline->arena;
    beam_pcoll **inputs = BM_NEW_ARRAY(arena, beam_pcoll *, step->n_inputs);
    step->kind = BM_STEP_COMPOSITE;
    bm_step_open(step);
    for (size_t i = 0; i < step->n_inputs; i++) {
        beam_pcoll *in = step->inputs[i];
        inputs[i] = maker_of(in) == BY_WORKER
                        ? in
                        : bm_built_in(in, bm_format(arena, "Input%zu", i), &bm_pass_fn,
                                      (beam_span){ NULL, 0 }, in->type);
    }
    return bm_step_close(step, beam_flatten(step->pipeline, "Flatten", inputs, step->n_inputs));
}

beam_pcoll *beam_flatten(beam_pipeline *p, const char *name, beam_pcoll *const inputs[],
                         size_t n)
{
    bm_step *step = bm_step_new(p, BM_STEP_FLATTEN, name);
    if (!step) return bm_nil(p);
    if (!n) {
        bm_step_fail(
            step, BEAM_EINVAL,
            "it has no inputs: pass one or more collections, or use beam_create() "
            "without values for an empty one");
        return p->nil;
    }
    if (!read_all(step, inputs, n) || !same_types(step)) return p->nil;
    if (has_several_makers(step)) return flatten_of_several_makers(step);
    const beam_pcoll *first = step->inputs[0];
    beam_pcoll *out = bm_step_output(step, BM_MAIN_TAG, first->type, first->windowing,
                                     all_bounded(step));
    out->first = first->first ? first->first : first;
    return out;
}

/* -- CoGroupByKey --------------------------------------------------------------------- */
static bool keys_agree(bm_step *step)
{
    const beam_pcoll *first = step->inputs[0];
    bm_arena *arena = &step->pipeline->arena;
    for (size_t i = 0; i < step->n_inputs; i++) {
        const beam_pcoll *in = step->inputs[i];
        const char *why;
        if (in->type->kind != BEAM_KIND_KV) {
            bm_step_fail(
                step, BEAM_ETYPE,
                "CoGroupByKey reads KV<K, V>, but '%s' holds %s: make KVs of its "
                "elements first",
                bm_pcoll_name(in), bm_pcoll_type_text(in));
            return false;
        }
        if (!bm_type_is_deterministic(in->type->arg[0], &why)) {
            bm_step_fail(
                step, BEAM_ETYPE,
                "CoGroupByKey needs keys with one encoding each, but the keys of "
                "'%s', %s, hold %s: use another key",
                bm_pcoll_name(in), bm_type_text(arena, in->type->arg[0]), why);
            return false;
        }
        if (!beam_type_equal(first->type->arg[0], in->type->arg[0])) {
            bm_step_fail(
                step, BEAM_ETYPE,
                "CoGroupByKey needs one key type, but '%s' holds %s and '%s' holds "
                "%s: make the keys the same before this step",
                bm_pcoll_name(first), bm_pcoll_type_text(first), bm_pcoll_name(in),
                bm_pcoll_type_text(in));
            return false;
        }
    }
    return true;
}

typedef const beam_type *(*wrap_fn)(bm_arena *arena, const beam_type *type);

/* KV<wrap(V0), KV<wrap(V1), ... wrap(Vn)>>. */
static const beam_type *nest_of_values(const bm_step *step, wrap_fn wrap)
{
    bm_arena *arena = &step->pipeline->arena;
    const beam_type *nest = NULL;
    for (size_t i = step->n_inputs; i-- > 0;) {
        const beam_type *part = wrap(arena, step->inputs[i]->type->arg[1]);
        nest = nest ? bm_type_kv(arena, part, nest) : part;
    }
    return nest;
}

/* Config of the tag and untag DoFns. */
static beam_span co_config(bm_arena *arena, size_t input, size_t n)
{
    bm_writer w = { 0 };
    bm_write_varint(&w, input);
    bm_write_varint(&w, n);
    beam_span config = bm_span_copy(arena, bm_written(&w));
    bm_writer_free(&w);
    return config;
}

beam_pcoll *beam_co_group_by_key(beam_pipeline *p, const char *name,
                                 beam_pcoll *const inputs[], size_t n)
{
    bm_step *step = bm_step_new(p, BM_STEP_COMPOSITE, name);
    if (!step) return bm_nil(p);
    if (n < MIN_CO_INPUTS || n > MAX_CO_INPUTS) {
        bm_step_fail(step, BEAM_EINVAL,
                     "CoGroupByKey takes from %d to %d inputs, and there %s %zu",
                     MIN_CO_INPUTS, MAX_CO_INPUTS, n == 1 ? "is" : "are", n);
        return p->nil;
    }
    if (!read_all(step, inputs, n) || !keys_agree(step)) return p->nil;

    bm_step_open(step);
    bm_arena *arena = &p->arena;
    const beam_type *key = step->inputs[0]->type->arg[0];
    const beam_type *slots = bm_type_kv(arena, BEAM_INT64,
                                        nest_of_values(step, bm_type_nullable));
    beam_pcoll *tagged[MAX_CO_INPUTS];
    for (size_t i = 0; i < n; i++)
        tagged[i] = bm_built_in(inputs[i], bm_format(arena, "Tag%zu", i), &bm_co_tag_fn,
                                co_config(arena, i, n), bm_type_kv(arena, key, slots));
    beam_pcoll *together = beam_flatten(p, "Flatten", tagged, n);
    beam_pcoll *grouped = beam_group_by_key(together, "GroupByKey");
    const beam_type *out = bm_type_kv(arena, key, nest_of_values(step, bm_type_iterable));
    return bm_step_close(step, bm_built_in(grouped, "Untag", &bm_co_untag_fn,
                                           co_config(arena, 0, n), out));
}
