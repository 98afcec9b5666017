/* SPDX-License-Identifier: Apache-2.0 */
/* WindowFns of the program: beam_assign_window() and beam_merge_windows(). Bundle thread. */
#include "exec/window_call.h"

#include "exec/ctx_impl.h"

struct bm_window_call {
    beam_ctx ctx;
    const beam_custom_windows *fn;
    bm_arena *arena; /* of the results; NULL: no call is under way */
    /* assign */
    bool assigns;
    bm_windows *windows;
    size_t cap_windows;
    /* merge */
    const beam_window *given;
    bool *taken;
    size_t n_given;
    bm_window_merge_set *sets;
    size_t n_sets;
};

bm_window_call *bm_window_call_new(bm_node *node, const bm_window_fn *fn)
{
    bm_window_call *call = BM_NEW(&node->plan->arena, bm_window_call);
    call->fn = fn->custom;
    call->ctx = (beam_ctx){ .node = node,
                            .arena = &node->plan->scratch,
                            .config = fn->config,
                            .window_call = call };
    if (!node->ctx) node->ctx = &call->ctx;
    return call;
}

static beam_status fail(beam_ctx *c, const char *function, const char *problem)
{
    const char *fn = c->window_call ? c->window_call->fn->name : "?";
    return beam_fail(c, BEAM_EINVAL, "%s of WindowFn '%s': %s", function, fn, problem);
}

static const char *window_problem(const bm_window_call *call, const beam_window *window)
{
    if (window->custom.len && !call->fn->custom_windows)
        return "the window has .custom bytes, so the WindowFn needs .custom_windows = true";
    if (window->start >= window->end) return "the window's end is not after its start";
    if (window->start < BEAM_MIN_TIMESTAMP ||
        window->end > BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP + 1)
        return "the window reaches beyond the global one: cut it to BEAM_MIN_TIMESTAMP ... "
               "BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP + 1";
    return NULL;
}

/* Without bytes it is the same as an interval. */
static beam_window keep(bm_arena *arena, beam_window window)
{
    window.custom = window.custom.len ? bm_span_copy(arena, window.custom)
                                      : (beam_span){ NULL, 0 };
    return window;
}

/* -- assign ------------------------------------------------------------------------------- */
static bool has_window(const bm_windows *windows, const beam_window *window)
{
    for (size_t i = 0; i < windows->n; i++)
        if (bm_window_equal(&windows->at[i], window)) return true;
    return false;
}

static void add_window(bm_window_call *call, const beam_window *window)
{
    bm_windows *windows = call->windows;
    if (windows->n == call->cap_windows) {
        call->cap_windows *= 2;
        call->windows = bm_alloc(call->arena, sizeof *windows +
                                                  call->cap_windows * sizeof *windows->at);
        memcpy(call->windows, windows, sizeof *windows + windows->n * sizeof *windows->at);
        windows = call->windows;
    }
    windows->at[windows->n++] = *window;
}

beam_status beam_assign_window(beam_ctx *c, beam_window window)
{
    bm_window_call *call = c->window_call;
    if (bm_failed(c->node->plan)) return c->node->plan->error.status;
    if (!call || !call->arena || !call->assigns)
        return beam_fail(c, BEAM_ESTATE, "beam_assign_window() is for .assign of WindowFns");
    const char *problem = window_problem(call, &window);
    if (problem) return fail(c, "beam_assign_window()", problem);
    window = keep(call->arena, window);
    if (!has_window(call->windows, &window)) add_window(call, &window);
    return BEAM_OK;
}

const bm_windows *bm_window_call_assign(bm_window_call *call, beam_value value,
                                        beam_millis timestamp, bm_arena *arena)
{
    beam_ctx *c = &call->ctx;
    beam_status status;
    call->arena = arena;
    call->assigns = true;
    call->cap_windows = 4;
    call->windows = bm_calloc(arena, sizeof *call->windows + 4 * sizeof *call->windows->at);
    BM_CALLBACK(c, "assign", arena, BM_TIME_PROCESS,
                status = bm_callback_ended(c, call->fn->assign(c, value, timestamp)));
    call->arena = NULL;
    return status == BEAM_OK ? call->windows : NULL;
}

/* -- merge -------------------------------------------------------------------------------- */
static bool take(bm_window_call *call, const beam_window *window)
{
    for (size_t i = 0; i < call->n_given; i++) {
        if (call->taken[i] || !bm_window_equal(&call->given[i], window)) continue;
        return call->taken[i] = true;
    }
    return false;
}

beam_status beam_merge_windows(beam_ctx *c, const beam_window *from, size_t n,
                               beam_window into)
{
    bm_window_call *call = c->window_call;
    if (bm_failed(c->node->plan)) return c->node->plan->error.status;
    if (!call || !call->arena || call->assigns)
        return beam_fail(c, BEAM_ESTATE, "beam_merge_windows() is for .merge of WindowFns");
    const char *problem = window_problem(call, &into);
    if (problem) return fail(c, "beam_merge_windows()", problem);
    if (!n) return BEAM_OK;
    beam_window *copy = BM_NEW_ARRAY(call->arena, beam_window, n);
    for (size_t i = 0; i < n; i++) {
        copy[i] = keep(call->arena, from[i]);
        if (!take(call, &copy[i]))
            return fail(c, "beam_merge_windows()",
                        "a window in `from` is not one of those to merge, or was merged "
                        "already");
    }
    call->sets[call->n_sets++] = (bm_window_merge_set){ keep(call->arena, into), copy, n };
    return BEAM_OK;
}

beam_status bm_window_call_merge(bm_window_call *call, const beam_window *windows, size_t n,
                                 bm_arena *arena, const bm_window_merge_set **sets,
                                 size_t *n_sets)
{
    beam_ctx *c = &call->ctx;
    beam_status status;
    call->arena = arena;
    call->assigns = false;
    call->given = windows;
    call->n_given = n;
    call->taken = BM_NEW_ARRAY(arena, bool, n);
    call->sets = BM_NEW_ARRAY(arena, bm_window_merge_set, n); /* a window is in one at most */
    call->n_sets = 0;
    BM_CALLBACK(c, "merge", arena, BM_TIME_PROCESS,
                status = bm_callback_ended(c, call->fn->merge(c, windows, n)));
    call->arena = NULL;
    *sets = call->sets;
    *n_sets = call->n_sets;
    return status;
}
