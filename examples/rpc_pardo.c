/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_pardo: enriches words with the answers of a gRPC service, Kafka to Kafka.
 *
 *     scripts/start-env.sh -k -g
 *     rpc_pardo --bootstrap_servers=localhost:29092 --streaming
 *
 * Each line of input-topic is cut into words; RcpService.resolve is asked for each word's
 * length; rpc-pardo gets {"word": ..., "length": ...} with the word as the key. A call that
 * fails is made again, and after some tries fails the bundle, which the runner repeats. */
#include <jansson.h>
#include <stdlib.h>

#include "beam/beam.h"
#include "rpc_service.pb-c.h"

struct flags {
    const char *bootstrap_servers, *input_topic, *output_topic, *offset_reset, *group_id;
    const char *rpc_service;
    int64_t max_records;
    bool deprecated_read;
};

/* Kafka record -> line. A record without a value has no words: it is counted. */
static beam_status decode(beam_ctx *c, beam_value record)
{
    beam_value line = beam_val(record);
    if (beam_is_null(line)) {
        beam_counter_add(c, "records_without_value", 1);
        return BEAM_OK;
    }
    return beam_emit(c, beam_string(beam_as_span(line)));
}

static const beam_dofn decode_fn = {
    .name = "rpc_pardo.decode",
    .in = BEAM_KAFKA_RECORD,
    .out = BEAM_STRING,
    .process = decode,
};

/* word -> KV<word, length>: what the service is asked about each word, and what becomes of the
 * answer. Up to 512 calls are under way at once. */
static beam_span ask_length(beam_ctx *c, beam_value word)
{
    beam_span text = beam_as_span(word);
    Chapter3__Request request = CHAPTER3__REQUEST__INIT;
    request.input = beam_cstr(c, text);
    uint8_t *packed = beam_alloc(c, text.len + 16);
    return (beam_span){ (char *)packed, chapter3__request__pack(&request, packed) };
}

static beam_status take_length(beam_ctx *c, beam_value word, beam_span answer)
{
    Chapter3__Response *response =
        chapter3__response__unpack(NULL, answer.len, (const uint8_t *)answer.ptr);
    if (!response) return beam_fail(c, BEAM_ERPC, "the service's answer is not a Response");
    int64_t length = response->output;
    chapter3__response__free_unpacked(response, NULL);
    beam_counter_add(c, "words_resolved", 1);
    return beam_emit_kv(c, word, beam_int64(length));
}

static const beam_rpc_fn length_rpc = {
    .method = "/chapter3.RcpService/resolve",
    .request = ask_length,
    .response = take_length,
};

static const beam_dofn resolve_fn = {
    .name = "rpc_pardo.resolve",
    .in = BEAM_STRING,
    .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
    .rpc = &length_rpc,
};

/* KV<word, length> -> Kafka message */
static beam_status format(beam_ctx *c, beam_value in)
{
    beam_span word = beam_as_span(beam_key(in));
    json_t *object = json_pack("{s:s%, s:I}", "word", word.ptr, word.len, "length",
                               (json_int_t)beam_as_int64(beam_val(in)));
    char *json = object ? json_dumps(object, 0) : NULL;
    beam_status status =
        json ? beam_emit_kv(c, beam_bytes(word), beam_bytes(beam_span_of(json)))
             : beam_fail(c, BEAM_EINVAL, "the word is not UTF-8");
    free(json);
    json_decref(object);
    return status;
}

static const beam_dofn format_fn = {
    .name = "rpc_pardo.format",
    .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
    .out = BEAM_KV(BEAM_BYTES, BEAM_BYTES),
    .process = format,
};

static void build(beam_pipeline *p, const void *flags)
{
    const struct flags *f = flags;

    if (f->deprecated_read) beam_pipeline_experiment(p, "use_deprecated_read");
    beam_pcoll *records = beam_kafka_read(
        p, "ReadFromKafka", .servers = f->bootstrap_servers, .topics = { f->input_topic },
        .group_id = f->group_id, .auto_offset_reset = f->offset_reset,
        .timestamp_policy = BEAM_KAFKA_CREATE_TIME, .max_num_records = f->max_records,
        .commit_offset_in_finalize = f->deprecated_read);
    beam_pcoll *lines = beam_par_do(records, "DecodeMessage", &decode_fn);
    beam_pcoll *words = beam_extract_words(lines, "ExtractWords");
    beam_pcoll *lengths = beam_par_do(words, "RequestRPC", &resolve_fn,
                                      .target = f->rpc_service);
    beam_pcoll *messages = beam_par_do(lengths, "CreateMessages", &format_fn);
    beam_kafka_write(messages, "WriteToKafka", .servers = f->bootstrap_servers,
                     .topics = { f->output_topic });
}

static const beam_dofn *const dofns[] = { &decode_fn, &resolve_fn, &format_fn };
static const beam_flag flags[] = {
    BEAM_TEXT_FLAG(struct flags, bootstrap_servers, "localhost:29092", "Kafka brokers"),
    BEAM_TEXT_FLAG(struct flags, input_topic, "input-topic", "topic of text lines to read"),
    BEAM_TEXT_FLAG(struct flags, output_topic, "rpc-pardo", "topic to write"),
    BEAM_TEXT_FLAG(struct flags, group_id, "rpc-pardo-group", "Kafka consumer group"),
    BEAM_TEXT_FLAG(struct flags, offset_reset, "earliest",
                   "where a new consumer group starts: earliest or latest"),
    BEAM_TEXT_FLAG(struct flags, rpc_service, "localhost:50051", "address of RcpService"),
    BEAM_INT_FLAG(struct flags, max_records, "0", "stop after this many records; 0: never"),
    BEAM_BOOL_FLAG(struct flags, deprecated_read, "false",
                   "read by Flink's own Kafka source, the default without --job_endpoint, and "
                   "commit offsets with checkpoints"),
};
static const beam_program program = {
    .name = "rpc_pardo",
    .summary = "enriches words by gRPC calls, Kafka to Kafka",
    .flags = BEAM_TABLE(flags),
    .flags_size = sizeof(struct flags),
    .dofns = BEAM_TABLE(dofns),
    .build = build,
};

int main(int argc, char **argv)
{
    return beam_main(&program, argc, argv);
}
