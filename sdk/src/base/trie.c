/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded trie. Any thread, one at a time for one trie. */
#include "base/trie.h"

static bm_trie_node *new_node(bm_arena *arena)
{
    bm_trie_node *node = BM_NEW(arena, bm_trie_node);
    bm_map_init(&node->children, arena);
    node->leaves = 1;
    return node;
}

void bm_trie_init(bm_trie *trie, bm_arena *arena, size_t bound)
{
    *trie = (bm_trie){ .arena = arena, .bound = bound };
}

static void cut(bm_trie_node *node)
{
    node->truncated = true;
    bm_map_init(&node->children, node->children.arena);
    node->leaves = 1;
}

static void count_leaves(bm_trie_node *node)
{
    size_t leaves = 0;
    BM_MAP_EACH(&node->children, entry) leaves += ((bm_trie_node *)entry->value)->leaves;
    node->leaves = leaves ? leaves : 1;
}

/* Cuts the largest of the branches whose children are all leaves. */
static void trim(bm_trie_node *node)
{
    bm_trie_node *largest = NULL;
    BM_MAP_EACH(&node->children, entry)
    {
        bm_trie_node *child = entry->value;
        if (!largest || child->leaves > largest->leaves) largest = child;
    }
    if (!largest || largest->leaves == 1) {
        cut(node);
        return;
    }
    trim(largest);
    count_leaves(node);
}

static void add(bm_arena *arena, bm_trie_node *node, const beam_span *path, size_t n,
                bool truncated)
{
    if (node->truncated) return;
    if (!n) {
        if (truncated) cut(node);
        return;
    }
    bm_trie_node *child = bm_map_get(&node->children, path[0]);
    if (!child) {
        child = new_node(arena);
        bm_map_put_copy(&node->children, path[0], child);
    }
    add(arena, child, path + 1, n - 1, truncated);
    count_leaves(node);
}

void bm_trie_add(bm_trie *trie, const beam_span *path, size_t n, bool truncated)
{
    if (!n && !truncated) return;
    if (n > BM_TRIE_DEPTH) {
        n = BM_TRIE_DEPTH;
        truncated = true;
    }
    if (!trie->root) trie->root = new_node(trie->arena);
    add(trie->arena, trie->root, path, n, truncated);
    while (trie->root->leaves > trie->bound) trim(trie->root);
}

static void add_leaf(void *self, const beam_span *path, size_t n, bool truncated)
{
    bm_trie_add(self, path, n, truncated);
}

void bm_trie_merge(bm_trie *trie, const bm_trie *other)
{
    bm_trie_each(other, add_leaf, trie);
}

typedef struct walk {
    void (*each)(void *self, const beam_span *path, size_t n, bool truncated);
    void *self;
    beam_span path[BM_TRIE_DEPTH];
} walk;

static void each_leaf(walk *w, const bm_trie_node *node, size_t depth)
{
    if (!node->children.n || depth == BM_TRIE_DEPTH) {
        w->each(w->self, w->path, depth, node->truncated || node->children.n);
        return;
    }
    BM_MAP_EACH(&node->children, entry)
    {
        w->path[depth] = entry->key;
        each_leaf(w, entry->value, depth + 1);
    }
}

void bm_trie_each(const bm_trie *trie,
                  void (*each)(void *self, const beam_span *path, size_t n, bool truncated),
                  void *self)
{
    walk w = { .each = each, .self = self };
    if (trie->root) each_leaf(&w, trie->root, 0);
}
