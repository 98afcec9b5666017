/* SPDX-License-Identifier: Apache-2.0 */
/* BeamFnWorkerStatus: a page about the worker, for people to read. The rpc thread takes
 * requests, a thread of its own writes the page. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "exec/state_cache.h"
#include "pb.h"
#include "worker.h"

#define METHOD \
    "/org.apache.beam.model.fn_execution.v1.BeamFnWorkerStatus/WorkerStatus"

/* -- the page -------------------------------------------------------------------------- */

static void write_text(bm_writer *out, const char *format, ...) BEAM_PRINTF(2, 3);
static void write_text(bm_writer *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bm_arena arena;
    bm_arena_init(&arena, 0);
    const char *text = bm_vformat(&arena, format, args);
    bm_write_bytes(out, text, strlen(text));
    bm_arena_free(&arena);
    va_end(args);
}

/* The lines of /proc/self/status with memory in them. */
static void write_memory(bm_writer *out)
{
    static const char *const wanted[] = { "VmRSS:", "VmHWM:", "VmData:", "Threads:" };
    char line[200];
    FILE *file = fopen("/proc/self/status", "r");
    write_text(out, "========== MEMORY ==========\n");
    while (file && fgets(line, sizeof line, file))
        for (size_t i = 0; i < BEAM_COUNT(wanted); i++)
            if (!strncmp(line, wanted[i], strlen(wanted[i]))) write_text(out, "%s", line);
    if (file) fclose(file);
}

static void write_cache(beam_harness *worker, bm_writer *out)
{
    bm_state_cache_stats stats = bm_state_cache_look(worker->state_cache);
    write_text(out, "========== CACHE ==========\n");
    write_text(out, "state: %zu of %zu bytes in %zu entries; %llu hits, %llu misses, %llu "
               "evictions\n", stats.bytes, stats.max_bytes, stats.entries,
               (unsigned long long)stats.hits, (unsigned long long)stats.misses,
               (unsigned long long)stats.evictions);
}

static void write_bundle(const bm_instruction *one, int64_t now_ms, bm_writer *out)
{
    write_text(out, "instruction %s: running for %lld ms", one->id,
               (long long)(now_ms - one->since_ms));
    const char *transform = one->slot ? bm_plan_current_transform(one->slot->plan) : NULL;
    if (!one->slot)
        write_text(out, ", no plan yet\n");
    else if (!transform)
        write_text(out, ", no user code at work\n");
    else if (transform == one->pulse.transform)
        write_text(out, ", in transform '%s', with the same element for %lld ms\n", transform,
                   (long long)(now_ms - one->pulse.since_ms));
    else
        write_text(out, ", in transform '%s'\n", transform);
}

static void write_bundles(beam_harness *worker, bm_writer *out)
{
    bm_instructions *table = &worker->instructions;
    int64_t now_ms = bm_monotonic_ms();
    write_text(out, "========== ACTIVE PROCESSING BUNDLES ==========\n");
    pthread_mutex_lock(&table->lock);
    for (size_t i = 0; i < table->n_buckets; i++)
        for (const bm_instruction *one = table->buckets[i]; one; one = one->next_in_bucket)
            if (one->state == BM_RUNNING) write_bundle(one, now_ms, out);
    write_text(out, "%zu running, %zu waiting for their request\n", table->n_running,
               table->n_parked);
    pthread_mutex_unlock(&table->lock);
}

/* The first line of a file of the task; "?" when it is gone. */
static void read_line(const char *task, const char *name, char *line, size_t size)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/self/task/%s/%s", task, name);
    FILE *file = fopen(path, "r");
    snprintf(line, size, "?");
    if (!file) return;
    if (!fgets(line, (int)size, file)) snprintf(line, size, "?");
    line[strcspn(line, "\n")] = '\0';
    fclose(file);
}

/* Where each thread is, as far as the kernel tells. */
static void write_threads(bm_writer *out)
{
    char name[32], where[64];
    DIR *tasks = opendir("/proc/self/task");
    write_text(out, "========== THREADS ==========\n");
    for (const struct dirent *task; tasks && (task = readdir(tasks));) {
        if (task->d_name[0] == '.') continue;
        read_line(task->d_name, "comm", name, sizeof name);
        read_line(task->d_name, "wchan", where, sizeof where);
        write_text(out, "%s %s: %s\n", task->d_name, name,
                   !strcmp(where, "0") || !*where ? "running" : where);
    }
    if (tasks) closedir(tasks);
}

char *bm_status_text(beam_harness *worker)
{
    bm_writer out = { 0 };
    write_text(&out, "worker %s, process %ld\n", worker->id, (long)getpid());
    write_memory(&out);
    write_cache(worker, &out);
    write_bundles(worker, &out);
    write_threads(&out);
    bm_write_u8(&out, '\0');
    size_t n;
    char *text = (char *)bm_writer_take(&out, &n);
    bm_utf8_mend(text); /* names of threads are bytes */
    return text;
}

/* -- the stream --------------------------------------------------------------------------- */

typedef struct inquiry {
    beam_harness *worker;
    bm_message *message;
    const char *refusal; /* NULL: the page is written */
} inquiry;

static bm_message *response_to(const inquiry *in, upb_StringView id, upb_Arena *pb)
{
    pb_WorkerStatusResponse *response = pb_WorkerStatusResponse_new(pb);
    pb_WorkerStatusResponse_set_id(response, id);
    char *text = in->refusal ? NULL : bm_status_text(in->worker);
    if (text)
        pb_WorkerStatusResponse_set_status_info(response, bm_pb_text(text));
    else
        pb_WorkerStatusResponse_set_error(response, bm_pb_text(in->refusal));
    size_t n;
    const char *bytes = pb_WorkerStatusResponse_serialize(response, pb, &n);
    bm_message *message = bm_pb_message(bytes, n);
    free(text);
    return message;
}

/* `response` may be NULL. The next request is read then. */
static void respond(beam_harness *worker, bm_message *response)
{
    pthread_mutex_lock(&worker->lock);
    bool is_open = worker->status;
    if (is_open && response) bm_stream_write(worker->status, response);
    if (is_open) bm_stream_resume(worker->status);
    pthread_mutex_unlock(&worker->lock);
    if (!is_open) bm_message_free(response);
}

static void answer(void *arg)
{
    inquiry *in = arg;
    upb_Arena *pb = bm_pb_arena_new();
    bm_arena flat;
    bm_arena_init(&flat, 0);
    beam_span bytes = bm_message_flat(in->message, &flat);
    const pb_WorkerStatusRequest *request =
        pb_WorkerStatusRequest_parse(bytes.ptr, bytes.len, pb);
    if (!request)
        bm_log_at(&in->worker->log, BEAM_LOG_ERROR, NULL,
                  "The runner asked for the worker's status in %zu bytes that are no request.",
                  bytes.len);
    bm_message *response =
        request ? response_to(in, pb_WorkerStatusRequest_id(request), pb) : NULL;
    beam_harness *worker = in->worker;
    bm_message_free(in->message);
    bm_arena_free(&flat);
    upb_Arena_Free(pb);
    free(in);
    respond(worker, response); /* last: the next one wants this thread */
}

/* One request at a time, the others wait in the stream: a runner may ask any number of them at
 * once, and each needs a thread. */
static void on_message(void *self, bm_stream *stream, bm_message *message)
{
    beam_harness *worker = self;
    bm_stream_pause(stream);
    inquiry *in = bm_xcalloc(1, sizeof *in);
    *in = (inquiry){ worker, message, NULL };
    if (bm_threads_run(worker->threads, answer, in)) return;
    in->refusal = "The worker cannot start a thread to answer.";
    answer(in);
}

/* A runner that ends it does not want to know any more. */
static void on_end(void *self, bm_stream *stream, beam_status status, const char *text)
{
    (void)stream;
    beam_harness *worker = self;
    if (status != BEAM_OK)
        bm_log_at(&worker->log, BEAM_LOG_DEBUG, NULL, "The status stream to %s broke: %s.",
                  worker->boot.status_endpoint, text && *text ? text : beam_status_text(status));
}

static const bm_stream_handler handler = { on_message, NULL, on_end };

void bm_status_open(beam_harness *worker)
{
    worker->status_channel =
        bm_channel_new(worker->rpc, worker->boot.status_endpoint, worker->id);
    pthread_mutex_lock(&worker->lock);
    worker->status =
        bm_stream_open(worker->status_channel, METHOD, NULL, &handler, worker);
    pthread_mutex_unlock(&worker->lock);
}

void bm_status_close(beam_harness *worker)
{
    pthread_mutex_lock(&worker->lock);
    bm_stream *stream = worker->status;
    worker->status = NULL;
    pthread_mutex_unlock(&worker->lock);
    if (!stream) return;
    bm_stream_free(stream);
    bm_channel_free(worker->status_channel);
}
