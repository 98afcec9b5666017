/* SPDX-License-Identifier: Apache-2.0 */
/* kafka.c - Java's KafkaIO as external transforms. Runs on the thread that builds the
 * pipeline. Configuration may hold passwords: nothing here prints it. */
#include "beam/kafka.h"
#include "kafka_settings.h"
#include "transforms.h"

#include <string.h>

#define READ_URN "beam:transform:org.apache.beam:kafka_read_without_metadata:v1"
#define WRITE_URN "beam:transform:org.apache.beam:kafka_write:v1"
#define SERIALIZATION "org.apache.kafka.common.serialization."

enum { MAX_SETTINGS = BEAM_MAX_KAFKA_CONFIG + 3, CONSUMER_POLLING_TIMEOUT_S = 2 };

/* -- the rows that Java's builders take --------------------------------------------- */
static const beam_field string_field = { .kind = BEAM_FIELD_STRING };

enum {
    READ_CONFIG,
    READ_TOPICS,
    READ_KEY_DESERIALIZER,
    READ_VALUE_DESERIALIZER,
    READ_START_TIME,
    READ_MAX_RECORDS,
    READ_MAX_TIME,
    READ_COMMIT,
    READ_TIMESTAMP_POLICY,
    READ_POLLING_TIMEOUT,
    READ_REDISTRIBUTE,
    READ_REDISTRIBUTE_KEYS,
    READ_ALLOW_DUPLICATES,
    N_READ_FIELDS
};

static const beam_field read_fields[N_READ_FIELDS] = {
    [READ_CONFIG] = { .name = "consumer_config",
                      .kind = BEAM_FIELD_MAP,
                      .key = &string_field,
                      .of = &string_field },
    [READ_TOPICS] = { .name = "topics", .kind = BEAM_FIELD_ARRAY, .of = &string_field },
    [READ_KEY_DESERIALIZER] = { .name = "key_deserializer", .kind = BEAM_FIELD_STRING },
    [READ_VALUE_DESERIALIZER] = { .name = "value_deserializer",
                                  .kind = BEAM_FIELD_STRING },
    [READ_START_TIME] = { .name = "start_read_time",
                          .kind = BEAM_FIELD_INT64,
                          .nullable = true },
    [READ_MAX_RECORDS] = { .name = "max_num_records",
                           .kind = BEAM_FIELD_INT64,
                           .nullable = true },
    [READ_MAX_TIME] = { .name = "max_read_time",
                        .kind = BEAM_FIELD_INT64,
                        .nullable = true },
    [READ_COMMIT] = { .name = "commit_offset_in_finalize", .kind = BEAM_FIELD_BOOLEAN },
    [READ_TIMESTAMP_POLICY] = { .name = "timestamp_policy", .kind = BEAM_FIELD_STRING },
    [READ_POLLING_TIMEOUT] = { .name = "consumer_polling_timeout",
                               .kind = BEAM_FIELD_INT64,
                               .nullable = true },
    [READ_REDISTRIBUTE] = { .name = "redistribute",
                            .kind = BEAM_FIELD_BOOLEAN,
                            .nullable = true },
    [READ_REDISTRIBUTE_KEYS] = { .name = "redistribute_num_keys",
                                 .kind = BEAM_FIELD_INT32,
                                 .nullable = true },
    [READ_ALLOW_DUPLICATES] = { .name = "allow_duplicates",
                                .kind = BEAM_FIELD_BOOLEAN,
                                .nullable = true },
};
static const beam_schema read_schema = { "beam.kafka_read", BEAM_TABLE(read_fields),
                                         NULL };

enum {
    WRITE_CONFIG,
    WRITE_TOPIC,
    WRITE_KEY_SERIALIZER,
    WRITE_VALUE_SERIALIZER,
    N_WRITE_FIELDS
};

static const beam_field write_fields[N_WRITE_FIELDS] = {
    [WRITE_CONFIG] = { .name = "producer_config",
                       .kind = BEAM_FIELD_MAP,
                       .key = &string_field,
                       .of = &string_field },
    [WRITE_TOPIC] = { .name = "topic", .kind = BEAM_FIELD_STRING },
    [WRITE_KEY_SERIALIZER] = { .name = "key_serializer", .kind = BEAM_FIELD_STRING },
    [WRITE_VALUE_SERIALIZER] = { .name = "value_serializer", .kind = BEAM_FIELD_STRING },
};
static const beam_schema write_schema = { "beam.kafka_write", BEAM_TABLE(write_fields),
                                          NULL };

/* -- settings of the consumer or producer ------------------------------------------- */
typedef struct settings {
    beam_value pairs[MAX_SETTINGS][2];
    beam_value kvs[MAX_SETTINGS];
    size_t n;
} settings;

static beam_value text(const char *s)
{
    return beam_string(beam_span_of(s));
}

/* The last value given for a key counts. */
static void set(settings *s, const char *key, const char *value)
{
    if (!key || !value) return;
    size_t i = 0;
    while (i < s->n && !beam_span_equal(beam_as_span(s->pairs[i][0]), beam_span_of(key)))
        i++;
    s->pairs[i][0] = text(key);
    s->pairs[i][1] = text(value);
    s->kvs[i] = beam_kv(s->pairs[i]);
    if (i == s->n) s->n++;
}

static void set_all(settings *s, const beam_kafka_opts *opts)
{
    for (size_t i = 0; i < BEAM_MAX_KAFKA_CONFIG; i++)
        set(s, opts->config[i].key, opts->config[i].value);
}

/* NULL: it is not set. Each text of the settings is a whole string. */
static const char *setting(const settings *s, const char *key)
{
    for (size_t i = 0; i < s->n; i++)
        if (beam_span_equal(beam_as_span(s->pairs[i][0]), beam_span_of(key)))
            return beam_as_span(s->pairs[i][1]).ptr;
    return NULL;
}

static bool is_set(const settings *s, const char *key)
{
    const char *value = setting(s, key);
    return value && *value;
}

/* -- checks ------------------------------------------------------------------------- */
static void check_common(beam_pipeline *p, const char *name, const beam_kafka_opts *opts,
                         const settings *s)
{
    if (!is_set(s, "bootstrap.servers"))
        beam_pipeline_fail(
            p, BEAM_EINVAL,
            "%s: Kafka's servers are missing; give .servers = \"host:port\"", name);
    else if (!bm_kafka_are_servers(setting(s, "bootstrap.servers")))
        beam_pipeline_fail(p, BEAM_EINVAL,
                           "%s: '%s' are no servers; give .servers = \"host:port\", or "
                           "several with commas between them",
                           name, setting(s, "bootstrap.servers"));
    if (!opts->topics[0])
        beam_pipeline_fail(p, BEAM_EINVAL,
                           "%s: the topic is missing; give .topics = { \"name\" }", name);
    for (size_t i = 0; i < BEAM_MAX_TOPICS && opts->topics[i]; i++)
        if (!*opts->topics[i])
            beam_pipeline_fail(p, BEAM_EINVAL, "%s: the name of topic %zu is empty", name,
                               i + 1);
    for (size_t i = 0; i < BEAM_MAX_KAFKA_CONFIG; i++)
        if (!opts->config[i].key != !opts->config[i].value)
            beam_pipeline_fail(p, BEAM_EINVAL,
                               "%s: .config entry %zu lacks its key or its value", name,
                               i + 1);
    for (size_t i = 0; i < s->n; i++)
        bm_kafka_check_setting(p, name, beam_as_span(s->pairs[i][0]).ptr,
                               beam_as_span(s->pairs[i][1]).ptr);
}

static bool is_offset_reset(const char *text)
{
    return !strcmp(text, "earliest") || !strcmp(text, "latest") || !strcmp(text, "none");
}

static void check_read(beam_pipeline *p, const char *name, const beam_kafka_opts *opts,
                       const settings *s)
{
    check_common(p, name, opts, s);
    if (opts->auto_offset_reset && !is_offset_reset(opts->auto_offset_reset))
        beam_pipeline_fail(
            p, BEAM_EINVAL,
            "%s: .auto_offset_reset is '%s'; it can be earliest, latest or none", name,
            opts->auto_offset_reset);
    if (opts->max_num_records < 0 || opts->max_read_time_s < 0 ||
        opts->start_read_time_ms < 0)
        beam_pipeline_fail(
            p, BEAM_EINVAL,
            "%s: .max_num_records, .max_read_time_s and .start_read_time_ms "
            "cannot be negative",
            name);
    if (opts->commit_offset_in_finalize && !is_set(s, "group.id"))
        beam_pipeline_fail(
            p, BEAM_EINVAL,
            "%s: .commit_offset_in_finalize commits for a consumer group; give "
            ".group_id too",
            name);
}

/* What a producer refuses of settings that are good alone. */
static void check_write(beam_pipeline *p, const char *name, const beam_kafka_opts *opts,
                        const settings *s)
{
    check_common(p, name, opts, s);
    if (opts->topics[0] && opts->topics[1])
        beam_pipeline_fail(p, BEAM_EINVAL, "%s: a write takes one topic, not several",
                           name);
    int64_t request_ms = bm_kafka_number(setting(s, "request.timeout.ms"), 30000);
    int64_t linger_ms = bm_kafka_number(setting(s, "linger.ms"), 0);
    if (bm_kafka_number(setting(s, "delivery.timeout.ms"), INT64_MAX) - request_ms <
        linger_ms)
        beam_pipeline_fail(p, BEAM_EINVAL,
                           "%s: Kafka refuses a 'delivery.timeout.ms' that is less than "
                           "'linger.ms' and 'request.timeout.ms' (30000 where it is not "
                           "given) together",
                           name);
}

/* -- the transforms ----------------------------------------------------------------- */
static const char *timestamp_policy(beam_kafka_time policy)
{
    switch (policy) {
    case BEAM_KAFKA_CREATE_TIME: return "CreateTime";
    case BEAM_KAFKA_LOG_APPEND_TIME: return "LogAppendTime";
    case BEAM_KAFKA_PROCESSING_TIME: break;
    }
    return "ProcessingTime";
}

static beam_value or_null(int64_t n)
{
    return n ? beam_int64(n) : beam_null();
}

beam_pcoll *beam_kafka_read_with(beam_pipeline *p, const char *name,
                                 const beam_kafka_opts *opts)
{
    settings consumer = { .n = 0 };
    set(&consumer, "bootstrap.servers", opts->servers);
    set(&consumer, "group.id", opts->group_id);
    set(&consumer, "auto.offset.reset", opts->auto_offset_reset);
    /* Kafka's own default commits what was fetched, processed or not. */
    set(&consumer, "enable.auto.commit", "false");
    set_all(&consumer, opts);
    check_read(p, name, opts, &consumer);

    beam_value topics[BEAM_MAX_TOPICS];
    size_t n_topics = 0;
    while (n_topics < BEAM_MAX_TOPICS && opts->topics[n_topics]) {
        topics[n_topics] = text(opts->topics[n_topics]);
        n_topics++;
    }
    const beam_value row[N_READ_FIELDS] = {
        [READ_CONFIG] = beam_map_of(consumer.kvs, consumer.n),
        [READ_TOPICS] = beam_list(topics, n_topics),
        [READ_KEY_DESERIALIZER] = text(SERIALIZATION "ByteArrayDeserializer"),
        [READ_VALUE_DESERIALIZER] = text(SERIALIZATION "ByteArrayDeserializer"),
        [READ_START_TIME] = or_null(opts->start_read_time_ms),
        [READ_MAX_RECORDS] = or_null(opts->max_num_records),
        [READ_MAX_TIME] = or_null(opts->max_read_time_s),
        [READ_COMMIT] = beam_bool(opts->commit_offset_in_finalize),
        [READ_TIMESTAMP_POLICY] = text(timestamp_policy(opts->timestamp_policy)),
        [READ_POLLING_TIMEOUT] = beam_int64(CONSUMER_POLLING_TIMEOUT_S),
        [READ_REDISTRIBUTE] = beam_bool(false),
        [READ_REDISTRIBUTE_KEYS] = beam_int64(0),
        [READ_ALLOW_DUPLICATES] = beam_bool(false),
    };
    beam_pcoll *records[1];
    beam_external(p, name,
                  &(const beam_external_opts){
                      .urn = READ_URN,
                      .payload_schema = &read_schema,
                      .payload = beam_row(row, N_READ_FIELDS),
                      .expansion_service = opts->expansion_service,
                      .output_tags = { "output" },
                      .output_types = { BEAM_KAFKA_RECORD },
                      .servers = setting(&consumer, "bootstrap.servers"),
                      .own_step = "/Remove Kafka Metadata/ParMultiDo(Anonymous)",
                      .own_dofn = &bm_kafka_record_fn,
                  },
                  records);
    return records[0];
}

void beam_kafka_write_with(beam_pcoll *in, const char *name, const beam_kafka_opts *opts)
{
    beam_pipeline *p = beam_pcoll_pipeline(in);
    settings producer = { .n = 0 };
    set(&producer, "bootstrap.servers", opts->servers);
    set_all(&producer, opts);
    check_write(p, name, opts, &producer);
    if (!beam_type_equal(beam_pcoll_type(in), BEAM_KV(BEAM_BYTES, BEAM_BYTES)))
        beam_pipeline_fail(
            p, BEAM_ETYPE,
            "%s takes elements of type KV<BYTES, BYTES>; turn its input into "
            "these with a beam_map before it",
            name);

    const beam_value row[N_WRITE_FIELDS] = {
        [WRITE_CONFIG] = beam_map_of(producer.kvs, producer.n),
        [WRITE_TOPIC] = text(opts->topics[0]),
        [WRITE_KEY_SERIALIZER] = text(SERIALIZATION "ByteArraySerializer"),
        [WRITE_VALUE_SERIALIZER] = text(SERIALIZATION "ByteArraySerializer"),
    };
    beam_external(p, name,
                  &(const beam_external_opts){
                      .urn = WRITE_URN,
                      .payload_schema = &write_schema,
                      .payload = beam_row(row, N_WRITE_FIELDS),
                      .expansion_service = opts->expansion_service,
                      .inputs = { in },
                      .input_tags = { "input" },
                      .servers = setting(&producer, "bootstrap.servers"),
                  },
                  NULL);
}
