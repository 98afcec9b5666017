/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_io: copies visits from one Kafka topic to another, the smallest Kafka pipeline.
 *
 *     scripts/start-env.sh -k
 *     kafka_io --bootstrap_servers=localhost:29092 --streaming
 */
#include "event_log.h"

struct flags {
    const char *bootstrap_servers, *input_topic, *output_topic, *group_id;
    int64_t max_records;
    bool deprecated_read;
};

static const beam_dofn decode_fn = {
    .name = "kafka_io.decode",
    .in = BEAM_KAFKA_RECORD,
    .out = EVENT_LOG,
    .outputs = BEAM_TABLE(event_log_outputs),
    .self_size = sizeof(int64_t),
    .process = event_log_decode,
};

static json_t *to_json(beam_value v)
{
    switch (v.kind) {
    case BEAM_KIND_STRING: return json_stringn(beam_as_span(v).ptr, beam_as_span(v).len);
    case BEAM_KIND_BOOL: return json_boolean(beam_as_bool(v));
    case BEAM_KIND_DOUBLE: return json_real(beam_as_double(v));
    default: return json_integer(beam_as_int64(v));
    }
}

/* EventLog -> Kafka message: the visit itself under the key {event_id, event_ts} */
static beam_status create_message(beam_ctx *c, beam_value event)
{
    beam_span id = beam_as_span(beam_list_at(event, EVENT_ID));
    json_t *key = json_pack("{s:s%, s:I}", "event_id", id.ptr, id.len, "event_ts",
                            (json_int_t)beam_as_int64(beam_list_at(event, EVENT_TS)));
    json_t *value = json_object();
    for (size_t i = 0; i < EVENT_N_FIELDS; i++)
        json_object_set_new(value, event_log_fields[i].name, to_json(beam_list_at(event, i)));
    return emit_json_message(c, key, value);
}

static const beam_dofn create_message_fn = {
    .name = "kafka_io.create_message",
    .in = EVENT_LOG,
    .out = BEAM_KV(BEAM_BYTES, BEAM_BYTES),
    .process = create_message,
};

static void build(beam_pipeline *p, const void *flags)
{
    const struct flags *f = flags;

    if (f->deprecated_read) beam_pipeline_experiment(p, "use_deprecated_read");
    beam_pcoll *records = beam_kafka_read(
        p, "ReadFromKafka", .servers = f->bootstrap_servers, .topics = { f->input_topic },
        .group_id = f->group_id, .auto_offset_reset = "earliest",
        .max_num_records = f->max_records);
    beam_pcoll *events = beam_par_do(records, "ParseElements", &decode_fn);
    beam_pcoll *messages = beam_par_do(events, "CreateMessages", &create_message_fn);
    beam_kafka_write(messages, "WriteToKafka", .servers = f->bootstrap_servers,
                     .topics = { f->output_topic });
}

static const beam_dofn *const dofns[] = { &decode_fn, &create_message_fn };
static const beam_flag flags[] = {
    BEAM_TEXT_FLAG(struct flags, bootstrap_servers, "localhost:29092", "Kafka brokers"),
    BEAM_TEXT_FLAG(struct flags, input_topic, "website-visit", "topic to read"),
    BEAM_TEXT_FLAG(struct flags, output_topic, "website-out", "topic to write"),
    BEAM_TEXT_FLAG(struct flags, group_id, "kafka-io", "Kafka consumer group"),
    BEAM_INT_FLAG(struct flags, max_records, "0", "stop after this many records; 0: never"),
    BEAM_BOOL_FLAG(struct flags, deprecated_read, "false",
                   "read by Flink's own Kafka source: the default without --job_endpoint"),
};
static const beam_program program = {
    .name = "kafka_io",
    .summary = "copies visits from one Kafka topic to another",
    .flags = BEAM_TABLE(flags),
    .flags_size = sizeof(struct flags),
    .dofns = BEAM_TABLE(dofns),
    .build = build,
};

int main(int argc, char **argv)
{
    return beam_main(&program, argc, argv);
}
