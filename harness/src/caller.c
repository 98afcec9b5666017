/* SPDX-License-Identifier: Apache-2.0 */
/* See caller.h. Bundle thread. */
#include "caller.h"

#include <stdlib.h>

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
    };
    return true;
}

static const bm_caller rpc = {
    rpc_ask, rpc_tell, rpc_open, rpc_close, rpc_start, rpc_next
};

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

static void *http_open(const beam_dofn *fn, const char *target, beam_error *err)
{
    return bm_http_open(fn->http, target, err);
}

static void http_close(void *channel)
{
    bm_http_close(channel);
}

static void http_start(void *channel, beam_span request, int timeout_ms, void *tag)
{
    bm_http_start(channel, request, timeout_ms, tag);
}

static bool http_next(void *channel, int wait_ms, bm_call_result *out)
{
    bm_http_result result;
    if (!bm_http_next(channel, wait_ms, &result)) return false;
    *out = (bm_call_result){ .tag = result.tag,
                             .status = result.status,
                             .text = result.text,
                             .transient = result.transient,
                             .wait_ms = result.wait_ms };
    return true;
}

static const bm_caller http = { http_ask,   http_tell,  http_open,
                                http_close, http_start, http_next };

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
