/* SPDX-License-Identifier: Apache-2.0 */
/* What the Kafka transforms ask an expansion service for, byte by byte as Java expects it. */
#include "beam/kafka.h"

#include <check.h>
#include <stdlib.h>

#include "proto/model.h"
#include "beam/testing.h"
#include "proto/to_proto.h"
#include "transforms/transforms.h"

static bm_arena arena;
static beam_pipeline *p;
static bm_pb_expansion_request *request;

static void set_up(void)
{
    bm_arena_init(&arena, 0);
    p = beam_pipeline_new();
    request = NULL;
}

static void tear_down(void)
{
    beam_pipeline_free(p);
    bm_arena_free(&arena);
}

/* Keeps the request and refuses it. */
static beam_status keep(void *self, const char *address, beam_span bytes, bm_arena *a,
                        beam_span *response, beam_error *err)
{
    (void)self;
    (void)address;
    (void)response;
    (void)err;
    request = (bm_pb_expansion_request *)bm_pb_unpack(
        a, &pb__expansion_request__descriptor, bytes, 64);
    return BEAM_ERPC;
}

static bm_pb_external_config *asked(void)
{
    const bm_expander expander = { NULL, keep, NULL };
    const bm_environment env = { .urn = "beam:env:external:v1" };
    beam_span bytes;
    beam_error err = { BEAM_OK, "" };
    (void)bm_pipeline_to_proto(p, &env, &expander, &arena, &bytes, &err);
    ck_assert_msg(request != NULL, "%s", err.message);
    return (bm_pb_external_config *)bm_pb_unpack(
        &arena, &pb__external_configuration_payload__descriptor,
        (beam_span){ (const char *)request->transform->spec->payload.data,
                     request->transform->spec->payload.len },
        64);
}

static void check_row(const bm_pb_external_config *config, const char *row, size_t n)
{
    ck_assert_uint_eq(config->payload.len, n);
    ck_assert_mem_eq(config->payload.data, row, n);
}
#define CHECK_ROW(config, row) check_row((config), (row), sizeof(row) - 1)

#define DESERIALIZER \
    ";org.apache.kafka.common.serialization.ByteArrayDeserializer"
#define SERIALIZER "9org.apache.kafka.common.serialization.ByteArraySerializer"

START_TEST(read_of_defaults)
{
    beam_kafka_read(p, "Read", .servers = "localhost:19092", .topics = { "in1" },
                    .config = { { "auto.offset.reset", "earliest" }, { "group.id", "g1" } });
    const bm_pb_external_config *config = asked();
    ck_assert_str_eq(request->transform->spec->urn,
                     "beam:transform:org.apache.beam:kafka_read_without_metadata:v1");
    ck_assert_uint_eq(config->schema->n_fields, 13);
    CHECK_ROW(config, "\x0d\x01\x70\0\0\0\x04"
                      "\x11" "bootstrap.servers" "\x0f" "localhost:19092"
                      "\x12" "enable.auto.commit" "\x05" "false"
                      "\x11" "auto.offset.reset" "\x08" "earliest"
                      "\x08" "group.id" "\x02" "g1"
                      "\0\0\0\x01\x03" "in1" DESERIALIZER DESERIALIZER
                      "\0\x0e" "ProcessingTime" "\x02\0\0\0");
}
END_TEST

START_TEST(read_with_everything)
{
    beam_kafka_read(p, "Read", .servers = "a:1", .topics = { "x", "y" }, .group_id = "g",
                    .auto_offset_reset = "latest",
                    .timestamp_policy = BEAM_KAFKA_CREATE_TIME,
                    .commit_offset_in_finalize = true, .max_num_records = 500,
                    .max_read_time_s = 3, .start_read_time_ms = 7,
                    .config = { { "group.id", "h" }, { "max.poll.records", "9" } });
    CHECK_ROW(asked(), "\x0d\0\0\0\0\x05"
                       "\x11" "bootstrap.servers" "\x03" "a:1"
                       "\x08" "group.id" "\x01" "h"
                       "\x11" "auto.offset.reset" "\x06" "latest"
                       "\x12" "enable.auto.commit" "\x05" "false"
                       "\x10" "max.poll.records" "\x01" "9"
                       "\0\0\0\x02\x01" "x" "\x01" "y" DESERIALIZER DESERIALIZER
                       "\x07\xf4\x03\x03\x01\x0a" "CreateTime" "\x02\0\0\0");
}
END_TEST

static beam_status pass(beam_ctx *c, beam_value in)
{
    return beam_emit(c, in);
}
static const beam_dofn pairs_fn = { .name = "test.pairs",
                                    .in = BEAM_BYTES,
                                    .out = BEAM_KV(BEAM_BYTES, BEAM_BYTES),
                                    .process = pass };

static beam_pcoll *pairs(void)
{
    return beam_par_do(beam_impulse(p, "Impulse"), "Pairs", &pairs_fn);
}

START_TEST(write)
{
    beam_kafka_write(pairs(), "Write", .servers = "localhost:19092", .topics = { "out1" });
    const bm_pb_external_config *config = asked();
    ck_assert_str_eq(request->transform->spec->urn,
                     "beam:transform:org.apache.beam:kafka_write:v1");
    ck_assert_str_eq(request->transform->inputs[0]->key, "input");
    CHECK_ROW(config, "\x04\0\0\0\0\x01"
                      "\x11" "bootstrap.servers" "\x0f" "localhost:19092"
                      "\x04" "out1" SERIALIZER SERIALIZER);
}
END_TEST

/* -- records as Java codes them ----------------------------------------------------------- */
/* topic "in", partition 1, offset 300, a timestamp, its kind */
#define PLACE "\x02in" "\x01" "\xac\x02" "\x80\xa0\xc7\xf4\x05" "\0"
#define NO_HEADERS "\0\0\0\0"
#define TWO_HEADERS "\0\0\0\x02" "\x01" "a" "\x01\x01" "b" "\x01" "c" "\0"
#define RECORD_OF(bytes) { bytes, sizeof(bytes) - 1 }

static const struct {
    beam_span bytes;
    const char *lines; /* NULL: refused */
} records[] = {
    { RECORD_OF(PLACE NO_HEADERS "\x01\x01" "k" "\x01\x03" "val"), "k: val @5\n" },
    { RECORD_OF(PLACE TWO_HEADERS "\0" "\x01\0"), "null:  @5\n" },
    { RECORD_OF(PLACE NO_HEADERS "\0\0"), "null: null @5\n" },
    { RECORD_OF(PLACE NO_HEADERS "\x01\x01" "k" "\x01\x03" "va"), NULL },
    { RECORD_OF(PLACE NO_HEADERS "\x01\x01" "k" "\0" "more"), NULL },
    { RECORD_OF(PLACE NO_HEADERS "\x02\x01" "k" "\0"), NULL },
    { RECORD_OF(PLACE "\xff\xff\xff\xff" "\0\0"), NULL },
    { RECORD_OF(PLACE "\0\0"), NULL },
    { RECORD_OF("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), NULL },
    { RECORD_OF("\x03in"), NULL },
    { { "", 0 }, NULL },
};

START_TEST(record_of_a_runners_read)
{
    beam_dofn_tester *t = beam_dofn_tester_new(&bm_kafka_record_fn);
    beam_tester_add(t, beam_bytes(records[_i].bytes), 5);
    beam_status status = beam_tester_run(t);
    if (records[_i].lines)
        ck_assert_str_eq(beam_tester_lines(t, -1), records[_i].lines);
    else
        ck_assert_msg(status == BEAM_ECODER && strstr(beam_tester_error(t), "use_sdf_read"),
                      "%s", beam_tester_error(t));
    beam_dofn_tester_free(t);
}
END_TEST

/* -- mistakes ---------------------------------------------------------------------------- */
static void check_failure(const char *part)
{
    const beam_error *error = beam_pipeline_error(p);
    ck_assert_ptr_nonnull(error);
    ck_assert_msg(strstr(error->message, "Step") != NULL, "%s", error->message);
    ck_assert_msg(strstr(error->message, part) != NULL, "%s", error->message);
}

START_TEST(read_without_servers)
{
    beam_kafka_read(p, "Step", .topics = { "in" });
    check_failure(".servers");
}
END_TEST

START_TEST(read_without_topics)
{
    beam_kafka_read(p, "Step", .servers = "a:1");
    check_failure(".topics");
}
END_TEST

START_TEST(read_with_unknown_reset)
{
    beam_kafka_read(p, "Step", .servers = "a:1", .topics = { "in" },
                    .auto_offset_reset = "first");
    check_failure("earliest");
}
END_TEST

START_TEST(commit_needs_a_group)
{
    beam_kafka_read(p, "Step", .servers = "a:1", .topics = { "in" },
                    .commit_offset_in_finalize = true);
    check_failure(".group_id");
}
END_TEST

START_TEST(negative_limit)
{
    beam_kafka_read(p, "Step", .servers = "a:1", .topics = { "in" }, .max_num_records = -1);
    check_failure("negative");
}
END_TEST

START_TEST(config_without_value)
{
    beam_kafka_read(p, "Step", .servers = "a:1", .topics = { "in" },
                    .config = { { "group.id", NULL } });
    check_failure(".config");
}
END_TEST

START_TEST(write_without_topic)
{
    beam_kafka_write(pairs(), "Step", .servers = "a:1");
    check_failure(".topics");
}
END_TEST

START_TEST(write_of_another_type)
{
    beam_kafka_write(beam_impulse(p, "Impulse"), "Step", .servers = "a:1",
                     .topics = { "out" });
    check_failure("KV<BYTES, BYTES>");
}
END_TEST

/* -- settings ---------------------------------------------------------------------------- */
static const struct {
    const char *key, *value, *problem; /* NULL: it is fine */
} settings[] = {
    { "acks", "banana", "'acks' in .config: it is to be one of: all -1 0 1" },
    { "acks", " all ", NULL },
    { "acks", "ALL", "'acks'" },
    { "linger.ms", "5ms",
      "'linger.ms' in .config: it is to be a whole number from 0 on" },
    { "linger.ms", "", "'linger.ms'" },
    { "linger.ms", "-1", "'linger.ms'" },
    { "linger.ms", " +20\t", NULL },
    { "batch.size", "2147483648", "'batch.size'" },
    { "buffer.memory", "2147483648", NULL },
    { "buffer.memory", "99999999999999999999", "'buffer.memory'" },
    { "compression.gzip.level", "-1", NULL },
    { "compression.gzip.level", "0", "a whole number from 1 to 9" },
    { "session.timeout.ms", "x", "it is to be a whole number" },
    { "enable.idempotence", "yes", "it is to be true or false" },
    { "enable.idempotence", "True", NULL },
    { "security.protocol", "sasl_ssl", NULL },
    { "security.protocol", "TLS", "one of: PLAINTEXT SSL SASL_PLAINTEXT SASL_SSL" },
    { "delivery.timeout.ms", "20000", "'request.timeout.ms' (30000" },
    { "delivery.timeout.ms", "30000", NULL },
    { "request.timeout.ms", "2147483647", NULL },
    { "sasl.username", "hunter2",
      "a setting of librdkafka, and here Java's client takes "
      "them: use sasl.jaas.config" },
    { "ssl.endpoint.identification.algorithm", "", NULL },
    { "my.interceptor.setting", "1", NULL },
};

START_TEST(a_setting)
{
    beam_kafka_write(pairs(), "Step", .servers = "a:1", .topics = { "out" },
                     .config = { { settings[_i].key, settings[_i].value } });
    const beam_error *error = beam_pipeline_error(p);
    if (settings[_i].problem)
        check_failure(settings[_i].problem);
    else
        ck_assert_msg(error == NULL, "%s", error ? error->message : "");
    ck_assert(!error || !strstr(error->message, "hunter2"));
}
END_TEST

START_TEST(settings_that_do_not_go_together)
{
    beam_kafka_write(pairs(), "Step", .servers = "a:1", .topics = { "out" },
                     .config = { { "request.timeout.ms", "5000" },
                                 { "delivery.timeout.ms", "6000" },
                                 { "linger.ms", "1001" } });
    check_failure("less than 'linger.ms' and 'request.timeout.ms'");
}
END_TEST

START_TEST(a_setting_of_a_read)
{
    beam_kafka_read(p, "Step", .servers = "a:1", .topics = { "in" },
                    .config = { { "max.poll.records", "0" } });
    check_failure("'max.poll.records' in .config: it is to be a whole number from 1 on");
}
END_TEST

static const struct {
    const char *text;
    bool good;
} servers[] = {
    { "a:1,b.example:65535", true },
    { " a:1 , b:2", true },
    { "SSL://a:1", true },
    { "[::1]:1", true },
    { "a:1,", true },
    { "a", false },
    { "a:", false },
    { ":1", false },
    { "a:0", false },
    { "a:65536", false },
    { "a:000001", false },
    { "a:1;b:2", true }, /* a strange name, but one */
    { "a:1 b:2", false },
    { "a:1,b", false },
    { " , ", false },
    { "\na:1", false },
    { "a:1,\n", false },
    { "SSL://:1", false },
};

START_TEST(servers_of_a_read)
{
    beam_kafka_read(p, "Step", .servers = servers[_i].text, .topics = { "in" });
    if (servers[_i].good)
        ck_assert_ptr_null(beam_pipeline_error(p));
    else
        check_failure("are no servers; give .servers = \"host:port\"");
}
END_TEST

/* Passwords are for Kafka's client alone. */
START_TEST(secrets_stay_out_of_messages)
{
    beam_kafka_read(p, "Step", .servers = "a:1",
                    .config = { { "sasl.jaas.config", "hunter2" } });
    check_failure("Step");
    ck_assert_ptr_null(strstr(beam_pipeline_error(p)->message, "hunter2"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kafka");
    TCase *tests = tcase_create("kafka");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, read_of_defaults);
    tcase_add_test(tests, read_with_everything);
    tcase_add_test(tests, write);
    tcase_add_loop_test(tests, record_of_a_runners_read, 0, BEAM_COUNT(records));
    tcase_add_test(tests, read_without_servers);
    tcase_add_test(tests, read_without_topics);
    tcase_add_test(tests, read_with_unknown_reset);
    tcase_add_test(tests, commit_needs_a_group);
    tcase_add_test(tests, negative_limit);
    tcase_add_test(tests, config_without_value);
    tcase_add_test(tests, write_without_topic);
    tcase_add_test(tests, write_of_another_type);
    tcase_add_loop_test(tests, a_setting, 0, BEAM_COUNT(settings));
    tcase_add_test(tests, settings_that_do_not_go_together);
    tcase_add_test(tests, a_setting_of_a_read);
    tcase_add_loop_test(tests, servers_of_a_read, 0, BEAM_COUNT(servers));
    tcase_add_test(tests, secrets_stay_out_of_messages);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
