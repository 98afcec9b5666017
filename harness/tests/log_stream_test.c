/* SPDX-License-Identifier: Apache-2.0 */
#include "log_stream.h"

#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "google/protobuf/struct.upb.h"
#include "google/protobuf/timestamp.upb.h"
#include "model/beam_fn_api.upb.h"
#include "pb.h"

/* -- a logging service ------------------------------------------------------------ */

typedef struct runner {
    bm_rpc *rpc;
    bm_server *server;
    char address[64];
    bool deaf; /* reads nothing and never ends a stream */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bm_stream *stream; /* the open one */
    char worker_id[64];
    pb_LogEntry_List **lists;
    size_t n_lists, n_entries, n_streams;
    upb_Arena *pb;
} runner;

static void on_message(void *self, bm_stream *stream, bm_message *message)
{
    runner *r = self;
    bm_arena arena;
    bm_arena_init(&arena, 0);
    beam_span bytes = bm_message_flat(message, &arena);
    pthread_mutex_lock(&r->lock);
    if (r->deaf) bm_stream_pause(stream);
    pb_LogEntry_List *list = pb_LogEntry_List_parse(bytes.ptr, bytes.len, r->pb);
    ck_assert_ptr_nonnull(list);
    size_t n;
    pb_LogEntry_List_log_entries(list, &n);
    ck_assert_uint_gt(n, 0);
    r->lists = bm_xrealloc(r->lists, (r->n_lists + 1) * sizeof(void *));
    r->lists[r->n_lists++] = list;
    r->n_entries += n;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    bm_message_free(message);
    bm_arena_free(&arena);
}

static void on_half_close(void *self, bm_stream *stream)
{
    runner *r = self;
    if (!r->deaf) bm_stream_finish(stream, BEAM_OK, NULL);
}

static void on_end(void *self, bm_stream *stream, beam_status status, const char *text)
{
    (void)status, (void)text;
    runner *r = self;
    pthread_mutex_lock(&r->lock);
    r->stream = NULL;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    bm_stream_free(stream);
}

static const bm_stream_handler handler = { on_message, on_half_close, on_end };

static bool open_logging(void *self, const bm_incoming *call, bm_stream *stream,
                         const bm_stream_handler **out, void **out_self)
{
    runner *r = self;
    const char *id = bm_incoming_metadata(call, "worker_id");
    pthread_mutex_lock(&r->lock);
    snprintf(r->worker_id, sizeof r->worker_id, "%s", id ? id : "");
    r->stream = stream;
    r->n_streams++;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    /* A LogControl, to be ignored. */
    bm_stream_write(stream, bm_pb_message("", 0));
    *out = &handler;
    *out_self = r;
    return true;
}

static const bm_method methods[] = {
    { "/org.apache.beam.model.fn_execution.v1.BeamFnLogging/Logging", NULL,
      open_logging },
};

static void runner_listen(runner *r, const char *address)
{
    beam_error err = { .message = "" };
    r->server = bm_server_new(r->rpc, address, methods, 1, r, &err);
    ck_assert_msg(r->server, "%s", err.message);
    snprintf(r->address, sizeof r->address, "localhost:%d", bm_server_port(r->server));
}

static void runner_start(runner *r)
{
    *r = (runner){ .rpc = bm_rpc_new(), .pb = bm_pb_arena_new() };
    pthread_mutex_init(&r->lock, NULL);
    bm_cond_init(&r->changed);
    runner_listen(r, "localhost:0");
}

static void runner_stop(runner *r)
{
    bm_server_free(r->server);
    bm_rpc_free(r->rpc);
    upb_Arena_Free(r->pb);
    free(r->lists);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
}

static void wait_entries(runner *r, size_t n)
{
    struct timespec until = bm_after_ms(20000);
    pthread_mutex_lock(&r->lock);
    while (r->n_entries < n && !pthread_cond_timedwait(&r->changed, &r->lock, &until))
        continue;
    size_t got = r->n_entries;
    pthread_mutex_unlock(&r->lock);
    ck_assert_uint_ge(got, n);
}

static void wait_stream(runner *r, size_t nth)
{
    struct timespec until = bm_after_ms(20000);
    pthread_mutex_lock(&r->lock);
    while (r->n_streams < nth && !pthread_cond_timedwait(&r->changed, &r->lock, &until))
        continue;
    size_t got = r->n_streams;
    pthread_mutex_unlock(&r->lock);
    ck_assert_uint_ge(got, nth);
}

/* The nth entry that came; nothing may be arriving any more. */
static const pb_LogEntry *entry_at(runner *r, size_t i)
{
    for (size_t l = 0; l < r->n_lists; l++) {
        size_t n;
        const pb_LogEntry *const *all = pb_LogEntry_List_log_entries(r->lists[l], &n);
        if (i < n) return all[i];
        i -= n;
    }
    ck_abort_msg("no such entry");
    return NULL;
}

static void assert_text(upb_StringView view, const char *text)
{
    char got[256];
    snprintf(got, sizeof got, "%.*s", (int)view.size, view.data);
    ck_assert_str_eq(got, text);
}

/* -- stderr ------------------------------------------------------------------------------ */

static int saved_stderr;
static char captured[1 << 20];

static FILE *capture_start(void)
{
    FILE *file = tmpfile();
    fflush(stderr);
    saved_stderr = dup(2);
    dup2(fileno(file), 2);
    return file;
}

/* What has come so far. */
static const char *captured_so_far(FILE *file)
{
    ssize_t n = pread(fileno(file), captured, sizeof captured - 1, 0);
    captured[n > 0 ? n : 0] = '\0';
    return captured;
}

static const char *capture_end(FILE *file)
{
    fflush(stderr);
    dup2(saved_stderr, 2);
    close(saved_stderr);
    captured_so_far(file);
    fclose(file);
    return captured;
}

static bool captured_within(FILE *file, const char *text, int ms)
{
    for (; ms > 0; ms -= 20) {
        if (strstr(captured_so_far(file), text)) return true;
        bm_sleep_ms(20);
    }
    return false;
}

/* -- tests ---------------------------------------------------------------------------------- */

START_TEST(entries_carry_everything)
{
    runner r;
    runner_start(&r);
    bm_log_stream *s = bm_log_stream_new(r.rpc, r.address, "w-1", BEAM_LOG_DEBUG);
    const bm_log *log = bm_log_stream_log(s);
    ck_assert_int_eq(log->minimum, BEAM_LOG_DEBUG);
    pthread_setname_np(pthread_self(), "tester");
    log->write(log->self,
               &(bm_log_entry){ BEAM_LOG_WARN, "hello", "inst", "tr", "a.c:7", NULL, 0,
                               "A\nA/\xff" });
    wait_entries(&r, 1);
    int64_t before = bm_monotonic_ms();
    bm_log_write(log, BEAM_LOG_TRACE, "below the minimum");
    log->write(log->self,
               &(bm_log_entry){ .severity = BEAM_LOG_TRACE, .message = "too" });
    bm_log_write(log, BEAM_LOG_ERROR, "n = %d", 4);
    wait_entries(&r, 2);
    ck_assert_int_lt(bm_monotonic_ms() - before,
                     2000); /* at once, but for a slow machine */
    bm_log_stream_free(s);

    ck_assert_uint_eq(r.n_entries, 2);
    ck_assert_str_eq(r.worker_id, "w-1");
    const pb_LogEntry *e = entry_at(&r, 0);
    ck_assert_int_eq(pb_LogEntry_severity(e), pb_LogEntry_Severity_WARN);
    assert_text(pb_LogEntry_message(e), "hello");
    assert_text(pb_LogEntry_instruction_id(e), "inst");
    assert_text(pb_LogEntry_transform_id(e), "tr");
    assert_text(pb_LogEntry_log_location(e), "a.c:7");
    assert_text(pb_LogEntry_trace(e), "A\nA/?");
    ck_assert(!strncmp(pb_LogEntry_thread(e).data, "tester:", 7));
    const google_protobuf_Timestamp *at = pb_LogEntry_timestamp(e);
    ck_assert_int_le(llabs(google_protobuf_Timestamp_seconds(at) - (int64_t)time(NULL)),
                     30);
    e = entry_at(&r, 1);
    ck_assert_int_eq(pb_LogEntry_severity(e), pb_LogEntry_Severity_ERROR);
    assert_text(pb_LogEntry_message(e), "n = 4");
    assert_text(pb_LogEntry_instruction_id(e), "");
    assert_text(pb_LogEntry_trace(e), "");
    runner_stop(&r);
}
END_TEST

static const google_protobuf_Value *field(const pb_LogEntry *e, const char *name)
{
    google_protobuf_Value *value = NULL;
    const google_protobuf_Struct *data = pb_LogEntry_custom_data(e);
    ck_assert_ptr_nonnull(data);
    ck_assert(google_protobuf_Struct_fields_get(data, bm_pb_text(name), &value));
    return value;
}

START_TEST(entries_carry_fields)
{
    runner r;
    runner_start(&r);
    bm_log_stream *s = bm_log_stream_new(r.rpc, r.address, NULL, BEAM_LOG_INFO);
    const bm_log *log = bm_log_stream_log(s);
    char *huge = malloc(20000);
    memset(huge, 'x', 20000);
    const beam_log_field fields[] = {
        { "text", beam_string(beam_span_of("a b\xff")) },
        { "whole", beam_int64(-7) },
        { "large", beam_int64(((int64_t)1 << 53) + 1) },
        { "real", beam_double(0.25) },
        { "none", beam_double(INFINITY) },
        { "flag", beam_bool(true) },
        { "huge", beam_string((beam_span){ huge, 20000 }) },
    };
    log->write(log->self, &(bm_log_entry){ .severity = BEAM_LOG_INFO,
                                           .message = "fields",
                                           .fields = fields,
                                           .n_fields = BEAM_COUNT(fields) });
    bm_log_write(log, BEAM_LOG_INFO, "none");
    memset(huge, 0, 20000);
    bm_log_stream_free(s);
    free(huge);
    ck_assert_uint_eq(r.n_entries, 2);
    const pb_LogEntry *e = entry_at(&r, 0);
    ck_assert_uint_eq(google_protobuf_Struct_fields_size(pb_LogEntry_custom_data(e)), 7);
    assert_text(google_protobuf_Value_string_value(field(e, "text")), "a b?");
    ck_assert_double_eq(google_protobuf_Value_number_value(field(e, "whole")), -7);
    assert_text(google_protobuf_Value_string_value(field(e, "large")),
                "9007199254740993");
    ck_assert_double_eq(google_protobuf_Value_number_value(field(e, "real")), 0.25);
    assert_text(google_protobuf_Value_string_value(field(e, "none")), "inf");
    ck_assert(google_protobuf_Value_bool_value(field(e, "flag")));
    upb_StringView cut = google_protobuf_Value_string_value(field(e, "huge"));
    ck_assert_uint_eq(cut.size, 16 * 1024 + 3);
    ck_assert(!memcmp(cut.data + cut.size - 5, "xx...", 5));
    ck_assert_ptr_null(pb_LogEntry_custom_data(entry_at(&r, 1)));
    runner_stop(&r);
}
END_TEST

START_TEST(broken_text_is_mended)
{
    runner r;
    runner_start(&r);
    bm_log_stream *s = bm_log_stream_new(r.rpc, r.address, NULL, BEAM_LOG_INFO);
    const bm_log *log = bm_log_stream_log(s);
    char *huge = calloc(1, 600001);
    memset(huge, 'x', 600000);
    const char *texts[] = { "a\xff"
                            "b\xc3",
                            "caf\xc3\xa9 \xf0\x9f\x8d\xba \xed\xa0\x80", huge };
    for (int i = 0; i < 3; i++)
        log->write(log->self,
                   &(bm_log_entry){ .severity = BEAM_LOG_INFO, .message = texts[i] });
    bm_log_entry odd = { .severity = (beam_severity)77 };
    log->write(log->self, &odd);
    bm_log_stream_free(s);
    free(huge);
    ck_assert_uint_eq(r.n_entries, 4);
    assert_text(pb_LogEntry_message(entry_at(&r, 0)), "a?b?");
    assert_text(pb_LogEntry_message(entry_at(&r, 1)), "caf\xc3\xa9 \xf0\x9f\x8d\xba ???");
    upb_StringView cut = pb_LogEntry_message(entry_at(&r, 2));
    ck_assert_uint_eq(cut.size, 256 * 1024 + 3);
    ck_assert(!memcmp(cut.data + cut.size - 5, "xx...", 5));
    ck_assert_int_eq(pb_LogEntry_severity(entry_at(&r, 3)),
                     pb_LogEntry_Severity_CRITICAL);
    runner_stop(&r);
}
END_TEST

enum { WRITERS = 4, PER_WRITER = 2000 };

typedef struct writer {
    const bm_log *log;
    int number;
} writer;

static void *write_many(void *arg)
{
    writer *w = arg;
    for (int i = 0; i < PER_WRITER; i++)
        bm_log_write(w->log, BEAM_LOG_INFO, "%d %d", w->number, i);
    return NULL;
}

START_TEST(many_threads_keep_their_order)
{
    runner r;
    runner_start(&r);
    bm_log_stream *s = bm_log_stream_new(r.rpc, r.address, "w", BEAM_LOG_INFO);
    pthread_t threads[WRITERS];
    writer writers[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (writer){ bm_log_stream_log(s), i };
        pthread_create(&threads[i], NULL, write_many, &writers[i]);
    }
    for (int i = 0; i < WRITERS; i++) pthread_join(threads[i], NULL);
    bm_log_stream_free(s);
    ck_assert_uint_eq(r.n_entries, WRITERS * PER_WRITER);
    int next[WRITERS] = { 0 };
    for (size_t l = 0; l < r.n_lists; l++) {
        size_t n;
        const pb_LogEntry *const *all = pb_LogEntry_List_log_entries(r.lists[l], &n);
        for (size_t i = 0; i < n; i++) {
            char text[64];
            int from, number;
            upb_StringView view = pb_LogEntry_message(all[i]);
            snprintf(text, sizeof text, "%.*s", (int)view.size, view.data);
            ck_assert_int_eq(sscanf(text, "%d %d", &from, &number), 2);
            ck_assert_int_eq(number, next[from]++);
        }
    }
    runner_stop(&r);
}
END_TEST

START_TEST(without_a_runner_they_go_to_stderr)
{
    runner r;
    runner_start(&r);
    bm_server_free(r.server); /* the port is free again, and nobody listens */
    FILE *file = capture_start();
    bm_log_stream *s = bm_log_stream_new(r.rpc, r.address, "w", BEAM_LOG_INFO);
    bm_log_write(bm_log_stream_log(s), BEAM_LOG_INFO, "nobody hears");
    int64_t before = bm_monotonic_ms();
    bm_log_stream_free(s);
    int64_t took = bm_monotonic_ms() - before;
    const char *text = capture_end(file);
    ck_assert_msg(strstr(text, "nobody hears"), "%s", text);
    ck_assert_int_lt(took, 5000);
    r.server = NULL;
    bm_rpc_free(r.rpc);
    upb_Arena_Free(r.pb);
}
END_TEST

START_TEST(a_lost_stream_comes_back)
{
    runner r;
    runner_start(&r);
    bm_log_stream *s = bm_log_stream_new(r.rpc, r.address, "w", BEAM_LOG_INFO);
    const bm_log *log = bm_log_stream_log(s);
    bm_log_write(log, BEAM_LOG_INFO, "first");
    wait_entries(&r, 1);
    FILE *file = capture_start();
    pthread_mutex_lock(&r.lock);
    bm_stream *stream = r.stream;
    pthread_mutex_unlock(&r.lock);
    bm_stream_finish(stream, BEAM_ERPC, "going down");
    bool told = captured_within(file, "going down", 5000);
    bm_log_write(log, BEAM_LOG_INFO, "second");
    bool printed = captured_within(file, "second", 900);
    wait_stream(&r, 2);
    bm_log_write(log, BEAM_LOG_INFO, "third");
    wait_entries(&r, 2);
    bm_log_stream_free(s);
    const char *text = capture_end(file);
    ck_assert_msg(told && printed, "%s", text);
    ck_assert_ptr_null(strstr(text, "third"));
    assert_text(pb_LogEntry_message(entry_at(&r, 1)), "third");
    runner_stop(&r);
}
END_TEST

/* Also while it tries to connect again, entries do not wait for the outcome. */
START_TEST(a_lost_runner_comes_back)
{
    runner r;
    runner_start(&r);
    bm_log_stream *s = bm_log_stream_new(r.rpc, r.address, "w", BEAM_LOG_INFO);
    const bm_log *log = bm_log_stream_log(s);
    bm_log_write(log, BEAM_LOG_INFO, "first");
    wait_entries(&r, 1);
    FILE *file = capture_start();
    bm_server_free(r.server);
    bool told = captured_within(file, "no log stream", 5000);
    bm_sleep_ms(1500);
    bm_log_write(log, BEAM_LOG_INFO, "second");
    bool printed = captured_within(file, "second", 1500);
    runner_listen(&r, r.address);
    wait_stream(&r, 2);
    bm_log_write(log, BEAM_LOG_INFO, "third");
    wait_entries(&r, 2);
    bm_log_stream_free(s);
    const char *text = capture_end(file);
    ck_assert_msg(told && printed, "%s", text);
    assert_text(pb_LogEntry_message(entry_at(&r, 1)), "third");
    runner_stop(&r);
}
END_TEST

/* Where all is slower, under valgrind for one, it takes longer not to block. */
static int patience(void)
{
    const char *times = getenv("CK_TIMEOUT_MULTIPLIER");
    return times && atoi(times) > 0 ? atoi(times) : 1;
}

START_TEST(a_deaf_runner_does_not_block)
{
    runner r;
    runner_start(&r);
    r.deaf = true;
    FILE *file = capture_start();
    bm_log_stream *s = bm_log_stream_new(r.rpc, r.address, "w", BEAM_LOG_INFO);
    const bm_log *log = bm_log_stream_log(s);
    char filler[1000];
    memset(filler, '-', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    int64_t before = bm_monotonic_ms();
    for (int i = 0; i < 30000; i++) bm_log_write(log, BEAM_LOG_INFO, "%d %s", i, filler);
    int64_t logging = bm_monotonic_ms() - before;
    before = bm_monotonic_ms();
    bm_log_stream_free(s);
    int64_t closing = bm_monotonic_ms() - before;
    const char *text = capture_end(file);
    ck_assert_int_lt(logging, 10000 * patience());
    ck_assert_int_lt(closing, 8000 * patience());
    ck_assert_ptr_nonnull(strstr(text, "---")); /* the unsent are not lost */
    runner_stop(&r);
}
END_TEST

/* Entries are dropped before the stream is up, while nothing is taken out of the queue. */
START_TEST(drops_are_told)
{
    runner r;
    runner_start(&r);
    bm_server_free(r.server);
    bm_log_stream *s = bm_log_stream_new(r.rpc, r.address, "w", BEAM_LOG_INFO);
    const bm_log *log = bm_log_stream_log(s);
    for (int i = 0; i < 10005; i++)
        log->write(log->self,
                   &(bm_log_entry){ .severity = BEAM_LOG_INFO, .message = "x" });
    runner_listen(&r, r.address);
    wait_entries(&r, 10001);
    bm_log_stream_free(s);
    ck_assert_uint_eq(r.n_entries, 10001);
    bool told = false;
    for (size_t i = 0; i < r.n_entries; i++) {
        const pb_LogEntry *e = entry_at(&r, i);
        if (pb_LogEntry_severity(e) != pb_LogEntry_Severity_WARN) continue;
        assert_text(pb_LogEntry_message(e),
                    "5 log entries were dropped: logging is too fast");
        ck_assert_uint_eq(i, 10000);
        told = true;
    }
    ck_assert(told);
    runner_stop(&r);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("log_stream");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, entries_carry_everything);
    tcase_add_test(cases, entries_carry_fields);
    tcase_add_test(cases, broken_text_is_mended);
    tcase_add_test(cases, many_threads_keep_their_order);
    tcase_add_test(cases, without_a_runner_they_go_to_stderr);
    tcase_add_test(cases, a_lost_stream_comes_back);
    tcase_add_test(cases, a_lost_runner_comes_back);
    tcase_add_test(cases, a_deaf_runner_does_not_block);
    tcase_add_test(cases, drops_are_told);
    Suite *suite = suite_create("log_stream");
    suite_add_tcase(suite, cases);
    SRunner *runner_ = srunner_create(suite);
    srunner_run_all(runner_, CK_ENV);
    int failed = srunner_ntests_failed(runner_);
    srunner_free(runner_);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
