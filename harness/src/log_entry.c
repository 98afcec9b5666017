/* SPDX-License-Identifier: Apache-2.0 */
/* See log_entry.h. Any thread. */
#include "log_entry.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/utf8.h"
#include "google/protobuf/struct.upb.h"
#include "google/protobuf/timestamp.upb.h"
#include "pb.h"

enum { /* runners refuse messages over 4 MiB */
       MAX_MESSAGE = 256 * 1024,
       MAX_FIELD = 16 * 1024
};

/* -- copying -------------------------------------------------------------------------- */
static char *copy_text(char *to, beam_span from, size_t limit)
{
    bool cut = from.len > limit;
    while (from.len) {
        size_t n = bm_utf8_length(from.ptr, from.len);
        size_t step = n ? n : 1;
        if (step > limit) break;
        if (n)
            memcpy(to, from.ptr, n);
        else
            *to = '?';
        to += step;
        from.ptr += step;
        from.len -= step;
        limit -= step;
    }
    if (cut) {
        memcpy(to, "...", 3);
        to += 3;
    }
    *to = '\0';
    return to + 1;
}

static size_t room_for(beam_span text, size_t limit)
{
    return (text.len < limit ? text.len : limit) + sizeof "...";
}

static size_t room_for_text(const char *text)
{
    return text ? room_for(beam_span_of(text), MAX_MESSAGE) : 0;
}

static const char *keep_text(char **at, const char *text)
{
    if (!text) return NULL;
    const char *kept = *at;
    *at = copy_text(*at, beam_span_of(text), MAX_MESSAGE);
    return kept;
}

static size_t room_for_field(const beam_log_field *f)
{
    size_t room = sizeof *f + strlen(f->name) + 1;
    if (f->value.kind == BEAM_KIND_STRING) room += room_for(f->value.as.span, MAX_FIELD);
    return room;
}

static beam_log_field keep_field(char **at, const beam_log_field *f)
{
    beam_log_field kept = { .name = *at, .value = f->value };
    *at = copy_text(*at, beam_span_of(f->name), SIZE_MAX);
    if (f->value.kind != BEAM_KIND_STRING) return kept;
    const char *text = *at;
    *at = copy_text(*at, f->value.as.span, MAX_FIELD);
    kept.value.as.span = (beam_span){ text, (size_t)(*at - 1 - text) };
    return kept;
}

static void thread_label(char *label, size_t size)
{
    char name[16] = "";
    pthread_getname_np(pthread_self(), name, sizeof name);
    snprintf(label, size, "%s:%ld", name, (long)gettid());
}

bm_kept_entry *bm_kept_entry_new(const bm_log_entry *from)
{
    char thread[48];
    thread_label(thread, sizeof thread);
    size_t size = sizeof(bm_kept_entry) + room_for_text(from->message) +
                  room_for_text(from->instruction_id) +
                  room_for_text(from->transform_id) + room_for_text(from->location) +
                  room_for_text(thread) + room_for_text(from->trace);
    for (size_t i = 0; i < from->n_fields; i++) size += room_for_field(&from->fields[i]);
    bm_kept_entry *e = bm_xmalloc(size);
    *e = (bm_kept_entry){ .size = size, .n_fields = from->n_fields };
    char *at = (char *)&e->fields[e->n_fields];
    clock_gettime(CLOCK_REALTIME, &e->at);
    e->severity = from->severity < BEAM_LOG_TRACE      ? BEAM_LOG_TRACE
                  : from->severity > BEAM_LOG_CRITICAL ? BEAM_LOG_CRITICAL
                                                       : from->severity;
    e->message = keep_text(&at, from->message);
    e->instruction_id = keep_text(&at, from->instruction_id);
    e->transform_id = keep_text(&at, from->transform_id);
    e->location = keep_text(&at, from->location);
    e->thread = keep_text(&at, thread);
    e->trace = keep_text(&at, from->trace);
    for (size_t i = 0; i < e->n_fields; i++)
        e->fields[i] = keep_field(&at, &from->fields[i]);
    return e;
}

void bm_kept_entry_print(const bm_kept_entry *e)
{
    const bm_log_entry entry = { .severity = e->severity,
                                 .message = e->message ? e->message : "",
                                 .instruction_id = e->instruction_id,
                                 .transform_id = e->transform_id,
                                 .location = e->location,
                                 .fields = e->fields,
                                 .n_fields = e->n_fields,
                                 .trace = e->trace };
    bm_log_stderr.write(bm_log_stderr.self, &entry);
}

/* -- encoding ------------------------------------------------------------------------- */
static upb_StringView text_view(const char *text)
{
    return bm_pb_text(text ? text : "");
}

/* A number of a Struct is a double, which JSON must have a form for. */
static bool is_exact(beam_value v)
{
    const int64_t most = (int64_t)1 << 53;
    return v.kind == BEAM_KIND_DOUBLE ? isfinite(v.as.number)
                                      : v.as.int64 >= -most && v.as.int64 <= most;
}

static void encode_value(beam_value v, google_protobuf_Value *out, upb_Arena *pb)
{
    if (v.kind == BEAM_KIND_BOOL) {
        google_protobuf_Value_set_bool_value(out, v.as.boolean);
    } else if (v.kind == BEAM_KIND_STRING) {
        google_protobuf_Value_set_string_value(out, bm_pb_span(v.as.span));
    } else if (is_exact(v)) {
        google_protobuf_Value_set_number_value(out, v.kind == BEAM_KIND_DOUBLE
                                                        ? v.as.number
                                                        : (double)v.as.int64);
    } else {
        enum { ROOM = 32 };
        char *text = upb_Arena_Malloc(pb, ROOM);
        if (v.kind == BEAM_KIND_DOUBLE)
            snprintf(text, ROOM, "%g", v.as.number);
        else
            snprintf(text, ROOM, "%lld", (long long)v.as.int64);
        google_protobuf_Value_set_string_value(out, bm_pb_text(text));
    }
}

void bm_kept_entry_encode(const bm_kept_entry *e, pb_LogEntry *out, upb_Arena *pb)
{
    google_protobuf_Timestamp *at = pb_LogEntry_mutable_timestamp(out, pb);
    google_protobuf_Timestamp_set_seconds(at, e->at.tv_sec);
    google_protobuf_Timestamp_set_nanos(at, (int32_t)e->at.tv_nsec);
    pb_LogEntry_set_severity(out, (int32_t)e->severity);
    pb_LogEntry_set_message(out, text_view(e->message));
    pb_LogEntry_set_instruction_id(out, text_view(e->instruction_id));
    pb_LogEntry_set_transform_id(out, text_view(e->transform_id));
    pb_LogEntry_set_log_location(out, text_view(e->location));
    pb_LogEntry_set_thread(out, text_view(e->thread));
    pb_LogEntry_set_trace(out, text_view(e->trace));
    if (!e->n_fields) return;
    google_protobuf_Struct *data = pb_LogEntry_mutable_custom_data(out, pb);
    for (size_t i = 0; i < e->n_fields; i++) {
        google_protobuf_Value *value = google_protobuf_Value_new(pb);
        encode_value(e->fields[i].value, value, pb);
        google_protobuf_Struct_fields_set(data, bm_pb_text(e->fields[i].name), value, pb);
    }
}
