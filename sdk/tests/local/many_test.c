/* SPDX-License-Identifier: Apache-2.0 */
/* Many of everything, against what must come out; the calendar against a plain array. */
#include <stdio.h>
#include <stdlib.h>

#include "local/calendar.h"

#include "script.h"

typedef struct tally {
    uint64_t n_panes, n_values, n_bytes, sum;
} tally;

static beam_status take(void *user, const bm_fired_pane *pane, beam_error *err)
{
    tally *t = user;
    (void)err;
    t->n_panes++;
    t->n_values += pane->n_values;
    t->n_bytes += pane->n_bytes;
    for (const bm_value_chunk *c = pane->values; c; c = c->next) {
        if (c->n_bytes != c->n_values * sizeof(uint64_t)) ck_abort_msg("parts of values");
        for (size_t i = 0; i < c->n_values; i++) {
            uint64_t value;
            memcpy(&value, c->bytes + i * sizeof value, sizeof value);
            t->sum += value;
        }
    }
    return BEAM_OK;
}

static const bm_trigger_spec two = { .kind = BEAM_TRIGGER_ELEMENT_COUNT, .count = 2 };
static const bm_trigger_spec *const twos[] = { &two };
static const bm_trigger_spec each_two = { .kind = BEAM_TRIGGER_REPEAT,
                                          .args = twos,
                                          .n_args = 1 };

/* Each key has n / n_keys elements, which are `spacing` apart and come in no order; windows
 * are 10 s long, sessions 100 ms. */
static const struct {
    const char *name;
    bm_group_windowing windowing;
    uint64_t n, n_keys, spacing;
    uint64_t n_panes;
} loads[] = {
    { "few keys", { 0 }, 1000000, 100, 10, 1000 },
    { "many keys", { 0 }, 200000, 200000, 1, 200000 },
    { "many windows of a key", { 0 }, 200000, 1, 10000, 200000 },
    { "latest", { .timestamp_combiner = BEAM_AT_LATEST }, 200000, 1000, 500, 10000 },
    { "early panes",
      { .trigger = &each_two, .on_time = BEAM_ON_TIME_IF_NONEMPTY },
      200000,
      100,
      50,
      100000 },
    { "sessions that become one",
      { .merging = BM_MERGE_SESSIONS },
      200000,
      100,
      50,
      100 },
    { "sessions that stay apart",
      { .merging = BM_MERGE_SESSIONS },
      20000,
      1,
      1000,
      20000 },
};

static void must(beam_status status)
{
    if (status != BEAM_OK) ck_abort_msg("%s", beam_status_text(status));
}

START_TEST(many_elements)
{
    tally got = { 0 };
    bm_grouping *g = NULL;
    bool sessions = loads[_i].windowing.merging == BM_MERGE_SESSIONS;
    ck_assert_int_eq(bm_grouping_new(&loads[_i].windowing, take, &got, &g, NULL),
                     BEAM_OK);
    uint64_t n = loads[_i].n, n_keys = loads[_i].n_keys, sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        char key[32];
        int len = snprintf(key, sizeof key, "key %d", (int)(i % n_keys));
        uint64_t turn = i / n_keys * 7919 % (n / n_keys);
        beam_millis t = (beam_millis)(turn * loads[_i].spacing);
        beam_window window = { t - t % 10000, t - t % 10000 + 10000, { NULL, 0 } };
        if (sessions) window = (beam_window){ t, t + 100, { NULL, 0 } };
        must(bm_grouping_add(g, (beam_span){ key, (size_t)len },
                             (beam_span){ (const char *)&i, sizeof i }, t, &window, 1,
                             NULL));
        sum += i;
    }
    ck_assert_int_eq(bm_grouping_input_watermark(g, BEAM_MAX_TIMESTAMP, NULL), BEAM_OK);
    ck_assert_uint_eq(got.n_values, n);
    ck_assert_uint_eq(got.sum, sum);
    ck_assert_uint_eq(got.n_bytes, n * sizeof(uint64_t));
    ck_assert_uint_eq(bm_grouping_get_stats(g).n_keys, 0);
    ck_assert_uint_eq(bm_grouping_get_stats(g).n_windows, 0);
    ck_assert_msg(got.n_panes == loads[_i].n_panes, "%s: %d panes", loads[_i].name,
                  (int)got.n_panes);
    bm_grouping_free(g);
}
END_TEST

/* What is not expired when it is freed must not leak. */
START_TEST(freed_while_full)
{
    for (size_t load = 0; load < BEAM_COUNT(loads); load++) {
        tally got = { 0 };
        bm_grouping *g = NULL;
        ck_assert_int_eq(bm_grouping_new(&loads[load].windowing, take, &got, &g, NULL),
                         BEAM_OK);
        for (beam_millis t = 0; t < 1000; t += 50) {
            beam_window window = { t, t + 20, beam_span_of("custom") };
            ck_assert_int_eq(bm_grouping_add(g, beam_span_of("k"),
                                             beam_span_of("12345678"), t, &window, 1,
                                             NULL),
                             BEAM_OK);
        }
        ck_assert_uint_eq(bm_grouping_get_stats(g).n_windows, 20);
        bm_grouping_free(g);
    }
}
END_TEST

START_TEST(large_and_empty_values)
{
    tally got = { 0 };
    bm_grouping *g = NULL;
    bm_group_windowing windowing = { 0 };
    ck_assert_int_eq(bm_grouping_new(&windowing, take, &got, &g, NULL), BEAM_OK);
    char *large = bm_xcalloc(1, 1 << 20);
    beam_window window = { 0, 10, { NULL, 0 } };
    for (size_t i = 0; i < 20; i++)
        ck_assert_int_eq(bm_grouping_add(g, beam_span_of("full"),
                                         (beam_span){ large,
                                                      i % 2 ? 8 : (size_t)8 << i % 17 },
                                         1, &window, 1, NULL),
                         BEAM_OK);
    bm_grouping_free(g);
    ck_assert_int_eq(bm_grouping_new(&windowing, take, &got, &g, NULL), BEAM_OK);
    for (int i = 0; i < 3; i++) /* a key without bytes, values without bytes */
        ck_assert_int_eq(bm_grouping_add(g, (beam_span){ NULL, 0 },
                                         (beam_span){ NULL, 0 }, 1, &window, 1, NULL),
                         BEAM_OK);
    ck_assert_uint_eq(bm_grouping_get_stats(g).n_keys, 1);
    bm_grouping_free(g);
    free(large);
}
END_TEST

static const beam_window strange[] = {
    { INT64_MIN, INT64_MIN, { NULL, 0 } },
    { INT64_MAX, INT64_MIN, { NULL, 0 } },
    { INT64_MIN, INT64_MAX, { NULL, 0 } },
    { INT64_MAX, INT64_MAX, { NULL, 0 } },
    { 10, 0, { NULL, 0 } },
    { 0, 0, { NULL, 0 } },
};

START_TEST(strange_windows)
{
    static const beam_millis times[] = { INT64_MIN, -1, 0, 1, INT64_MAX };
    for (size_t load = 0; load < BEAM_COUNT(loads); load++) {
        tally got = { 0 };
        bm_grouping *g = NULL;
        bool empty_session = loads[load].windowing.merging == BM_MERGE_SESSIONS &&
                             strange[_i].end <= strange[_i].start;
        must(bm_grouping_new(&loads[load].windowing, take, &got, &g, NULL));
        for (size_t i = 0; i < BEAM_COUNT(times); i++) {
            beam_status status = bm_grouping_add(g, beam_span_of("k"),
                                                 beam_span_of("12345678"), times[i],
                                                 &strange[_i], 1, NULL);
            ck_assert_int_eq(status, empty_session ? BEAM_EINVAL : BEAM_OK);
            if (empty_session) break;
        }
        if (!empty_session) {
            must(bm_grouping_input_watermark(g, 100, NULL));
            must(bm_grouping_input_watermark(g, INT64_MAX, NULL));
            ck_assert_uint_eq(got.n_values, BEAM_COUNT(times));
            ck_assert_uint_eq(bm_grouping_get_stats(g).n_windows, 0);
            ck_assert_int_eq(bm_grouping_output_watermark(g), BEAM_MAX_TIMESTAMP);
        }
        bm_grouping_free(g);
    }
}
END_TEST

/* -- calendar ------------------------------------------------------------------------- */
enum { N_THINGS = 300, N_STEPS = 20000 };

START_TEST(calendar)
{
    static bm_calendar_entry entries[N_THINGS];
    static beam_millis times[N_THINGS], order[N_THINGS];
    bm_calendar c = { 0 };
    uint32_t random = 1;
    ck_assert_int_eq(bm_calendar_first_time(&c), INT64_MAX);
    ck_assert_ptr_null(bm_calendar_due(&c, INT64_MAX));
    for (int i = 0; i < N_THINGS; i++) times[i] = INT64_MAX;
    for (int step = 0; step < N_STEPS; step++) {
        random = random * 1664525 + 1013904223;
        int i = (int)(random >> 8) % N_THINGS;
        beam_millis time = (int)(random >> 20) % 100 - 50;
        if (random >> 31 && step > 1000) {
            bm_calendar_clear(&c, &entries[i]);
            times[i] = INT64_MAX;
        } else {
            if (times[i] != time) order[i] = step;
            bm_calendar_set(&c, &entries[i], time);
            times[i] = time;
        }
        int first = 0;
        for (int j = 1; j < N_THINGS; j++)
            if (times[j] < times[first] ||
                (times[j] == times[first] && order[j] < order[first]))
                first = j;
        ck_assert_int_eq(bm_calendar_first_time(&c), times[first]);
        if (times[first] == INT64_MAX) continue;
        ck_assert_ptr_eq(bm_calendar_due(&c, times[first]), &entries[first]);
        ck_assert_ptr_null(bm_calendar_due(&c, times[first] - 1));
    }
    bm_calendar_free(&c);
}
END_TEST

int main(void)
{
    return run_scripts("many", (const script_table[]){
                                   { many_elements, BEAM_COUNT(loads) },
                                   { freed_while_full, 1 },
                                   { large_and_empty_values, 1 },
                                   { strange_windows, BEAM_COUNT(strange) },
                                   { calendar, 1 },
                                   { NULL, 0 },
                               });
}
