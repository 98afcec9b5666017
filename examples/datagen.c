/* SPDX-License-Identifier: Apache-2.0 */
/* datagen: made-up visits of a website, to a Kafka topic or a file.
 *
 *     datagen --source=streaming --num_users=5 --delay_seconds=0.5
 *     datagen --source=batch --num_users=5 --num_events=10000 --output=visits.json
 *
 * Each visit is one JSON object with the twelve fields of EventLog; now and then lat and
 * lng are empty, as they are in real logs. Kafka records carry the visit's event time as
 * their timestamp and the visitor's id as their key. */
#define _GNU_SOURCE /* random_r */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct options {
    bool streaming;
    int64_t num_users, num_events, seed, spread_seconds;
    double delay_seconds;
    const char *bootstrap_servers, *topic, *output;
};

struct random {
    struct random_data data;
    char state[64];
};

static int pick(struct random *r, int n)
{
    int32_t value;
    random_r(&r->data, &value);
    return value % n;
}

struct user {
    char ip[48], id[24];
    double lat, lng;
    const char *user_agent, *age_bracket;
    bool opted_into_marketing;
};

static const char *const agents[] = {
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_2) AppleWebKit/605.1.15 Version/17.2 Safari/605.1.15",
};
static const char *const brackets[] = { "18-25", "26-40", "41-55", "55+" };
static const char *const pages[] = { "index.html",   "eucharya.html", "archaea.html",
                                     "bacteria.html", "blastocladiomycota.html",
                                     "coniferophyta.html", "ascomycota.html" };
#define PICK(r, array) (array)[pick((r), (int)(sizeof(array) / sizeof((array)[0])))]

static struct user make_user(struct random *r)
{
    struct user u = { .lat = pick(r, 180000) / 1000.0 - 90, .lng = pick(r, 360000) / 1000.0 - 180,
                      .user_agent = PICK(r, agents), .age_bracket = PICK(r, brackets),
                      .opted_into_marketing = pick(r, 2) };
    snprintf(u.ip, sizeof u.ip, "%d.%d.%d.%d", 1 + pick(r, 223), pick(r, 256), pick(r, 256),
             1 + pick(r, 254));
    snprintf(u.id, sizeof u.id, "%d", 100000000 + pick(r, 900000000));
    return u;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static char *visit_json(struct random *r, const struct user *u, int64_t at_ms)
{
    char datetime[40], request[80];
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm parts;
    size_t n = strftime(datetime, sizeof datetime, "%Y-%m-%dT%H:%M:%S",
                        gmtime_r(&seconds, &parts));
    snprintf(datetime + n, sizeof datetime - n, ".%03d", (int)(at_ms % 1000));
    snprintf(request, sizeof request, "GET %s HTTP/1.0", PICK(r, pages));
    bool placed = pick(r, 20);
    json_t *visit = json_pack(
        "{s:s, s:s, s:o, s:o, s:s, s:s, s:b, s:s, s:i, s:i, s:s, s:I}", "ip", u->ip, "id", u->id,
        "lat", placed ? json_real(u->lat) : json_string(""), "lng",
        placed ? json_real(u->lng) : json_string(""), "user_agent", u->user_agent,
        "age_bracket", u->age_bracket, "opted_into_marketing", u->opted_into_marketing,
        "http_request", request, "http_response", pick(r, 10) ? 200 : 404, "file_size_bytes",
        100 + pick(r, 900), "event_datetime", datetime, "event_ts", (json_int_t)at_ms);
    char *text = json_dumps(visit, JSON_COMPACT);
    json_decref(visit);
    return text;
}

/* -- where visits go: a file, or a topic ---------------------------------------- */

struct sink {
    FILE *file;
    rd_kafka_t *kafka;
    const char *topic, *servers, *path;
    int64_t failed;
};

static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
    (void)kafka;
    struct sink *sink = opaque;
    if (!message->err) return;
    if (!sink->failed++)
        fprintf(stderr, "datagen: Kafka at %s does not take records: %s\n", sink->servers,
                message->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT
                    ? "no broker answers there"
                    : rd_kafka_err2str(message->err));
}

static bool sink_open(struct sink *sink, const struct options *o)
{
    sink->topic = o->topic;
    sink->servers = o->bootstrap_servers;
    sink->path = o->output;
    if (o->output) {
        sink->file = strcmp(o->output, "-") ? fopen(o->output, "w") : stdout;
        if (!sink->file)
            fprintf(stderr, "datagen: cannot write '%s': %s\n", o->output, strerror(errno));
        return sink->file;
    }
    char why[256] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", o->bootstrap_servers, why, sizeof why);
    rd_kafka_conf_set(conf, "message.timeout.ms", "10000", why, sizeof why);
    rd_kafka_conf_set(conf, "linger.ms", "20", why, sizeof why);
    rd_kafka_conf_set(conf, "log_level", "0", why, sizeof why);
    rd_kafka_conf_set_opaque(conf, sink);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    sink->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!sink->kafka) {
        fprintf(stderr, "datagen: %s\n", why);
        rd_kafka_conf_destroy(conf);
    }
    return sink->kafka;
}

static bool not_written(struct sink *sink)
{
    if (!sink->failed++)
        fprintf(stderr, "datagen: cannot write '%s': %s\n", sink->path, strerror(errno));
    return false;
}

static bool sink_put(struct sink *sink, const char *key, const char *text, int64_t at_ms)
{
    if (sink->file) return fprintf(sink->file, "%s\n", text) > 0 || not_written(sink);
    rd_kafka_resp_err_t err;
    while ((err = rd_kafka_producev(
                sink->kafka, RD_KAFKA_V_TOPIC(sink->topic), RD_KAFKA_V_KEY(key, strlen(key)),
                RD_KAFKA_V_VALUE((void *)text, strlen(text)), RD_KAFKA_V_TIMESTAMP(at_ms),
                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END)) ==
           RD_KAFKA_RESP_ERR__QUEUE_FULL)
        rd_kafka_poll(sink->kafka, 100);
    rd_kafka_poll(sink->kafka, 0);
    if (err) fprintf(stderr, "datagen: %s\n", rd_kafka_err2str(err));
    return !err && !sink->failed;
}

static bool sink_close(struct sink *sink)
{
    if (sink->file)
        return (sink->file == stdout ? !fflush(stdout) : !fclose(sink->file)) ||
               not_written(sink);
    bool flushed = !rd_kafka_flush(sink->kafka, 15000);
    rd_kafka_destroy(sink->kafka);
    return flushed && !sink->failed;
}

/* -- the command line ---------------------------------------------------------------- */

static void usage(FILE *out)
{
    fputs(
        "datagen - made-up visits of a website, to a Kafka topic or a file\n\n"
        "Usage: datagen [--flag=value ...]\n\n"
        "  --source=streaming|batch     streaming: one visit after the other, at the present\n"
        "                               time; batch: all at once, spread over the past\n"
        "                               (default batch)\n"
        "  --num_users=N                different visitors, up to 1000000 (default 5)\n"
        "  --delay_seconds=S            streaming: pause between two visits (default 0.5)\n"
        "  --num_events=N               visits to make (default: batch 2000; streaming 0,\n"
        "                               no end)\n"
        "  --spread_seconds=N           batch: time that the visits are spread over\n"
        "                               (default 600)\n"
        "  --bootstrap_servers=LIST     Kafka brokers (default localhost:29092)\n"
        "  --topic=NAME                 topic to write (default website-visit)\n"
        "  --output=FILE                write lines to a file instead; - is stdout\n"
        "  --seed=N                     other visitors and visits (default 1)\n"
        "  --help                       this text\n",
        out);
}

static bool number(const char *text, double most, double *out)
{
    char *rest;
    *out = strtod(text, &rest);
    return rest != text && !*rest && *out >= 0 && *out <= most;
}

/* 0: go on; otherwise the exit status + 1. */
static int parse(int argc, char **argv, struct options *o)
{
    enum { SOURCE = 1, USERS, DELAY, EVENTS, SPREAD, SERVERS, TOPIC, OUTPUT, SEED, HELP };
    static const struct option known[] = {
        { "source", 1, NULL, SOURCE },      { "num_users", 1, NULL, USERS },
        { "delay_seconds", 1, NULL, DELAY }, { "num_events", 1, NULL, EVENTS },
        { "spread_seconds", 1, NULL, SPREAD }, { "bootstrap_servers", 1, NULL, SERVERS },
        { "topic", 1, NULL, TOPIC },        { "output", 1, NULL, OUTPUT },
        { "seed", 1, NULL, SEED },          { "help", 0, NULL, HELP },
        { 0 },
    };
    for (int flag; (flag = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        double n = 0;
        bool good = true;
        switch (flag) {
        case SOURCE:
            o->streaming = !strcmp(optarg, "streaming");
            good = o->streaming || !strcmp(optarg, "batch");
            break;
        case USERS:
            good = number(optarg, 1e6, &n) && n >= 1;
            o->num_users = (int64_t)n;
            break;
        case DELAY: good = number(optarg, 1e9, &o->delay_seconds); break;
        case EVENTS:
            good = number(optarg, 1e9, &n);
            o->num_events = (int64_t)n;
            break;
        case SPREAD:
            good = number(optarg, 1e6, &n);
            o->spread_seconds = (int64_t)n;
            break;
        case SEED:
            good = number(optarg, UINT_MAX, &n);
            o->seed = (int64_t)n;
            break;
        case SERVERS:
            good = *optarg;
            o->bootstrap_servers = optarg;
            break;
        case TOPIC:
            good = *optarg;
            o->topic = optarg;
            break;
        case OUTPUT:
            good = *optarg;
            o->output = optarg;
            break;
        case HELP: usage(stdout); return 1;
        default: good = false;
        }
        if (good) continue;
        fprintf(stderr, "datagen: '%s' is wrong; see --help\n", argv[optind - 1]);
        return 3;
    }
    if (optind == argc) return 0;
    fprintf(stderr, "datagen: '%s' is not expected; see --help\n", argv[optind]);
    return 3;
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

static void pause_seconds(double seconds)
{
    struct timespec wait = { (time_t)seconds, 0 };
    wait.tv_nsec = (long)((seconds - (double)wait.tv_sec) * 1e9);
    nanosleep(&wait, NULL);
}

int main(int argc, char **argv)
{
    struct options o = { .num_users = 5, .num_events = -1, .seed = 1, .spread_seconds = 600,
                         .delay_seconds = 0.5, .bootstrap_servers = "localhost:29092",
                         .topic = "website-visit" };
    int ended = parse(argc, argv, &o);
    if (ended) return ended - 1;
    if (o.num_events < 0) o.num_events = o.streaming ? 0 : 2000;

    struct random r = { 0 };
    initstate_r((unsigned)o.seed, r.state, sizeof r.state, &r.data);
    struct user *users = calloc((size_t)o.num_users, sizeof *users);
    if (!users) return 1;
    for (int64_t i = 0; i < o.num_users; i++) users[i] = make_user(&r);

    struct sigaction action = { .sa_handler = on_interrupt };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    struct sink sink = { 0 };
    bool good = sink_open(&sink, &o);
    bool opened = good;
    int64_t made = 0, start_ms = now_ms() - o.spread_seconds * 1000;
    while (good && !interrupted && (!o.num_events || made < o.num_events)) {
        const struct user *u = &users[pick(&r, (int)o.num_users)];
        int64_t at_ms = o.streaming ? now_ms()
                                    : start_ms + made * o.spread_seconds * 1000 / o.num_events;
        char *text = visit_json(&r, u, at_ms);
        good = text && sink_put(&sink, u->id, text, at_ms);
        free(text);
        made += good;
        if (o.streaming && o.delay_seconds > 0) pause_seconds(o.delay_seconds);
    }
    if (opened) good = sink_close(&sink) && good;
    free(users);
    fprintf(stderr, "datagen: %lld visits of %lld users\n", (long long)made,
            (long long)o.num_users);
    return good ? 0 : 1;
}
