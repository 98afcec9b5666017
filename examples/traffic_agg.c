/* SPDX-License-Identifier: Apache-2.0 */
/* traffic_agg: counts page views per visitor and window, Kafka to Kafka.
 *
 *     scripts/start-env.sh -k
 *     datagen --source=streaming --num_users=5 --delay_seconds=0.5 &
 *     traffic_agg --bootstrap_servers=localhost:29092 --streaming
 *
 * Windows are by event_datetime. A record that comes after its window was written makes
 * the window be written again with the new total, under the same key {event_id,
 * window_start}: the latest message of a key counts. Records that cannot be read go to
 * the topic traffic-agg-bad with the reason as their key. */
#define _POSIX_C_SOURCE 200809L /* gmtime_r */
#include <time.h>

#include "event_log.h"

struct flags {
    const char *bootstrap_servers, *input_topic, *output_topic, *bad_topic, *group_id;
    int64_t window_s, allowed_lateness_s, max_records;
    bool deprecated_read;
};

static const beam_dofn decode_fn = {
    .name = "traffic_agg.decode",
    .in = BEAM_KAFKA_RECORD,
    .out = EVENT_LOG,
    .outputs = BEAM_TABLE(event_log_outputs),
    .self_size = sizeof(int64_t),
    .process = event_log_decode,
};

static beam_millis event_time(beam_ctx *c, beam_value event)
{
    (void)c;
    beam_millis at = 0;
    event_time_parse(beam_as_span(beam_list_at(event, EVENT_DATETIME)), &at);
    return at;
}

static const beam_dofn event_time_fn = {
    .name = "traffic_agg.event_time",
    .in = EVENT_LOG,
    .out = EVENT_LOG,
    .timestamp = event_time,
};

static beam_value one_view(beam_ctx *c, beam_value event)
{
    beam_value *pair = beam_alloc(c, 2 * sizeof *pair);
    pair[0] = beam_list_at(event, EVENT_ID);
    pair[1] = beam_int64(1);
    return beam_kv(pair);
}

static const beam_dofn one_view_fn = {
    .name = "traffic_agg.one_view",
    .in = EVENT_LOG,
    .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
    .map = one_view,
};

static const char *iso_time(beam_ctx *c, beam_millis at)
{
    char *text = beam_alloc(c, 32);
    time_t seconds = (time_t)(at / 1000);
    struct tm parts;
    strftime(text, 32, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &parts));
    return text;
}

/* KV<id, views> and its window -> Kafka message */
static beam_status add_window(beam_ctx *c, beam_value in)
{
    beam_span id = beam_as_span(beam_key(in));
    beam_window window = beam_element_window(c);
    const char *start = iso_time(c, window.start), *end = iso_time(c, window.end);
    return emit_json_message(
        c,
        json_pack("{s:s%, s:s}", "event_id", id.ptr, id.len, "window_start", start),
        json_pack("{s:s%, s:s, s:s, s:I}", "id", id.ptr, id.len, "window_start", start,
                  "window_end", end, "page_views", (json_int_t)beam_as_int64(beam_val(in))));
}

static const beam_dofn add_window_fn = {
    .name = "traffic_agg.add_window",
    .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
    .out = BEAM_KV(BEAM_BYTES, BEAM_BYTES),
    .flags = BEAM_OBSERVES_WINDOW,
    .process = add_window,
};

static void build(beam_pipeline *p, const void *flags)
{
    const struct flags *f = flags;

    if (f->deprecated_read) beam_pipeline_experiment(p, "use_deprecated_read");
    beam_pcoll *records = beam_kafka_read(
        p, "ReadFromKafka", .servers = f->bootstrap_servers, .topics = { f->input_topic },
        .group_id = f->group_id, .auto_offset_reset = "earliest",
        .timestamp_policy = BEAM_KAFKA_CREATE_TIME, .max_num_records = f->max_records);
    beam_pcoll *events = beam_par_do(records, "ParseElements", &decode_fn);
    beam_pcoll *timed = beam_with_timestamps(events, "AssignTimestamp", &event_time_fn);
    beam_pcoll *views = beam_map(timed, "FormKeyValuePair", &one_view_fn);
    beam_pcoll *windows = beam_window_into(
        views, "TumblingWindow", beam_fixed(beam_seconds(f->window_s)),
        .allowed_lateness = beam_seconds(f->allowed_lateness_s),
        .accumulation = BEAM_ACCUMULATING);
    beam_pcoll *sums = beam_combine_per_key(windows, "SumByKey", &beam_sum_int64);
    beam_pcoll *messages = beam_par_do(sums, "AddWindowTimestamp", &add_window_fn);
    beam_kafka_write(messages, "WriteToKafka", .servers = f->bootstrap_servers,
                     .topics = { f->output_topic });
    beam_kafka_write(beam_output(events, EVENT_BAD), "WriteBadToKafka",
                     .servers = f->bootstrap_servers, .topics = { f->bad_topic });
}

static const beam_dofn *const dofns[] = { &decode_fn, &event_time_fn, &one_view_fn,
                                          &add_window_fn };
static const beam_flag flags[] = {
    BEAM_TEXT_FLAG(struct flags, bootstrap_servers, "localhost:29092", "Kafka brokers"),
    BEAM_TEXT_FLAG(struct flags, input_topic, "website-visit", "topic of visits to read"),
    BEAM_TEXT_FLAG(struct flags, output_topic, "traffic-agg", "topic to write"),
    BEAM_TEXT_FLAG(struct flags, bad_topic, "traffic-agg-bad", "topic for unreadable records"),
    BEAM_TEXT_FLAG(struct flags, group_id, "traffic-agg", "Kafka consumer group"),
    BEAM_INT_FLAG(struct flags, window_s, "20", "length of a window, seconds"),
    BEAM_INT_FLAG(struct flags, allowed_lateness_s, "86400",
                  "how long a window takes late records, seconds"),
    BEAM_INT_FLAG(struct flags, max_records, "0", "stop after this many records; 0: never"),
    BEAM_BOOL_FLAG(struct flags, deprecated_read, "false",
                   "read by Flink's own Kafka source: the default without --job_endpoint"),
};
static const beam_program program = {
    .name = "traffic_agg",
    .summary = "counts page views per visitor and window, Kafka to Kafka",
    .flags = BEAM_TABLE(flags),
    .flags_size = sizeof(struct flags),
    .dofns = BEAM_TABLE(dofns),
    .build = build,
};

int main(int argc, char **argv)
{
    return beam_main(&program, argc, argv);
}
