/* SPDX-License-Identifier: Apache-2.0 */
/* tests/local/script.h - a grouping driven by lines of text. One of
 *
 *     in KEY T...      elements at these times; their values are their times
 *     wm T             the input watermark (max: no more input)
 *     pt T [S]         processing time and synchronized processing time (T if not given)
 *     > PANE           the next pane is just this: see below
 *     out T            the output's watermark is this
 *     next E P S       the next event, processing and synchronized times (-: none)
 *     dropped L C      late, closed
 *     kept K W         keys, windows
 *
 *     KEY [START,END) VALUE,... @TIMESTAMP early|on-time|late INDEX/ON-TIME-INDEX [first] [last]
 *
 * Panes that no `>` line expects before the next other line fail the test. */
#ifndef BM_TEST_LOCAL_SCRIPT_H
#define BM_TEST_LOCAL_SCRIPT_H

#include <check.h>

#include "local/group.h"

typedef struct script {
    const char *name;
    beam_window_fn fn;
    bm_group_windowing with;
    const char *lines[40]; /* up to the first NULL */
} script;

void run_script(const script *s);

typedef struct script_table {
    const TTest *test; /* runs script number _i */
    size_t n;
} script_table;
/* The main() of a program of scripts; up to a NULL test. */
int run_scripts(const char *name, const script_table *tables);

#define GLOBAL { .kind = BEAM_WINDOW_GLOBAL }
#define FIXED(ms) { .kind = BEAM_WINDOW_FIXED, .size = (ms) }
#define SLIDING(ms, each) { .kind = BEAM_WINDOW_SLIDING, .size = (ms), .period = (each) }
#define SESSIONS(ms) { .kind = BEAM_WINDOW_SESSIONS, .gap = (ms) }
#define SPEC(...) (&(const bm_trigger_spec){ __VA_ARGS__ })
#define ARGS(...)                                                                        \
    .args = (const bm_trigger_spec *const[]){ __VA_ARGS__ },                             \
    .n_args = sizeof((const bm_trigger_spec *const[]){ __VA_ARGS__ }) /                  \
              sizeof(const bm_trigger_spec *)
#define COUNT(n) SPEC(.kind = BEAM_TRIGGER_ELEMENT_COUNT, .count = (n))
#define AT_END SPEC(.kind = BEAM_TRIGGER_AFTER_END_OF_WINDOW)
#define AT_END_AND(early, late)                                                          \
    SPEC(.kind = BEAM_TRIGGER_AFTER_END_OF_WINDOW, ARGS(early, late))
#define REPEAT(what) SPEC(.kind = BEAM_TRIGGER_REPEAT, ARGS(what))
#define ANY_OF(...) SPEC(.kind = BEAM_TRIGGER_AFTER_ANY, ARGS(__VA_ARGS__))
#define ALL_OF(...) SPEC(.kind = BEAM_TRIGGER_AFTER_ALL, ARGS(__VA_ARGS__))
#define EACH_OF(...) SPEC(.kind = BEAM_TRIGGER_AFTER_EACH, ARGS(__VA_ARGS__))
#define OR_FINALLY(main, finally) SPEC(.kind = BEAM_TRIGGER_OR_FINALLY, ARGS(main, finally))
#define ALWAYS SPEC(.kind = BEAM_TRIGGER_ALWAYS)
#define NEVER SPEC(.kind = BEAM_TRIGGER_NEVER)
#define DELAY(ms)                                                                        \
    SPEC(.kind = BEAM_TRIGGER_AFTER_PROCESSING_TIME,                                     \
         .transforms = &(const bm_time_transform){ .delay = (ms) }, .n_transforms = 1)
#define SYNCHRONIZED SPEC(.kind = BEAM_TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME)

#endif
