/* SPDX-License-Identifier: Apache-2.0 */
/* Trigger state machines. Each function of a node calls those of its children. One thread
 * at a time per state. */
#include "local/trigger.h"

typedef bm_trigger_view view;

/* -- the tree ------------------------------------------------------------------------- */
#define EACH_CHILD(v, node, child)                                      \
    for (size_t child = (node) + 1; child < (v)->tree->nodes[node].end; \
         child = (v)->tree->nodes[child].end)

static beam_trigger_kind kind_of(const view *v, size_t node)
{
    return v->tree->nodes[node].kind;
}

static bool is_leaf(const view *v, size_t node)
{
    return v->tree->nodes[node].end == node + 1;
}

/* AFTER_END_OF_WINDOW with subtriggers has an early one, whose being finished says that the
 * end of the window has fired, and maybe a late one; 0: none. */
static size_t early_of(size_t node)
{
    return node + 1;
}

static size_t late_of(const view *v, size_t node)
{
    size_t late = v->tree->nodes[node + 1].end;
    return late < v->tree->nodes[node].end ? late : 0;
}

/* 0: all have finished. */
static size_t first_unfinished(const view *v, size_t node)
{
    EACH_CHILD(v, node, child) if (!v->states[child].finished) return child;
    return 0;
}

static bool any_finished(const view *v, size_t node)
{
    EACH_CHILD(v, node, child) if (v->states[child].finished) return true;
    return false;
}

static void clear(const view *v, size_t node)
{
    for (size_t i = node; i < v->tree->nodes[node].end; i++)
        v->states[i] = (bm_trigger_state){ .finished = v->states[i].finished };
}

static void reset(const view *v, size_t node)
{
    for (size_t i = node; i < v->tree->nodes[node].end; i++)
        v->states[i] = (bm_trigger_state){ 0 };
}

/* -- an element ----------------------------------------------------------------------- */
static beam_millis sum(beam_millis a, beam_millis b)
{
    beam_millis s;
    return __builtin_add_overflow(a, b, &s) ? INT64_MAX : s;
}

static beam_millis aligned(beam_millis time, beam_millis period, beam_millis offset)
{
    beam_millis over = (time % period - offset) % period;
    if (over < 0) over += period;
    return over ? sum(time, period - over) : time;
}

static beam_millis time_to_wait_for(const bm_trigger_node *node, beam_millis now)
{
    for (size_t i = 0; i < node->n_transforms; i++) {
        const bm_time_transform *t = &node->transforms[i];
        now = t->period ? aligned(now, t->period, t->offset) : sum(now, t->delay);
    }
    return now;
}

static void on_element(const view *v, size_t node);

static void start_waiting(const view *v, size_t node)
{
    bm_trigger_state *state = &v->states[node];
    if (state->is_set) return;
    state->value = time_to_wait_for(&v->tree->nodes[node], v->now);
    state->is_set = true;
}

static void on_element_of_some(const view *v, size_t node)
{
    bool sees_finished = kind_of(v, node) != BEAM_TRIGGER_AFTER_ALL;
    EACH_CHILD(v, node, child)
    if (sees_finished || !v->states[child].finished) on_element(v, child);
}

static void on_element_in_turn(const view *v, size_t node)
{
    if (v->tree->merging) {
        on_element_of_some(v, node);
        return;
    }
    size_t child = first_unfinished(v, node);
    if (child) on_element(v, child);
}

static void on_element(const view *v, size_t node)
{
    switch (kind_of(v, node)) {
    case BEAM_TRIGGER_ELEMENT_COUNT: v->states[node].value++; break;
    case BEAM_TRIGGER_AFTER_PROCESSING_TIME:
    case BEAM_TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME: start_waiting(v, node); break;
    case BEAM_TRIGGER_AFTER_END_OF_WINDOW:
    case BEAM_TRIGGER_AFTER_EACH: on_element_in_turn(v, node); break;
    case BEAM_TRIGGER_REPEAT:
    case BEAM_TRIGGER_OR_FINALLY:
    case BEAM_TRIGGER_AFTER_ALL:
    case BEAM_TRIGGER_AFTER_ANY: on_element_of_some(v, node); break;
    case BEAM_TRIGGER_DEFAULT:
    case BEAM_TRIGGER_ALWAYS:
    case BEAM_TRIGGER_NEVER: break;
    }
}

void bm_trigger_on_element(const view *v)
{
    on_element(v, 0);
}

/* -- is it time? ---------------------------------------------------------------------- */
static bool should_fire(const view *v, size_t node);

static bool end_should_fire(const view *v, size_t node)
{
    if (is_leaf(v, node)) return v->at_end;
    size_t late = late_of(v, node);
    if (!v->states[early_of(node)].finished)
        return v->at_end || should_fire(v, early_of(node));
    return late && should_fire(v, late);
}

static bool any_should_fire(const view *v, size_t node)
{
    EACH_CHILD(v, node, child)
    if (v->states[child].finished || should_fire(v, child)) return true;
    return false;
}

static bool all_should_fire(const view *v, size_t node)
{
    EACH_CHILD(v, node, child)
    if (!v->states[child].finished && !should_fire(v, child)) return false;
    return true;
}

static bool should_fire(const view *v, size_t node)
{
    const bm_trigger_state *state = &v->states[node];
    size_t child;
    switch (kind_of(v, node)) {
    case BEAM_TRIGGER_DEFAULT: return v->at_end;
    case BEAM_TRIGGER_ALWAYS: return true;
    case BEAM_TRIGGER_NEVER: return false;
    case BEAM_TRIGGER_ELEMENT_COUNT: return state->value >= v->tree->nodes[node].count;
    case BEAM_TRIGGER_AFTER_PROCESSING_TIME:
        return state->is_set && v->now >= state->value;
    /* more of the same time may still come */
    case BEAM_TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME:
        return state->is_set && v->synchronized > state->value;
    case BEAM_TRIGGER_AFTER_END_OF_WINDOW: return end_should_fire(v, node);
    case BEAM_TRIGGER_REPEAT: return should_fire(v, node + 1);
    case BEAM_TRIGGER_OR_FINALLY:
    case BEAM_TRIGGER_AFTER_ANY: return any_should_fire(v, node);
    case BEAM_TRIGGER_AFTER_ALL: return all_should_fire(v, node);
    case BEAM_TRIGGER_AFTER_EACH:
        child = first_unfinished(v, node);
        return child && should_fire(v, child);
    }
    return false;
}

bool bm_trigger_should_fire(const view *v)
{
    return should_fire(v, 0);
}

/* -- a pane goes out ------------------------------------------------------------------ */
static void on_fire(const view *v, size_t node);

/* Early and late firings repeat on their own. */
static void end_on_fire(const view *v, size_t node)
{
    if (is_leaf(v, node)) {
        v->states[node].finished = true;
        return;
    }
    size_t early = early_of(node), late = late_of(v, node);
    if (v->states[early].finished) {
        if (late) reset(v, late);
        v->states[node].finished = !late;
        return;
    }
    reset(v, early);
    if (!v->at_end) return;
    v->states[early].finished = true;
    if (late) reset(v, late); /* it has counted along */
    v->states[node].finished = !late;
}

static void any_on_fire(const view *v, size_t node)
{
    EACH_CHILD(v, node, child)
    {
        if (should_fire(v, child))
            on_fire(v, child);
        else
            clear(v, child); /* what it was waiting with is gone */
    }
    v->states[node].finished = true;
}

static void all_on_fire(const view *v, size_t node)
{
    EACH_CHILD(v, node, child) if (!v->states[child].finished) on_fire(v, child);
    v->states[node].finished = true;
}

static void each_on_fire(const view *v, size_t node)
{
    size_t child = first_unfinished(v, node);
    if (child) on_fire(v, child);
    if (v->tree->merging) clear(v, node);
    v->states[node].finished = !first_unfinished(v, node);
}

static void finally_on_fire(const view *v, size_t node)
{
    size_t first = node + 1, finally = v->tree->nodes[first].end;
    if (should_fire(v, finally)) {
        on_fire(v, finally);
        clear(v, first);
    } else {
        on_fire(v, first); /* the other one goes on counting */
    }
    v->states[node].finished = any_finished(v, node);
}

static void on_fire(const view *v, size_t node)
{
    switch (kind_of(v, node)) {
    case BEAM_TRIGGER_DEFAULT:
    case BEAM_TRIGGER_ALWAYS: break;
    case BEAM_TRIGGER_NEVER:
    case BEAM_TRIGGER_ELEMENT_COUNT:
    case BEAM_TRIGGER_AFTER_PROCESSING_TIME:
    case BEAM_TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME:
        v->states[node] = (bm_trigger_state){ .finished = true };
        break;
    case BEAM_TRIGGER_AFTER_END_OF_WINDOW: end_on_fire(v, node); break;
    case BEAM_TRIGGER_REPEAT:
        on_fire(v, node + 1);
        if (v->states[node + 1].finished) reset(v, node + 1);
        break;
    case BEAM_TRIGGER_OR_FINALLY: finally_on_fire(v, node); break;
    case BEAM_TRIGGER_AFTER_ALL: all_on_fire(v, node); break;
    case BEAM_TRIGGER_AFTER_ANY: any_on_fire(v, node); break;
    case BEAM_TRIGGER_AFTER_EACH: each_on_fire(v, node); break;
    }
}

void bm_trigger_on_fire(const view *v)
{
    on_fire(v, 0);
}

void bm_trigger_clear(const view *v)
{
    clear(v, 0);
}

/* -- windows merge -------------------------------------------------------------------- */
typedef struct sources {
    bm_trigger_state *const *at;
    size_t n;
} sources;

static void on_merge(const view *v, const sources *from, size_t node);

static bool finished_in_all(const sources *from, size_t node)
{
    for (size_t i = 0; i < from->n; i++)
        if (!from->at[i][node].finished) return false;
    return true;
}

static bool finished_in_any(const sources *from, size_t node)
{
    for (size_t i = 0; i < from->n; i++)
        if (from->at[i][node].finished) return true;
    return false;
}

static void merge_counts(const view *v, const sources *from, size_t node)
{
    bm_trigger_state *state = &v->states[node];
    *state = (bm_trigger_state){ .finished = finished_in_any(from, node) };
    if (state->finished) return;
    for (size_t i = 0; i < from->n; i++) state->value += from->at[i][node].value;
}

/* The earliest; started anew unless the window itself had finished it. */
static void merge_waits(const view *v, const sources *from, size_t node)
{
    bm_trigger_state *state = &v->states[node];
    *state = (bm_trigger_state){ .finished = state->finished };
    if (state->finished) return;
    for (size_t i = 0; i < from->n; i++) {
        const bm_trigger_state *other = &from->at[i][node];
        if (!other->is_set || (state->is_set && state->value <= other->value)) continue;
        state->value = other->value;
        state->is_set = true;
    }
}

/* While something in one of the windows has not been fired at its end, or while the end of
 * the new one is to come, the new one is before its end. */
static void merge_end(const view *v, const sources *from, size_t node)
{
    if (is_leaf(v, node)) {
        v->states[node].finished = finished_in_all(from, node) && v->at_end;
        return;
    }
    size_t early = early_of(node), late = late_of(v, node);
    bool is_past = finished_in_all(from, early) && v->at_end;
    if (!is_past) {
        on_merge(v, from, early);
        v->states[node].finished = v->states[early].finished = false;
        if (late) reset(v, late);
        return;
    }
    v->states[early].finished = true;
    if (late) on_merge(v, from, late);
}

static void merge_each(const view *v, const sources *from, size_t node)
{
    bool is_reached = true;
    EACH_CHILD(v, node, child)
    {
        if (is_reached)
            on_merge(v, from, child);
        else
            reset(v, child);
        is_reached = is_reached && v->states[child].finished;
    }
    v->states[node].finished = !first_unfinished(v, node);
}

static void merge_children(const view *v, const sources *from, size_t node)
{
    EACH_CHILD(v, node, child) on_merge(v, from, child);
}

static void on_merge(const view *v, const sources *from, size_t node)
{
    switch (kind_of(v, node)) {
    case BEAM_TRIGGER_DEFAULT:
    case BEAM_TRIGGER_ALWAYS:
    case BEAM_TRIGGER_NEVER: break;
    case BEAM_TRIGGER_ELEMENT_COUNT: merge_counts(v, from, node); break;
    case BEAM_TRIGGER_AFTER_PROCESSING_TIME:
    case BEAM_TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME:
        merge_waits(v, from, node);
        break;
    case BEAM_TRIGGER_AFTER_END_OF_WINDOW: merge_end(v, from, node); break;
    case BEAM_TRIGGER_AFTER_EACH: merge_each(v, from, node); break;
    case BEAM_TRIGGER_REPEAT: merge_children(v, from, node); break;
    case BEAM_TRIGGER_AFTER_ALL:
        merge_children(v, from, node);
        v->states[node].finished = !first_unfinished(v, node);
        break;
    case BEAM_TRIGGER_OR_FINALLY:
    case BEAM_TRIGGER_AFTER_ANY:
        merge_children(v, from, node);
        v->states[node].finished = any_finished(v, node);
        break;
    }
}

void bm_trigger_on_merge(const view *v, bm_trigger_state *const from[], size_t n)
{
    on_merge(v, &(sources){ from, n }, 0);
}

/* -- clocks --------------------------------------------------------------------------- */
void bm_trigger_next_times(const view *v, beam_millis *now, beam_millis *synchronized)
{
    *now = *synchronized = INT64_MAX;
    for (size_t i = 0; i < v->tree->n; i++) {
        const bm_trigger_state *state = &v->states[i];
        if (!state->is_set || state->finished) continue;
        if (kind_of(v, i) == BEAM_TRIGGER_AFTER_PROCESSING_TIME) {
            if (state->value > v->now && state->value < *now) *now = state->value;
        } else if (state->value >= v->synchronized && state->value < *synchronized) {
            *synchronized = state->value == INT64_MAX ? INT64_MAX : state->value + 1;
        }
    }
}
