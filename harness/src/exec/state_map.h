/* SPDX-License-Identifier: Apache-2.0 */
/* exec/state_map.h - what is shared by map states and the store below them. Bundle thread. */
#ifndef BM_STATE_MAP_H
#define BM_STATE_MAP_H

#include "exec/user_state.h"

/* What is known of one key. */
typedef struct bm_map_item {
    beam_span key; /* encoded */
    bool known;    /* what the runner has of it was read, or does not count any more */
    bool changed;  /* in this bundle */
    bool removed;  /* the changes begin with forgetting what the runner has */
    bool logged;   /* the log that was read names it */
    bool exists;   /* SET, MAP */
    beam_span value; /* MAP: encoded; `cap` bytes of it are ours to write to */
    size_t cap;
    bm_chunks stored, added; /* MULTIMAP: values of the runner's, and of this bundle */
} bm_map_item;

struct bm_map_cell {
    bm_map index;    /* bm_map_item by key */
    bool cleared;    /* nothing counts any more of what the runner has */
    size_t n_logged; /* records of the log that was read */
    uint32_t lent;   /* serial of the last callback that was given an iterator */
};

bm_map_item *bm_map_item_of(bm_user_state *s, struct bm_map_cell *map, beam_span key);

/* The store by the multimap protocol (state_multimap.c). */
beam_status bm_multimap_know_all(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                                 struct bm_map_cell *map);
bm_map_item *bm_multimap_know(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                              struct bm_map_cell *map, beam_span key);
beam_status bm_multimap_flush(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                              struct bm_map_cell *map);

#endif
