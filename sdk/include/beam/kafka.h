/* SPDX-License-Identifier: Apache-2.0 */
/* beam/kafka.h - Kafka through Java's KafkaIO, spliced in from an expansion service.
 *
 * What is in `config` goes to the expansion service and, within the pipeline, to the runner
 * and its workers: passwords too. This library writes none of it to a log or a message. */
#ifndef BEAM_KAFKA_H
#define BEAM_KAFKA_H

#include "beam/pipeline.h"
BEAM_C_BEGIN

enum { BEAM_MAX_TOPICS = 16, BEAM_MAX_KAFKA_CONFIG = 32 };

/* What a read gives: key and value may each be null. */
#ifndef __cplusplus
#define BEAM_KAFKA_RECORD BEAM_KV(BEAM_NULLABLE(BEAM_BYTES), BEAM_NULLABLE(BEAM_BYTES))
#endif

typedef struct beam_kafka_config {
    const char *key, *value;
} beam_kafka_config;

/* Event time of the records read: the time of processing, the record's CreateTime, or its
 * LogAppendTime. */
typedef enum beam_kafka_time {
    BEAM_KAFKA_PROCESSING_TIME,
    BEAM_KAFKA_CREATE_TIME,
    BEAM_KAFKA_LOG_APPEND_TIME
} beam_kafka_time;

typedef struct beam_kafka_opts {
    const char *servers;                  /* bootstrap.servers: "host:port,host:port" */
    const char *topics[BEAM_MAX_TOPICS];  /* a write uses the first only */
    const char *group_id;                 /* read: group.id; NULL: none */
    const char *auto_offset_reset;        /* read: "earliest", "latest" or "none"; NULL:
                                             Kafka's, "latest" */
    beam_kafka_time timestamp_policy;     /* read */
    bool commit_offset_in_finalize;       /* read: commit offsets when a bundle is final, for
                                             group_id; otherwise none are committed */
    int64_t max_num_records;              /* read: stop after so many; 0: unbounded. They are
                                             shared out to the partitions: a partition
                                             with fewer keeps the job waiting */
    int64_t max_read_time_s;              /* read: stop after so long; 0: unbounded */
    int64_t start_read_time_ms;           /* read: from this record time on; 0: not */
    /* Any other setting of Java's consumer or producer (not librdkafka's); the last one of a key
     * counts. A value that Kafka would refuse fails the pipeline, where it is known here. Kafka's
     * own defaults hold: without a broker the job fails after a minute (a write's max.block.ms,
     * a read's default.api.timeout.ms), and a warning says so when it is submitted. */
    beam_kafka_config config[BEAM_MAX_KAFKA_CONFIG];
    const char *expansion_service;        /* host:port; NULL: as --expansion_service says */
} beam_kafka_opts;

/* Gives BEAM_KAFKA_RECORD elements (KafkaIO.read without metadata).
 *     beam_kafka_read(p, "Read", .servers = "localhost:9092", .topics = { "in" }) */
BEAM_API beam_pcoll *beam_kafka_read_with(beam_pipeline *p, const char *name,
                                          const beam_kafka_opts *opts);
#define beam_kafka_read(p, name, ...) \
    beam_kafka_read_with((p), (name), &(const beam_kafka_opts){ __VA_ARGS__ })
/* Takes KV<BYTES, BYTES>. At least once: a restart of the job may repeat records. */
BEAM_API void beam_kafka_write_with(beam_pcoll *in, const char *name, const beam_kafka_opts *opts);
#define beam_kafka_write(in, name, ...) \
    beam_kafka_write_with((in), (name), &(const beam_kafka_opts){ __VA_ARGS__ })

BEAM_C_END
#endif
