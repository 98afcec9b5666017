/* SPDX-License-Identifier: Apache-2.0 */
/* coders/coder.h - Beam's model coders: bytes <-> beam_value.
 *
 * A bm_coder is an immutable tree built once (from a beam_type, or by a bm_coder_set from
 * the coders of a pipeline proto) and used from any number of threads at once.
 *
 * Contexts: an element that is the whole of its buffer is in the outer context, everything
 * else is nested. bytes, string_utf8 and what ends with them are length-prefixed only when
 * nested. The Fn API's data plane uses nested throughout. */
#ifndef BM_CODER_H
#define BM_CODER_H

#include "base/arena.h"
#include "base/map.h"
#include "base/reader.h"
#include "base/writer.h"
#include "beam/dofn.h"

typedef enum bm_coder_kind {
    BM_CODER_BYTES,
    BM_CODER_STRING,
    BM_CODER_BOOL,
    BM_CODER_VARINT,
    BM_CODER_DOUBLE,
    BM_CODER_KV,                    /* arg[0], arg[1] */
    BM_CODER_ITERABLE,              /* arg[0] */
    BM_CODER_STATE_BACKED_ITERABLE, /* arg[0] */
    BM_CODER_LENGTH_PREFIX,         /* arg[0] */
    BM_CODER_NULLABLE,              /* arg[0] */
    BM_CODER_INTERVAL_WINDOW,
    BM_CODER_GLOBAL_WINDOW,
    BM_CODER_CUSTOM_WINDOW,         /* arg[0] */
    BM_CODER_WINDOWED_VALUE,        /* arg[0] value, arg[1] window */
    BM_CODER_PARAM_WINDOWED_VALUE,  /* the same; param */
    BM_CODER_TIMER,                 /* arg[0] key, arg[1] window */
    BM_CODER_SHARDED_KEY,           /* arg[0] */
    BM_CODER_ROW,                   /* schema */
    BM_CODER_STRUCT,                /* struct_coder */
    BM_CODER_OPAQUE,                /* URN unknown here: can only be passed on inside a
                                       length_prefix, as BYTES */
    /* Of fields of rows only: they have no URN of their own. */
    BM_CODER_BYTE,
    BM_CODER_INT16,
    BM_CODER_INT32,
    BM_CODER_FLOAT,
    BM_CODER_LIST, /* arg[0] */
    BM_CODER_MAP,  /* arg[0], arg[1] */
    BM_CODER_MILLIS_INSTANT,
    BM_CODER_MICROS_INSTANT,
    BM_CODER_DECIMAL,
    BM_CODER_FIXED_BYTES, /* length */
    BM_CODER_VAR_BYTES,   /* length */
    BM_CODER_FIXED_CHAR,  /* length */
    BM_CODER_VAR_CHAR     /* length */
} bm_coder_kind;

typedef struct bm_coder bm_coder;
struct bm_coder {
    bm_coder_kind kind;
    const bm_coder *arg[2];
    const beam_schema *schema;
    const beam_struct_coder *struct_coder;
    const struct bm_element *param; /* PARAM_WINDOWED_VALUE: timestamp, windows and pane */
    const struct bm_row_plan *row;  /* ROW: fields in order of encoding, made once */
    const char *urn;                /* OPAQUE: what it was */
    size_t length;                  /* FIXED_..., VAR_...: (largest) size; 0: any */
    bool is_empty;                  /* every value is encoded in no bytes at all */
    size_t fixed_size;              /* bytes of every encoding; 0: they differ, or empty */
    size_t n_within;                /* coders that it is made of; one that is shared counts
                                       as often as it is used */
};

/* -- building ----------------------------------------------------------------- */
/* A coder of one of the kinds with nothing but arg[] to it. */
const bm_coder *bm_coder_new(bm_arena *arena, bm_coder_kind kind, const bm_coder *arg0,
                             const bm_coder *arg1);
/* The coder of a type, in the arena. ANY has none: BM_CODER_OPAQUE. */
const bm_coder *bm_coder_of_type(bm_arena *arena, const beam_type *type);
const bm_coder *bm_coder_of_schema(bm_arena *arena, const beam_schema *schema);

/* One Coder of a pipeline proto, with nothing of protobuf in it. */
typedef struct bm_coder_spec {
    const char *urn;
    beam_span payload;
    const char *const *component_ids;
    size_t n_components;
} bm_coder_spec;

/* Where a bm_coder_set finds specs, schemas and struct coders. Returned memory must live
 * as long as the set's arena. */
typedef struct bm_coder_source {
    void *self;
    /* false: no coder of that id. */
    bool (*coder)(void *self, const char *id, bm_coder_spec *out);
    /* Parses a serialized Schema (schema.proto), the payload of a row coder. */
    beam_status (*schema)(void *self, bm_arena *arena, beam_span payload,
                          const beam_schema **out, beam_error *err);
    /* The program's struct coder of that name, or NULL. */
    const beam_struct_coder *(*struct_coder)(void *self, beam_span name);
} bm_coder_source;

typedef struct bm_coder_set {
    bm_arena *arena;
    bm_coder_source source;
    bm_map by_id;
    size_t depth; /* of the coder under construction */
} bm_coder_set;

void bm_coder_set_init(bm_coder_set *set, bm_arena *arena, const bm_coder_source *source);
/* The coder of an id, made on first use. Fails on unknown ids, wrong component counts,
 * cycles, too much nesting and bad payloads; an unknown URN is BM_CODER_OPAQUE, not a failure. */
beam_status bm_coder_set_get(bm_coder_set *set, const char *id, const bm_coder **out,
                             beam_error *err);

/* URN of the coder of a struct; the payload is the struct coder's name. */
#define BM_URN_STRUCT_CODER "beam:coder:c_struct:v1"
/* URN of a coder that is its component, which runners need not know of: for them the values
 * are bytes. */
#define BM_URN_SEALED_CODER "beam:coder:c_sealed:v1"
/* URN of the coder of a beam_window with its bytes, inside of a custom_window. */
#define BM_URN_WINDOW_CODER "beam:coder:c_window:v1"

/* -- coding ------------------------------------------------------------------- */
/* Decodes one value. Spans in it point into the reader's bytes, the rest is in `arena`.
 * BEAM_ESHORT: the bytes end before the value does (outer context: never). */
beam_status bm_decode(const bm_coder *coder, bool nested, bm_reader *in, bm_arena *arena,
                      beam_value *out);
/* Appends one value. BEAM_ETYPE when the value is not of the coder's type. An iterable
 * whose length is not known is encoded with the unknown-length form; a state-backed one
 * that is not fully read is read through. */
beam_status bm_encode(const bm_coder *coder, bool nested, beam_value value, bm_writer *out);
/* Of a row that bm_encode() refuses: the first field that is why, or -1. */
int bm_row_refused(const bm_coder *coder, beam_value row);
/* Moves the reader past one value without building it. */
beam_status bm_skip(const bm_coder *coder, bool nested, bm_reader *in);
/* A copy that points to nothing outside `arena`. Iterables are read through. A STRUCT's
 * size is not known here (BEAM_EUNSUPPORTED): where one may occur, copy through its coder. */
beam_status bm_value_copy(bm_arena *arena, beam_value value, beam_value *out);
beam_status bm_value_copy_as(const bm_coder *coder, bm_arena *arena, beam_value value,
                             beam_value *out);
/* Text of a value for error messages, cut to `max` bytes: "KV{\"a\", 3}". */
char *bm_value_text(bm_arena *arena, beam_value value, size_t max);
/* Total order within a kind (numbers, bytes as unsigned, then KVs): <0, 0, >0. */
int bm_value_compare(beam_value a, beam_value b);

/* -- iterables ------------------------------------------------------------------ */
/* A beam_iter is one of: encoded items in memory (which may go on behind a state token),
 * or an array of values. Its vtable lets the worker add others. */
typedef struct bm_iter_ops {
    bool (*next)(beam_iter *iter, beam_value *out);
    void (*rewind)(beam_iter *iter);
} bm_iter_ops;

struct beam_iter {
    const bm_iter_ops *ops;
    int64_t known_size; /* -1: not known */
    beam_status failed; /* first failure of a read */
};

/* Over values in an array that outlives the iterator. Values need not be an ITERABLE to be
 * encoded as one: a beam_list does as well. */
beam_iter *bm_iter_of_values(bm_arena *arena, const beam_value *values, size_t n);

/* How a state-backed iterable gets its next page: the worker implements it over the State
 * API (StateKey.Runner). Set on the arena's thread before decoding. `page` must stay valid
 * until the next call. An empty `next_token` ends the iterable. */
typedef struct bm_pager {
    void *self;
    beam_status (*page)(void *self, beam_span state_token, beam_span continuation_token,
                        bm_writer *page, bm_writer *next_token);
} bm_pager;

/* What decoding needs beyond bytes: passed by the worker with bm_decode_with; bm_decode
 * uses none, and then a state-backed remainder is BEAM_ESTATE when it is reached. */
typedef struct bm_decoding {
    bm_arena *arena;
    const bm_pager *pager; /* or NULL; outlives the values, like `failed` */
    beam_status *failed;   /* or NULL; where iterables leave their first failure as well */
} bm_decoding;

beam_status bm_decode_with(const bm_coder *coder, bool nested, bm_reader *in,
                           const bm_decoding *decoding, beam_value *out);

#endif
