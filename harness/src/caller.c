/* SPDX-License-Identifier: Apache-2.0 */
/* See caller.h. Bundle thread. */
#include "caller.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/url.h"
#include "beam/rpc.h"
#include "http/client.h"
#include "http/message.h"

/* -- gRPC ----------------------------------------------------------------------------- */
typedef struct rpc_channel {
    beam_rpc_channel *channel;
    const char *method;
    beam_rpc_result last;
} rpc_channel;

static beam_span rpc_ask(const beam_dofn *fn, beam_ctx *c, beam_value in)
{
    return fn->rpc->request(c, in);
}

static beam_status rpc_tell(const beam_dofn *fn, beam_ctx *c, beam_value in,
                            beam_span answer)
{
    return fn->rpc->response(c, in, answer);
}

static void *rpc_open(const beam_dofn *fn, const char *target, beam_error *err)
{
    (void)err;
    rpc_channel *r = bm_xcalloc(1, sizeof *r);
    r->channel = beam_rpc_open(target);
    r->method = fn->rpc->method;
    return r;
}

static void rpc_close(void *channel)
{
    rpc_channel *r = channel;
    beam_rpc_close(r->channel);
    free(r);
}

static void rpc_start(void *channel, beam_span request, int timeout_ms, void *tag)
{
    rpc_channel *r = channel;
    beam_rpc_start(r->channel, r->method, request, timeout_ms, tag);
}

/* "/package.Service/Method" */
static const char *rpc_service(const beam_dofn *fn, const char *target, bm_arena *arena)
{
    (void)target;
    const char *name = fn->rpc->method + 1, *end = strrchr(fn->rpc->method, '/');
    return end > name ? bm_cstr(arena, (beam_span){ name, (size_t)(end - name) }) : name;
}

static const char *rpc_method(const beam_dofn *fn, beam_span request)
{
    (void)request;
    return strrchr(fn->rpc->method, '/') + 1;
}

/* Of gRPC's status, in the letters of Beam's metrics. */
static const char *rpc_outcome(const beam_rpc_result *result)
{
    static const char *const names[] = {
        "ok",
        "cancelled",
        "unknown",
        "invalid_argument",
        "deadline_exceeded",
        "not_found",
        "already_exists",
        "permission_denied",
        "resource_exhausted",
        "failed_precondition",
        "aborted",
        "out_of_range",
        "unimplemented",
        "internal",
        "unavailable",
        "data_loss",
        "unauthenticated",
    };
    if (!result->code && result->error.status) return "internal"; /* no message */
    return (unsigned)result->code < BEAM_COUNT(names) ? names[result->code] : "unknown";
}

static bool rpc_next(void *channel, int wait_ms, bm_call_result *out)
{
    rpc_channel *r = channel;
    if (!(wait_ms < 0 ? beam_rpc_next(r->channel, &r->last)
                      : beam_rpc_poll(r->channel, wait_ms, &r->last)))
        return false;
    beam_status status = r->last.error.status;
    *out = (bm_call_result){
        .tag = r->last.tag,
        .status = status,
        .text = status == BEAM_OK ? r->last.response
                                  : beam_span_of(r->last.error.message),
        .transient = r->last.transient,
        .outcome = rpc_outcome(&r->last),
    };
    return true;
}

static const bm_caller rpc = { rpc_ask,   rpc_tell, rpc_open,    rpc_close,
                               rpc_start, rpc_next, rpc_service, rpc_method };

/* -- HTTP ----------------------------------------------------------------------------- */
static beam_span http_ask(const beam_dofn *fn, beam_ctx *c, beam_value in)
{
    const beam_span none = { NULL, 0 };
    beam_http_request request = fn->http->request(c, in);
    if (!request.path.ptr) return none;
    const char *problem = bm_http_request_problem(&request);
    if (problem) {
        beam_fail(c, BEAM_EINVAL, "%s", problem);
        return none;
    }
    size_t size = bm_http_request_size(&request);
    char *bytes = beam_alloc(c, size);
    bm_http_request_write(&request, bytes);
    return (beam_span){ bytes, size };
}

static beam_status http_tell(const beam_dofn *fn, beam_ctx *c, beam_value in,
                             beam_span bytes)
{
    beam_http_answer answer = bm_http_answer_read(bytes);
    return fn->http->response(c, in, &answer);
}

typedef struct http_channel {
    bm_http_client *client;
    char outcome[16]; /* of the last result, if it is a number */
} http_channel;

static void *http_open(const beam_dofn *fn, const char *target, beam_error *err)
{
    bm_http_client *client = bm_http_open(fn->http, target, err);
    if (!client) return NULL;
    http_channel *h = bm_xcalloc(1, sizeof *h);
    h->client = client;
    return h;
}

static void http_close(void *channel)
{
    http_channel *h = channel;
    bm_http_close(h->client);
    free(h);
}

static void http_start(void *channel, beam_span request, int timeout_ms, void *tag)
{
    http_channel *h = channel;
    bm_http_start(h->client, request, timeout_ms, tag);
}

static const char *http_service(const beam_dofn *fn, const char *target, bm_arena *arena)
{
    (void)fn;
    bm_url url;
    if (!bm_url_read(target, &url)) return target;
    size_t scheme = strlen(url.tls ? "https://" : "http://");
    return bm_cstr(arena, (beam_span){ target + scheme, url.origin - scheme });
}

static const char *http_method(const beam_dofn *fn, beam_span request)
{
    (void)fn;
    return bm_http_request_read(request).method;
}

/* The names that Beam's other SDKs give these statuses; others are their numbers. */
static const char *http_outcome(http_channel *h, const bm_http_result *result)
{
    static const struct {
        int status;
        const char *name;
    } names[] = {
        { 400, "out_of_range" },      { 401, "unauthenticated" },
        { 403, "permission_denied" }, { 404, "not_found" },
        { 409, "already_exists" },    { 429, "resource_exhausted" },
        { 499, "cancelled" },         { 500, "internal" },
        { 501, "not_implemented" },   { 503, "unavailable" },
        { 504, "deadline_exceeded" },
    };
    int status = result->http_status;
    if (!status)
        return result->status == BEAM_ETIMEOUT ? "deadline_exceeded"
               : result->transient             ? "unavailable"
                                               : "unknown";
    if (status >= 200 && status <= 299) return "ok";
    for (size_t i = 0; i < BEAM_COUNT(names); i++)
        if (names[i].status == status) return names[i].name;
    snprintf(h->outcome, sizeof h->outcome, "%d", status);
    return h->outcome;
}

static bool http_next(void *channel, int wait_ms, bm_call_result *out)
{
    http_channel *h = channel;
    bm_http_result result;
    if (!bm_http_next(h->client, wait_ms, &result)) return false;
    *out = (bm_call_result){ .tag = result.tag,
                             .status = result.status,
                             .text = result.text,
                             .transient = result.transient,
                             .wait_ms = result.wait_ms,
                             .outcome = http_outcome(h, &result) };
    return true;
}

static const bm_caller http = { http_ask,   http_tell, http_open,    http_close,
                                http_start, http_next, http_service, http_method };

const bm_callers bm_callers_all = { .rpc = &rpc, .http = &http };

beam_span beam_http_escape(beam_ctx *c, beam_span text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = beam_alloc(c, 3 * text.len + 1), *at = out;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
            (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' ||
            byte == '~') {
            *at++ = (char)byte;
        } else {
            *at++ = '%';
            *at++ = digits[byte >> 4];
            *at++ = digits[byte & 15];
        }
    }
    return (beam_span){ out, (size_t)(at - out) };
}
