/* SPDX-License-Identifier: Apache-2.0 */
/* beam:transform:sdf_process_sized_element_and_restrictions:v1: runs process() on a
 * restriction, once per window when the DoFn looks at windows. Bundle thread. */
#include "base/error.h"
#include "exec/sdf.h"

/* -- one restriction in one window, or in all of them -------------------------------------- */
/* With the lock. */
static void start_tracker(bm_tracking *t)
{
    memset(t->self, 0, t->tracker->size);
    t->has_claimed = t->given_away = false;
    bm_count_set(&t->watermark, t->sdf->watermark == BEAM_WATERMARK_NONE
                                    ? t->whole->timestamp
                                    : t->pair.watermark);
    beam_status status = t->tracker->start(&t->ctx, t->self, t->pair.restriction);
    if (status != BEAM_OK && t->error.status == BEAM_OK)
        beam_fail(&t->ctx, status, "it refused to start (%s)", beam_status_text(status));
    t->under_way = t->error.status == BEAM_OK;
}

/* With the lock. What process() gave back: a residual of the bundle. */
static bool give_back(bm_sdf_process *s)
{
    bm_tracking *t = &s->tracking;
    beam_value primary, residual;
    bool has_primary;
    if (!bm_sdf_split_restriction(s, 0, &primary, &has_primary, &residual)) return false;
    bm_root root;
    if (!bm_sdf_root(s, residual, bm_sdf_watermark(t), t->windows, &t->arena, &root))
        return true; /* tracking.error fails the bundle */
    root.delay_ms = t->delay_ms;
    bm_plan_add_residual(s->par_do.node.plan, &root);
    return true;
}

/* With the lock: process() has returned. */
static void settle(bm_sdf_process *s)
{
    bm_tracking *t = &s->tracking;
    if (t->error.status == BEAM_OK && !t->given_away && !(t->resume && give_back(s))
        && t->error.status == BEAM_OK) {
        beam_status status = t->tracker->check_done(&t->ctx, t->self);
        if (status != BEAM_OK && t->error.status == BEAM_OK)
            beam_fail(&t->ctx, status, "not all of the restriction was claimed (%s)",
                      beam_status_text(status));
    }
    t->under_way = false;
}

static beam_status fail_tracking(bm_sdf_process *s, const bm_element *in)
{
    const bm_tracking *t = &s->tracking;
    return bm_fail_on(&s->par_do.node, t->error.status, in, "%s (tracker '%s')",
                      t->error.message, t->tracker->name);
}

/* With the lock: process() has failed, and is not tried again. */
static void note_rest(bm_sdf_process *s)
{
    bm_tracking *t = &s->tracking;
    beam_value primary;
    bool has_primary;
    t->has_rest = t->under_way && t->error.status == BEAM_OK &&
                  bm_sdf_split_restriction(s, 0, &primary, &has_primary, &t->rest);
    t->error = (beam_error){ 0 };
}

static beam_status process_in(bm_sdf_process *s, const bm_element *in,
                              const bm_windows *windows)
{
    bm_tracking *t = &s->tracking;
    bm_element element = *in;
    element.value = s->element;
    element.windows = windows;
    t->resume = t->has_rest = false;
    t->delay_ms = 0;
    bm_owner_enter(&t->lock);
    t->windows = windows;
    bm_mark mark = bm_arena_mark(&t->arena);
    start_tracker(t);
    bm_owner_leave(&t->lock);
    beam_status status = BEAM_OK;
    if (t->under_way) status = bm_par_do_process(&s->par_do.node, &element);
    bm_owner_enter(&t->lock);
    if (status == BEAM_OK) settle(s);
    else if (s->par_do.caught)
        note_rest(s);
    t->under_way = false;
    t->windows = NULL;
    bm_owner_leave(&t->lock);
    if (status != BEAM_OK) return status;
    if (t->error.status != BEAM_OK) return fail_tracking(s, in);
    bm_arena_rewind(&t->arena, mark); /* nobody looks at it between restrictions */
    return BEAM_OK;
}

/* -- errors as data ------------------------------------------------------------------------ */
static const char *describe(const bm_tracking *t, bm_arena *arena)
{
    const char *all = bm_value_text(arena, t->pair.restriction, 100);
    if (!t->has_rest) return bm_format(arena, "restriction %s", all);
    return bm_format(arena, "restriction %s, of which %s was not claimed", all,
                     bm_value_text(arena, t->rest, 100));
}

/* The row is not behind the watermark, or it could be dropped as late, nor after its window. */
static beam_millis failed_at(bm_tracking *t, const bm_element *in,
                             const bm_windows *windows)
{
    beam_millis at = bm_sdf_watermark(t);
    for (size_t i = 0; i < windows->n; i++) {
        beam_millis last = beam_window_max_timestamp(windows->at[i]);
        if (at > last) at = last;
    }
    return at > in->timestamp ? at : in->timestamp;
}

/* process_in(), a failure of which is a row: what was claimed stands, and what is left of the
 * restriction in these windows is given up. */
static beam_status process_or_catch(bm_sdf_process *s, const bm_element *in,
                                    const bm_windows *windows)
{
    bm_tracking *t = &s->tracking;
    beam_status status = process_in(s, in, windows);
    if (BM_LIKELY(status == BEAM_OK) || !s->par_do.caught) return status;
    bm_owner_enter(&t->lock);
    t->error = (beam_error){ 0 };
    bm_owner_leave(&t->lock);
    bm_arena *scratch = &s->par_do.node.plan->scratch;
    bm_mark mark = bm_scratch_mark(scratch);
    const bm_element failed = { s->element, failed_at(t, in, windows), windows,
                                in->pane };
    bm_catch_add_detail(s->par_do.caught, describe(t, scratch));
    status = bm_catch_failed(s->par_do.caught, &failed, status);
    bm_rewind(scratch, mark);
    return status;
}

/* -- one element ------------------------------------------------------------------------------ */
/* With the lock. Splits encode the element beside process(): an iterable of it, which has a
 * position, they need for themselves. */
static beam_status keep_element(bm_sdf_process *s, const bm_element *in, const bm_pair *pair)
{
    bm_tracking *t = &s->tracking;
    t->whole = in;
    t->pair = *pair;
    t->window = 0;
    t->end_window = s->par_do.ctx.observes_window ? in->windows->n : 1;
    if (!s->iterable_coder) return BEAM_OK;
    beam_status status =
        bm_value_copy_as(s->iterable_coder, &t->arena, pair->element, &t->pair.element);
    if (status == BEAM_OK) return BEAM_OK;
    return bm_fail_on(&s->par_do.node, status, in, "its iterables could not be copied: %s",
                      beam_status_text(status));
}

static beam_status begin(bm_sdf_process *s, const bm_element *in)
{
    bm_pair pair;
    BEAM_TRY(bm_read_sized(&s->par_do.node, in, &pair));
    bm_tracking *t = &s->tracking;
    s->element = pair.element;
    bm_owner_enter(&t->lock);
    beam_status status = keep_element(s, in, &pair);
    bm_owner_leave(&t->lock);
    return status;
}

static void end(bm_sdf_process *s)
{
    bm_tracking *t = &s->tracking;
    bm_owner_enter(&t->lock);
    t->whole = NULL;
    t->end_window = t->window = 0;
    bm_arena_reset(&t->arena);
    bm_owner_leave(&t->lock);
}

/* A split may have given away the windows that are left. */
static bool has_window(bm_tracking *t)
{
    bm_owner_enter(&t->lock);
    bool has = t->window < t->end_window;
    bm_owner_leave(&t->lock);
    return has;
}

static void next_window(bm_tracking *t)
{
    bm_owner_enter(&t->lock);
    t->window++;
    bm_owner_leave(&t->lock);
}

static beam_status process_windows(bm_sdf_process *s, const bm_element *in)
{
    bm_tracking *t = &s->tracking;
    if (!s->par_do.ctx.observes_window) return process_or_catch(s, in, in->windows);
    for (; has_window(t); next_window(t)) {
        bm_one_window one;
        const bm_windows *windows = bm_one_window_set(&one, &in->windows->at[t->window]);
        BEAM_TRY(process_or_catch(s, in, windows));
    }
    return BEAM_OK;
}

static beam_status process(bm_node *node, const bm_element *in)
{
    bm_sdf_process *s = (bm_sdf_process *)node;
    beam_status status = begin(s, in);
    if (status == BEAM_OK) status = process_windows(s, in);
    end(s);
    return status;
}

/* -- life ------------------------------------------------------------------------------------- */
/* Roots are read by whoever reads the input: with the coder of the source that they replace
 * elements of, else with that of the collection. */
static beam_status find_root_coder(bm_sdf_process *s)
{
    const bm_pcoll *in = s->par_do.input->pcoll;
    if (bm_is_source(in->producer)) {
        s->root_coder = bm_source_coder(in->producer);
        return BEAM_OK;
    }
    if (!in->window_coder)
        return bm_fail(&s->par_do.node, BEAM_EUNSUPPORTED, "cannot be set up", "the windows of "
                       "its input have a coder that this worker does not know");
    s->root_coder = bm_coder_new(&s->par_do.node.plan->arena, BM_CODER_WINDOWED_VALUE, in->coder,
                                 in->window_coder);
    return BEAM_OK;
}

static beam_status setup(bm_node *node)
{
    BEAM_TRY(find_root_coder((bm_sdf_process *)node));
    return bm_par_do_setup(node);
}

static void free_tracking(bm_node *node)
{
    bm_tracking *t = &((bm_sdf_process *)node)->tracking;
    bm_catch_free(((bm_par_do *)node)->caught);
    if (!t->tracker) return; /* was not made */
    bm_owner_lock_free(&t->lock);
    bm_arena_free(&t->arena);
}

static bm_node *splitter(bm_node *node)
{
    return node;
}

static const bm_node_ops ops = {
    .process = process,
    .setup = setup,
    .start = bm_par_do_start,
    .finish = bm_par_do_finish,
    .teardown = bm_par_do_teardown,
    .free = free_tracking,
    .progress = bm_sdf_progress,
    .splitter = splitter,
    .split = bm_sdf_split,
};

/* -- construction ------------------------------------------------------------------------------- */
static const bm_coder *arg(const bm_coder *coder, int i)
{
    while (coder && coder->kind == BM_CODER_LENGTH_PREFIX) coder = coder->arg[0];
    return coder && coder->kind == BM_CODER_KV ? coder->arg[i] : NULL;
}

static void make_tracking(bm_sdf_process *s)
{
    bm_tracking *t = &s->tracking;
    bm_plan *plan = s->par_do.node.plan;
    t->sdf = s->par_do.fn->sdf;
    t->tracker = t->sdf->tracker;
    t->self = bm_calloc(&plan->arena, t->tracker->size + 1);
    t->position = t->tracker->position->kind;
    t->ctx = (beam_ctx){
        .node = &s->par_do.node,
        .arena = &t->arena,
        .config = s->par_do.ctx.config,
        .aside = &t->error,
        .sdf = t->sdf,
        .sdf_element = &t->pair.element,
    };
    bm_arena_init(&t->arena, 0);
    bm_owner_lock_init(&t->lock);
}

beam_status bm_sdf_process_new(bm_plan *plan, const bm_transform *t, bm_node **out,
                               beam_error *err)
{
    bm_par_do *p;
    BEAM_TRY(bm_sdf_make(plan, t, &ops, sizeof(bm_sdf_process), &p, err));
    bm_sdf_process *s = (bm_sdf_process *)p;
    *out = &p->node;
    bm_par_do_set_outputs(p, t);
    s->outputs = BM_NEW_ARRAY(&plan->arena, const char *, t->n_outputs);
    for (size_t i = 0; i < t->n_outputs; i++) s->outputs[s->n_outputs++] = t->outputs[i].tag;
    make_tracking(s);
    if (t->fn.attempts) bm_sdf_catch(p, t, arg(arg(p->input->pcoll->coder, 0), 0));
    p->ctx.tracking = &s->tracking;
    p->ctx.sdf = NULL; /* beam_estimate_end() is for the tracker */
    if (s->tracking.sdf->watermark == BEAM_WATERMARK_OBSERVED)
        p->ctx.latest = &s->tracking.watermark;
    if (p->input->pcoll->has_iterable)
        s->iterable_coder = arg(arg(p->input->pcoll->coder, 0), 0);
    return BEAM_OK;
}
