/* SPDX-License-Identifier: Apache-2.0 */
/* Every trigger, alone and inside others. Most of them in a window that does not end, so
 * that what fires is theirs. */
#include "script.h"

#define QUIET .on_time = BEAM_ON_TIME_IF_NONEMPTY

static const script counts[] = {
    { "count, once",
      FIXED(100),
      { .trigger = COUNT(2), QUIET },
      { "in a 1", "in a 2", "> a [0,100) 1,2 @99 early 0/-1 first last", "in a 3",
        "dropped 0 1" } },
    { "each key counts for itself",
      FIXED(100),
      { .trigger = REPEAT(COUNT(2)), QUIET },
      { "in a 1", "in b 1", "in c 1", "in b 2", "> b [0,100) 1,2 @99 early 0/-1 first",
        "in a 3", "> a [0,100) 1,3 @99 early 0/-1 first", "wm max",
        "> c [0,100) 1 @99 on-time 0/0 first last" } },
    { "each window counts for itself",
      SLIDING(20, 10),
      { .trigger = REPEAT(COUNT(2)), QUIET },
      { "in a 5", "in a 15", "> a [0,20) 5,15 @19 early 0/-1 first", "in a 12",
        "> a [10,30) 15,12 @29 early 0/-1 first", "wm max",
        "> a [-10,10) 5 @9 on-time 0/0 first last",
        "> a [0,20) 12 @19 on-time 1/0 last" } },
    { "repeated, accumulating",
      FIXED(100),
      { .trigger = REPEAT(COUNT(2)), .accumulation = BEAM_ACCUMULATING, QUIET },
      { "in a 1 2", "> a [0,100) 1,2 @99 early 0/-1 first", "in a 3 4",
        "> a [0,100) 1,2,3,4 @99 early 1/-1", "in a 5", "wm max",
        "> a [0,100) 1,2,3,4,5 @99 on-time 2/0 last" } },
    { "repeated, an empty pane at the end",
      FIXED(100),
      { .trigger = REPEAT(COUNT(1)) },
      { "in a 1", "> a [0,100) 1 @99 early 0/-1 first", "wm max",
        "> a [0,100) - @99 on-time 1/0 last" } },
};

static const script ends[] = {
    { "always",
      FIXED(10),
      { .trigger = ALWAYS, .allowed_lateness = 10, QUIET },
      { "in a 1", "> a [0,10) 1 @9 early 0/-1 first", "in a 2",
        "> a [0,10) 2 @9 early 1/-1", "wm 12", "in a 3", "> a [0,10) 3 @9 late 2/0",
        "wm max" } },
    { "never, but nothing is lost",
      FIXED(10),
      { .trigger = NEVER, .allowed_lateness = 10 },
      { "in a 1 2", "wm 15", "in a 3", "wm 19", "out 9", "wm 20",
        "> a [0,10) 1,2,3 @9 on-time 0/0 first last", "out 20" } },
    { "at the end, once",
      FIXED(10),
      { .trigger = AT_END, .allowed_lateness = 10 },
      { "in a 1", "wm 10", "> a [0,10) 1 @9 on-time 0/0 first last", "in a 2",
        "dropped 0 1" } },
    { "at the end, again and again",
      FIXED(10),
      { .trigger = REPEAT(AT_END), .allowed_lateness = 10 },
      { "in a 1", "wm 10", "> a [0,10) 1 @9 on-time 0/0 first", "in a 2",
        "> a [0,10) 2 @9 late 1/1", "in a 3", "> a [0,10) 3 @9 late 2/2", "wm max" } },
    { "late firings",
      FIXED(10),
      { .trigger = AT_END_AND(NULL, COUNT(2)), .allowed_lateness = 90 },
      { "in a 1 2 3", "wm 10", "> a [0,10) 1,2,3 @9 on-time 0/0 first", "in a 4",
        "in a 5", "> a [0,10) 4,5 @9 late 1/1", "in a 6", "in a 7",
        "> a [0,10) 6,7 @9 late 2/2", "in a 8", "wm max",
        "> a [0,10) 8 @9 late 3/3 last" } },
    { "early and late firings",
      FIXED(10),
      { .trigger = AT_END_AND(COUNT(2), COUNT(1)),
        .allowed_lateness = 90,
        .accumulation = BEAM_ACCUMULATING },
      { "in a 1 2", "> a [0,10) 1,2 @9 early 0/-1 first", "in a 3", "wm 10",
        "> a [0,10) 1,2,3 @9 on-time 1/0", "in a 4", "> a [0,10) 1,2,3,4 @9 late 2/1",
        "wm max" } },
    { "elements before the end are none of the late trigger's",
      FIXED(10),
      { .trigger = AT_END_AND(COUNT(5), COUNT(2)), .allowed_lateness = 90 },
      { "in a 1", "wm 10", "> a [0,10) 1 @9 on-time 0/0 first", "in a 2", "in a 3",
        "> a [0,10) 2,3 @9 late 1/1" } },
    { "early firings of several parts repeat",
      FIXED(10),
      { .trigger = AT_END_AND(ANY_OF(COUNT(2), DELAY(100)), NULL) },
      { "in a 1 2", "> a [0,10) 1,2 @9 early 0/-1 first", "in a 3", "in a 4",
        "> a [0,10) 3,4 @9 early 1/-1", "in a 5", "pt 100", "> a [0,10) 5 @9 early 2/-1",
        "wm 10", "> a [0,10) - @9 on-time 3/0 last" } },
};

static const script clocks[] = {
    { "after a while",
      FIXED(100),
      { .trigger = DELAY(50), QUIET },
      { "pt 1000", "in a 1", "next 100 1050 -", "pt 1020", "in a 2", "next 100 1050 -",
        "pt 1049", "pt 1050", "> a [0,100) 1,2 @99 early 0/-1 first last",
        "next 100 - -" } },
    { "again and again",
      FIXED(100),
      { .trigger = REPEAT(DELAY(50)), QUIET },
      { "pt 1000", "in a 1", "in b 2", "pt 1070", "> a [0,100) 1 @99 early 0/-1 first",
        "> b [0,100) 2 @99 early 0/-1 first", "next 100 - -", "pt 1090", "in a 3",
        "next 100 1140 -", "pt 1140", "> a [0,100) 3 @99 early 1/-1", "wm max" } },
    { "the clock does not matter at the end",
      FIXED(100),
      { .trigger = REPEAT(DELAY(50)) },
      { "in a 1", "wm 100", "> a [0,100) 1 @99 on-time 0/0 first last", "next - - -",
        "pt 50" } },
    { "aligned",
      FIXED(100),
      { .trigger = REPEAT(SPEC(.kind = BEAM_TRIGGER_AFTER_PROCESSING_TIME,
                               .transforms =
                                   (const bm_time_transform[]){
                                       { .delay = 5 }, { .period = 60, .offset = 10 } },
                               .n_transforms = 2)),
        QUIET },
      { "pt 100", "in a 1", "next 100 130 -", "pt 130",
        "> a [0,100) 1 @99 early 0/-1 first", "pt 185", "in a 2", "next 100 190 -",
        "pt 190", "> a [0,100) 2 @99 early 1/-1", "wm max" } },
    { "synchronized",
      FIXED(100),
      { .trigger = REPEAT(SYNCHRONIZED), QUIET },
      { "pt 100 0", "in a 1", "next 100 - 101", "pt 110 100", "in a 2", "pt 200 101",
        "> a [0,100) 1,2 @99 early 0/-1 first", "next 100 - -", "in a 3",
        "next 100 - 201", "pt 300", "> a [0,100) 3 @99 early 1/-1" } },
    { "late by the clock",
      FIXED(10),
      { .trigger = AT_END_AND(NULL, DELAY(50)), .allowed_lateness = 1000 },
      { "in a 1", "wm 10", "> a [0,10) 1 @9 on-time 0/0 first", "pt 20", "in a 2 3",
        "next 1010 70 -", "pt 70", "> a [0,10) 2,3 @9 late 1/1", "next 1010 - -" } },
};

static const script composites[] = {
    { "any of",
      FIXED(100),
      { .trigger = REPEAT(ANY_OF(COUNT(3), DELAY(50))), QUIET },
      { "in a 1 2 3", "> a [0,100) 1,2,3 @99 early 0/-1 first", "pt 30", "in a 4",
        "next 100 80 -", "pt 80", "> a [0,100) 4 @99 early 1/-1", "in a 5 6", "in a 7",
        "> a [0,100) 5,6,7 @99 early 2/-1" } },
    { "any of, once",
      FIXED(100),
      { .trigger = ANY_OF(COUNT(3), DELAY(50)), QUIET },
      { "in a 1", "pt 50", "> a [0,100) 1 @99 early 0/-1 first last", "in a 2",
        "dropped 0 1" } },
    { "all of",
      FIXED(100),
      { .trigger = REPEAT(ALL_OF(COUNT(2), DELAY(50))), QUIET },
      { "in a 1 2 3", "pt 49", "pt 50", "> a [0,100) 1,2,3 @99 early 0/-1 first",
        "in a 4", "pt 150", "next 100 - -", "in a 5",
        "> a [0,100) 4,5 @99 early 1/-1" } },
    { "all of, with the end",
      FIXED(10),
      { .trigger = ALL_OF(COUNT(2), AT_END), .allowed_lateness = 90 },
      { "in a 1", "wm 10", "in a 2", "> a [0,10) 1,2 @9 on-time 0/0 first last", "in a 3",
        "dropped 0 1" } },
    { "one after the other",
      FIXED(100),
      { .trigger = EACH_OF(COUNT(1), COUNT(2), DELAY(50)), QUIET },
      { "in a 1", "> a [0,100) 1 @99 early 0/-1 first", "in a 2", "in a 3",
        "> a [0,100) 2,3 @99 early 1/-1", "in a 4", "next 100 50 -", "pt 50",
        "> a [0,100) 4 @99 early 2/-1 last", "in a 5", "dropped 0 1" } },
    { "one after the other, the last one for ever",
      FIXED(100),
      { .trigger = EACH_OF(COUNT(3), REPEAT(COUNT(1))), QUIET },
      { "in a 1 2 3", "> a [0,100) 1,2,3 @99 early 0/-1 first", "in a 4",
        "> a [0,100) 4 @99 early 1/-1", "in a 5", "> a [0,100) 5 @99 early 2/-1" } },
    { "a sequence again and again",
      FIXED(100),
      { .trigger = REPEAT(EACH_OF(COUNT(1), COUNT(2))), QUIET },
      { "in a 1", "> a [0,100) 1 @99 early 0/-1 first", "in a 2 3",
        "> a [0,100) 2,3 @99 early 1/-1", "in a 4", "> a [0,100) 4 @99 early 2/-1" } },
    { "or finally: the last has what is left",
      FIXED(100),
      { .trigger = OR_FINALLY(REPEAT(COUNT(2)), COUNT(5)), QUIET },
      { "in a 1 2", "> a [0,100) 1,2 @99 early 0/-1 first", "in a 3 4",
        "> a [0,100) 3,4 @99 early 1/-1", "in a 5", "> a [0,100) 5 @99 early 2/-1 last",
        "in a 6", "dropped 0 1" } },
    { "or finally: the main one finishes",
      FIXED(100),
      { .trigger = OR_FINALLY(COUNT(2), COUNT(5)), QUIET },
      { "in a 1 2", "> a [0,100) 1,2 @99 early 0/-1 first last", "in a 3",
        "dropped 0 1" } },
    { "or finally, the end",
      FIXED(10),
      { .trigger = OR_FINALLY(REPEAT(COUNT(2)), AT_END), .allowed_lateness = 90 },
      { "in a 1 2", "> a [0,10) 1,2 @9 early 0/-1 first", "in a 3", "wm 10",
        "> a [0,10) 3 @9 on-time 1/0 last", "in a 4", "dropped 0 1" } },
    { "or finally, repeated",
      FIXED(100),
      { .trigger = REPEAT(OR_FINALLY(REPEAT(COUNT(2)), COUNT(3))), QUIET },
      { "in a 1 2", "> a [0,100) 1,2 @99 early 0/-1 first", "in a 3",
        "> a [0,100) 3 @99 early 1/-1", "in a 4 5", "> a [0,100) 4,5 @99 early 2/-1" } },
    { "deep",
      FIXED(100),
      { .trigger = REPEAT(ANY_OF(ALL_OF(COUNT(2), DELAY(50)), COUNT(4))), QUIET },
      { "in a 1 2 3 4", "> a [0,100) 1,2,3,4 @99 early 0/-1 first", "in a 5",
        "next 100 50 -", "pt 50", "next 100 - -", "in a 6",
        "> a [0,100) 5,6 @99 early 1/-1" } },
};

START_TEST(element_counts)
{
    run_script(&counts[_i]);
}
END_TEST

START_TEST(ends_of_windows)
{
    run_script(&ends[_i]);
}
END_TEST

START_TEST(processing_time)
{
    run_script(&clocks[_i]);
}
END_TEST

START_TEST(composite_triggers)
{
    run_script(&composites[_i]);
}
END_TEST

/* -- what is refused ------------------------------------------------------------------ */
static beam_status ignore(void *user, const bm_fired_pane *pane, beam_error *err)
{
    (void)user, (void)pane, (void)err;
    return BEAM_OK;
}

static const struct {
    bm_group_windowing windowing;
    beam_status status;
    const char *says;
} refusals[] = {
    { { .accumulation = BEAM_RETRACTING }, BEAM_EUNSUPPORTED, "retracts" },
    { { .allowed_lateness = -1 }, BEAM_EINVAL, "lateness" },
    { { .merging = BM_MERGE_CUSTOM }, BEAM_EINVAL, "merges windows" },
    { { .trigger = COUNT(0) }, BEAM_EINVAL, "less than 1" },
    { { .trigger = REPEAT(COUNT(0)) }, BEAM_EINVAL, "less than 1" },
    { { .trigger = DELAY(-1) }, BEAM_EINVAL, "negative" },
    { { .trigger = SPEC(.kind = BEAM_TRIGGER_REPEAT) }, BEAM_EINVAL, "subtrigger" },
    { { .trigger = REPEAT(NULL) }, BEAM_EINVAL, "subtrigger" },
    { { .trigger = ANY_OF(COUNT(1), NULL) }, BEAM_EINVAL, "subtrigger" },
    { { .trigger = SPEC(.kind = BEAM_TRIGGER_AFTER_ALL) }, BEAM_EINVAL, "subtrigger" },
    { { .trigger = SPEC(.kind = BEAM_TRIGGER_AFTER_END_OF_WINDOW, ARGS(COUNT(1))) },
      BEAM_EINVAL,
      "two subtriggers" },
    { { .trigger = SPEC(.kind = (beam_trigger_kind)99) }, BEAM_EINVAL, "no known kind" },
};

START_TEST(refused)
{
    beam_error err = { 0 };
    bm_grouping *g = NULL;
    beam_status status = bm_grouping_new(&refusals[_i].windowing, ignore, NULL, &g, &err);
    ck_assert_int_eq(status, refusals[_i].status);
    ck_assert_ptr_null(g);
    ck_assert_msg(strstr(err.message, refusals[_i].says), "%s", err.message);
}
END_TEST

START_TEST(too_deep)
{
    bm_trigger_spec specs[200] = { 0 };
    const bm_trigger_spec *args[200];
    for (int i = 0; i < 199; i++) {
        args[i] = &specs[i + 1];
        specs[i] = (bm_trigger_spec){ .kind = BEAM_TRIGGER_REPEAT,
                                      .args = &args[i],
                                      .n_args = 1 };
    }
    bm_group_windowing windowing = { .trigger = specs };
    bm_grouping *g = NULL;
    beam_error err = { 0 };
    ck_assert_int_eq(bm_grouping_new(&windowing, ignore, NULL, &g, &err), BEAM_EINVAL);
    ck_assert_msg(strstr(err.message, "too deep"), "%s", err.message);
    bm_grouping_free(NULL);
}
END_TEST

int main(void)
{
    return run_scripts("triggers", (const script_table[]){
                                       { element_counts, BEAM_COUNT(counts) },
                                       { ends_of_windows, BEAM_COUNT(ends) },
                                       { processing_time, BEAM_COUNT(clocks) },
                                       { composite_triggers, BEAM_COUNT(composites) },
                                       { refused, BEAM_COUNT(refusals) },
                                       { too_deep, 1 },
                                       { NULL, 0 },
                                   });
}
