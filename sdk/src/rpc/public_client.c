/* SPDX-License-Identifier: Apache-2.0 */
/* The client of beam/rpc.h. All of it runs on the caller's thread, which polls gRPC itself:
 * no call is handed from thread to thread. */
#include <grpc/byte_buffer_reader.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "beam/rpc.h"
#include "rpc/internal.h"

typedef struct call {
    struct call *next,
        **link; /* in the list of calls under way; next: also in the others */
    void *tag;
    grpc_call *call;
    grpc_byte_buffer *response;
    grpc_metadata_array initial, trailing;
    grpc_status_code code;
    grpc_slice detail;
    const char *method;
} call;

/* A method that was called, known to gRPC by a handle. */
typedef struct method {
    struct method *next;
    void *handle;
    char name[];
} method;

struct beam_rpc_channel {
    grpc_channel *channel;
    grpc_completion_queue *queue;
    char *target;
    method *methods;
    call *under_way;
    call *first, **last; /* finished while beam_rpc_call() waited for another one */
    call *unused;
    size_t pending;
    grpc_slice answer; /* what the last result's response points into */
    bm_arena arena;    /* or this, when the answer came in pieces */
};

/* -- life --------------------------------------------------------------------------------- */
beam_rpc_channel *beam_rpc_open(const char *target)
{
    beam_rpc_channel *c = bm_xcalloc(1, sizeof *c);
    bm_grpc_start();
    c->channel = bm_connect(target, true);
    c->queue = grpc_completion_queue_create_for_next(NULL);
    c->target = bm_xstrdup(target);
    c->last = &c->first;
    c->answer = grpc_empty_slice();
    bm_arena_init(&c->arena, 0);
    return c;
}

static void drop_unused(beam_rpc_channel *c)
{
    for (call *k = c->unused, *next; k; k = next) {
        next = k->next;
        grpc_metadata_array_destroy(&k->initial);
        grpc_metadata_array_destroy(&k->trailing);
        free(k);
    }
    for (method *m = c->methods, *next; m; m = next) {
        next = m->next;
        free(m);
    }
}

void beam_rpc_close(beam_rpc_channel *c)
{
    if (!c) return;
    for (call *k = c->under_way; k; k = k->next) grpc_call_cancel(k->call, NULL);
    beam_rpc_result ignored;
    while (beam_rpc_next(c, &ignored)) continue;
    grpc_channel_destroy(c->channel);
    grpc_completion_queue_shutdown(c->queue);
    gpr_timespec forever = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    while (grpc_completion_queue_next(c->queue, forever, NULL).type !=
           GRPC_QUEUE_SHUTDOWN)
        continue;
    grpc_completion_queue_destroy(c->queue);
    grpc_slice_unref(c->answer);
    drop_unused(c);
    bm_arena_free(&c->arena);
    grpc_shutdown();
    free(c->target);
    free(c);
}

/* -- starting ------------------------------------------------------------------------------- */
/* Mostly it is the one called last. */
static const method *method_named(beam_rpc_channel *c, const char *name)
{
    for (const method *m = c->methods; m; m = m->next)
        if (!strcmp(m->name, name)) return m;
    size_t length = strlen(name) + 1;
    method *m = bm_xmalloc(sizeof *m + length);
    memcpy(m->name, name, length);
    m->handle = grpc_channel_register_call(c->channel, m->name, NULL, NULL);
    m->next = c->methods;
    return c->methods = m;
}

static call *new_call(beam_rpc_channel *c)
{
    call *k = c->unused;
    if (k) {
        c->unused = k->next;
    } else {
        k = bm_xcalloc(1, sizeof *k);
        grpc_metadata_array_init(&k->initial);
        grpc_metadata_array_init(&k->trailing);
    }
    k->response = NULL;
    k->detail = grpc_empty_slice();
    k->link = &c->under_way;
    k->next = c->under_way;
    if (k->next) k->next->link = &k->next;
    c->under_way = k;
    return k;
}

static grpc_byte_buffer *buffer_of(beam_span bytes)
{
    grpc_slice slice = bytes.len ? grpc_slice_from_copied_buffer(bytes.ptr, bytes.len)
                                 : grpc_empty_slice();
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}

static call *start(beam_rpc_channel *c, const char *name, beam_span request,
                   int timeout_ms, void *tag)
{
    call *k = new_call(c);
    const method *m = method_named(c, name);
    k->method = m->name;
    k->tag = tag;
    k->call = grpc_channel_create_registered_call(c->channel, NULL,
                                                  GRPC_PROPAGATE_DEFAULTS, c->queue,
                                                  m->handle, bm_deadline(timeout_ms),
                                                  NULL);
    grpc_byte_buffer *message = buffer_of(request);
    grpc_op ops[6] = {
        { .op = GRPC_OP_SEND_INITIAL_METADATA },  { .op = GRPC_OP_SEND_MESSAGE },
        { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT }, { .op = GRPC_OP_RECV_INITIAL_METADATA },
        { .op = GRPC_OP_RECV_MESSAGE },           { .op = GRPC_OP_RECV_STATUS_ON_CLIENT },
    };
    ops[1].data.send_message.send_message = message;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &k->initial;
    ops[4].data.recv_message.recv_message = &k->response;
    ops[5].data.recv_status_on_client.trailing_metadata = &k->trailing;
    ops[5].data.recv_status_on_client.status = &k->code;
    ops[5].data.recv_status_on_client.status_details = &k->detail;
    bm_start_ops(k->call, ops, BEAM_COUNT(ops), k);
    grpc_byte_buffer_destroy(message);
    c->pending++;
    return k;
}

void beam_rpc_start(beam_rpc_channel *c, const char *method_name, beam_span request,
                    int timeout_ms, void *tag)
{
    start(c, method_name, request, timeout_ms, tag);
}

/* -- finishing ------------------------------------------------------------------------------ */
/* The next that finishes; NULL when none does until the deadline. */
static call *finished(beam_rpc_channel *c, gpr_timespec deadline)
{
    grpc_event event = grpc_completion_queue_next(c->queue, deadline, NULL);
    if (event.type != GRPC_OP_COMPLETE) return NULL;
    call *k = event.tag;
    *k->link = k->next;
    if (k->next) k->next->link = k->link;
    return k;
}

/* The answer's bytes, alive until the next result is taken; false: there are none. */
static bool open_answer(beam_rpc_channel *c, call *k, beam_span *out)
{
    grpc_byte_buffer_reader reader;
    if (!k->response || !grpc_byte_buffer_reader_init(&reader, k->response)) return false;
    grpc_slice slice, more;
    if (!grpc_byte_buffer_reader_next(&reader, &slice)) slice = grpc_empty_slice();
    c->answer = slice;
    *out = (beam_span){ (const char *)GRPC_SLICE_START_PTR(c->answer),
                        GRPC_SLICE_LENGTH(c->answer) };
    if (grpc_byte_buffer_length(reader.buffer_out) > out->len) {
        char *bytes = bm_alloc(&c->arena, grpc_byte_buffer_length(reader.buffer_out));
        memcpy(bytes, out->ptr, out->len);
        out->ptr = bytes;
        while (grpc_byte_buffer_reader_next(&reader, &more)) {
            memcpy(bytes + out->len, GRPC_SLICE_START_PTR(more), GRPC_SLICE_LENGTH(more));
            out->len += GRPC_SLICE_LENGTH(more);
            grpc_slice_unref(more);
        }
    }
    grpc_byte_buffer_reader_destroy(&reader);
    return true;
}

static bool is_transient(grpc_status_code code)
{
    return code == GRPC_STATUS_UNAVAILABLE || code == GRPC_STATUS_DEADLINE_EXCEEDED ||
           code == GRPC_STATUS_RESOURCE_EXHAUSTED;
}

static void set_failure(beam_rpc_channel *c, const call *k, beam_rpc_result *out)
{
    out->transient = is_transient(k->code);
    if (k->code == GRPC_STATUS_OK) {
        bm_error(&out->error, BEAM_ERPC, "%s at %s: the answer has no message", k->method,
                 c->target);
        return;
    }
    char *text = bm_status_message(k->code, k->detail);
    bm_error(&out->error, bm_status_from_grpc(k->code), "%s at %s: %s", k->method,
             c->target, text);
    free(text);
}

static void forget_answer(beam_rpc_channel *c)
{
    bm_arena_reset(&c->arena);
    grpc_slice_unref(c->answer);
    c->answer = grpc_empty_slice();
}

/* Takes the call's result and puts the call away. */
static void take(beam_rpc_channel *c, call *k, beam_rpc_result *out)
{
    forget_answer(c);
    out->tag = k->tag;
    out->error.status = BEAM_OK;
    out->transient = false;
    out->response = (beam_span){ NULL, 0 };
    out->code = (int)k->code;
    if (k->code != GRPC_STATUS_OK || !open_answer(c, k, &out->response))
        set_failure(c, k, out);
    grpc_call_unref(k->call);
    grpc_byte_buffer_destroy(k->response);
    grpc_slice_unref(k->detail);
    k->initial.count = k->trailing.count = 0;
    k->next = c->unused;
    c->unused = k;
    c->pending--;
}

static bool take_next(beam_rpc_channel *c, gpr_timespec deadline, beam_rpc_result *out)
{
    call *k = c->first;
    if (k) {
        c->first = k->next;
        if (!c->first) c->last = &c->first;
    } else {
        k = finished(c, deadline);
    }
    if (!k) return false;
    take(c, k, out);
    return true;
}

bool beam_rpc_next(beam_rpc_channel *c, beam_rpc_result *out)
{
    return c->pending && take_next(c, gpr_inf_future(GPR_CLOCK_MONOTONIC), out);
}

bool beam_rpc_poll(beam_rpc_channel *c, int wait_ms, beam_rpc_result *out)
{
    return take_next(c,
                     wait_ms > 0 ? bm_deadline(wait_ms) : gpr_time_0(GPR_CLOCK_MONOTONIC),
                     out);
}

size_t beam_rpc_pending(const beam_rpc_channel *c)
{
    return c->pending;
}

beam_status beam_rpc_call(beam_rpc_channel *c, const char *method_name, beam_span request,
                          int timeout_ms, beam_span *response, beam_error *err)
{
    call *mine = start(c, method_name, request, timeout_ms, NULL);
    for (call *k; (k = finished(c, gpr_inf_future(GPR_CLOCK_MONOTONIC))) != mine;) {
        k->next = NULL;
        *c->last = k;
        c->last = &k->next;
    }
    beam_rpc_result result;
    take(c, mine, &result);
    *response = result.response;
    if (err) *err = result.error;
    return result.error.status;
}
