/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of bundles that succeeded, added up. Runner's thread. */
#include "local/local_impl.h"
#include "model/beam_job_api.pb-c.h"
#include "proto/metric_value.h"

/* One metric: what it is, and its value so far. */
typedef struct bm_metric_cell {
    const Pb__MonitoringInfo *info; /* URN, type, labels */
    bm_writer payload;
} bm_metric_cell;

/* What came under a short id that is not known yet. */
typedef struct pending {
    struct pending *next;
    beam_span payload;
} pending;
typedef struct short_id {
    const Pb__MonitoringInfo *info; /* NULL: asked for */
    pending *pending;
} short_id;

/* A type that is not known keeps the last value. */
static void add_payload(bm_metric_cell *cell, beam_span payload, bm_arena *arena)
{
    bm_metric_value sum, more;
    bm_writer *to = &cell->payload;
    beam_span so_far = bm_span_copy(arena, bm_written(to));
    bool adds = so_far.len && !bm_metric_read(arena, cell->info->type, so_far, &sum) &&
                !bm_metric_read(arena, cell->info->type, payload, &more) &&
                !bm_metric_add(arena, &sum, &more);
    to->len = 0;
    if (adds)
        bm_metric_write(arena, &sum, to);
    else
        bm_write_bytes(to, payload.ptr, payload.len);
}

/* -- cells ---------------------------------------------------------------------------------------- */
static int by_key(const void *a, const void *b)
{
    return strcmp((*(Pb__MonitoringInfo__LabelsEntry *const *)a)->key,
                  (*(Pb__MonitoringInfo__LabelsEntry *const *)b)->key);
}

static Pb__MonitoringInfo *keep(bm_local *l, const Pb__MonitoringInfo *info)
{
    Pb__MonitoringInfo copy = *info;
    copy.payload = (ProtobufCBinaryData){ 0, NULL };
    copy.start_time = NULL;
    bm_arena scratch;
    bm_arena_init(&scratch, 0);
    Pb__MonitoringInfo *kept =
        (Pb__MonitoringInfo *)bm_pb_unpack(&l->arena, &pb__monitoring_info__descriptor,
                                           BM_PB_PACK(&scratch, &copy), BM_PB_MAX_DEPTH);
    bm_arena_free(&scratch);
    return kept;
}

static bm_metric_cell *cell_of(bm_local *l, const Pb__MonitoringInfo *info)
{
    bm_writer name = { 0 };
    bm_write_prefixed(&name, beam_span_of(info->urn));
    qsort(info->labels, info->n_labels, sizeof *info->labels, by_key);
    for (size_t i = 0; i < info->n_labels; i++) {
        bm_write_prefixed(&name, beam_span_of(info->labels[i]->key));
        bm_write_prefixed(&name, beam_span_of(info->labels[i]->value));
    }
    bm_metric_cell *cell = bm_map_get(&l->metrics, bm_written(&name));
    if (!cell) {
        cell = BM_NEW(&l->arena, bm_metric_cell);
        cell->info = keep(l, info);
        bm_map_put_copy(&l->metrics, bm_written(&name), cell);
    }
    bm_writer_free(&name);
    return cell;
}

static void add_info(bm_local *l, const Pb__MonitoringInfo *info, beam_span payload)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    add_payload(cell_of(l, info), payload, &arena);
    bm_arena_free(&arena);
}

/* -- responses ---------------------------------------------------------------------------------- */
static bool add_short(bm_local *l, const char *id, beam_span payload)
{
    short_id *known = bm_local_by_id(&l->short_ids, id);
    bool is_new = !known;
    if (is_new) {
        known = BM_NEW(&l->arena, short_id);
        bm_map_put_copy(&l->short_ids, beam_span_of(id), known);
    }
    if (known->info) {
        add_info(l, known->info, payload);
        return false;
    }
    pending *waiting = BM_NEW(&l->arena, pending);
    waiting->payload = bm_span_copy(&l->arena, payload);
    waiting->next = known->pending;
    known->pending = waiting;
    return is_new;
}

void bm_local_add_metrics(bm_local *l, const Pb__ProcessBundleResponse *response)
{
    /* A metric that comes both ways is meant once. */
    if (!response->n_monitoring_data)
        for (size_t i = 0; i < response->n_monitoring_infos; i++)
            add_info(l, response->monitoring_infos[i],
                     bm_pb_span(response->monitoring_infos[i]->payload));
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_list unknown = { 0 };
    for (size_t i = 0; i < response->n_monitoring_data; i++) {
        const Pb__ProcessBundleResponse__MonitoringDataEntry *e =
            response->monitoring_data[i];
        if (add_short(l, e->key, bm_pb_span(e->value)))
            bm_list_add(&arena, &unknown, e->key);
    }
    if (unknown.n) bm_local_ask_short_ids(l, (char **)unknown.at, unknown.n);
    bm_arena_free(&arena);
}

void bm_local_learn_short_ids(bm_local *l, const Pb__MonitoringInfosMetadataResponse *pb)
{
    for (size_t i = 0; i < pb->n_monitoring_info; i++) {
        short_id *known = bm_local_by_id(&l->short_ids, pb->monitoring_info[i]->key);
        if (!known || known->info || !pb->monitoring_info[i]->value) continue;
        known->info = keep(l, pb->monitoring_info[i]->value);
        for (const pending *p = known->pending; p; p = p->next)
            add_info(l, known->info, p->payload);
        known->pending = NULL;
    }
}

/* -- the end ------------------------------------------------------------------------------------- */
beam_span bm_local_metrics(bm_local *l, bm_arena *arena)
{
    bm_list all = { 0 };
    BM_MAP_EACH(&l->metrics, e)
    {
        bm_metric_cell *cell = e->value;
        Pb__MonitoringInfo *info = bm_alloc(&l->arena, sizeof *info);
        *info = *cell->info;
        info->payload = bm_pb_bytes(bm_span_copy(&l->arena, bm_written(&cell->payload)));
        bm_writer_free(&cell->payload);
        bm_list_add(&l->arena, &all, info);
    }
    Pb__MetricResults results = PB__METRIC_RESULTS__INIT;
    BM_PB_REPEATED(&results, attempted, &all);
    BM_PB_REPEATED(&results, committed, &all);
    Pb__GetJobMetricsResponse response = PB__GET_JOB_METRICS_RESPONSE__INIT;
    response.metrics = &results;
    return BM_PB_PACK(arena, &response);
}
