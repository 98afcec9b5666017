/* SPDX-License-Identifier: Apache-2.0 */
/* base/trie.h - a trie of paths that keeps at most so many leaves: past that, the largest
 * branches are cut back to a prefix (BoundedTrie of metrics.proto). One thread at a time. */
#ifndef BM_TRIE_H
#define BM_TRIE_H

#include "base/map.h"

enum { BM_TRIE_BOUND = 100, BM_TRIE_DEPTH = 24 };

typedef struct bm_trie_node {
    bm_map children;  /* bm_trie_node by segment */
    size_t leaves;    /* below it, itself if it has no children */
    bool truncated;   /* stands for everything that begins so */
} bm_trie_node;

typedef struct bm_trie {
    bm_arena *arena;
    bm_trie_node *root; /* NULL: empty */
    size_t bound;
} bm_trie;

/* Everything is in `arena`; what is cut away stays there until that is freed. */
void bm_trie_init(bm_trie *trie, bm_arena *arena, size_t bound);
/* A path longer than BM_TRIE_DEPTH is cut. */
void bm_trie_add(bm_trie *trie, const beam_span *path, size_t n, bool truncated);
void bm_trie_merge(bm_trie *trie, const bm_trie *other);
/* Calls `each` with every leaf. */
void bm_trie_each(const bm_trie *trie,
                  void (*each)(void *self, const beam_span *path, size_t n, bool truncated),
                  void *self);

#endif
