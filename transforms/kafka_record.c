/* SPDX-License-Identifier: Apache-2.0 */
/* Key and value out of a record in the coder of KafkaIO (KafkaRecordCoder). Java's "Remove
 * Kafka Metadata" does the same; where the runner itself reads Kafka, doing it here saves
 * each record a way through the Java worker. Bundle threads. */
#include "beam/kafka.h"
#include "transforms.h"

/* The unread rest of a record. */
typedef struct rest {
    const char *at, *end;
} rest;

static bool take_varint(rest *r, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64 && r->at < r->end; shift += 7) {
        uint64_t byte = (unsigned char)*r->at++;
        *out |= (byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

static bool take_bytes(rest *r, beam_span *out)
{
    uint64_t n;
    if (!take_varint(r, &n) || n > (uint64_t)(r->end - r->at)) return false;
    *out = (beam_span){ r->at, (size_t)n };
    r->at += n;
    return true;
}

static bool take_nullable(rest *r, beam_value *out)
{
    beam_span bytes;
    if (r->at == r->end) return false;
    char is_there = *r->at++;
    *out = beam_null();
    if (is_there == 0) return true;
    if (is_there != 1 || !take_bytes(r, &bytes)) return false;
    *out = beam_bytes(bytes);
    return true;
}

/* A list with its length in front: Java knows it. */
static bool skip_headers(rest *r)
{
    if (r->end - r->at < 4) return false;
    uint32_t n = 0;
    for (int i = 0; i < 4; i++) n = n << 8 | (unsigned char)*r->at++;
    beam_span name;
    beam_value value;
    for (; n; n--)
        if (!take_bytes(r, &name) || !take_nullable(r, &value)) return false;
    return true;
}

/* topic, partition, offset, timestamp, kind of timestamp, headers, key, value */
static bool take_record(rest *r, beam_value pair[2])
{
    beam_span topic;
    uint64_t number;
    if (!take_bytes(r, &topic)) return false;
    for (int i = 0; i < 4; i++)
        if (!take_varint(r, &number)) return false;
    return skip_headers(r) && take_nullable(r, &pair[0]) && take_nullable(r, &pair[1]) &&
           r->at == r->end;
}

static beam_status key_and_value(beam_ctx *c, beam_value in)
{
    beam_span bytes = beam_as_span(in);
    rest r = { bytes.ptr, bytes.ptr + bytes.len };
    beam_value pair[2];
    if (take_record(&r, pair)) return beam_emit(c, beam_kv(pair));
    return beam_fail(c, BEAM_ECODER,
                     "a record of Kafka is not coded as this version knows it; read with "
                     "--experiments=use_sdf_read");
}

const beam_dofn bm_kafka_record_fn = {
    .name = "beam.kafka_record",
    .in = BEAM_BYTES,
    .out = BEAM_KAFKA_RECORD,
    .process = key_and_value,
};
