/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding, sorting and printing of user metrics. */
#include "job/metrics.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/reader.h"
#include "beam_urns.h"
#include "model/beam_job_api.pb-c.h"
#include "model/metrics.pb-c.h"
#include "proto/model.h"

/* -- payloads (coders as MonitoringInfoTypeUrns says) ------------------------------------ */
static beam_status read_int64(bm_reader *r, int64_t *out)
{
    uint64_t v;
    BEAM_TRY(bm_read_varint(r, &v));
    *out = (int64_t)v;
    return BEAM_OK;
}

static beam_status read_double(bm_reader *r, double *out)
{
    uint64_t bits;
    BEAM_TRY(bm_read_be64(r, &bits));
    memcpy(out, &bits, sizeof *out);
    return BEAM_OK;
}

static beam_status read_payload(const char *type, bm_reader *r, bm_metric *m)
{
    int64_t time_ms;
    if (!strcmp(type, BEAM_URN_METRICS_SUM_INT64)) {
        m->kind = BM_COUNTER;
        return read_int64(r, &m->whole);
    }
    if (!strcmp(type, BEAM_URN_METRICS_SUM_DOUBLE)) {
        m->kind = BM_COUNTER;
        m->is_double = true;
        return read_double(r, &m->real);
    }
    if (!strcmp(type, BEAM_URN_METRICS_LATEST_INT64)) {
        m->kind = BM_GAUGE;
        BEAM_TRY(read_int64(r, &time_ms));
        return read_int64(r, &m->whole);
    }
    if (!strcmp(type, BEAM_URN_METRICS_LATEST_DOUBLE)) {
        m->kind = BM_GAUGE;
        m->is_double = true;
        BEAM_TRY(read_int64(r, &time_ms));
        return read_double(r, &m->real);
    }
    m->kind = BM_DISTRIBUTION;
    if (!strcmp(type, BEAM_URN_METRICS_DISTRIBUTION_INT64)) {
        BEAM_TRY(read_int64(r, &m->count));
        if (!m->count) return BEAM_OK;
        BEAM_TRY(read_int64(r, &m->sum));
        BEAM_TRY(read_int64(r, &m->min));
        return read_int64(r, &m->max);
    }
    if (!strcmp(type, BEAM_URN_METRICS_DISTRIBUTION_DOUBLE)) {
        m->is_double = true;
        BEAM_TRY(read_int64(r, &m->count));
        if (!m->count) return BEAM_OK;
        BEAM_TRY(read_double(r, &m->real_sum));
        BEAM_TRY(read_double(r, &m->real_min));
        return read_double(r, &m->real_max);
    }
    return BEAM_EUNSUPPORTED;
}

static const char *label(const Pb__MonitoringInfo *info, const char *key)
{
    for (size_t i = 0; i < info->n_labels; i++)
        if (!strcmp(info->labels[i]->key, key)) return info->labels[i]->value;
    return "";
}

static int by_step_and_name(const void *a, const void *b)
{
    const bm_metric *x = a, *y = b;
    int order = strcmp(x->step, y->step);
    if (!order) order = strcmp(x->name_space, y->name_space);
    return order ? order : strcmp(x->name, y->name);
}

bm_metrics bm_metrics_parse(bm_arena *arena, beam_span response)
{
    bm_metrics none = { NULL, 0 };
    Pb__GetJobMetricsResponse *r = (Pb__GetJobMetricsResponse *)
        bm_pb_unpack(arena, &pb__get_job_metrics_response__descriptor, response,
                     BM_PB_MAX_DEPTH);
    if (!r || !r->metrics) return none;
    const Pb__MetricResults *results = r->metrics;
    size_t n = results->n_attempted ? results->n_attempted : results->n_committed,
           found = 0;
    Pb__MonitoringInfo **infos = results->n_attempted ? results->attempted
                                                      : results->committed;
    bm_metric *metrics = BM_NEW_ARRAY(arena, bm_metric, n + 1);
    for (size_t i = 0; i < n; i++) {
        bm_metric m = { .name_space = label(infos[i], "NAMESPACE"),
                        .name = label(infos[i], "NAME"),
                        .step = label(infos[i], "PTRANSFORM") };
        bm_reader payload = bm_reader_of(bm_pb_span(infos[i]->payload));
        if (strncmp(infos[i]->urn, "beam:metric:user:", 17) || !*m.name) continue;
        if (!read_payload(infos[i]->type, &payload, &m)) metrics[found++] = m;
    }
    qsort(metrics, found, sizeof *metrics, by_step_and_name);
    return (bm_metrics){ metrics, found };
}

/* -- printing ---------------------------------------------------------------------------------- */
static const char *value_text(const bm_metric *m, char *text, size_t size)
{
    if (m->kind != BM_DISTRIBUTION && m->is_double)
        snprintf(text, size, "%g", m->real);
    else if (m->kind != BM_DISTRIBUTION)
        snprintf(text, size, "%" PRId64, m->whole);
    else if (!m->count)
        snprintf(text, size, "0 values");
    else if (m->is_double)
        snprintf(text, size, "%" PRId64 " values, mean %g, min %g, max %g", m->count,
                 m->real_sum / (double)m->count, m->real_min, m->real_max);
    else
        snprintf(text, size, "%" PRId64 " values, mean %g, min %" PRId64 ", max %" PRId64,
                 m->count, (double)m->sum / (double)m->count, m->min, m->max);
    return text;
}

void bm_metrics_print(bm_metrics metrics, bm_writer *out)
{
    int step_width = 4, name_width = 6;
    for (size_t i = 0; i < metrics.n; i++) {
        int step = (int)strlen(metrics.at[i].step),
            name = (int)strlen(metrics.at[i].name);
        if (step > step_width) step_width = step;
        if (name > name_width) name_width = name;
    }
    for (size_t i = 0; i < metrics.n; i++) {
        char value[200], line[1024];
        int n = snprintf(line, sizeof line, "  %-*s  %-*s  %s\n", step_width,
                         metrics.at[i].step, name_width, metrics.at[i].name,
                         value_text(&metrics.at[i], value, sizeof value));
        bm_write_bytes(out, line, n < (int)sizeof line ? (size_t)n : sizeof line - 1);
    }
}

static json_t *number(const bm_metric *m, int64_t whole, double real)
{
    json_t *json = m->is_double ? json_real(real) : json_integer(whole);
    return json ? json : json_null();
}

static json_t *to_json(const bm_metric *m)
{
    static const char *const kinds[] = { "counter", "distribution", "gauge" };
    json_t *json = json_object();
    json_object_set_new(json, "step", json_string(m->step));
    json_object_set_new(json, "namespace", json_string(m->name_space));
    json_object_set_new(json, "name", json_string(m->name));
    json_object_set_new(json, "kind", json_string(kinds[m->kind]));
    if (m->kind != BM_DISTRIBUTION) {
        json_object_set_new(json, "value", number(m, m->whole, m->real));
        return json;
    }
    json_object_set_new(json, "count", json_integer(m->count));
    json_object_set_new(json, "sum", number(m, m->sum, m->real_sum));
    json_object_set_new(json, "min", number(m, m->min, m->real_min));
    json_object_set_new(json, "max", number(m, m->max, m->real_max));
    return json;
}

beam_status bm_metrics_save(bm_metrics metrics, const char *path, beam_error *err)
{
    json_t *list = json_array();
    for (size_t i = 0; i < metrics.n; i++)
        json_array_append_new(list, to_json(&metrics.at[i]));
    int failed = json_dump_file(list, path, JSON_INDENT(2));
    json_decref(list);
    return failed ? bm_error(err, BEAM_EIO, "cannot write the metrics to %s", path)
                  : BEAM_OK;
}

static bool named_before(bm_metrics metrics, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (metrics.at[j].kind == BM_COUNTER &&
            !strcmp(metrics.at[j].name, metrics.at[i].name))
            return true;
    return false;
}

void bm_metrics_summary(bm_metrics metrics, char *text, size_t size)
{
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < metrics.n && at < size; i++) {
        const bm_metric *m = &metrics.at[i];
        if (m->kind != BM_COUNTER || m->is_double || named_before(metrics, i)) continue;
        int64_t sum = 0;
        for (size_t j = i; j < metrics.n; j++)
            if (metrics.at[j].kind == BM_COUNTER && !strcmp(metrics.at[j].name, m->name))
                sum += metrics.at[j].whole;
        int n = snprintf(text + at, size - at, "%s%s=%" PRId64, at ? " " : "", m->name,
                         sum);
        if (n < 0) break;
        at += (size_t)n;
    }
}
