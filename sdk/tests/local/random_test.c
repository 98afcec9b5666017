/* SPDX-License-Identifier: Apache-2.0 */
/* Random triggers, elements and clocks: what must hold whatever the trigger is. No value is
 * lost or given out twice, panes of a window follow one another as they should, nothing
 * comes out behind the output's watermark, and no wake-up is overdue. */
#include "script.h"

/* ck_assert would write to a file each time. */
#define HOLDS(what)                             \
    do {                                        \
        if (!(what)) ck_abort_msg("%s", #what); \
    } while (0)

enum {
    N_RUNS = 10000,
    N_STEPS = 120,
    N_KEYS = 3,
    SIZE = 20,
    LAST_TIME = 200,
    MAX_NODES = 24
};
enum { N_WINDOWS = LAST_TIME / SIZE + 1 };

typedef struct run {
    uint64_t random;
    bm_trigger_spec specs[MAX_NODES];
    const bm_trigger_spec *args[MAX_NODES][2];
    bm_time_transform transforms[MAX_NODES];
    size_t n_specs;
    bm_group_windowing windowing;
    bm_grouping *g;
    beam_millis wm, now, out; /* what has been told */
    uint64_t n_added, n_given;
    struct {
        int64_t n, n_on_time;
        beam_pane_timing timing;
        bool is_over;
    } seen[N_KEYS][N_WINDOWS];
} run;

static unsigned below(run *r, unsigned n)
{
    r->random = r->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(r->random >> 33) % n;
}

/* -- triggers ------------------------------------------------------------------------- */
static const bm_trigger_spec *random_trigger(run *r, int depth)
{
    static const beam_trigger_kind leaves[] = {
        BEAM_TRIGGER_ELEMENT_COUNT,
        BEAM_TRIGGER_AFTER_PROCESSING_TIME,
        BEAM_TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME,
        BEAM_TRIGGER_AFTER_END_OF_WINDOW,
        BEAM_TRIGGER_ELEMENT_COUNT,
        BEAM_TRIGGER_NEVER,
        BEAM_TRIGGER_DEFAULT,
        BEAM_TRIGGER_ALWAYS,
    };
    static const beam_trigger_kind inner[] = {
        BEAM_TRIGGER_REPEAT,    BEAM_TRIGGER_AFTER_END_OF_WINDOW, BEAM_TRIGGER_OR_FINALLY,
        BEAM_TRIGGER_AFTER_ALL, BEAM_TRIGGER_AFTER_ANY,           BEAM_TRIGGER_AFTER_EACH,
    };
    size_t at = r->n_specs++;
    bm_trigger_spec *spec = &r->specs[at];
    bool is_leaf = depth == 3 || !below(r, 3) || r->n_specs + 8 > MAX_NODES;
    *spec = (bm_trigger_spec){
        .kind = is_leaf ? leaves[below(r, BEAM_COUNT(leaves))]
                        : inner[below(r, BEAM_COUNT(inner))],
        .count = 1 + below(r, 4),
        .transforms = &r->transforms[at],
        .n_transforms = 1,
        .args = r->args[at],
    };
    r->transforms[at] = (bm_time_transform){ .delay = below(r, 30) };
    if (below(r, 3) == 0) r->transforms[at].period = 1 + below(r, 20);
    if (is_leaf) return spec;
    spec->n_args = spec->kind == BEAM_TRIGGER_REPEAT ? 1 : 2;
    for (size_t i = 0; i < spec->n_args; i++) {
        bool may_miss = spec->kind == BEAM_TRIGGER_AFTER_END_OF_WINDOW;
        r->args[at][i] = may_miss && !below(r, 3) ? NULL : random_trigger(r, depth + 1);
    }
    return spec;
}

/* -- what comes out ------------------------------------------------------------------- */
static void check_order(run *r, const bm_fired_pane *pane)
{
    size_t key = (size_t)(pane->key.ptr[0] - 'a');
    size_t window = (size_t)(pane->window.start / SIZE);
    bool is_over = r->seen[key][window].is_over;
    HOLDS(!is_over);
    HOLDS(pane->info.index == r->seen[key][window].n);
    HOLDS(pane->info.is_first == (pane->info.index == 0));
    if (pane->info.index) HOLDS(pane->info.timing >= r->seen[key][window].timing);
    if (pane->info.timing == BEAM_PANE_EARLY) {
        HOLDS(r->wm < pane->window.end);
        HOLDS(pane->info.on_time_index == -1);
    } else {
        HOLDS(r->wm >= pane->window.end);
        HOLDS(pane->info.on_time_index == r->seen[key][window].n_on_time++);
    }
    if (pane->info.timing == BEAM_PANE_ON_TIME && pane->info.index)
        HOLDS(r->seen[key][window].timing == BEAM_PANE_EARLY);
    r->seen[key][window].n++;
    r->seen[key][window].timing = pane->info.timing;
    r->seen[key][window].is_over = pane->info.is_last;
}

static beam_status take(void *user, const bm_fired_pane *pane, beam_error *err)
{
    run *r = user;
    (void)err;
    r->n_given += pane->n_values;
    beam_millis last = pane->window.end - 1;
    HOLDS(pane->timestamp <= last);
    /* or late, but not so late that a step downstream drops it */
    if (pane->timestamp < r->out)
        HOLDS(pane->timestamp == last && last + r->windowing.allowed_lateness >= r->out);
    if (pane->n_values)
        HOLDS(pane->values);
    else
        HOLDS(pane->info.timing == BEAM_PANE_ON_TIME || pane->info.is_last);
    if (r->windowing.merging == BM_MERGE_NEVER) check_order(r, pane);
    return BEAM_OK;
}

/* -- what goes in --------------------------------------------------------------------- */
static void add(run *r)
{
    char key = (char)('a' + below(r, N_KEYS));
    beam_millis t = below(r, LAST_TIME);
    beam_window window = { t - t % SIZE, t - t % SIZE + SIZE, { NULL, 0 } };
    if (r->windowing.merging == BM_MERGE_SESSIONS)
        window = (beam_window){ t, t + 5, { NULL, 0 } };
    HOLDS(bm_grouping_add(r->g, (beam_span){ &key, 1 }, beam_span_of("value"), t, &window,
                          1, NULL) == BEAM_OK);
    r->n_added++;
}

static void step(run *r)
{
    switch (below(r, 8)) {
    case 0:
        r->wm += below(r, 20);
        HOLDS(bm_grouping_input_watermark(r->g, r->wm, NULL) == BEAM_OK);
        break;
    case 1:
        r->now += below(r, 20);
        HOLDS(bm_grouping_processing_time(r->g, r->now, r->now - below(r, 10), NULL) ==
              BEAM_OK);
        break;
    default: add(r);
    }
    beam_millis out = bm_grouping_output_watermark(r->g);
    HOLDS(out >= r->out);
    HOLDS(out <= r->wm);
    r->out = out;
    HOLDS(bm_grouping_next_event_time(r->g) > r->wm);
    HOLDS(bm_grouping_next_processing_time(r->g) > r->now);
}

static void random_windowing(run *r)
{
    r->windowing = (bm_group_windowing){
        .merging = below(r, 2) ? BM_MERGE_SESSIONS : BM_MERGE_NEVER,
        .trigger = random_trigger(r, 0),
        .allowed_lateness = below(r, 2) * below(r, 50),
        .timestamp_combiner = (beam_timestamp_combiner)below(r, 3),
        .closing = (beam_closing)below(r, 2),
        .on_time = (beam_on_time)below(r, 2),
    };
}

START_TEST(whatever_the_trigger)
{
    for (uint64_t seed = 0; seed < N_RUNS; seed++) {
        run r = { .random = seed * 7919 + (uint64_t)_i };
        random_windowing(&r);
        HOLDS(bm_grouping_new(&r.windowing, take, &r, &r.g, NULL) == BEAM_OK);
        HOLDS(bm_grouping_input_watermark(r.g, 0, NULL) == BEAM_OK);
        HOLDS(bm_grouping_processing_time(r.g, 0, 0, NULL) == BEAM_OK);
        for (int i = 0; i < N_STEPS; i++) step(&r);
        r.wm = BEAM_MAX_TIMESTAMP;
        HOLDS(bm_grouping_input_watermark(r.g, r.wm, NULL) == BEAM_OK);
        bm_grouping_stats stats = bm_grouping_get_stats(r.g);
        if (r.n_given + stats.n_dropped_late + stats.n_dropped_closed != r.n_added)
            ck_abort_msg("seed %d: %d of %d values came out, %d and %d were dropped",
                         (int)seed, (int)r.n_given, (int)r.n_added,
                         (int)stats.n_dropped_late, (int)stats.n_dropped_closed);
        HOLDS(stats.n_keys + stats.n_windows == 0);
        HOLDS(bm_grouping_output_watermark(r.g) == BEAM_MAX_TIMESTAMP);
        HOLDS(bm_grouping_next_event_time(r.g) == INT64_MAX);
        HOLDS(bm_grouping_next_processing_time(r.g) == INT64_MAX);
        HOLDS(bm_grouping_next_synchronized_time(r.g) == INT64_MAX);
        bm_grouping_free(r.g);
    }
}
END_TEST

int main(void)
{
    return run_scripts("random", (const script_table[]){ { whatever_the_trigger, 1 },
                                                         { NULL, 0 } });
}
