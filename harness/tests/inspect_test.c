/* SPDX-License-Identifier: Apache-2.0 */
/* What a runner learns of the worker as a whole: metrics of the process, samples. */
#include "base/clock.h"
#include "base/reader.h"
#include "model/metrics.upb.h"
#include "test_bundle.h"
#include "test_fns.h"

static const test_bundle texts = { .fn = "test.fail",
                                   .in = "string_utf8",
                                   .out = "string_utf8" };

static fake_runner *start(const char *experiment)
{
    fake_runner *r = fake_runner_new();
    if (experiment) fake_add_experiment(r, experiment);
    test_add_descriptor(r, "texts", &texts);
    fake_connect(r, &test_opts);
    return r;
}

static void send_texts(fake_runner *r, const char *bundle, const char *text, int n)
{
    bm_writer w = { 0 };
    for (int i = 0; i < n; i++) test_put_text(&w, text);
    fake_process_bundle(r, bundle, "texts");
    fake_send_data(r, bundle, "source", bm_written(&w), true);
    bm_writer_free(&w);
}

/* -- metrics of the process ---------------------------------------------------------------- */
static const pb_HarnessMonitoringInfosResponse *ask_metrics(fake_runner *r, const char *id)
{
    pb_InstructionRequest *request = fake_request(r, id);
    pb_InstructionRequest_mutable_harness_monitoring_infos(request, fake_arena(r));
    fake_send(r, request);
    return pb_InstructionResponse_harness_monitoring_infos(fake_await(r, id));
}

/* The name of a short id's info. */
static const char *name_of(fake_runner *r, upb_StringView short_id)
{
    upb_Arena *upb = fake_arena(r);
    pb_InstructionRequest *request = fake_request(r, "explain");
    pb_MonitoringInfosMetadataRequest *ask =
        pb_InstructionRequest_mutable_monitoring_infos(request, upb);
    pb_MonitoringInfosMetadataRequest_add_monitoring_info_id(ask, short_id, upb);
    char id[40];
    snprintf(id, sizeof id, "explain-%.*s", (int)short_id.size, short_id.data);
    pb_InstructionRequest_set_instruction_id(request, fake_view(id));
    fake_send(r, request);
    pb_MonitoringInfosMetadataResponse *answer = (pb_MonitoringInfosMetadataResponse *)
        pb_InstructionResponse_monitoring_infos(fake_await(r, id));
    struct pb_MonitoringInfo *info;
    ck_assert(pb_MonitoringInfosMetadataResponse_monitoring_info_get(answer, short_id, &info));
    ck_assert(upb_StringView_IsEqual(pb_MonitoringInfo_type(info),
                                     fake_view("beam:metrics:latest_int64:v1")));
    char *copy = NULL;
    size_t iter = kUpb_Map_Begin;
    const pb_MonitoringInfo_LabelsEntry *label;
    while ((label = pb_MonitoringInfo_labels_next(info, &iter))) {
        upb_StringView value = pb_MonitoringInfo_LabelsEntry_value(label);
        if (!upb_StringView_IsEqual(pb_MonitoringInfo_LabelsEntry_key(label),
                                    fake_view("NAME")))
            continue;
        copy = upb_Arena_Malloc(upb, value.size + 1);
        memcpy(copy, value.data, value.size);
        copy[value.size] = '\0';
    }
    ck_assert_ptr_nonnull(copy);
    ck_assert_uint_eq(pb_MonitoringInfo_labels_size(info), 3);
    return copy;
}

static int64_t value_of(beam_span payload)
{
    bm_reader in = bm_reader_of(payload);
    uint64_t at_ms, value;
    ck_assert_int_eq(bm_read_varint(&in, &at_ms), BEAM_OK);
    ck_assert_int_eq(bm_read_varint(&in, &value), BEAM_OK);
    ck_assert_uint_eq(bm_left(&in), 0);
    return (int64_t)value;
}

START_TEST(cp_17_metrics_of_the_process)
{
    fake_runner *r = start(NULL);
    const pb_HarnessMonitoringInfosResponse *first = ask_metrics(r, "m1");
    size_t n = pb_HarnessMonitoringInfosResponse_monitoring_data_size(first);
    ck_assert_uint_eq(n, 5);
    size_t iter = kUpb_Map_Begin;
    upb_StringView id, payload;
    int64_t resident = 0;
    const pb_HarnessMonitoringInfosResponse_MonitoringDataEntry *entry;
    while ((entry = pb_HarnessMonitoringInfosResponse_monitoring_data_next(first, &iter))) {
        id = pb_HarnessMonitoringInfosResponse_MonitoringDataEntry_key(entry);
        ck_assert(pb_HarnessMonitoringInfosResponse_monitoring_data_get(
            (pb_HarnessMonitoringInfosResponse *)(uintptr_t)first, id, &payload));
        int64_t value = value_of((beam_span){ payload.data, payload.size });
        if (!strcmp(name_of(r, id), "resident_bytes")) resident = value;
    }
    ck_assert_int_gt(resident, 1 << 20);
    /* The ids stay. */
    const pb_HarnessMonitoringInfosResponse *second = ask_metrics(r, "m2");
    ck_assert_uint_eq(pb_HarnessMonitoringInfosResponse_monitoring_data_size(second), n);
    bool found = false;
    iter = kUpb_Map_Begin;
    while ((entry = pb_HarnessMonitoringInfosResponse_monitoring_data_next(second, &iter)))
        found |= upb_StringView_IsEqual(
            pb_HarnessMonitoringInfosResponse_MonitoringDataEntry_key(entry), id);
    ck_assert(found);
    fake_runner_free(r);
}
END_TEST

/* -- samples ------------------------------------------------------------------------------- */
/* Of one PCollection, or of all (NULL). */
static pb_SampleDataResponse *ask_samples(fake_runner *r, const char *id, const char *pcoll)
{
    pb_InstructionRequest *request = fake_request(r, id);
    pb_SampleDataRequest *ask =
        pb_InstructionRequest_mutable_sample_data(request, fake_arena(r));
    if (pcoll)
        pb_SampleDataRequest_add_pcollection_ids(ask, fake_view(pcoll), fake_arena(r));
    fake_send(r, request);
    fake_expect_ok(r, id);
    return (pb_SampleDataResponse *)pb_InstructionResponse_sample_data(fake_await(r, id));
}

static const pb_SampledElement *const *samples_of(pb_SampleDataResponse *response,
                                                  const char *pcoll, size_t *n)
{
    pb_SampleDataResponse_ElementList *list;
    *n = 0;
    if (!pb_SampleDataResponse_element_samples_get(response, fake_view(pcoll), &list))
        return NULL;
    return pb_SampleDataResponse_ElementList_elements(list, n);
}

START_TEST(samp_01_samples_of_each_pcollection)
{
    fake_runner *r = start("enable_data_sampling");
    send_texts(r, "b1", "abc", 100);
    fake_expect_ok(r, "b1");
    pb_SampleDataResponse *response = ask_samples(r, "s1", NULL);
    static const char *const pcolls[] = { "p-in", "p-out" };
    for (size_t i = 0; i < BEAM_COUNT(pcolls); i++) {
        size_t n;
        const pb_SampledElement *const *all = samples_of(response, pcolls[i], &n);
        ck_assert_uint_ge(n, 1);
        ck_assert_uint_le(n, 10);
        upb_StringView element = pb_SampledElement_element(all[0]);
        ck_assert_uint_eq(element.size, 4); /* nested: with its length */
        ck_assert_mem_eq(element.data, "\3abc", 4);
        ck_assert(pb_SampledElement_has_sample_timestamp(all[0]));
        ck_assert(!pb_SampledElement_has_exception(all[0]));
    }
    /* They have been handed over. */
    ck_assert_uint_eq(pb_SampleDataResponse_element_samples_size(ask_samples(r, "s2", NULL)),
                      0);
    fake_runner_free(r);
}
END_TEST

START_TEST(samp_01_only_the_pcollections_that_are_named)
{
    fake_runner *r = start("enable_data_sampling");
    send_texts(r, "b1", "abc", 3);
    fake_expect_ok(r, "b1");
    size_t n;
    pb_SampleDataResponse *response = ask_samples(r, "s1", "p-out");
    samples_of(response, "p-out", &n);
    ck_assert_uint_ge(n, 1);
    samples_of(response, "p-in", &n);
    ck_assert_uint_eq(n, 0);
    ck_assert_uint_eq(
        pb_SampleDataResponse_element_samples_size(ask_samples(r, "s2", "unknown")), 0);
    fake_runner_free(r);
}
END_TEST

START_TEST(samp_01_the_element_that_failed)
{
    fake_runner *r = start("enable_data_sampling");
    send_texts(r, "b1", "good", 50);
    fake_expect_ok(r, "b1");
    send_texts(r, "b2", "bad", 1);
    fake_expect_error(r, "b2", "this text is bad");
    size_t n, failed = 0;
    const pb_SampledElement *const *all = samples_of(ask_samples(r, "s1", "p-in"), "p-in", &n);
    for (size_t i = 0; i < n; i++) {
        const pb_SampledElement_Exception *exception = pb_SampledElement_exception(all[i]);
        if (!exception) continue;
        failed++;
        upb_StringView error = pb_SampledElement_Exception_error(exception);
        ck_assert(upb_StringView_IsEqual(pb_SampledElement_element(all[i]),
                                         fake_view("\3bad")));
        ck_assert(upb_StringView_IsEqual(
            pb_SampledElement_Exception_instruction_id(exception), fake_view("b2")));
        ck_assert(upb_StringView_IsEqual(
            pb_SampledElement_Exception_transform_id(exception), fake_view("fn")));
        ck_assert_ptr_nonnull(memmem(error.data, error.size, "this text is bad", 16));
    }
    ck_assert_uint_eq(failed, 1);
    fake_runner_free(r);
}
END_TEST

START_TEST(samp_01_nothing_is_kept_unless_asked_for)
{
    fake_runner *r = start(NULL);
    send_texts(r, "b1", "abc", 100);
    fake_expect_ok(r, "b1");
    ck_assert_uint_eq(pb_SampleDataResponse_element_samples_size(ask_samples(r, "s1", NULL)),
                      0);
    fake_runner_free(r);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        cp_17_metrics_of_the_process,
        samp_01_samples_of_each_pcollection,
        samp_01_only_the_pcollections_that_are_named,
        samp_01_the_element_that_failed,
        samp_01_nothing_is_kept_unless_asked_for,
    };
    return fake_run_tests("inspect", tests, BEAM_COUNT(tests));
}
