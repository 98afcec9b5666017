/* SPDX-License-Identifier: Apache-2.0 */
/* A test's pipeline on the local runner. The caller's thread. */
#include "program/local_run.h"
#include "program/test_run.h"

static bm_local_faults faults_of(const beam_test_faults *f)
{
    if (!f) return (bm_local_faults){ .data_bytes = 0 };
    return (bm_local_faults){
        .data_before_request = f->data_before_request,
        .last_with_data = f->last_with_data,
        .data_bytes = f->data_bytes,
        .embed_elements = f->embed_elements,
        .no_response_embedding = f->no_response_embedding,
        .no_short_ids = f->no_short_ids,
        .cache_tokens = f->cache_tokens,
        .state_page_bytes = f->state_page_bytes,
        .reorder_state = f->reorder_state,
        .progress_every_ms = f->progress_every_ms,
        .split_every_ms = f->split_every_ms,
        .split_fraction = f->split_fraction,
        .unknown_instructions = f->unknown_instructions,
        .late_instructions = f->late_instructions,
        .drop_control_after = f->drop_control_after,
        .drop_data_after = f->drop_data_after,
        .drop_state_after = f->drop_state_after,
    };
}

beam_status bm_test_run_locally(bm_test_run *r, beam_error *err)
{
    const beam_test_opts *o = r->opts;
    const bm_local_faults faults = faults_of(o->faults);
    const bm_local_job job = {
        .functions = r->functions,
        .log_level = r->log.minimum,
        .opts = { .log = r->log,
                  .timeout_ms = bm_test_timeout_s(r) * 1000,
                  .max_bundle_elements = o->bundle_size,
                  .parallelism = o->parallelism,
                  .bundle_retries = o->bundle_retries,
                  .drain = o->drain,
                  .skip_waiting = !o->real_time,
                  .faults = o->faults ? &faults : NULL },
    };
    bm_local_result result;
    beam_status status = bm_run_locally(r->session.rpc, r->pipeline, &job,
                                        &r->pipeline->arena, &result, err);
    r->metrics = result.metrics;
    return status;
}
