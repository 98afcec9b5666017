/* SPDX-License-Identifier: Apache-2.0 */
/* enrich: what a call for each element costs, with a running rpc_service or http_service; see
 * --help. One thread runs bundles of a DoFn in the worker's engine. */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "beam/beam.h"
#include "beam/testing.h"
#include "rpc_service.pb-c.h"

#define METHOD "/chapter3.RcpService/resolve"
enum { IN_FLIGHT = 512 };

/* -- the DoFns ------------------------------------------------------------------------------ */
static beam_span request(beam_ctx *c, beam_value word)
{
    beam_span text = beam_as_span(word);
    Chapter3__Request message = CHAPTER3__REQUEST__INIT;
    message.input = beam_cstr(c, text);
    uint8_t *packed = beam_alloc(c, text.len + 16);
    return (beam_span){ (char *)packed, chapter3__request__pack(&message, packed) };
}

static beam_status response(beam_ctx *c, beam_value word, beam_span answer)
{
    Chapter3__Response *message = chapter3__response__unpack(NULL, answer.len,
                                                             (const uint8_t *)answer.ptr);
    if (!message)
        return beam_fail(c, BEAM_ERPC, "the service's answer is not a Response");
    int64_t length = message->output;
    chapter3__response__free_unpacked(message, NULL);
    return beam_emit_kv(c, word, beam_int64(length));
}

static const beam_rpc_fn async_rpc = {
    .method = METHOD,
    .request = request,
    .response = response,
    .max_in_flight = IN_FLIGHT,
};

static const beam_dofn async_fn = {
    .name = "enrich.async",
    .in = BEAM_STRING,
    .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
    .rpc = &async_rpc,
};

static beam_http_request http_request(beam_ctx *c, beam_value word)
{
    beam_span name = beam_http_escape(c, beam_as_span(word));
    return (beam_http_request){
        .path = beam_format(c, "/words/" BEAM_SPAN_FMT, BEAM_SPAN_ARG(name)),
    };
}

static beam_status http_response(beam_ctx *c, beam_value word, const beam_http_answer *answer)
{
    return beam_emit_kv(c, word, beam_int64((int64_t)answer->body.len));
}

struct self {
    beam_rpc_channel *channel;
};

static beam_status sync_setup(beam_ctx *c)
{
    struct self *self = beam_self(c);
    self->channel = beam_rpc_open(beam_cstr(c, beam_config(c)));
    return BEAM_OK;
}

static beam_status sync_process(beam_ctx *c, beam_value word)
{
    struct self *self = beam_self(c);
    beam_span answer;
    beam_error err;
    beam_status status = beam_rpc_call(self->channel, METHOD, request(c, word), 10000,
                                       &answer, &err);
    if (status != BEAM_OK) return beam_fail(c, status, "%s", err.message);
    return response(c, word, answer);
}

static void sync_teardown(beam_ctx *c)
{
    struct self *self = beam_self(c);
    beam_rpc_close(self->channel);
}

static const beam_dofn sync_fn = {
    .name = "enrich.sync",
    .in = BEAM_STRING,
    .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
    .self_size = sizeof(struct self),
    .setup = sync_setup,
    .process = sync_process,
    .teardown = sync_teardown,
};

/* -- time ----------------------------------------------------------------------------------- */
struct use {
    double wall, cpu;
};

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static struct use used(void)
{
    struct rusage r;
    struct timespec now;
    getrusage(RUSAGE_SELF, &r);
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (struct use){ (double)now.tv_sec + (double)now.tv_nsec / 1e9,
                         seconds(r.ru_utime) + seconds(r.ru_stime) };
}

/* -- runs ----------------------------------------------------------------------------------- */
static const char *word(size_t i)
{
    static const char *const words[] = { "a", "stream", "of", "words", "enriched" };
    return words[i % BEAM_COUNT(words)];
}

static void fail(const char *why)
{
    fprintf(stderr, "enrich: %s\n", why);
    exit(1);
}

static void run_bundle(beam_dofn_tester *t, size_t n, struct use *sum)
{
    for (size_t i = 0; i < n; i++)
        beam_tester_add(t, beam_string(beam_span_of(word(i))), 0);
    struct use before = used();
    if (beam_tester_run(t) != BEAM_OK) fail(beam_tester_error(t));
    struct use after = used();
    sum->wall += after.wall - before.wall;
    sum->cpu += after.cpu - before.cpu;
    if (beam_tester_count(t, -1) != n) fail("elements are missing");
    beam_tester_clear(t);
}

static void raw_bundle(beam_rpc_channel *channel, size_t n, struct use *sum)
{
    struct use before = used();
    beam_rpc_result result;
    for (size_t i = 0; i < n || beam_rpc_pending(channel); i++) {
        if (i < n) {
            char packed[64] = { 0x0a, (char)strlen(word(i)) };
            strcpy(packed + 2, word(i));
            beam_rpc_start(channel, METHOD, (beam_span){ packed, strlen(packed) }, 10000,
                           NULL);
        }
        size_t most = i < n ? IN_FLIGHT - 1 : 0;
        if (beam_rpc_pending(channel) <= most) continue;
        if (most) most -= IN_FLIGHT / 4;
        while (beam_rpc_pending(channel) > most)
            if (beam_rpc_next(channel, &result) && result.error.status)
                fail(result.error.message);
    }
    struct use after = used();
    sum->wall += after.wall - before.wall;
    sum->cpu += after.cpu - before.cpu;
}

static void help(void)
{
    puts("enrich - what a gRPC call or an HTTP request for each element costs\n"
         "\n"
         "  rpc_service --port=50061 --delay_ms=10 &\n"
         "  enrich --target=localhost:50061 --how=async\n"
         "  http_service --port=50062 --delay_ms=10 &\n"
         "  enrich --target=http://localhost:50062 --how=http\n"
         "\n"
         "  --target=PLACE    the running service (localhost:50051)\n"
         "  --how=HOW         async: a DoFn with .rpc (the default)\n"
         "                    sync: a beam_rpc_call() in process\n"
         "                    raw: the calls alone, without an engine\n"
         "                    http: a DoFn with .http\n"
         "  --calls=N         100000\n"
         "  --bundle=N        elements in a bundle (10000)\n"
         "  --in_flight=N     requests at once, of http (as .max_in_flight)\n"
         "\n"
         "CPU time is that of this process, all threads.");
}

static size_t positive(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (*end || number <= 0 || number > INT_MAX) {
        fprintf(stderr, "enrich: '%s' is not a number above 0\n", text);
        exit(2);
    }
    return (size_t)number;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "target", required_argument, NULL, 't' },
        { "how", required_argument, NULL, 'w' },
        { "calls", required_argument, NULL, 'n' },
        { "bundle", required_argument, NULL, 'b' },
        { "in_flight", required_argument, NULL, 'f' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    const char *target = "localhost:50051", *how = "async";
    size_t calls = 100000, bundle = 10000;
    beam_http_fn http = { .request = http_request, .response = http_response };
    const beam_dofn http_fn = {
        .name = "enrich.http",
        .in = BEAM_STRING,
        .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
        .http = &http,
    };
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 't') target = optarg;
        if (o == 'w') how = optarg;
        if (o == 'n') calls = positive(optarg);
        if (o == 'f') http.max_in_flight = (int)positive(optarg);
        if (o == 'b') bundle = positive(optarg);
        if (o == 'h') return help(), 0;
        if (o == '?') return 2;
    }
    bool is_sync = !strcmp(how, "sync"), is_raw = !strcmp(how, "raw");
    bool is_http = !strcmp(how, "http");
    if (!is_sync && !is_raw && !is_http && strcmp(how, "async")) {
        fprintf(stderr, "enrich: --how is async, sync, raw or http, not '%s'\n", how);
        return 2;
    }
    const beam_dofn *fn = is_http ? &http_fn : &async_fn;
    beam_dofn_tester *t = is_sync ? beam_dofn_tester_new(&sync_fn,
                                                         .config = beam_span_of(target))
                                  : beam_dofn_tester_new(fn, .target = target);
    beam_rpc_channel *channel = is_raw ? beam_rpc_open(target) : NULL;
    struct use ignored = { 0 }, sum = { 0 };
    if (is_raw)
        raw_bundle(channel, 100, &ignored);
    else
        run_bundle(t, 100, &ignored);
    size_t done = 0;
    for (; done < calls; done += bundle)
        if (is_raw)
            raw_bundle(channel, bundle, &sum);
        else
            run_bundle(t, bundle, &sum);
    printf("%s: %zu calls, %.0f a second, %.1f us CPU a call\n", how, done,
           (double)done / sum.wall, sum.cpu * 1e6 / (double)done);
    beam_rpc_close(channel);
    beam_dofn_tester_free(t);
    return 0;
}
