/* SPDX-License-Identifier: Apache-2.0 */
/* flat_json.h - reads one JSON object of plain members in one pass, without copies.
 *
 * Plain: strings of ASCII without escapes, numbers, true and false; nothing nested. What is
 * not plain, or not JSON at all, it leaves to a whole parser: a few in a thousand records of
 * a log, which otherwise cost ten times as much as all the rest of a small pipeline. */
#ifndef FLAT_JSON_H
#define FLAT_JSON_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "beam/value.h"

typedef enum flat_json_kind {
    FLAT_JSON_STRING,
    FLAT_JSON_INTEGER, /* of at most 18 digits */
    FLAT_JSON_REAL,
    FLAT_JSON_BOOL
} flat_json_kind;

typedef struct flat_json_member {
    beam_span key;
    flat_json_kind kind;
    beam_span text; /* STRING: without its quotes */
} flat_json_member;

/* The unread rest of an object. */
typedef struct flat_json {
    const char *at, *end;
} flat_json;

static inline void flat_json_blanks(flat_json *j)
{
    while (j->at < j->end &&
           (*j->at == ' ' || *j->at == '\t' || *j->at == '\n' || *j->at == '\r'))
        j->at++;
}

static inline bool flat_json_sign(flat_json *j, char sign)
{
    flat_json_blanks(j);
    if (j->at == j->end || *j->at != sign) return false;
    j->at++;
    return true;
}

static inline bool flat_json_string(flat_json *j, beam_span *out)
{
    if (!flat_json_sign(j, '"')) return false;
    const char *at = j->at;
    while (at < j->end && *at >= ' ' && *at < 0x7f && *at != '"' && *at != '\\') at++;
    *out = (beam_span){ j->at, (size_t)(at - j->at) };
    if (at == j->end || *at != '"') return false;
    j->at = at + 1;
    return true;
}

static inline size_t flat_json_digits(flat_json *j)
{
    const char *start = j->at;
    while (j->at < j->end && *j->at >= '0' && *j->at <= '9') j->at++;
    return (size_t)(j->at - start);
}

static inline bool flat_json_number(flat_json *j, flat_json_member *out)
{
    const char *start = j->at;
    if (*j->at == '-') j->at++;
    bool zero = j->at < j->end && *j->at == '0';
    size_t digits = flat_json_digits(j);
    if (!digits || digits > 18 || (zero && digits > 1)) return false;
    out->kind = FLAT_JSON_INTEGER;
    if (j->at < j->end && *j->at == '.') {
        j->at++;
        if (!flat_json_digits(j)) return false;
        out->kind = FLAT_JSON_REAL;
    }
    out->text = (beam_span){ start, (size_t)(j->at - start) };
    return true; /* an exponent is no sign that may follow */
}

static inline bool flat_json_word(flat_json *j, const char *word, flat_json_member *out)
{
    size_t n = strlen(word);
    if ((size_t)(j->end - j->at) < n || memcmp(j->at, word, n)) return false;
    out->kind = FLAT_JSON_BOOL;
    out->text = (beam_span){ j->at, n };
    j->at += n;
    return true;
}

static inline bool flat_json_value(flat_json *j, flat_json_member *out)
{
    flat_json_blanks(j);
    if (j->at == j->end) return false;
    switch (*j->at) {
    case '"': out->kind = FLAT_JSON_STRING; return flat_json_string(j, &out->text);
    case 't': return flat_json_word(j, "true", out);
    case 'f': return flat_json_word(j, "false", out);
    default: return flat_json_number(j, out);
    }
}

static inline bool flat_json_open(flat_json *j, beam_span text)
{
    *j = (flat_json){ text.ptr, text.ptr + text.len };
    return text.len && flat_json_sign(j, '{');
}

/* The next member; the first one has no comma before it. */
static inline bool flat_json_next(flat_json *j, bool first, flat_json_member *out)
{
    return (first || flat_json_sign(j, ',')) && flat_json_string(j, &out->key) &&
           flat_json_sign(j, ':') && flat_json_value(j, out);
}

/* Is this the end of the object, and of the text? */
static inline bool flat_json_close(flat_json *j)
{
    flat_json end = *j;
    if (!flat_json_sign(&end, '}')) return false;
    flat_json_blanks(&end);
    return end.at == end.end;
}

static inline int64_t flat_json_integer(const flat_json_member *m)
{
    int64_t n = 0;
    bool negative = *m->text.ptr == '-';
    for (size_t i = negative; i < m->text.len; i++) n = n * 10 + (m->text.ptr[i] - '0');
    return negative ? -n : n;
}

/* The sign after the number, which there is, ends it. */
static inline double flat_json_real(const flat_json_member *m)
{
    return strtod(m->text.ptr, NULL);
}

#endif
