/* SPDX-License-Identifier: Apache-2.0 */
/* local_fixture.h - pipelines on the local runner, with what they give out collected. One
 * run after the other. */
#ifndef LOCAL_FIXTURE_H
#define LOCAL_FIXTURE_H

#include <check.h>
#include <stdlib.h>

#include "beam/beam.h"
#include "program/local_run.h"

extern beam_pipeline *p;
extern bm_local_job job;       /* set up anew for each test */
extern bm_local_faults faults; /* job.opts.faults */
extern bm_local_result result;
extern beam_error err;

extern const beam_dofn collect_fn; /* notes the text of each element */

void setup_local(void);
void teardown_local(void);
beam_status run_local(void);
#define expect_done() ck_assert_msg(run_local() == BEAM_OK, "%s", err.message)
/* Sorted, separated by spaces. */
#define expect_collected(text) ck_assert_str_eq(collected(), (text))
const char *collected(void);
/* Sum of the user counter; 0: there is none. */
int64_t counter(const char *name);
int run_suite(const char *name, const TTest *const *tests, size_t n);

#endif
