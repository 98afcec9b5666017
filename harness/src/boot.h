/* SPDX-License-Identifier: Apache-2.0 */
/* boot.h - what a worker must know before it can serve: endpoints, the runner's
 * capabilities, options, staged files. The container contract of the Fn API. */
#ifndef BM_BOOT_H
#define BM_BOOT_H

#include "beam/harness.h"
#include "rpc/rpc.h"

/* Everything lives in the arena that bm_boot_run was given. */
typedef struct bm_boot {
    const char *control_endpoint, *logging_endpoint, *artifact_endpoint,
        *status_endpoint;      /* NULL: none */
    bool serves_keys_values;   /* beam:protocol:multimap_keys_values_side_input:v1 */
    bool embeds_elements;      /* beam:protocol:control_response_elements_embedding:v1 */
    bool takes_short_ids;      /* beam:protocol:monitoring_info_short_ids:v1 */
    beam_severity log_level;
    size_t data_buffer_bytes;  /* experiment data_buffer_size_limit; 0: default */
    int data_buffer_time_ms;   /* experiment data_buffer_time_limit_ms; 0: none */
    size_t state_cache_bytes;  /* option max_cache_memory_usage_mb */
    int64_t element_timeout_ms; /* option element_processing_timeout_minutes; 0: none */
    int64_t lull_ms;           /* experiment lull_ms: when slow user code is told; 0: default */
    int64_t end_grace_ms;      /* experiment end_grace_ms: for user code at the worker's end */
    bool samples_data;         /* experiment enable_data_sampling */
    const char *staged_dir;    /* NULL when nothing was staged */
    const char **sibling_ids;  /* ProvisionInfo.sibling_worker_ids */
    size_t n_siblings;
} bm_boot;

/* Asks the provision service, if there is one, and fetches staged files. Blocks; not on the
 * rpc thread. */
beam_status bm_boot_run(bm_rpc *rpc, const beam_harness_opts *opts, bm_arena *arena,
                        bm_boot *out, beam_error *err);

#endif
