/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline options that a worker heeds. By the thread that starts the worker. */
#include "boot_options.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/log.h"
#include "google/protobuf/struct.upb.h"
#include "pb.h"

enum {
    MAX_BUFFER_BYTES = 1 << 30,
    DEFAULT_CACHE_MIB = 100,
    MOST = 1000000 /* of any number option: MiB or minutes */
};

static const google_protobuf_Value *option(const google_protobuf_Struct *options,
                                           const char *name, bm_arena *arena)
{
    google_protobuf_Value *value;
    const char *urn = bm_format(arena, "beam:option:%s:v1", name);
    if (google_protobuf_Struct_fields_get(options, bm_pb_text(urn), &value)) return value;
    if (google_protobuf_Struct_fields_get(options, bm_pb_text(name), &value))
        return value;
    return NULL;
}

/* The level of another SDK's name or, as Python counts, number. */
static bool parse_level(const char *text, beam_severity *out)
{
    static const struct {
        const char *name;
        beam_severity level;
    } others[] = { { "WARNING", BEAM_LOG_WARN }, { "FATAL", BEAM_LOG_CRITICAL },
                   { "OFF", BEAM_LOG_CRITICAL }, { "10", BEAM_LOG_DEBUG },
                   { "20", BEAM_LOG_INFO },      { "30", BEAM_LOG_WARN },
                   { "40", BEAM_LOG_ERROR },     { "50", BEAM_LOG_CRITICAL } };
    if (bm_severity_parse(text, out)) return true;
    for (size_t i = 0; i < BEAM_COUNT(others); i++) {
        if (strcasecmp(text, others[i].name)) continue;
        *out = others[i].level;
        return true;
    }
    return false;
}

static void read_log_level(const google_protobuf_Value *value, bm_arena *arena,
                           bm_boot *out)
{
    const char *text = NULL;
    if (value && google_protobuf_Value_has_string_value(value))
        text = bm_cstr(arena, bm_span_of_pb(google_protobuf_Value_string_value(value)));
    else if (value && google_protobuf_Value_has_number_value(value))
        text = bm_format(arena, "%.0f", google_protobuf_Value_number_value(value));
    if (text && !parse_level(text, &out->log_level))
        bm_log_write(&bm_log_stderr, BEAM_LOG_WARN,
                     "the option default_sdk_harness_log_level is %s, which is no level",
                     text);
}

/* The number of an experiment "name=N"; one that is wrong is told and ignored. */
static void read_number(const char *experiment, const char *name, long long max,
                        long long *out)
{
    size_t n = strlen(name);
    if (strncmp(experiment, name, n) || experiment[n] != '=') return;
    const char *digits = experiment + n + 1;
    char *end;
    errno = 0;
    long long number = strtoll(digits, &end, 10);
    if (end == digits || *end || errno || number < 0 || number > max)
        bm_log_write(&bm_log_stderr, BEAM_LOG_WARN,
                     "the experiment %s is ignored: not a number from 0 to %lld",
                     experiment, max);
    else
        *out = number;
}

static void read_experiment(const char *experiment, bm_boot *out)
{
    if (!strcmp(experiment, "enable_data_sampling")) out->samples_data = true;
    long long bytes = (long long)out->data_buffer_bytes, ms = out->data_buffer_time_ms;
    long long lull_ms = out->lull_ms, end_grace_ms = out->end_grace_ms;
    read_number(experiment, "data_buffer_size_limit", MAX_BUFFER_BYTES, &bytes);
    read_number(experiment, "data_buffer_time_limit_ms", INT32_MAX, &ms);
    read_number(experiment, "lull_ms", INT32_MAX, &lull_ms);
    read_number(experiment, "end_grace_ms", INT32_MAX, &end_grace_ms);
    out->lull_ms = lull_ms;
    out->end_grace_ms = end_grace_ms;
    out->data_buffer_bytes = (size_t)bytes;
    out->data_buffer_time_ms = (int)ms;
}

/* A list of strings, or one string with commas. */
static void read_experiments(const google_protobuf_Value *value, bm_arena *arena,
                             bm_boot *out)
{
    if (!value) return;
    if (google_protobuf_Value_has_string_value(value)) {
        char *text = bm_cstr(arena,
                             bm_span_of_pb(google_protobuf_Value_string_value(value)));
        for (char *rest = text, *one; (one = strsep(&rest, ","));)
            read_experiment(one, out);
    } else if (google_protobuf_Value_has_list_value(value)) {
        size_t n;
        const google_protobuf_Value *const *all =
            google_protobuf_ListValue_values(google_protobuf_Value_list_value(value), &n);
        for (size_t i = 0; i < n; i++) read_experiments(all[i], arena, out);
    }
}

/* Options are given as numbers or as text. */
static double number_option(const google_protobuf_Struct *options, const char *name,
                            double otherwise, bm_arena *arena)
{
    const google_protobuf_Value *value = option(options, name, arena);
    double number = -1;
    if (!value || google_protobuf_Value_has_null_value(value)) return otherwise;
    if (google_protobuf_Value_has_number_value(value)) {
        number = google_protobuf_Value_number_value(value);
    } else if (google_protobuf_Value_has_string_value(value)) {
        char *end;
        const char *text =
            bm_cstr(arena, bm_span_of_pb(google_protobuf_Value_string_value(value)));
        number = strtod(text, &end);
        if (end == text || *end) number = -1;
    }
    if (number >= 0 && number <= MOST) return number;
    bm_log_write(&bm_log_stderr, BEAM_LOG_WARN,
                 "the option %s is ignored: not a number from 0 to %d", name, MOST);
    return otherwise;
}

void bm_boot_read_options(const google_protobuf_Struct *options, bm_arena *arena, bm_boot *out)
{
    out->state_cache_bytes = (size_t)DEFAULT_CACHE_MIB << 20;
    if (!options) return;
    read_log_level(option(options, "default_sdk_harness_log_level", arena), arena, out);
    read_experiments(option(options, "experiments", arena), arena, out);
    double mib = number_option(options, "max_cache_memory_usage_mb", DEFAULT_CACHE_MIB, arena);
    out->state_cache_bytes = (size_t)(mib * (1 << 20));
    out->element_timeout_ms =
        (int64_t)(number_option(options, "element_processing_timeout_minutes", 0, arena)
                  * 60000);
}
