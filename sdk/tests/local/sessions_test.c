/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: windows that merge, and what becomes of their panes, triggers and holds. */
#include "script.h"

static const script merging[] = {
    { "apart, adjacent, overlapping",
      SESSIONS(10),
      { 0 },
      { "in a 1 20 30 25", "kept 1 2", "wm 11", "> a [1,11) 1 @10 on-time 0/0 first last",
        "wm 39", "wm 40", "> a [20,40) 20,30,25 @39 on-time 0/0 first last",
        "kept 0 0" } },
    { "adjacent ones stay apart",
      SESSIONS(10),
      { 0 },
      { "in a 0 10", "kept 1 2", "wm max", "> a [0,10) 0 @9 on-time 0/0 first last",
        "> a [10,20) 10 @19 on-time 0/0 first last" } },
    { "one in the middle joins many",
      SESSIONS(10),
      { 0 },
      { "in a 0 40 20 60 80", "kept 1 5", "in a 15", "kept 1 5", "in a 9 29", "kept 1 4",
        "next 39 - -", "in a 31", "kept 1 3", "in a 49 55 65 74", "kept 1 1",
        "next 90 - -", "wm max",
        "> a [0,90) 0,20,15,9,29,40,31,49,60,55,65,80,74 @89 on-time 0/0 first last" } },
    { "each key for itself",
      SESSIONS(10),
      { 0 },
      { "in a 0", "in b 5", "in a 9", "wm 15", "> b [5,15) 5 @14 on-time 0/0 first last",
        "wm 19", "> a [0,19) 0,9 @18 on-time 0/0 first last" } },
    { "the end moves away from the watermark",
      SESSIONS(10),
      { 0 },
      { "in a 0", "wm 9", "out 9", "in a 9", "out 9", "wm 18", "out 18", "wm 19",
        "> a [0,19) 0,9 @18 on-time 0/0 first last", "out 19" } },
    { "expired on its own, though it would join",
      SESSIONS(10),
      { 0 },
      { "in a 5", "wm 12", "in a 1", "dropped 1 0", "in a 3", "wm 15",
        "> a [3,15) 5,3 @14 on-time 0/0 first last" } },
};

static const script panes[] = {
    { "a new window begins with pane 0",
      SESSIONS(10),
      { .trigger = AT_END_AND(COUNT(2), COUNT(3)),
        .accumulation = BEAM_ACCUMULATING,
        .allowed_lateness = 1000 },
      { "in a 1 2", "> a [1,12) 1,2 @11 early 0/-1 first", "in a 3", "in a 4",
        "> a [1,14) 1,2,3,4 @13 early 0/-1 first", "in a 6", "wm 100",
        "> a [1,16) 1,2,3,4,6 @15 on-time 0/0 first", "in a 1", "in a 3 4",
        "> a [1,16) 1,2,3,4,6,1,3,4 @15 late 1/1", "wm max" } },
    { "both have had panes",
      SESSIONS(10),
      { .trigger = REPEAT(COUNT(1)),
        .accumulation = BEAM_ACCUMULATING,
        .on_time = BEAM_ON_TIME_IF_NONEMPTY },
      { "in a 0", "> a [0,10) 0 @9 early 0/-1 first", "in a 15",
        "> a [15,25) 15 @24 early 0/-1 first", "in a 8",
        "> a [0,25) 0,15,8 @24 early 0/-1 first", "wm max" } },
    { "counts are added up",
      SESSIONS(10),
      { .trigger = REPEAT(COUNT(4)), .on_time = BEAM_ON_TIME_IF_NONEMPTY },
      { "in a 0 1", "in a 16", "in a 9", "> a [0,26) 0,1,16,9 @25 early 0/-1 first",
        "wm max" } },
    { "a session that was on time is early again",
      SESSIONS(10),
      { .allowed_lateness = 100 },
      { "in a 0", "wm 12", "> a [0,10) 0 @9 on-time 0/0 first", "in a 7", "wm 17",
        "> a [0,17) 7 @16 on-time 0/0 first", "in a 2", "> a [0,17) 2 @16 late 1/1",
        "wm max" } },
    { "and its early firings are back",
      SESSIONS(10),
      { .trigger = AT_END_AND(COUNT(2), COUNT(5)), .allowed_lateness = 100 },
      { "in a 0", "wm 12", "> a [0,10) 0 @9 on-time 0/0 first", "in a 7", "in a 8",
        "> a [0,18) 7,8 @17 early 0/-1 first", "wm 18", "> a [0,18) - @17 on-time 1/0",
        "in a 1 2 3 4 5", "> a [0,18) 1,2,3,4,5 @17 late 2/1", "wm max" } },
    { "the earliest wait counts",
      SESSIONS(10),
      { .trigger = REPEAT(DELAY(100)), .on_time = BEAM_ON_TIME_IF_NONEMPTY },
      { "pt 10", "in a 0", "pt 50", "in a 15", "next 10 110 -", "in a 8", "next 25 110 -",
        "pt 110", "> a [0,25) 0,15,8 @24 early 0/-1 first", "next 25 - -", "pt 200",
        "wm max" } },
    { "a sequence",
      SESSIONS(10),
      { .trigger = EACH_OF(COUNT(2), COUNT(1)), .on_time = BEAM_ON_TIME_IF_NONEMPTY },
      { "in a 0", "in a 20", "in a 5", "> a [0,15) 0,5 @14 early 0/-1 first", "in a 13",
        "> a [0,30) 20,13 @29 early 0/-1 first last", "kept 1 1", "wm max" } },
    { "all of",
      SESSIONS(10),
      { .trigger = ALL_OF(COUNT(3), DELAY(10)), .on_time = BEAM_ON_TIME_IF_NONEMPTY },
      { "in a 0", "in a 15", "in a 8", "pt 10",
        "> a [0,25) 0,15,8 @24 early 0/-1 first last" } },
};

static const script closing[] = {
    { "what is closed does not merge",
      SESSIONS(10),
      { .trigger = COUNT(2),
        .allowed_lateness = 100,
        .on_time = BEAM_ON_TIME_IF_NONEMPTY },
      { "in a 0 2", "> a [0,12) 0,2 @11 early 0/-1 first last", "kept 1 1", "in a 5",
        "kept 1 2", "in a 6", "> a [5,16) 5,6 @15 early 0/-1 first last", "kept 1 2",
        "dropped 0 0", "wm 111", "kept 1 2", "wm 112", "kept 1 1", "wm 116",
        "kept 0 0" } },
    { "but drops what is just its window",
      SESSIONS(10),
      { .trigger = COUNT(1), .allowed_lateness = 100 },
      { "in a 0", "> a [0,10) 0 @9 early 0/-1 first last", "in a 0", "dropped 0 1",
        "in a 1", "> a [1,11) 1 @10 early 0/-1 first last", "dropped 0 1", "in a 1",
        "dropped 0 2", "wm max", "kept 0 0" } },
    { "a closing pane",
      SESSIONS(10),
      { .closing = BEAM_CLOSE_ALWAYS, .allowed_lateness = 20 },
      { "in a 0 5", "wm 15", "> a [0,15) 0,5 @14 on-time 0/0 first", "out 15", "wm 34",
        "out 34", "wm 35", "> a [0,15) - @14 late 1/1 last", "kept 0 0" } },
};

static const script holds[] = {
    { "earliest",
      SESSIONS(10),
      { .timestamp_combiner = BEAM_AT_EARLIEST },
      { "in a 20", "in a 5", "wm 3", "out 3", "wm 10", "out 5", "in a 12", "wm 20",
        "out 5", "wm 30", "> a [5,30) 5,20,12 @5 on-time 0/0 first last", "out 30" } },
    { "latest",
      SESSIONS(10),
      { .timestamp_combiner = BEAM_AT_LATEST },
      { "in a 20", "in a 5", "wm 3", "in a 12", "wm 25", "out 20", "wm 30",
        "> a [5,30) 5,20,12 @20 on-time 0/0 first last", "out 30" } },
    { "end of window",
      SESSIONS(10),
      { 0 },
      { "in a 20", "in a 5", "in a 12", "wm 29", "out 29", "wm 30",
        "> a [5,30) 5,20,12 @29 on-time 0/0 first last", "out 30" } },
};

START_TEST(windows_merge)
{
    run_script(&merging[_i]);
}
END_TEST

START_TEST(panes_merge)
{
    run_script(&panes[_i]);
}
END_TEST

START_TEST(closed_windows)
{
    run_script(&closing[_i]);
}
END_TEST

START_TEST(holds_merge)
{
    run_script(&holds[_i]);
}
END_TEST

int main(void)
{
    return run_scripts("sessions", (const script_table[]){
                                       { windows_merge, BEAM_COUNT(merging) },
                                       { panes_merge, BEAM_COUNT(panes) },
                                       { closed_windows, BEAM_COUNT(closing) },
                                       { holds_merge, BEAM_COUNT(holds) },
                                       { NULL, 0 },
                                   });
}
