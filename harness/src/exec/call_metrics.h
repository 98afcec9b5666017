/* SPDX-License-Identifier: Apache-2.0 */
/* exec/call_metrics.h - how calls of services end, and how long they take, for the runner.
 * Bundle thread. */
#ifndef BM_CALL_METRICS_H
#define BM_CALL_METRICS_H

#include "exec/node.h"

typedef struct bm_call_metrics bm_call_metrics;

/* Those of a node's calls, in the plan's memory; `service` and `resource` live as long. */
bm_call_metrics *bm_call_metrics_new(bm_node *node, const char *service,
                                     const char *resource);
/* A try has ended. */
void bm_call_metrics_add(bm_call_metrics *metrics, const char *method,
                         const char *outcome, int64_t ms);

#endif
