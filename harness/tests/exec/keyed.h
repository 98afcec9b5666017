/* SPDX-License-Identifier: Apache-2.0 */
/* A DoFn with state and timers, and a runner's store for it in memory.
 *
 *     source "a" -> ParDo "b" -> sink "c":  KV<STRING, STRING> in, STRING out
 *
 * Values are commands that the DoFn carries out one by one, see keyed.c; what they read is
 * emitted, with the key in front. */
#ifndef KEYED_H
#define KEYED_H

#include "fixture.h"

typedef struct keyed {
    fixture f;
    bm_map store;       /* bm_writer by what a state key is made of */
    bm_writer trace;    /* requests, one a line */
    bool is_quiet;      /* there is no trace */
    size_t page_bytes;  /* of gets; 0: everything at once */
    bool has_no_state, only_bundle_for_keys, gets_fail;
    bool reads_ahead; /* the runner takes several reads at once */
    int n_asked;      /* of which are under way */
    int n_gets, n_writes;
    bm_writer timers_in[4], timers_out[4];
    int timer_lasts[4];
    size_t next_timers;
    beam_status (*read)(void *self, bm_segment *out, beam_error *err);
    bool native; /* maps and lists by protocols of their own */
} keyed;

/* In the global window, or in fixed windows of 10 ms with `lateness`. */
void keyed_init(keyed *k, bool native);
/* The same, but elements and timers that fail after so many attempts only say so to a
 * collection that nobody reads. */
void keyed_init_catching(keyed *k, bool native, unsigned attempts);
void keyed_init_in_windows(keyed *k, beam_millis lateness);
/* Another DoFn, without outputs, whose states are bags of VARINTs. */
void keyed_init_fn(keyed *k, const beam_dofn *const *dofns, size_t n_dofns, const char *fn,
                   const beam_state_spec *specs, size_t n_specs);
void keyed_free(keyed *k);
/* One element. */
void keyed_put(keyed *k, const char *key, const char *commands);
void keyed_put_at(keyed *k, const char *key, const char *commands, beam_millis timestamp);
/* Runs what was put as one bundle. */
void keyed_run(keyed *k);
beam_status keyed_try(keyed *k);
/* A timer for the next bundle; its window is that of `fire` minus the lateness. */
void keyed_fire(keyed *k, const char *family, const char *key, const char *tag,
                beam_millis fire, beam_millis hold);
/* What the last bundle gave: elements; timers, one a line; requests. */
const char *keyed_output(keyed *k);
const char *keyed_timers(keyed *k);
const char *keyed_trace(keyed *k);
/* Bytes that the runner has of a state of a key in the global window. */
beam_span keyed_stored(keyed *k, const char *state, const char *key);
void keyed_break(keyed *k, const char *state, const char *key, beam_span bytes);

#define expect_keyed(k, text) ck_assert_str_eq(keyed_output(k), (text))

#endif
