/* SPDX-License-Identifier: Apache-2.0 */
/* See kafka_settings.h. The tables are those of Kafka's clients 3.9. */
#include "kafka_settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct number_setting {
    const char *key;
    int64_t least, most;
    int64_t also; /* allowed too */
} number_setting;

#define INT(key, least)              \
    {                                \
        key, least, INT32_MAX, least \
    }
#define LONG(key, least)             \
    {                                \
        key, least, INT64_MAX, least \
    }
static const number_setting numbers[] = {
    INT("auto.commit.interval.ms", 0),
    INT("batch.size", 0),
    LONG("buffer.memory", 0),
    { "compression.gzip.level", 1, 9, -1 },
    { "compression.lz4.level", 1, 17, 1 },
    { "compression.zstd.level", -131072, 22, 1 },
    LONG("connections.max.idle.ms", INT64_MIN),
    INT("default.api.timeout.ms", 0),
    INT("delivery.timeout.ms", 0),
    INT("fetch.max.bytes", 0),
    INT("fetch.max.wait.ms", 0),
    INT("fetch.min.bytes", 0),
    INT("heartbeat.interval.ms", INT32_MIN),
    LONG("linger.ms", 0),
    LONG("max.block.ms", 0),
    INT("max.in.flight.requests.per.connection", 1),
    INT("max.partition.fetch.bytes", 0),
    INT("max.poll.interval.ms", 1),
    INT("max.poll.records", 1),
    INT("max.request.size", 0),
    LONG("metadata.max.age.ms", 0),
    LONG("metadata.max.idle.ms", 5000),
    LONG("partitioner.availability.timeout.ms", 0),
    INT("receive.buffer.bytes", -1),
    LONG("reconnect.backoff.max.ms", 0),
    LONG("reconnect.backoff.ms", 0),
    INT("request.timeout.ms", 0),
    INT("retries", 0),
    LONG("retry.backoff.max.ms", 0),
    LONG("retry.backoff.ms", 0),
    INT("send.buffer.bytes", -1),
    INT("session.timeout.ms", INT32_MIN),
    LONG("socket.connection.setup.timeout.max.ms", INT64_MIN),
    LONG("socket.connection.setup.timeout.ms", INT64_MIN),
    INT("transaction.timeout.ms", INT32_MIN),
};

static const char *const booleans[] = {
    "allow.auto.create.topics",
    "auto.include.jmx.reporter",
    "check.crcs",
    "enable.auto.commit",
    "enable.idempotence",
    "enable.metrics.push",
    "exclude.internal.topics",
    "partitioner.adaptive.partitioning.enable",
    "partitioner.ignore.keys",
    "sasl.oauthbearer.header.urlencode",
};

static const struct choice_setting {
    const char *key;
    const char *values; /* with spaces between them */
    bool any_case;
} choices[] = {
    { "acks", "all -1 0 1", false },
    { "auto.offset.reset", "earliest latest none", false },
    { "client.dns.lookup", "use_all_dns_ips resolve_canonical_bootstrap_servers_only",
      false },
    { "compression.type", "none gzip snappy lz4 zstd", false },
    { "isolation.level", "read_committed read_uncommitted", false },
    { "security.protocol", "PLAINTEXT SSL SASL_PLAINTEXT SASL_SSL", true },
};

/* Java's clients know nothing of these, and pass over them in silence. */
static const struct foreign_setting {
    const char *key, *java;
} of_librdkafka[] = {
    { "batch.num.messages", "batch.size" },
    { "compression.codec", "compression.type" },
    { "compression.level", "compression.gzip.level or the like" },
    { "enable.ssl.certificate.verification", "ssl.engine.factory.class" },
    { "fetch.message.max.bytes", "max.partition.fetch.bytes" },
    { "fetch.wait.max.ms", "fetch.max.wait.ms" },
    { "max.in.flight", "max.in.flight.requests.per.connection" },
    { "message.max.bytes", "max.request.size" },
    { "message.send.max.retries", "retries" },
    { "message.timeout.ms", "delivery.timeout.ms" },
    { "metadata.broker.list", "bootstrap.servers" },
    { "queue.buffering.max.kbytes", "buffer.memory" },
    { "queue.buffering.max.messages", "buffer.memory" },
    { "queue.buffering.max.ms", "linger.ms" },
    { "request.required.acks", "acks" },
    { "sasl.mechanisms", "sasl.mechanism" },
    { "sasl.password", "sasl.jaas.config" },
    { "sasl.username", "sasl.jaas.config" },
    { "socket.timeout.ms", "request.timeout.ms" },
    { "ssl.ca.location", "ssl.truststore.location, with ssl.truststore.type=PEM" },
    { "ssl.ca.pem", "ssl.truststore.certificates" },
    { "ssl.certificate.location", "ssl.keystore.location, with ssl.keystore.type=PEM" },
    { "ssl.certificate.pem", "ssl.keystore.certificate.chain" },
    { "ssl.key.location", "ssl.keystore.location, with ssl.keystore.type=PEM" },
    { "ssl.key.pem", "ssl.keystore.key" },
};

/* Without the spaces around it, which Java's clients pass over too. */
static beam_span trimmed(const char *text)
{
    while (isspace((unsigned char)*text)) text++;
    size_t n = strlen(text);
    while (n && isspace((unsigned char)text[n - 1])) n--;
    return (beam_span){ text, n };
}

static bool read_number(const char *text, int64_t *out)
{
    beam_span value = trimmed(text);
    size_t sign = value.len && (value.ptr[0] == '-' || value.ptr[0] == '+');
    if (value.len == sign) return false;
    for (size_t i = sign; i < value.len; i++)
        if (!isdigit((unsigned char)value.ptr[i])) return false;
    errno = 0;
    *out = strtoll(value.ptr, NULL, 10);
    return !errno;
}

int64_t bm_kafka_number(const char *value, int64_t otherwise)
{
    int64_t n = otherwise;
    if (value) (void)read_number(value, &n);
    return n;
}

static void refuse_number(beam_pipeline *p, const char *name, const number_setting *s)
{
    if (s->least == INT64_MIN || s->least == INT32_MIN)
        beam_pipeline_fail(
            p, BEAM_EINVAL,
            "%s: Kafka refuses the value of '%s' in .config: it is to be a "
            "whole number",
            name, s->key);
    else if (s->most >= INT32_MAX)
        beam_pipeline_fail(
            p, BEAM_EINVAL,
            "%s: Kafka refuses the value of '%s' in .config: it is to be a "
            "whole number from %lld on",
            name, s->key, (long long)s->least);
    else
        beam_pipeline_fail(
            p, BEAM_EINVAL,
            "%s: Kafka refuses the value of '%s' in .config: it is to be a "
            "whole number from %lld to %lld",
            name, s->key, (long long)s->least, (long long)s->most);
}

static bool check_number(beam_pipeline *p, const char *name, const char *key,
                         const char *value)
{
    for (size_t i = 0; i < BEAM_COUNT(numbers); i++) {
        const number_setting *s = &numbers[i];
        if (strcmp(s->key, key) != 0) continue;
        int64_t n;
        if (!read_number(value, &n) || ((n < s->least || n > s->most) && n != s->also))
            refuse_number(p, name, s);
        return true;
    }
    return false;
}

static bool check_boolean(beam_pipeline *p, const char *name, const char *key,
                          const char *value)
{
    for (size_t i = 0; i < BEAM_COUNT(booleans); i++) {
        if (strcmp(booleans[i], key) != 0) continue;
        beam_span v = trimmed(value);
        if (!(v.len == 4 && !strncasecmp(v.ptr, "true", 4)) &&
            !(v.len == 5 && !strncasecmp(v.ptr, "false", 5)))
            beam_pipeline_fail(
                p, BEAM_EINVAL,
                "%s: Kafka refuses the value of '%s' in .config: it is to be "
                "true or false",
                name, key);
        return true;
    }
    return false;
}

static bool is_choice(const struct choice_setting *s, const char *value)
{
    beam_span v = trimmed(value);
    for (const char *at = s->values; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        if (n == v.len && !(s->any_case ? strncasecmp : strncmp)(at, v.ptr, n))
            return true;
        at += n;
    }
    return false;
}

static bool check_choice(beam_pipeline *p, const char *name, const char *key,
                         const char *value)
{
    for (size_t i = 0; i < BEAM_COUNT(choices); i++) {
        const struct choice_setting *s = &choices[i];
        if (strcmp(s->key, key) != 0) continue;
        if (!is_choice(s, value))
            beam_pipeline_fail(
                p, BEAM_EINVAL,
                "%s: Kafka refuses the value of '%s' in .config: it is to be "
                "one of: %s",
                name, key, s->values);
        return true;
    }
    return false;
}

static void check_foreign(beam_pipeline *p, const char *name, const char *key)
{
    for (size_t i = 0; i < BEAM_COUNT(of_librdkafka); i++)
        if (!strcmp(of_librdkafka[i].key, key))
            beam_pipeline_fail(p, BEAM_EINVAL,
                               "%s: '%s' in .config is a setting of librdkafka, and here "
                               "Java's client takes them: use %s",
                               name, key, of_librdkafka[i].java);
}

void bm_kafka_check_setting(beam_pipeline *p, const char *name, const char *key,
                            const char *value)
{
    if (!check_number(p, name, key, value) && !check_boolean(p, name, key, value) &&
        !check_choice(p, name, key, value))
        check_foreign(p, name, key);
}

/* "PROTOCOL://" may stand before it, and an IPv6 address is in brackets. */
static bool is_server(beam_span text)
{
    size_t host = text.len;
    while (host && isdigit((unsigned char)text.ptr[host - 1])) host--;
    if (host < 2 || text.len - host > 5 || text.ptr[host - 1] != ':') return false;
    for (size_t i = 0; i < host; i++)
        if (isspace((unsigned char)text.ptr[i])) return false;
    int64_t port = strtoll(text.ptr + host, NULL, 10);
    return port > 0 && port <= 65535 && text.ptr[host - 2] != '/';
}

#define SEPARATORS ", \t"

bool bm_kafka_are_servers(const char *text)
{
    const char *at = text + strspn(text, SEPARATORS);
    if (!*at) return false;
    while (*at) {
        size_t n = strcspn(at, ","), spaces = 0;
        while (spaces < n && isspace((unsigned char)at[n - 1 - spaces])) spaces++;
        if (!is_server((beam_span){ at, n - spaces })) return false;
        at += n;
        at += strspn(at, SEPARATORS);
    }
    return true;
}
