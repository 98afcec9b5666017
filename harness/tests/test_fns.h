/* SPDX-License-Identifier: Apache-2.0 */
/* test_fns.h - DoFns for tests with the fake runner, and their view of the test. */
#ifndef TEST_FNS_H
#define TEST_FNS_H

#include "fake_runner.h"

/* What the DoFns did, over all instances; any thread. */
int test_n_setups(void), test_n_teardowns(void), test_n_elements(void);
int test_n_acks(void);

/* "test.gate" holds every element until the gate is open. */
void test_open_gate(void);
/* Waits until so many elements are held. */
void test_await_at_gate(int n);
/* The thread that came to it last, by the kernel's id. */
int test_gate_thread(void);

/* test.pass    any -> the same
 * test.gate    any -> the same, when the gate is open
 * test.fail    text -> the same, but fails on the text "bad"
 * test.quote  text -> the same, if it begins with "count"; else fails with its words
 * test.fan     text -> the same, and "more"
 * test.count   bytes -> nothing; the elements are counted
 * test.repeat  text -> the same, as often as the config's number says
 * test.twice   KV of text and iterable of texts -> "key: a b c | a b c"
 * test.said    text -> what the runner said about it: "drain parent state kind"
 * test.timer   KV of texts -> "fired" when the timer "flush" does, set to 7
 * test.ack     text -> the same; counts finalizations, but fails on that of "bad"
 * test.ask     text -> nothing; GET / of the service is answered
 * test.log     text -> the same, which it logs; "bad" as an error */
extern const beam_harness_opts test_opts;

#endif
