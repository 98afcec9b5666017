/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding, sorting and printing of metrics. */
#include "job/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "beam_urns.h"
#include "model/beam_job_api.pb-c.h"
#include "proto/model.h"

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

static int by_name_and_kind(const void *a, const void *b)
{
    const bm_metric *x = a, *y = b;
    int order = by_step_and_name(a, b);
    if (!order) order = (int)x->value.kind - (int)y->value.kind;
    return order ? order : (int)x->value.is_double - (int)y->value.is_double;
}

static int by_kind_and_commitment(const void *a, const void *b)
{
    const bm_metric *x = a, *y = b;
    int order = by_name_and_kind(a, b);
    return order ? order : (int)y->committed - (int)x->committed;
}

static bool is_urn(const Pb__MonitoringInfo *info, const char *urn)
{
    return !strcmp(info->urn, urn);
}

/* Of a user's metric, or of one of calls; without a name it is neither. */
static bm_metric metric_of(bm_arena *arena, const Pb__MonitoringInfo *info)
{
    bm_metric m = { .step = label(info, "PTRANSFORM"), .name = "" };
    if (!strncmp(info->urn, "beam:metric:user:", 17)) {
        m.name_space = label(info, "NAMESPACE");
        m.name = label(info, "NAME");
    } else if (is_urn(info, BEAM_URN_METRIC_IO_API_REQUEST_COUNT) ||
               is_urn(info, BEAM_URN_METRIC_IO_API_REQUEST_LATENCIES)) {
        m.is_of_calls = true;
        m.name_space = label(info, "SERVICE");
        const char *what = label(info, "STATUS");
        m.name = bm_format(arena, "%s: %s", label(info, "METHOD"), *what ? what : "ms");
    }
    return m;
}

/* Adds those that can be read. */
static void add_metrics(bm_arena *arena, Pb__MonitoringInfo **infos, size_t n, bool committed,
                        bm_metric *at, size_t *found)
{
    for (size_t i = 0; i < n; i++) {
        bm_metric *m = &at[*found];
        *m = metric_of(arena, infos[i]);
        m->committed = committed;
        beam_span payload = bm_pb_span(infos[i]->payload);
        if (*m->name && !bm_metric_read(arena, infos[i]->type, payload, &m->value))
            ++*found;
    }
}

/* Committed values are the truth where there are any: a runner may report as attempted only
 * what bundles have told it while they ran. */
static size_t drop_attempted_twins(bm_metric *at, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool twin = kept && !by_name_and_kind(&at[kept - 1], &at[i]) &&
                    at[kept - 1].committed && !at[i].committed;
        if (!twin) at[kept++] = at[i];
    }
    return kept;
}

bm_metrics bm_metrics_parse(bm_arena *arena, beam_span response)
{
    bm_metrics none = { NULL, 0 };
    Pb__GetJobMetricsResponse *r = (Pb__GetJobMetricsResponse *)
        bm_pb_unpack(arena, &pb__get_job_metrics_response__descriptor, response,
                     BM_PB_MAX_DEPTH);
    if (!r || !r->metrics) return none;
    const Pb__MetricResults *results = r->metrics;
    size_t found = 0;
    bm_metric *at = BM_NEW_ARRAY(arena, bm_metric,
                                 results->n_attempted + results->n_committed + 1);
    add_metrics(arena, results->committed, results->n_committed, true, at, &found);
    add_metrics(arena, results->attempted, results->n_attempted, false, at, &found);
    qsort(at, found, sizeof *at, by_kind_and_commitment);
    return (bm_metrics){ at, drop_attempted_twins(at, found) };
}

/* -- printing ---------------------------------------------------------------------------------- */
/* Text of at most `size` bytes, with "..." for what does not fit. */
typedef struct short_text {
    char *text;
    size_t size, at;
} short_text;

static void BEAM_PRINTF(2, 3) say(short_text *l, const char *format, ...)
{
    if (l->at + 1 >= l->size) return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(l->text + l->at, l->size - l->at, format, args);
    va_end(args);
    if (n > 0) l->at += (size_t)n;
    if (l->at < l->size) return;
    l->at = l->size - 1;
    memcpy(l->text + l->at - 3, "...", 3);
}

static void say_distribution(short_text *l, const bm_metric_value *v)
{
    if (!v->count)
        say(l, "0 values");
    else if (v->is_double)
        say(l, "%" PRId64 " values, mean %g, min %g, max %g", v->count,
            v->real_sum / (double)v->count, v->real_min, v->real_max);
    else
        say(l, "%" PRId64 " values, mean %g, min %" PRId64 ", max %" PRId64, v->count,
            (double)v->sum / (double)v->count, v->min, v->max);
}

static void say_texts(short_text *l, const bm_metric_value *v)
{
    say(l, "%zu texts", v->texts.n);
    BM_MAP_EACH(&v->texts, entry)
    say(l, "%s" BEAM_SPAN_FMT, entry == v->texts.entries ? ": " : ", ",
        BEAM_SPAN_ARG(entry->key));
}

static void say_path(void *self, const beam_span *path, size_t n, bool truncated)
{
    short_text *l = self;
    say(l, "%s", l->at ? ", " : "");
    for (size_t i = 0; i < n; i++)
        say(l, "%s" BEAM_SPAN_FMT, i ? "/" : "", BEAM_SPAN_ARG(path[i]));
    if (truncated) say(l, "/*");
}

static void say_histogram(short_text *l, const bm_metric_value *v)
{
    say(l, "%" PRId64 " values, half below %g, 99 of 100 below %g", v->count,
        bm_histogram_quantile(&v->histogram, 0.5), bm_histogram_quantile(&v->histogram, 0.99));
}

static void say_extremes(short_text *l, const bm_extremes *e)
{
    for (size_t i = 0; i < e->n; i++) {
        say(l, "%s", i ? ", " : "");
        if (e->is_double)
            say(l, "%g", e->at[i].real);
        else
            say(l, "%" PRId64, e->at[i].whole);
    }
}

static const char *value_text(const bm_metric_value *v, char *text, size_t size)
{
    short_text l = { .text = text, .size = size };
    text[0] = '\0';
    switch (v->kind) {
    case BM_COUNTER:
    case BM_GAUGE:
        if (v->is_double) say(&l, "%g", v->real);
        else say(&l, "%" PRId64, v->whole);
        break;
    case BM_DISTRIBUTION: say_distribution(&l, v); break;
    case BM_STRING_SET: say_texts(&l, v); break;
    case BM_BOUNDED_TRIE: bm_trie_each(&v->trie, say_path, &l); break;
    case BM_HISTOGRAM: say_histogram(&l, v); break;
    case BM_TOP_N:
    case BM_BOTTOM_N: say_extremes(&l, &v->extremes); break;
    }
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
                         value_text(&metrics.at[i].value, value, sizeof value));
        bm_write_bytes(out, line, n < (int)sizeof line ? (size_t)n : sizeof line - 1);
    }
}

static json_t *number(const bm_metric_value *v, int64_t whole, double real)
{
    json_t *json = v->is_double ? json_real(real) : json_integer(whole);
    return json ? json : json_null();
}

static json_t *span_json(beam_span text)
{
    json_t *json = json_stringn(text.ptr, text.len);
    return json ? json : json_null();
}

static json_t *texts_json(const bm_metric_value *v)
{
    json_t *list = json_array();
    BM_MAP_EACH(&v->texts, entry) json_array_append_new(list, span_json(entry->key));
    return list;
}

static void add_path(void *self, const beam_span *path, size_t n, bool truncated)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(list, span_json(path[i]));
    if (truncated) json_array_append_new(list, json_null());
    json_array_append_new(self, list);
}

static json_t *paths_json(const bm_metric_value *v)
{
    json_t *list = json_array();
    bm_trie_each(&v->trie, add_path, list);
    return list;
}

static json_t *extremes_json(const bm_metric_value *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->extremes.n; i++)
        json_array_append_new(list,
                              number(v, v->extremes.at[i].whole, v->extremes.at[i].real));
    return list;
}

/* [lower bound, values] of each bucket that holds any. */
static json_t *buckets_json(const bm_histogram *h)
{
    json_t *list = json_array();
    for (size_t i = 0; i < h->n; i++) {
        if (!h->counts[i]) continue;
        json_t *bucket = json_array();
        json_array_append_new(bucket, json_real(bm_histogram_bound(h, i)));
        json_array_append_new(bucket, json_integer(h->counts[i]));
        json_array_append_new(list, bucket);
    }
    return list;
}

static void add_distribution(json_t *json, const bm_metric_value *v)
{
    json_object_set_new(json, "count", json_integer(v->count));
    json_object_set_new(json, "sum", number(v, v->sum, v->real_sum));
    json_object_set_new(json, "min", number(v, v->min, v->real_min));
    json_object_set_new(json, "max", number(v, v->max, v->real_max));
}

static json_t *to_json(const bm_metric *m)
{
    static const char *const kinds[] = { "counter",    "distribution", "gauge",
                                         "string_set", "bounded_trie", "histogram",
                                         "top_n",      "bottom_n" };
    const bm_metric_value *v = &m->value;
    json_t *json = json_object();
    json_object_set_new(json, "step", json_string(m->step));
    json_object_set_new(json, "namespace", json_string(m->name_space));
    json_object_set_new(json, "name", json_string(m->name));
    json_object_set_new(json, "kind", json_string(kinds[v->kind]));
    switch (v->kind) {
    case BM_COUNTER:
    case BM_GAUGE: json_object_set_new(json, "value", number(v, v->whole, v->real)); break;
    case BM_DISTRIBUTION: add_distribution(json, v); break;
    case BM_TOP_N:
    case BM_BOTTOM_N: json_object_set_new(json, "value", extremes_json(v)); break;
    case BM_STRING_SET: json_object_set_new(json, "value", texts_json(v)); break;
    case BM_BOUNDED_TRIE: json_object_set_new(json, "value", paths_json(v)); break;
    case BM_HISTOGRAM:
        json_object_set_new(json, "count", json_integer(v->count));
        json_object_set_new(json, "value", buckets_json(&v->histogram));
        break;
    }
    return json;
}

beam_status bm_metrics_can_save(const char *path, beam_error *err)
{
    FILE *file = fopen(path, "ae");
    if (!file)
        return bm_error(err, BEAM_EIO, "cannot write the metrics to '%s': %s", path,
                        strerror(errno));
    fclose(file);
    return BEAM_OK;
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

static bool is_summed(const bm_metric *m)
{
    return m->value.kind == BM_COUNTER && !m->value.is_double && !m->is_of_calls;
}

static bool named_before(bm_metrics metrics, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (is_summed(&metrics.at[j]) && !strcmp(metrics.at[j].name, metrics.at[i].name))
            return true;
    return false;
}

void bm_metrics_summary(bm_metrics metrics, char *text, size_t size)
{
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < metrics.n && at < size; i++) {
        const bm_metric *m = &metrics.at[i];
        if (!is_summed(m) || named_before(metrics, i)) continue;
        int64_t sum = 0;
        for (size_t j = i; j < metrics.n; j++)
            if (is_summed(&metrics.at[j]) && !strcmp(metrics.at[j].name, m->name))
                sum += metrics.at[j].value.whole;
        int n = snprintf(text + at, size - at, "%s%s=%" PRId64, at ? " " : "", m->name,
                         sum);
        if (n < 0) break;
        at += (size_t)n;
    }
}
