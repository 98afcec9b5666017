/* SPDX-License-Identifier: Apache-2.0 */
/* event_log.h - one visit of a website, as JSON and as a row. Shared by the examples that
 * read the topic website-visit. */
#ifndef EVENT_LOG_H
#define EVENT_LOG_H

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "beam/beam.h"
#include "flat_json.h"

enum {
    EVENT_IP,
    EVENT_ID,
    EVENT_LAT,
    EVENT_LNG,
    EVENT_USER_AGENT,
    EVENT_AGE_BRACKET,
    EVENT_OPTED_INTO_MARKETING,
    EVENT_HTTP_REQUEST,
    EVENT_HTTP_RESPONSE,
    EVENT_FILE_SIZE_BYTES,
    EVENT_DATETIME,
    EVENT_TS,
    EVENT_N_FIELDS
};

static const beam_field event_log_fields[EVENT_N_FIELDS] = {
    [EVENT_IP] = { .name = "ip", .kind = BEAM_FIELD_STRING },
    [EVENT_ID] = { .name = "id", .kind = BEAM_FIELD_STRING },
    [EVENT_LAT] = { .name = "lat", .kind = BEAM_FIELD_DOUBLE },
    [EVENT_LNG] = { .name = "lng", .kind = BEAM_FIELD_DOUBLE },
    [EVENT_USER_AGENT] = { .name = "user_agent", .kind = BEAM_FIELD_STRING },
    [EVENT_AGE_BRACKET] = { .name = "age_bracket", .kind = BEAM_FIELD_STRING },
    [EVENT_OPTED_INTO_MARKETING] = { .name = "opted_into_marketing",
                                     .kind = BEAM_FIELD_BOOLEAN },
    [EVENT_HTTP_REQUEST] = { .name = "http_request", .kind = BEAM_FIELD_STRING },
    [EVENT_HTTP_RESPONSE] = { .name = "http_response", .kind = BEAM_FIELD_INT64 },
    [EVENT_FILE_SIZE_BYTES] = { .name = "file_size_bytes", .kind = BEAM_FIELD_INT64 },
    [EVENT_DATETIME] = { .name = "event_datetime", .kind = BEAM_FIELD_STRING },
    [EVENT_TS] = { .name = "event_ts", .kind = BEAM_FIELD_INT64 },
};
static const beam_schema event_log = { .id = "event_log",
                                       .fields = BEAM_TABLE(event_log_fields) };
#define EVENT_LOG BEAM_ROW(&event_log)

/* The number of `n` digits at text[at]; -1: they are none. */
static inline int event_digits(beam_span text, size_t at, size_t n)
{
    int number = 0;
    if (at + n > text.len) return -1;
    for (; n; n--, at++) {
        if (text.ptr[at] < '0' || text.ptr[at] > '9') return -1;
        number = number * 10 + (text.ptr[at] - '0');
    }
    return number;
}

/* Days from 1970-01-01, in the Gregorian calendar; March begins the year. */
static inline int64_t event_days(int year, int month, int day)
{
    if (month <= 2) year--;
    int64_t era_years = year / 400 * 400, in_era = year - era_years;
    int64_t in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era_years / 400 * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year -
           719468;
}

/* "2026-03-01T12:34:56.789" (UTC; fraction optional) to milliseconds; false if it is not. */
static inline bool event_time_parse(beam_span text, beam_millis *out)
{
    static const char signs[] = "    -  -  T  :  :  ";
    int year = event_digits(text, 0, 4), month = event_digits(text, 5, 2),
        day = event_digits(text, 8, 2), hour = event_digits(text, 11, 2),
        minute = event_digits(text, 14, 2), second = event_digits(text, 17, 2);
    if (year < 0 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59 || second < 0 || second > 60)
        return false;
    for (size_t i = 4; i < 17; i++)
        if (signs[i] != ' ' && text.ptr[i] != signs[i]) return false;
    size_t at = 19;
    int64_t ms = 0, unit = 100;
    if (at < text.len && text.ptr[at] == '.')
        for (at++; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9';
             at++, unit /= 10)
            ms += (text.ptr[at] - '0') * unit;
    if (at < text.len && text.ptr[at] == 'Z') at++;
    *out = ((event_days(year, month, day) * 24 + hour) * 60 + minute) * 60000 +
           second * 1000 + ms;
    return at == text.len;
}

/* Which field it is; that they come in order is likely. */
static inline size_t event_field(beam_span key, size_t likely)
{
    for (size_t i = 0; i < EVENT_N_FIELDS; i++) {
        size_t field = (likely + i) % EVENT_N_FIELDS;
        if (beam_span_equal(key, beam_span_of(event_log_fields[field].name))) return field;
    }
    return EVENT_N_FIELDS;
}

/* false: the value is not fit for the field. */
static inline bool event_set(size_t field, const flat_json_member *m, beam_value *out)
{
    bool is_string = m->kind == FLAT_JSON_STRING;
    switch (event_log_fields[field].kind) {
    case BEAM_FIELD_STRING: *out = beam_string(m->text); return is_string;
    case BEAM_FIELD_BOOLEAN:
        *out = beam_bool(*m->text.ptr == 't');
        return m->kind == FLAT_JSON_BOOL;
    case BEAM_FIELD_DOUBLE:
        *out = is_string ? beam_null() : beam_double(flat_json_real(m));
        return m->kind != FLAT_JSON_BOOL;
    default: *out = beam_int64(flat_json_integer(m)); return m->kind == FLAT_JSON_INTEGER;
    }
}

/* Fills row[] with views into `text` if that is a flat and good visit. */
static inline bool event_log_scan(beam_span text, beam_value row[EVENT_N_FIELDS])
{
    flat_json json;
    flat_json_member member;
    bool set[EVENT_N_FIELDS] = { false };
    size_t field = 0, n_set = 0;
    if (!flat_json_open(&json, text)) return false;
    for (size_t n = 0; !flat_json_close(&json); n++, field++) {
        if (!flat_json_next(&json, n == 0, &member)) return false;
        field = event_field(member.key, field % EVENT_N_FIELDS);
        if (field == EVENT_N_FIELDS) continue;
        if (!event_set(field, &member, &row[field])) return false;
        n_set += !set[field];
        set[field] = true;
    }
    if (beam_is_null(row[EVENT_LAT]) || beam_is_null(row[EVENT_LNG]))
        row[EVENT_LAT] = row[EVENT_LNG] = beam_double(-1);
    beam_millis at;
    return n_set == EVENT_N_FIELDS &&
           event_time_parse(beam_as_span(row[EVENT_DATETIME]), &at);
}

static inline bool event_coordinate(const json_t *json, double *out)
{
    *out = json_number_value(json);
    return json_is_number(json);
}

/* Fills row[] from any JSON; strings are copied into the element's scratch memory. Returns
 * NULL or what is wrong. Empty coordinates become -1. */
static inline const char *event_log_parse(beam_ctx *c, beam_span text,
                                          beam_value row[EVENT_N_FIELDS])
{
    json_error_t where;
    json_t *json = json_loadb(text.ptr ? text.ptr : "", text.len, 0, &where);
    if (!json) return beam_format(c, "not JSON: %s", where.text).ptr;
    const char *wrong = json_is_object(json) ? NULL : "not a JSON object";
    double lat = -1, lng = -1;
    bool placed = event_coordinate(json_object_get(json, "lat"), &lat) &&
                  event_coordinate(json_object_get(json, "lng"), &lng);
    for (size_t i = 0; i < EVENT_N_FIELDS && !wrong; i++) {
        const beam_field *field = &event_log_fields[i];
        const json_t *value = json_object_get(json, field->name);
        bool good = true;
        if (i == EVENT_LAT || i == EVENT_LNG) {
            row[i] = beam_double(!placed ? -1 : i == EVENT_LAT ? lat : lng);
        } else if (field->kind == BEAM_FIELD_STRING) {
            good = json_is_string(value);
            beam_span s = { json_string_value(value), json_string_length(value) };
            if (good) row[i] = beam_string((beam_span){ beam_cstr(c, s), s.len });
        } else if (field->kind == BEAM_FIELD_BOOLEAN) {
            good = json_is_boolean(value);
            row[i] = beam_bool(json_is_true(value));
        } else {
            good = json_is_integer(value);
            row[i] = beam_int64(json_integer_value(value));
        }
        if (!good) wrong = beam_format(c, "no usable '%s'", field->name).ptr;
    }
    json_decref(json);
    beam_millis at;
    if (!wrong && !event_time_parse(beam_as_span(row[EVENT_DATETIME]), &at))
        wrong = "'event_datetime' is not like 2026-03-01T12:34:56.789";
    return wrong;
}

/* KV<BYTES, BYTES> Kafka record -> EventLog rows; what is not one goes to output BAD as
 * KV<reason, record>, is counted, and the first ones are logged. */
enum { EVENT_BAD };
static const beam_output_spec event_log_outputs[] = {
    [EVENT_BAD] = { "bad", BEAM_KV(BEAM_BYTES, BEAM_BYTES) },
};

static inline beam_status event_log_decode(beam_ctx *c, beam_value record)
{
    beam_span text = beam_as_span(beam_val(record));
    beam_value *row = beam_alloc(c, EVENT_N_FIELDS * sizeof *row);
    const char *wrong = event_log_scan(text, row) ? NULL : event_log_parse(c, text, row);
    if (!wrong) return beam_emit(c, beam_row(row, EVENT_N_FIELDS));
    int64_t *logged = beam_self(c);
    beam_counter_add(c, "bad_records", 1);
    if ((*logged)++ < 10)
        beam_log(c, BEAM_LOG_WARN, "bad record: %s: %.*s", wrong,
                 text.len < 200 ? (int)text.len : 200, text.ptr ? text.ptr : "");
    beam_value pair[2] = { beam_bytes(beam_span_of(wrong)), beam_bytes(text) };
    return beam_emit_to(c, EVENT_BAD, beam_kv(pair));
}

/* Emits a KV<BYTES, BYTES> of two JSON objects, which are taken over. */
static inline beam_status emit_json_message(beam_ctx *c, json_t *key, json_t *value)
{
    char *key_text = key ? json_dumps(key, 0) : NULL;
    char *value_text = value ? json_dumps(value, 0) : NULL;
    beam_status status = key_text && value_text
                             ? beam_emit_kv(c, beam_bytes(beam_span_of(key_text)),
                                            beam_bytes(beam_span_of(value_text)))
                             : beam_fail(c, BEAM_EINVAL, "a text is not UTF-8");
    free(key_text);
    free(value_text);
    json_decref(key);
    json_decref(value);
    return status;
}

#endif
