/* SPDX-License-Identifier: Apache-2.0 */
/* monitoring.h - metrics of plans as MonitoringInfos, and their short ids. */
#ifndef BM_MONITORING_H
#define BM_MONITORING_H

#include "model/beam_fn_api.upb.h"
#include "plans.h"

/* What this worker remembers of metrics beyond a bundle: short ids, one per URN and labels and
 * never changed, and the sums of the user's counters. */
typedef struct bm_short_ids {
    bool used; /* the runner takes them (beam:protocol:monitoring_info_short_ids:v1) */
    pthread_mutex_t lock; /* guards the rest, and short_ids of all slots */
    bm_arena arena;
    bm_map by_key;
    bm_map infos; /* id -> bm_monitoring_info without payload */
    bm_map sums;  /* name of a user counter -> int64_t, over bundles that succeeded */
} bm_short_ids;

void bm_short_ids_init(bm_short_ids *ids, bool used);
void bm_short_ids_free(bm_short_ids *ids);

/* The user counters' sums so far. Any thread. */
void bm_each_counter(bm_short_ids *ids, void (*each)(void *self, const char *name, int64_t sum),
                     void *self);
/* Fill responses with the metrics of the slot's plan: under short ids when the runner takes
 * them, else in full. Any thread. */
void bm_monitor_bundle(bm_short_ids *ids, bm_plan_slot *slot, pb_ProcessBundleResponse *out,
                       upb_Arena *pb);
void bm_monitor_progress(bm_short_ids *ids, bm_plan_slot *slot,
                         pb_ProcessBundleProgressResponse *out, upb_Arena *pb);
/* The short id of an info that belongs to no plan. Any thread. */
const char *bm_short_id_of(bm_short_ids *ids, const bm_monitoring_info *info);
/* MonitoringInfosMetadataRequest: the infos behind short ids; unknown ones are left out. */
void bm_monitor_metadata(bm_short_ids *ids, const pb_MonitoringInfosMetadataRequest *request,
                         pb_MonitoringInfosMetadataResponse *out, upb_Arena *pb);

#endif
