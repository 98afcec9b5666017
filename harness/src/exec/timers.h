/* SPDX-License-Identifier: Apache-2.0 */
/* exec/timers.h - the timers that a DoFn declares. Bundle thread.
 *
 * What a bundle sets or clears is kept until its end and then sent to the runner, the last
 * word for each timer only. A timer of the runner's that fires after the bundle has set it
 * anew or cleared it is ignored, and timers that the bundle has set for a moment before it
 * fire first: so they fire in order. */
#ifndef BM_TIMERS_H
#define BM_TIMERS_H

#include "exec/user_state.h"

typedef struct bm_timers bm_timers;

/* Sets p->ctx.timers, after p->ctx.state. Adds the families' ports to the plan. */
beam_status bm_timers_new(bm_par_do *p, const bm_transform *t, beam_error *err);
void bm_timers_free(bm_timers *timers);
void bm_timers_start(bm_timers *timers);
/* Encoded timers that fire; the last may be cut. */
beam_status bm_timers_fire(bm_timers *timers, int port, beam_span data);
/* Sends what was set and ends the families. */
beam_status bm_timers_finish(bm_timers *timers);
/* The callback's key and window have state: on_window_expiration is to be called for them. */
beam_status bm_timers_expire(bm_timers *timers);
/* As bm_user_state_attempt() and those after it, for timers; row: of the callback. */
void bm_timers_attempt(bm_timers *timers);
void bm_timers_keep(bm_timers *timers);
void bm_timers_undo(bm_timers *timers);
/* Sets a timer of the sorter (time_sorted.c) for the callback's key and window: event time,
 * cut to the end of the window with allowed lateness. */
beam_status bm_timers_set_sorted(bm_timers *timers, const char *tag, beam_millis at,
                                 beam_millis hold);
/* Before an element of sorted input, with the context of the timer that it comes by: the
 * timers of event time that the bundle has set for a moment before the element's. */
beam_status bm_timers_fire_before(bm_timers *timers, beam_millis timestamp);

/* -- time_sorted.c: DoFns with BEAM_TIME_SORTED_INPUT ------------------------------------- */
/* Keeps an element instead of processing it. */
beam_status bm_sorter_keep(bm_par_do *p, const bm_element *element);
/* Event time is past `before` for the callback's key and window, and no more elements at or
 * before `until` are to be waited for: processes those that are kept. */
beam_status bm_sorter_process(bm_par_do *p, beam_millis until);

#endif
