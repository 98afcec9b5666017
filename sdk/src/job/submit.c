/* SPDX-License-Identifier: Apache-2.0 */
/* Client of JobService; see beam_job_api.proto. */
#include "job/submit.h"

#include <ctype.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"
#include "base/writer.h"
#include "job/blocking_stream.h"
#include "job/probe.h"
#include "model/beam_job_api.pb-c.h"
#include "proto/model.h"

#define SERVICE "/org.apache.beam.model.job_management.v1.JobService/"

enum { QUICK_CONNECT_MS = 300, CONNECT_TIMEOUT_MS = 10000, CALL_TIMEOUT_MS = 60000, MAX_FAILED_POLLS = 5 };

struct bm_job {
    bm_session *session;
    bm_arena arena;
    const char *endpoint, *id;
    bm_channel *channel;
    bm_blocking_stream *messages; /* NULL: over, so that the state is polled */
    bm_job_state state;
    int failed_polls;
    int64_t next_poll_ms;
};

const char *bm_job_state_text(bm_job_state state)
{
    static const char *const names[] = { "UNSPECIFIED", "STOPPED",    "RUNNING",
                                         "DONE",        "FAILED",     "CANCELLED",
                                         "UPDATED",     "DRAINING",   "DRAINED",
                                         "STARTING",    "CANCELLING", "UPDATING" };
    return (size_t)state < BEAM_COUNT(names) ? names[state] : "UNKNOWN";
}

bool bm_job_state_is_final(bm_job_state state)
{
    return state == BM_JOB_DONE || state == BM_JOB_FAILED || state == BM_JOB_CANCELLED ||
           state == BM_JOB_UPDATED || state == BM_JOB_DRAINED;
}

/* -- submitting -------------------------------------------------------------------------- */
/* Does it speak gRPC? What serves it, Prepare will tell. */
static bool is_grpc(bm_rpc *rpc, const char *address)
{
    bm_channel *channel = bm_channel_new(rpc, address, NULL);
    beam_status status = bm_channel_wait(channel, QUICK_CONNECT_MS, NULL);
    bm_channel_free(channel);
    return status == BEAM_OK;
}

beam_status bm_job_check_endpoint(bm_rpc *rpc, const char *address, beam_error *err)
{
    if (is_grpc(rpc, address)) return BEAM_OK;
    switch (bm_probe_address(address)) {
    case BM_PROBE_OTHER: return BEAM_OK;
    case BM_PROBE_NOBODY:
        return bm_error(
            err, BEAM_ERPC,
            "no Beam job service answers at %s (--job_endpoint): start it, or leave "
            "--job_endpoint out to have Flink's started for you",
            address);
    case BM_PROBE_FLINK:
        return bm_error(
            err, BEAM_ERPC,
            "%s is Flink's REST port, not a Beam job service (port 8099 by default): "
            "use --flink_master=%s and leave --job_endpoint out",
            address, address);
    case BM_PROBE_HTTP: break;
    }
    return bm_error(err, BEAM_ERPC,
                    "%s (--job_endpoint) answers HTTP/1, so it is no Beam job service",
                    address);
}

/* PrepareJobRequest, with pipeline and options packed already. */
static beam_span prepare_request(bm_arena *arena, const bm_submission *s)
{
    bm_writer w = { 0 };
    const beam_span fields[] = { s->pipeline, s->options, beam_span_of(s->name) };
    for (size_t i = 0; i < BEAM_COUNT(fields); i++) {
        bm_write_u8(&w, (uint8_t)((i + 1) << 3 | 2));
        bm_write_prefixed(&w, fields[i]);
    }
    beam_span request = bm_span_copy(arena, bm_written(&w));
    bm_writer_free(&w);
    return request;
}

static beam_status call(bm_job *job, const char *method, beam_span request,
                        const ProtobufCMessageDescriptor *type, bm_arena *arena,
                        void **response, beam_error *err)
{
    beam_span bytes;
    BEAM_TRY(bm_call(job->channel, method, request, CALL_TIMEOUT_MS, arena, &bytes, err));
    *response = bm_pb_unpack(arena, type, bytes, BM_PB_MAX_DEPTH);
    return *response ? BEAM_OK
                     : bm_error(err, BEAM_ERPC, "broken bytes from the job service at %s",
                                job->endpoint);
}

static beam_status prepare(bm_job *job, const bm_submission *s,
                           Pb__PrepareJobResponse **response, beam_error *err)
{
    if (bm_channel_wait(job->channel, CONNECT_TIMEOUT_MS, NULL))
        return bm_error(err, BEAM_ERPC, "the job service at %s cannot be reached",
                        job->endpoint);
    beam_status status = call(job, SERVICE "Prepare", prepare_request(&job->arena, s),
                              &pb__prepare_job_response__descriptor, &job->arena,
                              (void **)response, err);
    if (status == BEAM_EUNSUPPORTED)
        return bm_error(err, status,
                        "%s is a gRPC server, but no Beam job service (Prepare is "
                        "unknown to it)",
                        job->endpoint);
    return status;
}

static beam_status run(bm_job *job, const char *preparation_id, const char *token,
                       beam_error *err)
{
    Pb__RunJobRequest request = PB__RUN_JOB_REQUEST__INIT;
    request.preparation_id = bm_pb_text(preparation_id);
    request.retrieval_token = bm_pb_text(token);
    Pb__RunJobResponse *response;
    BEAM_TRY(call(job, SERVICE "Run", bm_pb_pack(&job->arena, &request.base),
                  &pb__run_job_response__descriptor, &job->arena, (void **)&response,
                  err));
    job->id = response->job_id;
    return BEAM_OK;
}

static void watch(bm_job *job)
{
    Pb__JobMessagesRequest request = PB__JOB_MESSAGES_REQUEST__INIT;
    request.job_id = bm_pb_text(job->id);
    job->messages = bm_blocking_stream_open(job->channel, SERVICE "GetMessageStream");
    bm_blocking_stream_send(job->messages, bm_pb_pack(&job->arena, &request.base));
    bm_blocking_stream_half_close(job->messages);
}

static beam_status submit(bm_job *job, const bm_submission *s, beam_error *err)
{
    Pb__PrepareJobResponse *prepared;
    if (!s->is_ours) BEAM_TRY(bm_job_check_endpoint(job->session->rpc, job->endpoint, err));
    BEAM_TRY(prepare(job, s, &prepared, err));
    const Pb__ApiServiceDescriptor *staging = prepared->artifact_staging_endpoint;
    if (s->artifacts->n_staged && staging && *staging->url)
        BEAM_TRY(bm_artifacts_stage(s->artifacts, job->session, staging->url,
                                    prepared->staging_session_token, err));
    BEAM_TRY(run(job, prepared->preparation_id, prepared->staging_session_token, err));
    watch(job);
    return BEAM_OK;
}

beam_status bm_job_submit(bm_session *session, const bm_submission *s, bm_job **out,
                          beam_error *err)
{
    bm_job *job = bm_xcalloc(1, sizeof *job);
    bm_arena_init(&job->arena, 0);
    job->session = session;
    job->endpoint = bm_strdup(&job->arena, s->job_endpoint);
    job->channel = bm_channel_new(session->rpc, job->endpoint, NULL);
    beam_status status = submit(job, s, err);
    if (status) {
        bm_job_free(job);
        job = NULL;
    }
    *out = job;
    return status;
}

const char *bm_job_id(const bm_job *job)
{
    return job->id;
}

bm_job_state bm_job_last_state(const bm_job *job)
{
    return job->state;
}

void bm_job_free(bm_job *job)
{
    if (!job) return;
    bm_blocking_stream_free(job->messages);
    bm_channel_free(job->channel);
    bm_arena_free(&job->arena);
    free(job);
}

/* -- watching ---------------------------------------------------------------------------------- */
static beam_severity severity_of(Pb__JobMessage__MessageImportance importance)
{
    switch (importance) {
    case PB__JOB_MESSAGE__MESSAGE_IMPORTANCE__JOB_MESSAGE_DEBUG: return BEAM_LOG_TRACE;
    case PB__JOB_MESSAGE__MESSAGE_IMPORTANCE__JOB_MESSAGE_DETAILED: return BEAM_LOG_DEBUG;
    case PB__JOB_MESSAGE__MESSAGE_IMPORTANCE__JOB_MESSAGE_WARNING: return BEAM_LOG_WARN;
    case PB__JOB_MESSAGE__MESSAGE_IMPORTANCE__JOB_MESSAGE_ERROR: return BEAM_LOG_ERROR;
    default: return BEAM_LOG_INFO;
    }
}

static bm_job_event state_event(bm_job *job, bm_job_state state)
{
    if (state == job->state) return (bm_job_event){ .kind = BM_EVENT_NONE };
    job->state = state;
    return (bm_job_event){ .kind = BM_EVENT_STATE, .state = state };
}

static bm_job_event event_of(bm_job *job, beam_span bytes, bm_arena *arena)
{
    Pb__JobMessagesResponse *r =
        (Pb__JobMessagesResponse *)bm_pb_unpack(arena,
                                                &pb__job_messages_response__descriptor,
                                                bytes, BM_PB_MAX_DEPTH);
    if (r && r->response_case == PB__JOB_MESSAGES_RESPONSE__RESPONSE_STATE_RESPONSE)
        return state_event(job, (bm_job_state)r->state_response->state);
    if (r && r->response_case == PB__JOB_MESSAGES_RESPONSE__RESPONSE_MESSAGE_RESPONSE)
        return (bm_job_event){ .kind = BM_EVENT_MESSAGE,
                               .severity = severity_of(r->message_response->importance),
                               .text = r->message_response->message_text };
    return (bm_job_event){ .kind = BM_EVENT_NONE };
}

static bm_job_event poll_state(bm_job *job, bm_arena *arena)
{
    Pb__GetJobStateRequest request = PB__GET_JOB_STATE_REQUEST__INIT;
    request.job_id = bm_pb_text(job->id);
    Pb__JobStateEvent *response;
    beam_error err;
    beam_status status = call(job, SERVICE "GetState", bm_pb_pack(arena, &request.base),
                              &pb__job_state_event__descriptor, arena, (void **)&response,
                              &err);
    if (!status) {
        job->failed_polls = 0;
        return state_event(job, (bm_job_state)response->state);
    }
    if (++job->failed_polls < MAX_FAILED_POLLS)
        return (bm_job_event){ .kind = BM_EVENT_NONE };
    return (bm_job_event){ .kind = BM_EVENT_LOST, .text = bm_strdup(arena, err.message) };
}

static void sleep_ms(int64_t ms)
{
    if (ms <= 0) return;
    struct timespec time = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&time, NULL);
}

bm_job_event bm_job_next(bm_job *job, int timeout_ms, bm_arena *arena)
{
    beam_span bytes;
    if (job->messages) {
        switch (bm_blocking_stream_next(job->messages, timeout_ms, arena, &bytes)) {
        case BM_ARRIVED: return event_of(job, bytes, arena);
        case BM_NOTHING_YET: return (bm_job_event){ .kind = BM_EVENT_NONE };
        case BM_STREAM_OVER: break;
        }
        bm_blocking_stream_free(job->messages);
        job->messages = NULL;
    }
    if (bm_job_state_is_final(job->state)) return (bm_job_event){ .kind = BM_EVENT_NONE };
    int64_t wait_ms = job->next_poll_ms - bm_monotonic_ms();
    if (wait_ms > timeout_ms) {
        sleep_ms(timeout_ms);
        return (bm_job_event){ .kind = BM_EVENT_NONE };
    }
    sleep_ms(wait_ms);
    bm_job_event event = poll_state(job, arena);
    job->next_poll_ms = bm_monotonic_ms() + 500;
    return event;
}

beam_status bm_job_cancel(bm_job *job, beam_error *err)
{
    Pb__CancelJobRequest request = PB__CANCEL_JOB_REQUEST__INIT;
    request.job_id = bm_pb_text(job->id);
    Pb__CancelJobResponse *response;
    return call(job, SERVICE "Cancel", bm_pb_pack(&job->arena, &request.base),
                &pb__cancel_job_response__descriptor, &job->arena, (void **)&response,
                err);
}

beam_status bm_job_get_metrics(bm_job *job, bm_arena *arena, beam_span *response,
                               beam_error *err)
{
    Pb__GetJobMetricsRequest request = PB__GET_JOB_METRICS_REQUEST__INIT;
    request.job_id = bm_pb_text(job->id);
    return bm_call(job->channel, SERVICE "GetJobMetrics",
                   bm_pb_pack(arena, &request.base), 5000, arena, response, err);
}

/* -- what runners say ------------------------------------------------------------------------------- */
/* "java.lang.RuntimeException: x" -> "x", as often as it applies. */
static const char *skip_exceptions(const char *text)
{
    for (;;) {
        const char *at = text;
        while (isalnum((unsigned char)*at) || strchr("._$", *at)) {
            if (!*at) return text;
            at++;
        }
        if (at == text || at[0] != ':' || at[1] != ' ' ||
            !memchr(text, '.', (size_t)(at - text)))
            return text;
        text = at + 2;
    }
}

static const char *skip_instruction(const char *text)
{
    static const char prefix[] = "Error received from SDK harness for instruction ";
    if (strncmp(text, prefix, sizeof prefix - 1)) return text;
    const char *colon = strstr(text, ": ");
    return colon ? colon + 2 : text;
}

const char *bm_job_root_cause(bm_arena *arena, const char *text)
{
    const char *cause = text;
    for (const char *at = text; (at = strstr(at, "Caused by: ")); cause = at) at += 11;
    cause = skip_exceptions(cause);
    cause = skip_instruction(cause);
    cause = skip_exceptions(cause);
    while (isspace((unsigned char)*cause)) cause++;
    return bm_cstr(arena, (beam_span){ cause, strcspn(cause, "\r\n") });
}
