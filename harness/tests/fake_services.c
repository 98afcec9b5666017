/* SPDX-License-Identifier: Apache-2.0 */
/* The fake runner's data, state and logging services. fake_on_... run on the rpc thread,
 * the rest on any. */
#include <stdio.h>
#include <stdlib.h>

#include "fake_runner_impl.h"
#include "google/protobuf/timestamp.upb.h"

/* What may wait on our side while the worker does not read. */
enum { QUEUE_UP_TO = 1 << 20 };

static upb_StringView view_of(beam_span s)
{
    return upb_StringView_FromDataAndSize(s.ptr ? s.ptr : "", s.len);
}

static bm_message *message_of(const char *bytes, size_t n)
{
    bm_message *message = bm_message_new();
    bm_message_add(message, bm_slice_copy((beam_span){ bytes, n }));
    return message;
}

/* -- to the worker --------------------------------------------------------------------------- */
static beam_span encode(upb_Arena *upb, const char *bundle, const char *source,
                        beam_span data, bool is_last)
{
    pb_Elements *elements = pb_Elements_new(upb);
    pb_Elements_Data *one = pb_Elements_add_data(elements, upb);
    pb_Elements_Data_set_instruction_id(one, fake_view(bundle));
    pb_Elements_Data_set_transform_id(one, fake_view(source));
    pb_Elements_Data_set_data(one, view_of(data));
    pb_Elements_Data_set_is_last(one, is_last);
    beam_span bytes;
    bytes.ptr = pb_Elements_serialize(elements, upb, &bytes.len);
    return bytes;
}

beam_span fake_elements(fake_runner *r, const char *bundle, const char *source,
                        beam_span data, bool is_last)
{
    return encode(r->upb, bundle, source, data, is_last);
}

static void send_bytes(fake_stream *to, beam_span message)
{
    bm_stream_wait_writable(to->stream, QUEUE_UP_TO);
    bm_stream_write(to->stream, message_of(message.ptr, message.len));
}

void fake_send_bytes(fake_runner *r, fake_service service, beam_span message)
{
    send_bytes(fake_open_stream(r, service), message);
}

void fake_send_data_on(fake_runner *r, const char *stream_id, const char *bundle,
                       const char *source, beam_span data, bool is_last)
{
    upb_Arena *upb = upb_Arena_New();
    send_bytes(fake_open_named(r, FAKE_DATA, stream_id),
               encode(upb, bundle, source, data, is_last));
    upb_Arena_Free(upb);
}

void fake_send_data(fake_runner *r, const char *bundle, const char *source,
                    beam_span data, bool is_last)
{
    fake_send_data_on(r, "", bundle, source, data, is_last);
}

static beam_span encode_timers(upb_Arena *upb, const char *bundle, const char *transform,
                               const char *family, beam_span timers, bool is_last)
{
    pb_Elements *elements = pb_Elements_new(upb);
    pb_Elements_Timers *one = pb_Elements_add_timers(elements, upb);
    pb_Elements_Timers_set_instruction_id(one, fake_view(bundle));
    pb_Elements_Timers_set_transform_id(one, fake_view(transform));
    pb_Elements_Timers_set_timer_family_id(one, fake_view(family));
    pb_Elements_Timers_set_timers(one, view_of(timers));
    pb_Elements_Timers_set_is_last(one, is_last);
    beam_span bytes;
    bytes.ptr = pb_Elements_serialize(elements, upb, &bytes.len);
    return bytes;
}

beam_span fake_timers(fake_runner *r, const char *bundle, const char *transform,
                      const char *family, beam_span timers, bool is_last)
{
    return encode_timers(r->upb, bundle, transform, family, timers, is_last);
}

void fake_send_timers(fake_runner *r, const char *bundle, const char *transform,
                      const char *family, beam_span timers, bool is_last)
{
    upb_Arena *upb = upb_Arena_New();
    fake_send_bytes(r, FAKE_DATA,
                    encode_timers(upb, bundle, transform, family, timers, is_last));
    upb_Arena_Free(upb);
}

/* -- data: from the worker --------------------------------------------------------------------- */
/* With the lock; made if there is none. */
static fake_sink *sink_of(fake_runner *r, beam_span bundle, beam_span name)
{
    fake_sink *sink = r->sinks;
    while (sink && !(beam_span_equal(beam_span_of(sink->bundle), bundle) &&
                     beam_span_equal(beam_span_of(sink->sink), name)))
        sink = sink->next;
    if (sink) return sink;
    sink = BM_NEW(&r->arena, fake_sink);
    sink->bundle = bm_cstr(&r->arena, bundle);
    sink->sink = bm_cstr(&r->arena, name);
    sink->next = r->sinks;
    return r->sinks = sink;
}

static void take(fake_sink *sink, beam_span data, bool is_last, const char *stream)
{
    bm_write_bytes(&sink->data, data.ptr, data.len);
    sink->n_entries++;
    sink->n_last += is_last;
    sink->n_embedded += !stream;
    sink->stream = stream ? stream : "";
}

static void take_timers(fake_runner *r, const pb_Elements_Timers *one, const char *stream)
{
    const char *name = bm_format(&r->arena, "%s/%s",
                                 bm_cstr(&r->arena, fake_span(pb_Elements_Timers_transform_id(one))),
                                 bm_cstr(&r->arena, fake_span(pb_Elements_Timers_timer_family_id(one))));
    take(sink_of(r, fake_span(pb_Elements_Timers_instruction_id(one)), beam_span_of(name)),
         fake_span(pb_Elements_Timers_timers(one)), pb_Elements_Timers_is_last(one), stream);
}

void fake_take_elements(fake_runner *r, const pb_Elements *elements, const char *stream)
{
    size_t n;
    const pb_Elements_Data *const *all = pb_Elements_data(elements, &n);
    for (size_t i = 0; i < n; i++)
        take(sink_of(r, fake_span(pb_Elements_Data_instruction_id(all[i])),
                     fake_span(pb_Elements_Data_transform_id(all[i]))),
             fake_span(pb_Elements_Data_data(all[i])), pb_Elements_Data_is_last(all[i]), stream);
    const pb_Elements_Timers *const *timers = pb_Elements_timers(elements, &n);
    for (size_t i = 0; i < n; i++) take_timers(r, timers[i], stream);
}

void fake_on_data(fake_stream *stream, beam_span bytes, upb_Arena *upb)
{
    const pb_Elements *elements = pb_Elements_parse(bytes.ptr, bytes.len, upb);
    if (elements) fake_take_elements(stream->runner, elements, stream->name);
}

/* With the lock. */
static fake_output output_of(fake_runner *r, const fake_sink *sink)
{
    return (fake_output){ bm_span_copy(&r->arena, bm_written(&sink->data)),
                          sink->n_entries, sink->n_last, sink->n_embedded, sink->stream };
}

fake_output fake_output_now(fake_runner *r, const char *bundle, const char *sink)
{
    fake_lock(r);
    fake_output out = output_of(r, sink_of(r, beam_span_of(bundle), beam_span_of(sink)));
    fake_unlock(r);
    return out;
}

fake_output fake_await_output(fake_runner *r, const char *bundle, const char *sink)
{
    struct timespec until = fake_deadline();
    fake_lock(r);
    const fake_sink *one = sink_of(r, beam_span_of(bundle), beam_span_of(sink));
    while (!one->n_last) fake_wait(r, &until, "the output of bundle", bundle);
    fake_output out = output_of(r, one);
    fake_unlock(r);
    return out;
}

/* -- state: what the test puts there -------------------------------------------------------------- */
beam_span fake_runner_key(fake_runner *r, beam_span key)
{
    pb_StateKey *pb = pb_StateKey_new(r->upb);
    pb_StateKey_Runner_set_key(pb_StateKey_mutable_runner(pb, r->upb), view_of(key));
    beam_span bytes;
    bytes.ptr = pb_StateKey_serialize(pb, r->upb, &bytes.len);
    return bytes;
}

/* With the lock; made if there is none. */
static fake_cell *cell_of(fake_runner *r, beam_span key)
{
    fake_cell *cell = r->cells;
    while (cell && !beam_span_equal(cell->key, key)) cell = cell->next;
    if (cell) return cell;
    cell = BM_NEW(&r->arena, fake_cell);
    cell->key = bm_span_copy(&r->arena, key);
    cell->last_page = &cell->pages;
    cell->next = r->cells;
    return r->cells = cell;
}

static void add_page(fake_runner *r, fake_cell *cell, beam_span bytes)
{
    fake_page *page = BM_NEW(&r->arena, fake_page);
    page->bytes = bm_span_copy(&r->arena, bytes);
    *cell->last_page = page;
    cell->last_page = &page->next;
}

void fake_add_page(fake_runner *r, beam_span key, beam_span page)
{
    fake_lock(r);
    add_page(r, cell_of(r, key), page);
    fake_unlock(r);
}

void fake_fail_state(fake_runner *r, beam_span key, const char *error)
{
    fake_lock(r);
    cell_of(r, key)->error = bm_strdup(&r->arena, error);
    fake_unlock(r);
}

void fake_hold_state(fake_runner *r, size_t n)
{
    fake_lock(r);
    r->hold = n;
    fake_unlock(r);
}

size_t fake_state_requests(fake_runner *r)
{
    fake_lock(r);
    size_t n = r->n_requests;
    fake_unlock(r);
    return n;
}

fake_state_request fake_state_request_at(fake_runner *r, size_t i)
{
    fake_lock(r);
    fake_request_record *one = r->requests; /* the newest has number n_requests - 1 */
    for (size_t at = r->n_requests; one && --at > i;) one = one->next;
    fake_unlock(r);
    ck_assert_ptr_nonnull(one);
    return one->request;
}

void fake_await_state_requests(fake_runner *r, size_t n)
{
    struct timespec until = fake_deadline();
    fake_lock(r);
    while (r->n_requests < n) fake_wait(r, &until, "a", "state request");
    fake_unlock(r);
}

/* -- state: the service ----------------------------------------------------------------------------- */
static void answer_get(fake_runner *r, const fake_cell *cell, beam_span token,
                       pb_StateResponse *response, upb_Arena *upb)
{
    const char *digits = bm_cstr(&r->arena, token);
    size_t number = strtoul(digits, NULL, 10);
    const fake_page *page = cell->pages;
    for (size_t i = 0; page && i < number; i++) page = page->next;
    pb_StateGetResponse *get = pb_StateResponse_mutable_get(response, upb);
    if (!page) return;
    pb_StateGetResponse_set_data(get, view_of(page->bytes));
    if (!page->next) return;
    const char *next = bm_format(&r->arena, "%zu", number + 1);
    pb_StateGetResponse_set_continuation_token(get, fake_view(next));
}

static fake_state_request *record(fake_runner *r, const pb_StateRequest *pb,
                                  upb_Arena *upb)
{
    fake_request_record *one = BM_NEW(&r->arena, fake_request_record);
    one->next = r->requests;
    r->requests = one;
    r->n_requests++;
    fake_state_request *request = &one->request;
    request->id = bm_cstr(&r->arena, fake_span(pb_StateRequest_id(pb)));
    request->bundle = bm_cstr(&r->arena, fake_span(pb_StateRequest_instruction_id(pb)));
    beam_span key = { "", 0 };
    if (pb_StateRequest_has_state_key(pb))
        key.ptr = pb_StateKey_serialize(pb_StateRequest_state_key(pb), upb, &key.len);
    request->key = bm_span_copy(&r->arena, key);
    upb_StringView data = { NULL, 0 };
    if (pb_StateRequest_has_get(pb)) {
        request->what = 'g';
        data = pb_StateGetRequest_continuation_token(pb_StateRequest_get(pb));
    } else if (pb_StateRequest_has_append(pb)) {
        request->what = 'a';
        data = pb_StateAppendRequest_data(pb_StateRequest_append(pb));
    } else {
        request->what = 'c';
    }
    request->data = bm_span_copy(&r->arena, fake_span(data));
    return request;
}

static void answer(fake_runner *r, const fake_state_request *request,
                   pb_StateResponse *response, upb_Arena *upb)
{
    fake_cell *cell = cell_of(r, request->key);
    pb_StateResponse_set_id(response, fake_view(request->id));
    if (cell->error) {
        pb_StateResponse_set_error(response, fake_view(cell->error));
    } else if (request->what == 'g') {
        answer_get(r, cell, request->data, response, upb);
    } else if (request->what == 'a') {
        add_page(r, cell, request->data);
        pb_StateResponse_mutable_append(response, upb);
    } else {
        cell->pages = NULL;
        cell->last_page = &cell->pages;
        pb_StateResponse_mutable_clear(response, upb);
    }
}

/* Writes what was held, the latest first. */
static void let_go(fake_runner *r, bm_stream *stream)
{
    if (r->n_held < r->hold) return;
    for (fake_answer *one = r->held; one; one = one->next)
        bm_stream_write(stream, one->message);
    r->held = NULL;
    r->n_held = 0;
}

void fake_on_state(fake_stream *stream, beam_span bytes, upb_Arena *upb)
{
    fake_runner *r = stream->runner;
    const pb_StateRequest *pb = pb_StateRequest_parse(bytes.ptr, bytes.len, upb);
    if (!pb) return;
    pb_StateResponse *response = pb_StateResponse_new(upb);
    answer(r, record(r, pb, upb), response, upb);
    size_t n;
    const char *out = pb_StateResponse_serialize(response, upb, &n);
    fake_answer *one = BM_NEW(&r->arena, fake_answer);
    one->message = message_of(out, n);
    one->next = r->held;
    r->held = one;
    r->n_held++;
    let_go(r, stream->stream);
}

/* -- logs ------------------------------------------------------------------------------------------ */
static const char *text_of(fake_runner *r, upb_StringView view)
{
    return bm_cstr(&r->arena, fake_span(view));
}

void fake_on_logging(fake_stream *stream, beam_span bytes, upb_Arena *upb)
{
    fake_runner *r = stream->runner;
    const pb_LogEntry_List *list = pb_LogEntry_List_parse(bytes.ptr, bytes.len, upb);
    if (!list) return;
    size_t n;
    const pb_LogEntry *const *all = pb_LogEntry_List_log_entries(list, &n);
    for (size_t i = 0; i < n; i++) {
        fake_log_record *one = BM_NEW(&r->arena, fake_log_record);
        const google_protobuf_Timestamp *time = pb_LogEntry_timestamp(all[i]);
        one->log = (fake_log){ pb_LogEntry_severity(all[i]),
                               text_of(r, pb_LogEntry_message(all[i])),
                               text_of(r, pb_LogEntry_instruction_id(all[i])),
                               text_of(r, pb_LogEntry_transform_id(all[i])),
                               text_of(r, pb_LogEntry_log_location(all[i])),
                               text_of(r, pb_LogEntry_thread(all[i])),
                               text_of(r, pb_LogEntry_trace(all[i])),
                               time ? google_protobuf_Timestamp_seconds(time) : 0 };
        one->next = r->logs;
        r->logs = one;
        r->n_logs++;
    }
}

fake_log fake_await_log(fake_runner *r, const char *part)
{
    struct timespec until = fake_deadline();
    fake_log_record *found;
    fake_lock(r);
    for (;;) {
        for (found = r->logs; found && !strstr(found->log.message, part);)
            found = found->next;
        if (found) break;
        fake_wait(r, &until, "log entry", part);
    }
    fake_unlock(r);
    return found->log;
}

size_t fake_logs(fake_runner *r)
{
    fake_lock(r);
    size_t n = r->n_logs;
    fake_unlock(r);
    return n;
}

/* -- status ------------------------------------------------------------------------------------ */
void fake_on_status(fake_stream *stream, beam_span bytes, upb_Arena *upb)
{
    fake_runner *r = stream->runner;
    const pb_WorkerStatusResponse *pb =
        pb_WorkerStatusResponse_parse(bytes.ptr, bytes.len, upb);
    fake_response *one = BM_NEW(&r->arena, fake_response);
    one->id = pb ? bm_cstr(&r->arena, fake_span(pb_WorkerStatusResponse_id(pb))) : "";
    if (pb)
        one->bytes = bm_span_copy(&r->arena,
                                  fake_span(pb_WorkerStatusResponse_status_info(pb)));
    one->next = r->pages;
    r->pages = one;
}

void fake_request_status(fake_runner *r, const char *id)
{
    pb_WorkerStatusRequest *request = pb_WorkerStatusRequest_new(r->upb);
    pb_WorkerStatusRequest_set_id(request, fake_view(id));
    beam_span bytes;
    bytes.ptr = pb_WorkerStatusRequest_serialize(request, r->upb, &bytes.len);
    fake_send_bytes(r, FAKE_STATUS, bytes);
}

const char *fake_await_status(fake_runner *r, const char *id)
{
    struct timespec until = fake_deadline();
    fake_lock(r);
    fake_response *one = NULL;
    for (;;) {
        for (one = r->pages; one && strcmp(one->id, id); one = one->next) continue;
        if (one) break;
        fake_wait(r, &until, "the status", id);
    }
    const char *text = bm_cstr(&r->arena, one->bytes);
    fake_unlock(r);
    return text;
}

const char *fake_ask_status(fake_runner *r, const char *id)
{
    fake_request_status(r, id);
    return fake_await_status(r, id);
}
