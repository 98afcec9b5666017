/* SPDX-License-Identifier: Apache-2.0 */
/* Transforms about windows: window_into, and map_windows and merge_windows, which a runner
 * uses to ask for what a window function says. Bundle thread. */
#include <stdlib.h>

#include "base/error.h"
#include "exec/window_call.h"

typedef struct window_node {
    bm_node node;
    bm_pcoll *out;
    bm_window_fn fn;
    bm_window_call *call; /* of a WindowFn of the program */
    const beam_window_mapping *mapping; /* map_windows, by the program */
    bm_one_window last; /* of fixed windows: that of the last element; at first an empty one */
} window_node;

static beam_status send(const window_node *w, const bm_element *like, beam_value value)
{
    bm_element element = *like;
    element.value = value;
    return w->out ? bm_send(w->out, &element) : BEAM_OK;
}

/* -- window_into -------------------------------------------------------------------------- */
static beam_status send_in(const window_node *w, const bm_element *element,
                           const bm_windows *windows)
{
    if (!w->out) return BEAM_OK;
    bm_element in_windows = { bm_value_of(&element->value), element->timestamp, windows,
                              element->pane };
    return bm_send(w->out, &in_windows);
}

static __attribute__((noinline)) void set_last(window_node *w, beam_millis t)
{
    bm_arena *scratch = &w->node.plan->scratch;
    bm_mark mark = bm_arena_mark(scratch);
    bm_one_window_set(&w->last, &bm_window_fn_assign(&w->fn, t, scratch)->at[0]);
    bm_rewind(scratch, mark);
}

/* Elements come mostly in order of time, and then share the fixed window before. */
static beam_status fixed_process(bm_node *node, const bm_element *element)
{
    window_node *w = (window_node *)node;
    beam_millis t = element->timestamp;
    const beam_window *last = &w->last.one.at;
    if (BM_UNLIKELY(t < last->start || t >= last->end)) set_last(w, t);
    return send_in(w, element, &w->last.windows);
}

static beam_status window_into_process(bm_node *node, const bm_element *element)
{
    const window_node *w = (const window_node *)node;
    bm_arena *scratch = &node->plan->scratch;
    bm_mark mark = bm_arena_mark(scratch);
    const bm_windows *windows =
        w->call ? bm_window_call_assign(w->call, element->value, element->timestamp, scratch)
                : bm_window_fn_assign(&w->fn, element->timestamp, scratch);
    beam_status status = windows ? BEAM_OK : node->plan->error.status;
    if (windows && windows->n) status = send_in(w, element, windows);
    bm_rewind(scratch, mark);
    return status;
}

/* -- map_windows: KV<nonce, window> -> KV<nonce, window of the side input> ------------------
 * Of several windows that hold the end of the main one, the first. */
static beam_value window_value(const beam_window *window)
{
    beam_value value = { BEAM_KIND_WINDOW, { false } };
    value.as.ptr = window;
    return value;
}

static beam_status map_window(window_node *w, const bm_element *element,
                              const beam_window *from, beam_window *out)
{
    beam_millis at = beam_window_max_timestamp(*from);
    if (w->mapping) {
        *out = w->mapping->map(*from);
        return BEAM_OK;
    }
    const bm_windows *mapped =
        w->call ? bm_window_call_assign(w->call, beam_null(), at, &w->node.plan->scratch)
                : bm_window_fn_assign(&w->fn, at, &w->node.plan->scratch);
    if (!mapped) return w->node.plan->error.status;
    if (!mapped->n)
        return bm_fail_on(&w->node, BEAM_EINVAL, element,
                          "the side input's window function has no window for it");
    *out = *bm_first_window(mapped);
    return BEAM_OK;
}

static beam_status map_process(bm_node *node, const bm_element *element)
{
    window_node *w = (window_node *)node;
    bm_arena *scratch = &node->plan->scratch;
    beam_value from = beam_val(element->value);
    if (from.kind != BEAM_KIND_WINDOW)
        return bm_fail_on(node, BEAM_ETYPE, element, "it is not a KV of a nonce and a window");
    bm_mark mark = bm_arena_mark(scratch);
    beam_window mapped;
    beam_status status = map_window(w, element, from.as.ptr, &mapped);
    if (status == BEAM_OK) {
        const beam_value pair[2] = { beam_key(element->value), window_value(&mapped) };
        status = send(w, element, beam_kv(pair));
    }
    bm_rewind(scratch, mark);
    return status;
}

/* -- merge_windows: KV<nonce, windows> -> KV<nonce, KV<windows left alone,
 *    iterable<KV<merged window, windows in it>>>> ------------------------------------------- */
static int by_start(const void *a, const void *b)
{
    const beam_window *l = a, *r = b;
    if (l->start != r->start) return l->start < r->start ? -1 : 1;
    return (l->end > r->end) - (l->end < r->end);
}

static beam_window *read_windows(bm_arena *arena, beam_value iterable, size_t *n)
{
    size_t cap = 8;
    beam_window *windows = BM_NEW_ARRAY(arena, beam_window, cap);
    *n = 0;
    beam_iter *iter = beam_as_iter(iterable);
    for (beam_value v; beam_next(iter, &v);) {
        if (v.kind != BEAM_KIND_WINDOW) continue;
        if (*n == cap) {
            beam_window *grown = BM_NEW_ARRAY(arena, beam_window, cap * 2);
            memcpy(grown, windows, cap * sizeof *grown);
            windows = grown;
            cap *= 2;
        }
        beam_window *window = &windows[(*n)++];
        *window = *(const beam_window *)v.as.ptr;
        if (window->custom.ptr) window->custom = bm_span_copy(arena, window->custom);
    }
    return windows;
}

static beam_value iterable_of(bm_arena *arena, const beam_value *values, size_t n)
{
    beam_value value = { BEAM_KIND_ITERABLE, { false } };
    value.as.iter = bm_iter_of_values(arena, values, n);
    return value;
}

static beam_value windows_value(bm_arena *arena, const beam_window *windows, size_t n)
{
    beam_value *values = BM_NEW_ARRAY(arena, beam_value, n);
    for (size_t i = 0; i < n; i++) values[i] = window_value(&windows[i]);
    return iterable_of(arena, values, n);
}

static beam_value kv_value(bm_arena *arena, beam_value key, beam_value value)
{
    beam_value *pair = BM_NEW_ARRAY(arena, beam_value, 2);
    pair[0] = key;
    pair[1] = value;
    return beam_kv(pair);
}

/* How many of the windows overlap, each with one before it; `merged` spans them. */
static size_t overlapping(const beam_window *windows, size_t n, beam_window *merged)
{
    size_t i = 1;
    *merged = windows[0];
    for (; i < n && windows[i].start < merged->end; i++)
        if (windows[i].end > merged->end) merged->end = windows[i].end;
    return i;
}

/* Sessions that overlap become one. */
static beam_value merge_sessions(bm_arena *arena, beam_window *windows, size_t n)
{
    beam_window *alone = BM_NEW_ARRAY(arena, beam_window, n);
    beam_window *merged = BM_NEW_ARRAY(arena, beam_window, n);
    beam_value *merges = BM_NEW_ARRAY(arena, beam_value, n);
    size_t n_alone = 0, n_merges = 0;
    for (size_t i = 0, run; i < n; i += run) {
        run = overlapping(&windows[i], n - i, &merged[n_merges]);
        if (run == 1) {
            alone[n_alone++] = windows[i];
        } else {
            merges[n_merges] = kv_value(arena, window_value(&merged[n_merges]),
                                        windows_value(arena, &windows[i], run));
            n_merges++;
        }
    }
    return kv_value(arena, windows_value(arena, alone, n_alone),
                    iterable_of(arena, merges, n_merges));
}

static bool is_merged(const bm_window_merge_set *sets, size_t n, const beam_window *window)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sets[i].n; k++)
            if (bm_window_equal(&sets[i].from[k], window)) return true;
    return false;
}

/* As the program's WindowFn says; the null value after failing. */
static beam_value merge_custom(const window_node *w, bm_arena *arena,
                               const beam_window *windows, size_t n)
{
    const bm_window_merge_set *sets;
    size_t n_sets, n_alone = 0;
    if (bm_window_call_merge(w->call, windows, n, arena, &sets, &n_sets) != BEAM_OK)
        return beam_null();
    beam_window *alone = BM_NEW_ARRAY(arena, beam_window, n);
    for (size_t i = 0; i < n; i++)
        if (!is_merged(sets, n_sets, &windows[i])) alone[n_alone++] = windows[i];
    beam_value *merges = BM_NEW_ARRAY(arena, beam_value, n_sets);
    for (size_t i = 0; i < n_sets; i++)
        merges[i] = kv_value(arena, window_value(&sets[i].into),
                             windows_value(arena, sets[i].from, sets[i].n));
    return kv_value(arena, windows_value(arena, alone, n_alone),
                    iterable_of(arena, merges, n_sets));
}

static beam_status merge_process(bm_node *node, const bm_element *element)
{
    const window_node *w = (const window_node *)node;
    bm_plan *plan = node->plan;
    bm_mark mark = bm_arena_mark(&plan->scratch);
    size_t n;
    beam_window *windows = read_windows(&plan->scratch, beam_val(element->value), &n);
    beam_status status = plan->read_failed;
    if (status != BEAM_OK) {
        status = bm_fail_on(node, status, element, "its windows could not be read");
    } else {
        qsort(windows, n, sizeof *windows, by_start);
        beam_value merged = w->call ? merge_custom(w, &plan->scratch, windows, n)
                                    : merge_sessions(&plan->scratch, windows, n);
        const beam_value pair[2] = { beam_key(element->value), merged };
        status = bm_failed(plan) ? plan->error.status : send(w, element, beam_kv(pair));
    }
    bm_rewind(&plan->scratch, mark);
    return status;
}

/* -- construction ---------------------------------------------------------------------------- */
static beam_status check_fn(const bm_transform *t, beam_error *err)
{
    const bm_window_fn *fn = &t->window_fn;
    const char *problem = NULL;
    if (fn->kind == BM_WINDOW_FN_OTHER)
        return bm_error(err, BEAM_EUNSUPPORTED, "Transform '%s' has the window function '%s', "
                        "which this worker does not know", t->name, t->window_fn_urn);
    if (fn->kind == BM_WINDOW_FN_CUSTOM) return BEAM_OK;
    if (fn->kind != BM_WINDOW_FN_GLOBAL && fn->size <= 0) problem = "the size is not positive";
    if (fn->kind == BM_WINDOW_FN_SLIDING) {
        if (fn->period <= 0) problem = "the period is not positive";
        else if (fn->size / fn->period > 1000000)
            problem = "an element would be in more than a million windows";
    }
    return problem ? bm_error(err, BEAM_EINVAL, "Transform '%s': bad %s window function: %s",
                              t->name, t->window_fn_urn, problem)
                   : BEAM_OK;
}

static beam_status make(bm_plan *plan, const bm_transform *t, const bm_node_ops *ops,
                        bm_node **out, beam_error *err)
{
    if (!t->window_mapping) BEAM_TRY(check_fn(t, err));
    window_node *w = bm_node_make(plan, t, ops, sizeof *w);
    *out = &w->node;
    w->out = bm_only_output(t);
    w->mapping = t->window_mapping;
    w->fn = t->window_fn;
    w->node.phase = BM_TIME_PROCESS;
    if (w->fn.kind != BM_WINDOW_FN_CUSTOM) return BEAM_OK;
    w->node.what = bm_format(&plan->arena, "WindowFn '%s'", w->fn.custom->name);
    w->node.name_space = w->fn.custom->name;
    w->call = bm_window_call_new(&w->node, &w->fn);
    return BEAM_OK;
}

beam_status bm_window_into_new(bm_plan *plan, const bm_transform *t, bm_node **out,
                               beam_error *err)
{
    static const bm_node_ops ops = { .process = window_into_process },
                             fixed_ops = { .process = fixed_process };
    bool is_fixed = t->window_fn.kind == BM_WINDOW_FN_FIXED;
    return make(plan, t, is_fixed ? &fixed_ops : &ops, out, err);
}

beam_status bm_map_windows_new(bm_plan *plan, const bm_transform *t, bm_node **out,
                               beam_error *err)
{
    static const bm_node_ops ops = { .process = map_process };
    return make(plan, t, &ops, out, err);
}

beam_status bm_merge_windows_new(bm_plan *plan, const bm_transform *t, bm_node **out,
                                 beam_error *err)
{
    static const bm_node_ops ops = { .process = merge_process };
    const bm_window_fn *fn = &t->window_fn;
    if (fn->kind == BM_WINDOW_FN_CUSTOM && !fn->custom->merge)
        return bm_error(err, BEAM_EINVAL, "Transform '%s' merges windows, but WindowFn '%s' has "
                        "no .merge", t->name, fn->custom->name);
    if (fn->kind != BM_WINDOW_FN_SESSIONS && fn->kind != BM_WINDOW_FN_CUSTOM)
        return bm_error(err, BEAM_EUNSUPPORTED, "Transform '%s' merges windows of '%s', but "
                        "only sessions and WindowFns of the program merge here", t->name, t->window_fn_urn);
    return make(plan, t, &ops, out, err);
}
