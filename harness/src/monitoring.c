/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics on their way into responses. Bundle threads and the rpc thread. */
#include "monitoring.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "beam_urns.h"
#include "model/metrics.upb.h"
#include "pb.h"

void bm_short_ids_init(bm_short_ids *ids, bool used)
{
    *ids = (bm_short_ids){ .used = used };
    pthread_mutex_init(&ids->lock, NULL);
    bm_arena_init(&ids->arena, 0);
    bm_map_init(&ids->by_key, &ids->arena);
    bm_map_init(&ids->infos, &ids->arena);
    bm_map_init(&ids->sums, &ids->arena);
}

void bm_short_ids_free(bm_short_ids *ids)
{
    bm_arena_free(&ids->arena);
    pthread_mutex_destroy(&ids->lock);
}

/* URN and labels; no part of them holds a NUL. */
static beam_span key_of(const bm_monitoring_info *info, bm_writer *key)
{
    key->len = 0;
    bm_write_bytes(key, info->urn, strlen(info->urn) + 1);
    for (size_t i = 0; i < info->n_labels; i++) {
        bm_write_bytes(key, info->labels[i].key, strlen(info->labels[i].key) + 1);
        bm_write_bytes(key, info->labels[i].value, strlen(info->labels[i].value) + 1);
    }
    return bm_written(key);
}

/* The same in all workers: Prism has one table for those of a job. */
static char *unused_id(bm_short_ids *ids, beam_span key)
{
    uint64_t hash = bm_hash(key.ptr, key.len);
    char *id;
    do {
        id = bm_format(&ids->arena, "%" PRIx64, hash++);
    } while (bm_map_get(&ids->infos, beam_span_of(id)));
    return id;
}

/* With the lock held. */
static const char *new_id(bm_short_ids *ids, beam_span key, const bm_monitoring_info *info)
{
    bm_monitoring_info *copy = BM_NEW(&ids->arena, bm_monitoring_info);
    copy->urn = bm_strdup(&ids->arena, info->urn);
    copy->type = bm_strdup(&ids->arena, info->type);
    copy->n_labels = info->n_labels;
    for (size_t i = 0; i < info->n_labels; i++) {
        copy->labels[i].key = bm_strdup(&ids->arena, info->labels[i].key);
        char *value = bm_strdup(&ids->arena, info->labels[i].value);
        bm_utf8_mend(value);
        copy->labels[i].value = value;
    }
    char *id = unused_id(ids, key);
    bm_map_put(&ids->infos, beam_span_of(id), copy);
    bm_map_put_copy(&ids->by_key, key, id);
    return id;
}

/* With the lock held. */
static const char *short_id(bm_short_ids *ids, bm_plan_slot *slot,
                            const bm_monitoring_info *info, bm_writer *scratch)
{
    if (info->index >= slot->n_short_ids) {
        size_t n = info->index + 16;
        slot->short_ids = bm_xrealloc(slot->short_ids, bm_times(n, sizeof *slot->short_ids));
        memset(slot->short_ids + slot->n_short_ids, 0,
               (n - slot->n_short_ids) * sizeof *slot->short_ids);
        slot->n_short_ids = n;
    }
    const char **known = &slot->short_ids[info->index];
    if (!*known) {
        beam_span key = key_of(info, scratch);
        *known = bm_map_get(&ids->by_key, key);
        if (!*known) *known = new_id(ids, key, info);
    }
    return *known;
}

const char *bm_short_id_of(bm_short_ids *ids, const bm_monitoring_info *info)
{
    bm_writer scratch = { 0 };
    pthread_mutex_lock(&ids->lock);
    beam_span key = key_of(info, &scratch);
    const char *id = bm_map_get(&ids->by_key, key);
    if (!id) id = new_id(ids, key, info);
    pthread_mutex_unlock(&ids->lock);
    bm_writer_free(&scratch);
    return id;
}

static void fill(pb_MonitoringInfo *out, const bm_monitoring_info *info, upb_Arena *pb)
{
    pb_MonitoringInfo_set_urn(out, bm_pb_text(info->urn));
    pb_MonitoringInfo_set_type(out, bm_pb_text(info->type));
    pb_MonitoringInfo_set_payload(out, bm_pb_span(info->payload));
    for (size_t i = 0; i < info->n_labels; i++)
        pb_MonitoringInfo_labels_set(out, bm_pb_text(info->labels[i].key),
                                     bm_pb_text(info->labels[i].value), pb);
}

/* A place in one of the two responses that carry metrics. */
typedef struct target {
    upb_Arena *pb;
    pb_ProcessBundleResponse *bundle;
    pb_ProcessBundleProgressResponse *progress; /* when bundle is NULL */
} target;

static void put(const target *to, const char *id, const bm_monitoring_info *info)
{
    if (id && to->bundle)
        pb_ProcessBundleResponse_monitoring_data_set(to->bundle, bm_pb_text(id),
                                                     bm_pb_span(info->payload), to->pb);
    else if (id)
        pb_ProcessBundleProgressResponse_monitoring_data_set(
            to->progress, bm_pb_text(id), bm_pb_span(info->payload), to->pb);
    else if (to->bundle)
        fill(pb_ProcessBundleResponse_add_monitoring_infos(to->bundle, to->pb), info, to->pb);
    else
        fill(pb_ProcessBundleProgressResponse_add_monitoring_infos(to->progress, to->pb), info,
             to->pb);
}

/* What upb is given as a view must outlive the message: payloads are copied to its arena. */
static beam_span kept(beam_span bytes, upb_Arena *pb)
{
    char *copy = upb_Arena_Malloc(pb, bytes.len + 1);
    if (bytes.len) memcpy(copy, bytes.ptr, bytes.len);
    return (beam_span){ copy, bytes.len };
}

static const char *kept_text(const char *text, upb_Arena *pb)
{
    char *copy = upb_Arena_Malloc(pb, strlen(text) + 1);
    bm_utf8_mend(strcpy(copy, text)); /* names of metrics are the program's */
    return copy;
}

static void keep(bm_monitoring_info *info, bool with_names, upb_Arena *pb)
{
    info->payload = kept(info->payload, pb);
    if (!with_names) return;
    info->urn = kept_text(info->urn, pb);
    info->type = kept_text(info->type, pb);
    for (size_t i = 0; i < info->n_labels; i++) {
        info->labels[i].key = kept_text(info->labels[i].key, pb);
        info->labels[i].value = kept_text(info->labels[i].value, pb);
    }
}

static const char *label_of(const bm_monitoring_info *info, const char *key)
{
    for (size_t i = 0; i < info->n_labels; i++)
        if (!strcmp(info->labels[i].key, key)) return info->labels[i].value;
    return "";
}

/* With the lock held. */
static void add_up(bm_short_ids *ids, const bm_monitoring_info *info)
{
    uint64_t by;
    bm_reader payload = bm_reader_of(info->payload);
    if (strcmp(info->urn, BEAM_URN_METRIC_USER_SUM_INT64) || bm_read_varint(&payload, &by))
        return;
    beam_span name = beam_span_of(label_of(info, "NAME"));
    int64_t *sum = bm_map_get(&ids->sums, name);
    if (!sum) {
        sum = BM_NEW(&ids->arena, int64_t);
        bm_map_put_copy(&ids->sums, name, sum);
    }
    *sum = (int64_t)((uint64_t)*sum + by);
}

void bm_each_counter(bm_short_ids *ids, void (*each)(void *self, const char *name, int64_t sum),
                     void *self)
{
    pthread_mutex_lock(&ids->lock);
    BM_MAP_EACH(&ids->sums, entry) each(self, entry->key.ptr, *(int64_t *)entry->value);
    pthread_mutex_unlock(&ids->lock);
}

/* Java's runners, which take no short ids, log a warning for each of these. */
static bool is_unwanted(const bm_short_ids *ids, const bm_monitoring_info *info)
{
    return !ids->used && !strcmp(info->urn, BEAM_URN_METRIC_IO_API_REQUEST_LATENCIES);
}

static void monitor(bm_short_ids *ids, bm_plan_slot *slot, const target *to)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_writer scratch = { 0 };
    bm_monitoring_info *infos;
    size_t n = bm_plan_metrics(slot->plan, &arena, &infos);
    pthread_mutex_lock(&ids->lock);
    for (size_t i = 0; i < n; i++) {
        if (is_unwanted(ids, &infos[i])) continue;
        const char *id = ids->used ? short_id(ids, slot, &infos[i], &scratch) : NULL;
        if (to->bundle) add_up(ids, &infos[i]);
        keep(&infos[i], !id, to->pb);
        put(to, id, &infos[i]);
    }
    pthread_mutex_unlock(&ids->lock);
    bm_writer_free(&scratch);
    bm_arena_free(&arena);
}

void bm_monitor_bundle(bm_short_ids *ids, bm_plan_slot *slot, pb_ProcessBundleResponse *out,
                       upb_Arena *pb)
{
    monitor(ids, slot, &(target){ .pb = pb, .bundle = out });
}

void bm_monitor_progress(bm_short_ids *ids, bm_plan_slot *slot,
                         pb_ProcessBundleProgressResponse *out, upb_Arena *pb)
{
    monitor(ids, slot, &(target){ .pb = pb, .progress = out });
}

void bm_monitor_metadata(bm_short_ids *ids, const pb_MonitoringInfosMetadataRequest *request,
                         pb_MonitoringInfosMetadataResponse *out, upb_Arena *pb)
{
    size_t n;
    upb_StringView const *wanted = pb_MonitoringInfosMetadataRequest_monitoring_info_id(request, &n);
    pthread_mutex_lock(&ids->lock);
    for (size_t i = 0; i < n; i++) {
        bm_monitoring_info *info = bm_map_get(&ids->infos, bm_span_of_pb(wanted[i]));
        if (!info) continue;
        pb_MonitoringInfo *full = pb_MonitoringInfo_new(pb);
        fill(full, info, pb);
        pb_MonitoringInfosMetadataResponse_monitoring_info_set(out, wanted[i], full, pb);
    }
    pthread_mutex_unlock(&ids->lock);
}
