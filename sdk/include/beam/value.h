/* SPDX-License-Identifier: Apache-2.0 */
/* beam/value.h - element types (Beam coders) and element values.
 *
 * A beam_type is an immutable tree, normally a constant at file scope, that names a Beam
 * model coder. A beam_value is 24 bytes, is passed by value and never owns anything: what
 * it points to lives until the callback that received it returns. */
#ifndef BEAM_VALUE_H
#define BEAM_VALUE_H

#include "beam/export.h"
#include "beam/status.h"
BEAM_C_BEGIN

typedef int64_t beam_millis; /* event or processing time: milliseconds since the Unix epoch */

/* The model's limits (BeamConstants in beam_runner_api.proto). */
#define BEAM_MIN_TIMESTAMP ((beam_millis)-9223372036854775)
#define BEAM_MAX_TIMESTAMP ((beam_millis)9223372036854775)
#define BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP ((beam_millis)9223371950454775)

/* What is beyond the numbers there are is the last one; where times are read, that is refused. */
static inline beam_millis beam_times(int64_t n, int64_t ms)
{
    return n > INT64_MAX / ms ? INT64_MAX : n < INT64_MIN / ms ? INT64_MIN : n * ms;
}
static inline beam_millis beam_seconds(int64_t n) { return beam_times(n, 1000); }
static inline beam_millis beam_minutes(int64_t n) { return beam_times(n, 60000); }
static inline beam_millis beam_hours(int64_t n) { return beam_times(n, 3600000); }

/* A borrowed view of bytes; not NUL-terminated. */
typedef struct beam_span {
    const char *ptr;
    size_t len;
} beam_span;

/* For printf() and beam_format(). Text with NUL bytes is cut at the first of them. */
#define BEAM_SPAN_FMT "%.*s"
#define BEAM_SPAN_ARG(span) (int)(span).len, (span).ptr

/* View of a C string; NULL gives an empty span. */
BEAM_API beam_span beam_span_of(const char *text);
BEAM_API bool beam_span_equal(beam_span a, beam_span b);
/* Is it text that a STRING may be? The coder does not look; Java runners change what is not. */
BEAM_API bool beam_is_utf8(beam_span text);

typedef enum beam_kind {
    BEAM_KIND_NONE,     /* no value: a null, or a type that is not used */
    BEAM_KIND_BYTES,    /* beam:coder:bytes:v1 */
    BEAM_KIND_STRING,   /* beam:coder:string_utf8:v1 */
    BEAM_KIND_BOOL,     /* beam:coder:bool:v1 */
    BEAM_KIND_INT64,    /* beam:coder:varint:v1; in rows also BYTE, INT16, INT32 */
    BEAM_KIND_DOUBLE,   /* beam:coder:double:v1; in rows also FLOAT */
    BEAM_KIND_KV,       /* beam:coder:kv:v1 */
    BEAM_KIND_ITERABLE, /* beam:coder:iterable:v1, :state_backed_iterable:v1 */
    BEAM_KIND_NULLABLE, /* beam:coder:nullable:v1; a type only: values are NONE or inner */
    BEAM_KIND_ROW,      /* beam:coder:row:v1: as.list, one value per field */
    BEAM_KIND_LIST,     /* row field of array or iterable type: as.list */
    BEAM_KIND_MAP,      /* row field of map type: as.list of KVs */
    BEAM_KIND_STRUCT,   /* a C struct with the user's own coder: as.ptr */
    BEAM_KIND_WINDOW,   /* beam:coder:{global,interval,custom}_window:v1: as.ptr */
    BEAM_KIND_WINDOWED, /* beam:coder:windowed_value:v1 as a value: as.ptr, internal */
    BEAM_KIND_TIMER,    /* beam:coder:timer:v1: as.ptr, internal */
    BEAM_KIND_SHARDED_KEY, /* beam:coder:sharded_key:v1: as.kv = {shard id bytes, key} */
    BEAM_KIND_ANY       /* type only: accepts every type; values are still decoded */
} beam_kind;

typedef struct beam_type beam_type;
typedef struct beam_schema beam_schema;         /* beam/row.h */
typedef struct beam_struct_coder beam_struct_coder; /* beam/coder.h */

struct beam_type {
    beam_kind kind;
    const beam_type *arg[2];                /* KV: key, value; others: arg[0] */
    const beam_schema *schema;              /* ROW */
    const beam_struct_coder *struct_coder;  /* STRUCT */
};

extern BEAM_API const beam_type beam_type_bytes, beam_type_string, beam_type_bool,
    beam_type_int64, beam_type_double, beam_type_any;

#define BEAM_BYTES (&beam_type_bytes)
#define BEAM_STRING (&beam_type_string)
#define BEAM_BOOL (&beam_type_bool)
#define BEAM_INT64 (&beam_type_int64) /* encoded as beam:coder:varint:v1 */
#define BEAM_DOUBLE (&beam_type_double)
#define BEAM_ANY (&beam_type_any)
#ifndef __cplusplus /* compound literals: constants at file scope in C */
#define BEAM_KV(key, value) \
    (&(const beam_type){ BEAM_KIND_KV, { (key), (value) }, NULL, NULL })
#define BEAM_ITERABLE(element) \
    (&(const beam_type){ BEAM_KIND_ITERABLE, { (element), NULL }, NULL, NULL })
#define BEAM_NULLABLE(inner) \
    (&(const beam_type){ BEAM_KIND_NULLABLE, { (inner), NULL }, NULL, NULL })
#define BEAM_ROW(schema) (&(const beam_type){ BEAM_KIND_ROW, { NULL, NULL }, (schema), NULL })
#define BEAM_STRUCT(struct_coder) \
    (&(const beam_type){ BEAM_KIND_STRUCT, { NULL, NULL }, NULL, (struct_coder) })
#endif

/* Same coder, structurally; ANY equals every type. Any thread. */
BEAM_API bool beam_type_equal(const beam_type *a, const beam_type *b);

typedef struct beam_value beam_value;
typedef struct beam_iter beam_iter;

struct beam_value {
    beam_kind kind;
    union {
        bool boolean;
        int64_t int64;
        double number;
        beam_span span;
        const beam_value *kv; /* kv[0] key, kv[1] value */
        struct {
            const beam_value *at;
            size_t n;
        } list;
        beam_iter *iter;
        const void *ptr;
    } as;
};

/* -- making values; what is passed in is borrowed ------------------------- */
/* Member by member: an initializer would clear it as a whole, and copying what was written
 * in overlapping parts stalls the processor. */
static inline beam_value beam_value_of_kind_(beam_kind kind)
{
    beam_value v;
    v.kind = kind;
    v.as.span.ptr = NULL;
    v.as.span.len = 0;
    return v;
}
static inline beam_value beam_null(void)
{
    return beam_value_of_kind_(BEAM_KIND_NONE);
}
static inline beam_value beam_bool(bool b)
{
    beam_value v = beam_value_of_kind_(BEAM_KIND_BOOL);
    v.as.boolean = b;
    return v;
}
static inline beam_value beam_int64(int64_t i)
{
    beam_value v = beam_value_of_kind_(BEAM_KIND_INT64);
    v.as.int64 = i;
    return v;
}
static inline beam_value beam_double(double d)
{
    beam_value v = beam_value_of_kind_(BEAM_KIND_DOUBLE);
    v.as.number = d;
    return v;
}
static inline beam_value beam_bytes(beam_span s)
{
    beam_value v = beam_value_of_kind_(BEAM_KIND_BYTES);
    v.as.span = s;
    return v;
}
/* The bytes must be UTF-8; the coder does not check. */
static inline beam_value beam_string(beam_span s)
{
    beam_value v = beam_value_of_kind_(BEAM_KIND_STRING);
    v.as.span = s;
    return v;
}
/* A C struct of a BEAM_STRUCT type. */
static inline beam_value beam_struct(const void *object)
{
    beam_value v = beam_value_of_kind_(BEAM_KIND_STRUCT);
    v.as.ptr = object;
    return v;
}
/* `pair` is {key, value}. */
static inline beam_value beam_kv(const beam_value pair[2])
{
    beam_value v = beam_value_of_kind_(BEAM_KIND_KV);
    v.as.kv = pair;
    return v;
}

/* -- reading values -------------------------------------------------------
 * A null gives the type's zero value (false, 0, an empty span, NONE). So does a value of
 * another type, but in a callback and on its thread it then fails the bundle (BEAM_ETYPE),
 * with the step's name, the field's and the value's type. */
/* What the accessors do with a value that is not of their type, or not there. In parts: for
 * one that is passed on as a whole, compilers write a copy even where it is not used. */
BEAM_API void beam_misread_(beam_kind kind, const void *content, size_t len,
                            const char *call);
BEAM_API void beam_misread_at_(beam_value v, size_t i);

static inline bool beam_is_null(beam_value v) { return v.kind == BEAM_KIND_NONE; }
static inline bool beam_as_bool(beam_value v)
{
    if (v.kind == BEAM_KIND_BOOL) return v.as.boolean;
    beam_misread_(v.kind, v.as.ptr, v.as.span.len, "beam_as_bool");
    return false;
}
static inline int64_t beam_as_int64(beam_value v)
{
    if (v.kind == BEAM_KIND_INT64) return v.as.int64;
    beam_misread_(v.kind, v.as.ptr, v.as.span.len, "beam_as_int64");
    return 0;
}
static inline double beam_as_double(beam_value v)
{
    if (v.kind == BEAM_KIND_DOUBLE) return v.as.number;
    beam_misread_(v.kind, v.as.ptr, v.as.span.len, "beam_as_double");
    return 0;
}
/* Bytes or string; empty for a null. */
static inline beam_span beam_as_span(beam_value v)
{
    beam_span none = { "", 0 };
    if (v.kind == BEAM_KIND_BYTES || v.kind == BEAM_KIND_STRING) return v.as.span;
    beam_misread_(v.kind, v.as.ptr, v.as.span.len, "beam_as_span");
    return none;
}
static inline const void *beam_as_struct(beam_value v)
{
    if (v.kind == BEAM_KIND_STRUCT) return v.as.ptr;
    beam_misread_(v.kind, v.as.ptr, v.as.span.len, "beam_as_struct");
    return NULL;
}
static inline beam_value beam_key(beam_value v)
{
    if (v.kind == BEAM_KIND_KV) return v.as.kv[0];
    beam_misread_(v.kind, v.as.ptr, v.as.span.len, "beam_key");
    return beam_null();
}
static inline beam_value beam_val(beam_value v)
{
    if (v.kind == BEAM_KIND_KV) return v.as.kv[1];
    beam_misread_(v.kind, v.as.ptr, v.as.span.len, "beam_val");
    return beam_null();
}
/* Number of items in a ROW (fields), LIST or MAP (KVs); 0 for other kinds. */
static inline size_t beam_list_size(beam_value v)
{
    return v.kind == BEAM_KIND_ROW || v.kind == BEAM_KIND_LIST || v.kind == BEAM_KIND_MAP
               ? v.as.list.n
               : 0;
}
/* One of them. NONE beyond the end of a LIST or MAP; a ROW has no field beyond its schema's,
 * such as the -1 of beam_schema_index(): that is a misread like those above. */
static inline beam_value beam_list_at(beam_value v, size_t i)
{
    if (i < beam_list_size(v)) return v.as.list.at[i];
    beam_misread_at_(v, i);
    return beam_null();
}

/* -- iterables --------------------------------------------------------------
 * The values of a key after GroupByKey, a bag, a side input. They are paged in while they
 * are iterated (State API), so they may be larger than memory:
 *
 *     beam_iter *it = beam_as_iter(beam_val(in));
 *     for (beam_value v; beam_next(it, &v);) ...
 *
 * A value from beam_next lives until the next call with the same iterator. A failed read
 * ends the loop and fails the bundle with its reason. Only on the thread of the callback. */
/* The iterator of an ITERABLE value, at its start again; NULL for other kinds, and
 * beam_next(NULL, ...) is false. */
BEAM_API beam_iter *beam_as_iter(beam_value v);
BEAM_API bool beam_next(beam_iter *iter, beam_value *out);

BEAM_C_END
#endif
