/* SPDX-License-Identifier: Apache-2.0 */
/* exec/user_state.h - the states that a DoFn declares, per key and window.
 *
 * A write-back cache over the runner's state: a *row* is what the bundle knows of one key
 * and window, with one *cell* for each declared state. A row is found once per callback.
 * Cells read what they need when they are asked for it; what has changed is written when
 * the bundle ends, or when the rows take too much memory and no callback runs. Bundle
 * thread. */
#ifndef BM_USER_STATE_H
#define BM_USER_STATE_H

#include "exec/par_do.h"

/* Encoded values, one after the other; each lies in one chunk. */
typedef struct bm_chunk {
    struct bm_chunk *next;
    size_t len, cap;
    uint8_t at[];
} bm_chunk;
typedef struct bm_chunks {
    bm_chunk *first, *last;
} bm_chunks;

/* VALUE: its encoding, or itself if it is a scalar. */
typedef struct bm_value_cell {
    bool exists;
    union {
        beam_value scalar;
        struct {
            uint8_t *at;
            size_t len, cap;
        } bytes;
    } as;
} bm_value_cell;

/* BAG: what the runner has, or the beginning of it, and what was added here. */
typedef struct bm_bag_cell {
    beam_span held, next_token; /* next_token: where the rest of a large bag goes on */
    bm_chunks added;
    uint32_t lent; /* serial of the last callback that was given an iterator */
} bm_bag_cell;

/* COMBINING: one accumulator; without `known`, of what was added here alone. */
typedef struct bm_acc_cell {
    void *acc; /* NULL: nothing was added */
    size_t n_stored;
} bm_acc_cell;

typedef struct bm_state_cell {
    bool known;   /* what the runner has was read, or does not count any more */
    bool stored;  /* the runner may have something that a replacement must clear */
    bool changed; /* there is something to write */
    void *asked;  /* a read under way (state_ahead.c), or NULL */
    union {
        bm_value_cell value;
        bm_bag_cell bag;
        bm_acc_cell acc;
        struct bm_map_cell *map;   /* SET, MAP, MULTIMAP */
        struct bm_list_cell *list; /* ORDERED_LIST */
    } as;
} bm_state_cell;

typedef struct bm_row {
    struct bm_row *next;   /* in order of making */
    uint64_t hash;         /* of id and its_window */
    beam_span id;          /* the key's bytes, see key_bytes.h */
    beam_window its_window;
    beam_span key, window; /* encoded, one after the other */
    struct bm_timer_row *timers; /* or NULL; see timers.c */
    bool visited; /* a callback has used it; otherwise it was made ahead */
    bm_state_cell cells[];
} bm_row;

enum { BM_MOST_ASKED = 256 };

typedef struct bm_user_state bm_user_state;
typedef struct bm_state_slot bm_state_slot;

/* What a state of the callback's row was when an attempt began that may have to be undone. */
typedef struct bm_saved_state {
    bool is_saved;
    bm_state_cell cell;
    bm_writer bytes; /* what the cell points to and changes in place */
    size_t len;      /* of the last chunk of a bag */
} bm_saved_state;

/* What depends on a state's kind. */
typedef struct bm_state_ops {
    bool (*is_empty)(bm_user_state *s, const bm_state_slot *slot, bm_row *row);
    beam_status (*clear)(bm_user_state *s, const bm_state_slot *slot, bm_row *row);
    /* Sends what has changed to the runner; the cell is dropped or kept after it. */
    beam_status (*flush)(bm_user_state *s, const bm_state_slot *slot, bm_row *row);
    /* Before the first change of an attempt, and when that has failed. NULL: what has changed
     * before is flushed, after which `settle` makes the cell what it is now, or if that is
     * NULL it is forgotten; a failed attempt's cell is forgotten. */
    beam_status (*save)(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                        bm_saved_state *saved);
    beam_status (*restore)(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                           const bm_saved_state *saved);
    void (*settle)(bm_user_state *s, const bm_state_slot *slot, bm_row *row);
} bm_state_ops;

/* A declared state. */
struct bm_state_slot {
    const beam_state_spec *spec;
    beam_state_kind kind;
    const bm_state_info *info; /* of the payload */
    size_t index;              /* of its cell */
    const bm_state_ops *ops;
    const bm_coder *coder;     /* of its values, elements, accumulators */
    const bm_coder *map_key_coder; /* SET: of its values, which have no `coder` */
    beam_kind scalar;          /* INT64, DOUBLE or BOOL: all of its values are; otherwise ANY */
    bool allocates;            /* decoding takes memory */
    beam_ctx combine_ctx;      /* COMBINING: what its functions get */
    const bm_coder *result_coder;
    uint64_t rows_read; /* in this plan's life, of s->rows_visited */
};

struct bm_user_state {
    bm_node *node;
    beam_ctx *ctx;
    const beam_dofn *fn;
    const bm_coder *key_coder, *window_coder;
    beam_kind key_kind;
    bm_state_slot *slots; /* those of the DoFn, then those of the sorter */
    size_t n, n_declared; /* n_declared: of the DoFn */
    const bm_state_slot *sorted, *sorted_times; /* NULL: the input is not sorted here */

    bm_arena arena;        /* of the rows */
    bm_arena accumulators; /* of COMBINING */
    bm_row *first, **end;  /* rows; by key and window: */
    bm_row **table;        /* a power of two of slots, at most half used; in the arena */
    size_t n_slots, n_rows;
    size_t bytes; /* about what the rows take */
    uint32_t serial;       /* of the callback under way */
    bm_row *row;           /* of the callback under way; NULL: not looked for yet */
    bm_writer key, encoded;
    beam_window window; /* the last one, and its encoding */
    bm_writer window_bytes;
    bool has_window;
    beam_span token;      /* under which bags are cached across bundles; empty: not at all */
    bool runner_has_none; /* the runner holds no state for the bundle's keys */
    bool spilling;        /* rows are written back in the middle of the bundle */
    bool writing_back;    /* rows are written back */
    bm_saved_state *saved; /* by state; NULL: attempts are not undone */
    bool attempting;
    /* Reading ahead. */
    bm_node *source; /* of its elements; NULL: they do not come from a source */
    uint64_t rows_visited;
    bm_row *asked[BM_MOST_ASKED]; /* of which reads are under way, or were */
    size_t n_asked;
    uint64_t bytes_read, pages_read; /* first pages */
    uint64_t random; /* the same numbers in every run */
};

/* -- life: called by par_do.c -------------------------------------------------------------- */
/* Sets p->ctx.state. */
beam_status bm_user_state_new(bm_par_do *p, const bm_transform *t, beam_error *err);
void bm_user_state_free(bm_user_state *s);
void bm_user_state_start(bm_user_state *s);
/* Writes back and forgets all rows. */
beam_status bm_user_state_finish(bm_user_state *s);
/* Before each callback that has a key. */
static inline void bm_user_state_enter(bm_user_state *s)
{
    s->row = NULL;
    s->serial++;
}

/* The row of the callback's key and window; NULL after failing. */
bm_row *bm_user_state_row(bm_user_state *s);

/* -- attempts: DoFns whose failures are caught (state_attempt.c) ------------------------------ */
/* Once, after which attempts may begin. */
void bm_user_state_can_undo(bm_user_state *s);
/* A callback's attempt at the context's element begins; it ends well; what it has changed is
 * undone. */
void bm_user_state_attempt(bm_user_state *s);
static inline void bm_user_state_keep(bm_user_state *s)
{
    s->attempting = false;
}
beam_status bm_user_state_undo(bm_user_state *s);
void bm_user_state_free_saved(bm_user_state *s);
/* Before a callback changes a state. */
beam_status bm_state_save(bm_user_state *s, const bm_state_slot *slot, bm_row *row);
/* The state's cell as if the row were new. */
void bm_state_forget(bm_user_state *s, const bm_state_slot *slot, bm_row *row);

/* -- reading ahead (state_ahead.c) ----------------------------------------------------------- */
/* The row of an element's only window, made if it is new; NULL: it cannot be encoded. */
bm_row *bm_user_state_row_of(bm_user_state *s, const bm_element *element);
/* Is the state's content kept from an earlier bundle? */
bool bm_state_is_cached(const bm_user_state *s, const bm_state_slot *slot, const bm_row *row);
/* Asks for a state that has to be waited for, and for what the next elements will want. */
void bm_state_ahead(bm_user_state *s, const bm_state_slot *slot, bm_row *row);
/* The first page of what was asked for. */
beam_status bm_state_take(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                          bm_writer *out, bm_writer *next);
/* Lets go of what was asked for and not taken: of a state that is going to be written, of all. */
void bm_state_drop(bm_user_state *s, const bm_state_slot *slot, bm_row *row);
void bm_state_drop_asked(bm_user_state *s);

/* -- what the kinds share -------------------------------------------------------------------- */
/* Appends what the runner has of a bag, up to about `most` bytes; `next` gets the token of
 * what is left. */
beam_status bm_state_read(bm_user_state *s, const bm_state_slot *slot, bm_row *row, size_t most,
                          bm_writer *out, bm_writer *next);
beam_status bm_state_write(bm_user_state *s, const bm_state_slot *slot, const bm_row *row,
                           bool clear, beam_span append);
/* The same by any key of the State API. */
beam_status bm_state_read_key(bm_user_state *s, const bm_state_slot *slot,
                              const bm_state_key *key, size_t most, bm_writer *out,
                              bm_writer *next);
beam_status bm_state_write_key(bm_user_state *s, const bm_state_slot *slot,
                               const bm_state_key *key, bool clear, beam_span append);
bm_state_key bm_state_key_of(const bm_user_state *s, const bm_state_slot *slot, const bm_row *row,
                             bm_state_kind kind);
beam_status bm_state_failed(bm_user_state *s, const bm_state_slot *slot, beam_status status,
                            const char *doing, const char *why);
/* The value's encoding, until the next call. Fails the bundle if it is of another type. */
beam_status bm_state_encode(bm_user_state *s, const bm_state_slot *slot, const bm_coder *coder,
                            beam_value value, beam_span *out);
/* A value that lives as long as the callback's scratch memory; NONE after failing. */
beam_value bm_state_decode(bm_user_state *s, const bm_state_slot *slot, const bm_coder *coder,
                           beam_span bytes);
void bm_chunks_grow(bm_user_state *s, bm_chunks *chunks, size_t n);
/* Room for n bytes in the last chunk, whose length the caller adds to. */
static inline uint8_t *bm_chunks_reserve(bm_user_state *s, bm_chunks *chunks, size_t n)
{
    if (BM_UNLIKELY(!chunks->last || chunks->last->cap - chunks->last->len < n))
        bm_chunks_grow(s, chunks, n);
    return chunks->last->at + chunks->last->len;
}
static inline void bm_chunks_add(bm_user_state *s, bm_chunks *chunks, beam_span bytes)
{
    bm_copy_short(bm_chunks_reserve(s, chunks, bytes.len), bytes.ptr, bytes.len);
    chunks->last->len += bytes.len;
}
/* Once in a while: is it time to read a state that is only ever written, to make it small? */
bool bm_state_compacts(bm_user_state *s);

/* A key and a value as they are encoded, or a value at a place in an ordered list. */
typedef struct bm_pair {
    beam_span key, value;
    beam_millis at;
} bm_pair;
typedef enum bm_pairs_shape {
    BM_PAIRS_KEYS,
    BM_PAIRS_VALUES,
    BM_PAIRS_KVS,
    BM_PAIRS_TIMED /* KV<INT64, V> */
} bm_pairs_shape;
/* Over an array, and bytes, that stay as they are for as long as the callback runs. */
beam_iter *bm_pairs_iter(bm_user_state *s, const bm_state_slot *slot, bm_pairs_shape shape,
                         const bm_pair *pairs, size_t n);

extern const bm_state_ops bm_value_ops, bm_bag_ops, bm_acc_ops, bm_map_ops, bm_list_ops;

/* Numbers are read and written without a call, by the functions below these. */
beam_value bm_value_read_any(bm_user_state *s, const bm_state_slot *slot, bm_row *row);
beam_status bm_value_write_any(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                               const beam_value *v);
beam_status bm_bag_add_any(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                           const beam_value *v);
static inline beam_value bm_value_read(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    const bm_state_cell *cell = &row->cells[slot->index];
    if (BM_LIKELY(cell->known && cell->as.value.exists && slot->scalar != BEAM_KIND_ANY))
        return cell->as.value.as.scalar;
    return bm_value_read_any(s, slot, row);
}
static inline beam_status bm_value_write(bm_user_state *s, const bm_state_slot *slot,
                                         bm_row *row, const beam_value *v)
{
    if (BM_UNLIKELY(v->kind != slot->scalar)) return bm_value_write_any(s, slot, row, v);
    bm_state_cell *cell = &row->cells[slot->index];
    cell->as.value.exists = cell->known = cell->changed = true;
    cell->as.value.as.scalar.kind = v->kind; /* by member: see beam_value_of_kind_() */
    cell->as.value.as.scalar.as.int64 = v->as.int64; /* no number is longer */
    return BEAM_OK;
}
static inline beam_status bm_bag_add(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                                     const beam_value *v)
{
    bm_state_cell *cell = &row->cells[slot->index];
    bm_chunk *last = cell->as.bag.added.last;
    if (BM_UNLIKELY(v->kind != BEAM_KIND_INT64 || slot->scalar != BEAM_KIND_INT64 || !last
                    || last->cap - last->len < BM_VARINT_MAX))
        return bm_bag_add_any(s, slot, row, v);
    uint8_t *end = bm_put_varint(last->at + last->len, (uint64_t)v->as.int64);
    last->len = (size_t)(end - last->at);
    cell->changed = true;
    return BEAM_OK;
}
beam_iter *bm_bag_iter(bm_user_state *s, const bm_state_slot *slot, bm_row *row);
beam_value bm_acc_read(bm_user_state *s, const bm_state_slot *slot, bm_row *row);
beam_status bm_acc_add(bm_user_state *s, const bm_state_slot *slot, bm_row *row, beam_value v);

beam_status bm_set_add(bm_user_state *s, const bm_state_slot *slot, bm_row *row, beam_value v);
beam_status bm_map_put_value(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                             beam_value key, beam_value value);
beam_status bm_map_remove(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                          beam_value key);
bool bm_map_contains(bm_user_state *s, const bm_state_slot *slot, bm_row *row, beam_value key);
beam_value bm_map_get_value(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                            beam_value key);
beam_iter *bm_map_iter(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                       bool keys_alone);
beam_iter *bm_multimap_lookup(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                              beam_value key);

beam_status bm_list_insert(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                           beam_millis at, beam_value v);
beam_status bm_list_clear_range(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                                beam_millis from, beam_millis to);
beam_iter *bm_list_range(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                         beam_millis from, beam_millis to);

#endif
