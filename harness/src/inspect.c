/* SPDX-License-Identifier: Apache-2.0 */
/* What the runner asks of the worker as a whole: samples of elements, metrics of the
 * process. Rpc thread. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/utf8.h"
#include "beam_urns.h"
#include "exec/data_sampler.h"
#include "exec/state_cache.h"
#include "google/protobuf/timestamp.upb.h"
#include "pb.h"
#include "worker.h"

/* -- SampleDataRequest ---------------------------------------------------------------- */

static upb_StringView kept(beam_span bytes, upb_Arena *pb)
{
    char *copy = upb_Arena_Malloc(pb, bytes.len + 1);
    if (bytes.len) memcpy(copy, bytes.ptr, bytes.len);
    copy[bytes.len] = '\0';
    return upb_StringView_FromDataAndSize(copy, bytes.len);
}

static void write_sample(const bm_data_sample *sample, pb_SampledElement *out, upb_Arena *pb)
{
    pb_SampledElement_set_element(out, kept(sample->element, pb));
    google_protobuf_Timestamp *at = pb_SampledElement_mutable_sample_timestamp(out, pb);
    google_protobuf_Timestamp_set_seconds(at, sample->taken_ms / 1000);
    google_protobuf_Timestamp_set_nanos(at, (int32_t)(sample->taken_ms % 1000) * 1000000);
    if (!sample->error) return;
    pb_SampledElement_Exception *exception = pb_SampledElement_mutable_exception(out, pb);
    pb_SampledElement_Exception_set_instruction_id(
        exception, kept(beam_span_of(sample->instruction_id), pb));
    pb_SampledElement_Exception_set_transform_id(
        exception, kept(beam_span_of(sample->transform_id), pb));
    upb_StringView error = kept(beam_span_of(sample->error), pb);
    bm_utf8_mend((char *)(uintptr_t)error.data);
    pb_SampledElement_Exception_set_error(exception, error);
}

static void write_samples(const bm_order *order, const char *pcoll, bm_arena *arena,
                          pb_SampleDataResponse *out)
{
    bm_data_sample *samples;
    size_t n = bm_data_sampler_take(order->worker->sampler, pcoll, arena, &samples);
    if (!n) return;
    pb_SampleDataResponse_ElementList *list = pb_SampleDataResponse_ElementList_new(order->pb);
    for (size_t i = 0; i < n; i++)
        write_sample(&samples[i],
                     pb_SampleDataResponse_ElementList_add_elements(list, order->pb),
                     order->pb);
    pb_SampleDataResponse_element_samples_set(out, kept(beam_span_of(pcoll), order->pb), list,
                                              order->pb);
}

/* Of the PCollections that are named, or of all. */
void bm_inspect_samples(const bm_order *order)
{
    pb_SampleDataResponse *out =
        pb_InstructionResponse_mutable_sample_data(order->response, order->pb);
    if (!order->worker->sampler) return;
    size_t n;
    upb_StringView const *named = pb_SampleDataRequest_pcollection_ids(
        pb_InstructionRequest_sample_data(order->request), &n);
    bm_arena arena;
    bm_arena_init(&arena, 0);
    const char **all = NULL;
    size_t n_all = n ? 0 : bm_data_sampler_pcolls(order->worker->sampler, &arena, &all);
    for (size_t i = 0; i < n; i++)
        write_samples(order, bm_cstr(&arena, bm_span_of_pb(named[i])), &arena, out);
    for (size_t i = 0; i < n_all; i++) write_samples(order, all[i], &arena, out);
    bm_arena_free(&arena);
}

/* -- HarnessMonitoringInfosRequest ------------------------------------------------------- */

/* Bytes of memory that the process has; 0: the system does not tell. */
static int64_t resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    if (fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    fclose(file);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* One value of the process, as it is now: a gauge. */
static void write_gauge(const bm_order *order, const char *name, int64_t value,
                        pb_HarnessMonitoringInfosResponse *out)
{
    const bm_monitoring_info info = {
        .urn = BEAM_URN_METRIC_USER_LATEST_INT64,
        .type = BEAM_URN_METRICS_LATEST_INT64,
        .labels = { { "NAMESPACE", "beam.worker" }, { "NAME", name },
                    { "PER_WORKER_METRIC", "true" } },
        .n_labels = 3,
    };
    bm_writer payload = { 0 };
    bm_write_varint(&payload, (uint64_t)time(NULL) * 1000);
    bm_write_varint(&payload, (uint64_t)value);
    pb_HarnessMonitoringInfosResponse_monitoring_data_set(
        out, bm_pb_text(bm_short_id_of(&order->worker->short_ids, &info)),
        kept(bm_written(&payload), order->pb), order->pb);
    bm_writer_free(&payload);
}

void bm_inspect_metrics(const bm_order *order)
{
    beam_harness *worker = order->worker;
    pb_HarnessMonitoringInfosResponse *out =
        pb_InstructionResponse_mutable_harness_monitoring_infos(order->response, order->pb);
    bm_state_cache_stats cache = bm_state_cache_look(worker->state_cache);
    pthread_mutex_lock(&worker->instructions.lock);
    size_t n_running = worker->instructions.n_running;
    pthread_mutex_unlock(&worker->instructions.lock);
    write_gauge(order, "resident_bytes", resident_bytes(), out);
    write_gauge(order, "active_bundles", (int64_t)n_running, out);
    write_gauge(order, "state_cache_bytes", (int64_t)cache.bytes, out);
    write_gauge(order, "state_cache_hits", (int64_t)cache.hits, out);
    write_gauge(order, "state_cache_misses", (int64_t)cache.misses, out);
}
