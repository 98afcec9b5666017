/* SPDX-License-Identifier: Apache-2.0 */
/* Panes in windows that do not merge: indexes, timing, timestamps, what is late, what is
 * kept and what is forgotten. */
#include "script.h"

static const script defaults[] = {
    { "fixed windows, default trigger",
      FIXED(10),
      { 0 },
      { "in a 1 2 3 10 11", "in b 4", "kept 2 3", "next 10 - -", "wm 9", "wm 10",
        "> a [0,10) 1,2,3 @9 on-time 0/0 first last",
        "> b [0,10) 4 @9 on-time 0/0 first last", "kept 1 1", "next 20 - -", "wm 25",
        "> a [10,20) 10,11 @19 on-time 0/0 first last", "kept 0 0", "next - - -",
        "in a 9 19", "dropped 2 0", "kept 0 0" } },
    { "watermark holds at the end of the window",
      FIXED(10),
      { 0 },
      { "in a 1", "wm 5", "out 5", "wm 9", "out 9", "in a 11", "wm 12",
        "> a [0,10) 1 @9 on-time 0/0 first last", "out 12", "wm 100",
        "> a [10,20) 11 @19 on-time 0/0 first last", "out 100", "wm 7", "out 100",
        "wm max", "out max" } },
    { "sliding windows",
      SLIDING(10, 5),
      { 0 },
      { "in a 7", "in a 12", "wm 10", "> a [0,10) 7 @9 on-time 0/0 first last", "wm max",
        "> a [5,15) 7,12 @14 on-time 0/0 first last",
        "> a [10,20) 12 @19 on-time 0/0 first last", "kept 0 0" } },
    { "sliding windows, some of an element expired",
      SLIDING(10, 5),
      { 0 },
      { "wm 10", "in a 7", "dropped 1 0", "kept 1 1", "wm 15",
        "> a [5,15) 7 @14 on-time 0/0 first last" } },
    { "the global window ends with the input",
      GLOBAL,
      { .allowed_lateness = 1000 },
      { "in a 1 2", "wm 1000000", "out 1000000", "wm max",
        "> a [-9223372036854775,9223371950454776) 1,2 @9223371950454775 on-time 0/0 first "
        "last",
        "kept 0 0", "in a 3", "dropped 1 0" } },
    { "before the epoch",
      FIXED(10),
      { 0 },
      { "wm -20", "in a -1 -10 -11", "wm 0",
        "> a [-20,-10) -11 @-11 on-time 0/0 first last",
        "> a [-10,0) -1,-10 @-1 on-time 0/0 first last" } },
    { "late and accumulating",
      FIXED(10),
      { .allowed_lateness = 90, .accumulation = BEAM_ACCUMULATING },
      { "in a 1 2 3 10 11 25", "wm 99", "> a [0,10) 1,2,3 @9 on-time 0/0 first",
        "> a [10,20) 10,11 @19 on-time 0/0 first", "> a [20,30) 25 @29 on-time 0/0 first",
        "next 100 - -", "in a 7", "> a [0,10) 1,2,3,7 @9 late 1/1", "wm 100", "kept 1 2",
        "in a 8", "dropped 1 0", "wm max", "kept 0 0" } },
    { "late and discarding",
      FIXED(10),
      { .allowed_lateness = 90 },
      { "in a 1", "wm 50", "> a [0,10) 1 @9 on-time 0/0 first", "in a 7",
        "> a [0,10) 7 @9 late 1/1", "in a 8", "> a [0,10) 8 @9 late 2/2", "wm max" } },
    { "late from the start",
      FIXED(10),
      { .allowed_lateness = 90 },
      { "wm 50", "in a 1", "> a [0,10) 1 @9 late 0/0 first", "in a 2",
        "> a [0,10) 2 @9 late 1/1", "kept 1 1", "next 100 - -", "wm 99", "wm 100",
        "kept 0 0" } },
    { "from on time to expired in one step",
      FIXED(10),
      { .allowed_lateness = 90 },
      { "in a 1", "wm 1000", "> a [0,10) 1 @9 on-time 0/0 first last", "kept 0 0" } },
};

static const script timestamps[] = {
    { "earliest",
      FIXED(10),
      { .timestamp_combiner = BEAM_AT_EARLIEST },
      { "in a 3 1 2 11 10 25", "wm 9", "out 1", "wm 10",
        "> a [0,10) 3,1,2 @1 on-time 0/0 first last", "out 10", "wm 100",
        "> a [10,20) 11,10 @10 on-time 0/0 first last",
        "> a [20,30) 25 @25 on-time 0/0 first last", "out 100" } },
    { "latest",
      FIXED(10),
      { .timestamp_combiner = BEAM_AT_LATEST },
      { "in a 1 3 2 10 11", "wm 5", "out 3", "wm 100",
        "> a [0,10) 1,3,2 @3 on-time 0/0 first last",
        "> a [10,20) 10,11 @11 on-time 0/0 first last" } },
    { "elements behind the watermark do not count",
      FIXED(10),
      { .timestamp_combiner = BEAM_AT_EARLIEST },
      { "wm 5", "in a 2 3 7 8", "out 5", "wm 8", "out 7", "wm 11",
        "> a [0,10) 2,3,7,8 @7 on-time 0/0 first last" } },
    { "all of them are behind the watermark",
      FIXED(10),
      { .timestamp_combiner = BEAM_AT_EARLIEST },
      { "wm 8", "in a 2 3 7", "wm 9", "out 9", "wm 11",
        "> a [0,10) 2,3,7 @9 on-time 0/0 first last" } },
    { "each pane has its own",
      FIXED(10),
      { .trigger = REPEAT(COUNT(2)),
        .timestamp_combiner = BEAM_AT_EARLIEST,
        .accumulation = BEAM_ACCUMULATING,
        .on_time = BEAM_ON_TIME_IF_NONEMPTY },
      { "in a 1 3", "> a [0,10) 1,3 @1 early 0/-1 first", "wm 4", "out 4", "in a 6 5",
        "> a [0,10) 1,3,6,5 @5 early 1/-1", "wm max" } },
};

static const script behaviours[] = {
    { "early firings, discarding",
      FIXED(10),
      { .trigger = AT_END_AND(COUNT(2), NULL) },
      { "in a 1 2 3", "> a [0,10) 1,2 @9 early 0/-1 first", "in a 4",
        "> a [0,10) 3,4 @9 early 1/-1", "in a 14 18",
        "> a [10,20) 14,18 @19 early 0/-1 first", "in a 6", "wm 100",
        "> a [0,10) 6 @9 on-time 2/0 last", "> a [10,20) - @19 on-time 1/0 last",
        "kept 0 0" } },
    { "no empty pane on time",
      FIXED(10),
      { .trigger = AT_END_AND(COUNT(2), NULL), .on_time = BEAM_ON_TIME_IF_NONEMPTY },
      { "in a 1 2", "> a [0,10) 1,2 @9 early 0/-1 first", "wm 100", "kept 0 0" } },
    { "an empty pane on time accumulates",
      FIXED(10),
      { .trigger = AT_END_AND(COUNT(2), NULL), .accumulation = BEAM_ACCUMULATING },
      { "in a 1 2", "> a [0,10) 1,2 @9 early 0/-1 first", "wm 100",
        "> a [0,10) 1,2 @9 on-time 1/0 last" } },
    { "the last pane, even if empty",
      FIXED(10),
      { .allowed_lateness = 10, .closing = BEAM_CLOSE_ALWAYS },
      { "in a 1", "wm 10", "> a [0,10) 1 @9 on-time 0/0 first", "out 10", "wm 19",
        "out 19", "wm 20", "> a [0,10) - @9 late 1/1 last", "out 20", "kept 0 0" } },
    { "a pane for the end holds the watermark",
      FIXED(10),
      { .trigger = AT_END_AND(COUNT(1), NEVER),
        .allowed_lateness = 100,
        .closing = BEAM_CLOSE_ALWAYS,
        .on_time = BEAM_ON_TIME_IF_NONEMPTY },
      { "in a 1", "> a [0,10) 1 @9 early 0/-1 first", "wm 15", "wm 50", "in a 2",
        "out 50", "wm 109", "out 109", "wm 200", "> a [0,10) 2 @9 late 1/0 last",
        "out 200" } },
    { "the last pane holds what came late",
      FIXED(10),
      { .trigger = AT_END_AND(NULL, COUNT(2)), .allowed_lateness = 10 },
      { "in a 1", "wm 10", "> a [0,10) 1 @9 on-time 0/0 first", "in a 2", "wm 20",
        "> a [0,10) 2 @9 late 1/1 last", "kept 0 0" } },
    { "nothing to close with",
      FIXED(10),
      { .allowed_lateness = 10 },
      { "in a 1", "wm 10", "> a [0,10) 1 @9 on-time 0/0 first", "wm 20", "kept 0 0" } },
    { "a finished trigger drops",
      FIXED(10),
      { .trigger = COUNT(2), .allowed_lateness = 10 },
      { "in a 1 2 3", "> a [0,10) 1,2 @9 early 0/-1 first last", "dropped 0 1", "in a 11",
        "kept 1 2", "wm 10", "in a 4", "dropped 0 2", "kept 1 2", "wm 19", "kept 1 2",
        "wm 20", "kept 1 1", "in a 5", "dropped 1 2", "wm 30",
        "> a [10,20) 11 @19 on-time 0/0 first last", "kept 0 0" } },
    { "a trigger that finishes at the end",
      FIXED(10),
      { .trigger = AT_END, .allowed_lateness = 10 },
      { "in a 1", "wm 10", "> a [0,10) 1 @9 on-time 0/0 first last", "in a 2",
        "dropped 0 1", "wm 20", "kept 0 0" } },
    { "early only, and done at the end",
      FIXED(10),
      { .trigger = AT_END_AND(COUNT(3), NULL), .allowed_lateness = 10 },
      { "in a 1", "wm 10", "> a [0,10) 1 @9 on-time 0/0 first last", "in a 2",
        "dropped 0 1", "wm 20" } },
};

START_TEST(default_trigger)
{
    run_script(&defaults[_i]);
}
END_TEST

START_TEST(timestamp_combiners)
{
    run_script(&timestamps[_i]);
}
END_TEST

START_TEST(closing_and_on_time)
{
    run_script(&behaviours[_i]);
}
END_TEST

int main(void)
{
    return run_scripts("panes", (const script_table[]){
                                    { default_trigger, BEAM_COUNT(defaults) },
                                    { timestamp_combiners, BEAM_COUNT(timestamps) },
                                    { closing_and_on_time, BEAM_COUNT(behaviours) },
                                    { NULL, 0 },
                                });
}
