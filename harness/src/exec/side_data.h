/* SPDX-License-Identifier: Apache-2.0 */
/* exec/side_data.h - what the runner holds under the state keys of side inputs: pages that
 * are read when they are needed and kept as far as memory allows, and iterators over them.
 * Bundle thread. */
#ifndef BM_SIDE_DATA_H
#define BM_SIDE_DATA_H

#include "exec/node.h"
#include "exec/state_cache.h"

enum {
    BM_SIDE_KEEP = 16 << 20,  /* bytes kept under one key */
    BM_SIDE_BUDGET = 64 << 20, /* of a side input; more is given up between callbacks */
    BM_SIDE_KEPT = 1 << 20     /* of memory for the next bundle */
};

typedef struct bm_side_block {
    uint8_t *bytes; /* malloc'd, or a part of `cached` */
    size_t n;
} bm_side_block;

/* Everything under one state key. */
typedef struct bm_side_data bm_side_data;
struct bm_side_data {
    bm_side_data *next_made;
    bm_state_key key; /* id: the side input's tag */
    beam_span token;  /* of the cache that outlives the bundle; empty: none */
    bm_side_block *blocks; /* the first pages */
    size_t n_blocks, cap_blocks, bytes;
    bm_writer next; /* continuation token behind the blocks */
    bool started;   /* a page was asked for */
    bool is_whole;  /* the blocks are all */
    bool is_full;   /* no more pages are kept */
    bm_cached *cached;
    /* Decoded, once it was asked for; in the store's arena. */
    bool is_decoded;
    size_t n_items;
    beam_value *items;
};

typedef struct bm_side_store {
    bm_node *node;
    bm_arena arena; /* keys and decoded values */
    bm_map by_key;
    bm_side_data *made;
    size_t bytes;
    bm_writer lookup;
} bm_side_store;

void bm_side_store_init(bm_side_store *store, bm_node *node);
/* Forgets everything: nothing that came from it may be in use. */
void bm_side_store_clear(bm_side_store *store);
void bm_side_store_free(bm_side_store *store);
/* What is under the key; found again until the store is cleared. */
bm_side_data *bm_side_store_get(bm_side_store *store, const bm_state_key *key,
                                beam_span token);

/* Reads all pages into one block, whatever their size. */
beam_status bm_side_data_join(bm_side_store *store, bm_side_data *data);
/* Asks for the first page; the runner may refuse, which is no failure yet. */
beam_status bm_side_data_try(bm_side_store *store, bm_side_data *data);

/* Iterates the items in the data, in memory of `arena`. An item is in memory of the iterator
 * and lives until the next, or is in `items` if that is not NULL and lives as that does. */
beam_iter *bm_side_iter_new(bm_side_store *store, bm_side_data *data, const bm_coder *item,
                            bm_arena *arena, bm_arena *items);
/* Items that are not read whole, but part by part: a value, or how many follow (the first
 * count of an iterable has 32 bits, those of its batches are varints). False at the end, which
 * is a failure if the part `must` be there. */
bool bm_side_iter_read(beam_iter *iter, const bm_coder *part, bool must, beam_value *out);
bool bm_side_iter_count(beam_iter *iter, bool is_first, uint64_t *out);
/* Begins anew, with other data. */
void bm_side_iter_aim(beam_iter *iter, bm_side_data *data);
/* Is there another item? The one before stays as it is. False also when reading fails. */
bool bm_side_iter_has_more(beam_iter *iter);

#endif
