/* SPDX-License-Identifier: Apache-2.0 */
/* String sets, bounded tries, histograms and extremes. Written on the bundle thread, read on
 * any.
 *
 * The payloads of tries and histograms are messages of metrics.proto; there are so few fields that
 * they are written here field by field, and the engine stays free of protobuf. */
#include "exec/metric_sets.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/trie.h"

enum {
    MAX_TEXT_BYTES = 1000000,
    SCALE = 1,     /* HistogramValue: buckets grow by 2 ^ (2 ^ -SCALE), the root of 2 */
    BUCKETS = 126, /* ... up to 2 ^ 63 */
    VARINT = 0,    /* wire types of protobuf */
    BYTES = 2
};

struct bm_metric_set {
    pthread_mutex_t lock; /* guards what follows */
    bm_cell_kind kind;
    bm_arena arena; /* of texts and the trie */
    bm_map texts;
    size_t text_bytes;
    bm_trie trie;
    int64_t buckets[BUCKETS], values;
    bm_extremes extremes;
};

static bool has_extremes(bm_cell_kind kind)
{
    return kind >= BM_CELL_TOP_INT64 && kind <= BM_CELL_BOTTOM_DOUBLE;
}

static void empty(bm_metric_set *set)
{
    bm_map_init(&set->texts, &set->arena);
    bm_trie_init(&set->trie, &set->arena, BM_TRIE_BOUND);
    set->text_bytes = 0;
    set->values = 0;
    memset(set->buckets, 0, sizeof set->buckets);
    if (has_extremes(set->kind))
        bm_extremes_init(&set->extremes, &set->arena, BM_EXTREMES_KEPT);
}

bm_metric_set *bm_metric_set_new(bm_cell_kind kind)
{
    bm_metric_set *set = bm_xcalloc(1, sizeof *set);
    pthread_mutex_init(&set->lock, NULL);
    bm_arena_init(&set->arena, 0);
    set->kind = kind;
    set->extremes.is_double = kind == BM_CELL_TOP_DOUBLE || kind == BM_CELL_BOTTOM_DOUBLE;
    set->extremes.are_smallest = kind == BM_CELL_BOTTOM_INT64 ||
                                 kind == BM_CELL_BOTTOM_DOUBLE;
    empty(set);
    return set;
}

void bm_metric_set_free(bm_metric_set *set)
{
    if (!set) return;
    pthread_mutex_destroy(&set->lock);
    bm_arena_free(&set->arena);
    free(set);
}

void bm_metric_set_reset(bm_metric_set *set)
{
    pthread_mutex_lock(&set->lock);
    bm_arena_reset(&set->arena);
    empty(set);
    pthread_mutex_unlock(&set->lock);
}

bool bm_metric_set_add_text(bm_metric_set *set, beam_span text)
{
    pthread_mutex_lock(&set->lock);
    bool fits = bm_map_get(&set->texts, text) != NULL;
    if (!fits && set->text_bytes + text.len <= MAX_TEXT_BYTES) {
        bm_map_put_copy(&set->texts, text, set);
        set->text_bytes += text.len;
        fits = true;
    }
    pthread_mutex_unlock(&set->lock);
    return fits;
}

void bm_metric_set_add_path(bm_metric_set *set, const char *const *path, size_t n)
{
    beam_span spans[BM_TRIE_DEPTH];
    size_t kept = n < BM_TRIE_DEPTH ? n : BM_TRIE_DEPTH;
    for (size_t i = 0; i < kept; i++) spans[i] = beam_span_of(path[i]);
    pthread_mutex_lock(&set->lock);
    bm_trie_add(&set->trie, spans, kept, kept < n);
    pthread_mutex_unlock(&set->lock);
}

/* Bucket i > 0 holds the values from 2^(i/2) to before 2^((i+1)/2), bucket 0 all below. */
static size_t bucket_of(int64_t value)
{
    if (value < 2) return 0;
    unsigned log = 63 - (unsigned)__builtin_clzll((uint64_t)value);
    bool upper_half = (unsigned __int128)value * (unsigned __int128)value >> (2 * log + 1);
    size_t bucket = 2 * log + upper_half;
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

void bm_metric_set_add_value(bm_metric_set *set, int64_t value)
{
    pthread_mutex_lock(&set->lock);
    set->buckets[bucket_of(value)]++;
    set->values++;
    pthread_mutex_unlock(&set->lock);
}

void bm_metric_set_add_extreme(bm_metric_set *set, bm_extreme value)
{
    pthread_mutex_lock(&set->lock);
    bm_extremes_add(&set->extremes, value);
    pthread_mutex_unlock(&set->lock);
}

/* -- payloads ----------------------------------------------------------------------- */
static void write_tag(bm_writer *out, unsigned field, unsigned wire_type)
{
    bm_write_varint(out, field << 3 | wire_type);
}

static void write_number(bm_writer *out, unsigned field, uint64_t value)
{
    write_tag(out, field, VARINT);
    bm_write_varint(out, value);
}

static void write_part(bm_writer *out, unsigned field, beam_span bytes)
{
    write_tag(out, field, BYTES);
    bm_write_varint(out, bytes.len);
    bm_write_bytes(out, bytes.ptr, bytes.len);
}

/* iterable<string_utf8> */
static void write_texts(const bm_metric_set *set, bm_writer *out)
{
    bm_write_be32(out, (uint32_t)set->texts.n);
    BM_MAP_EACH(&set->texts, entry)
    {
        bm_write_varint(out, entry->key.len);
        bm_write_bytes(out, entry->key.ptr, entry->key.len);
    }
}

/* BoundedTrieNode { truncated = 1; map<string, BoundedTrieNode> children = 2 } */
static void write_node(const bm_trie_node *node, bm_writer *out)
{
    if (node->truncated) write_number(out, 1, 1);
    BM_MAP_EACH(&node->children, entry)
    {
        bm_writer child = { 0 }, pair = { 0 };
        write_node(entry->value, &child);
        write_part(&pair, 1, entry->key);
        write_part(&pair, 2, bm_written(&child));
        write_part(out, 2, bm_written(&pair));
        bm_writer_free(&child);
        bm_writer_free(&pair);
    }
}

/* BoundedTrie { bound = 1; root = 2 } */
static void write_trie(const bm_metric_set *set, bm_writer *out)
{
    bm_writer root = { 0 };
    write_node(set->trie.root, &root);
    write_number(out, 1, set->trie.bound);
    write_part(out, 2, bm_written(&root));
    bm_writer_free(&root);
}

/* HistogramValue { count = 1; bucket_options = 2 { exponential = 2 { number_of_buckets = 1;
 * scale = 2 } }; packed bucket_counts = 3 } */
static void write_histogram(const bm_metric_set *set, bm_writer *out)
{
    bm_writer exponential = { 0 }, options = { 0 }, counts = { 0 };
    write_number(&exponential, 1, BUCKETS);
    write_number(&exponential, 2, SCALE);
    write_part(&options, 2, bm_written(&exponential));
    size_t used = BUCKETS;
    while (used && !set->buckets[used - 1]) used--;
    for (size_t i = 0; i < used; i++) bm_write_varint(&counts, (uint64_t)set->buckets[i]);
    write_number(out, 1, (uint64_t)set->values);
    write_part(out, 2, bm_written(&options));
    write_part(out, 3, bm_written(&counts));
    bm_writer_free(&exponential);
    bm_writer_free(&options);
    bm_writer_free(&counts);
}

static bool write_payload(const bm_metric_set *set, bm_writer *out)
{
    if (set->kind == BM_CELL_STRING_SET && set->texts.n) write_texts(set, out);
    else if (set->kind == BM_CELL_BOUNDED_TRIE && set->trie.root) write_trie(set, out);
    else if (set->extremes.n)
        bm_extremes_write(&set->extremes, out);
    else if (set->values)
        write_histogram(set, out);
    else return false;
    return true;
}

bool bm_metric_set_payload(bm_metric_set *set, bm_writer *out)
{
    pthread_mutex_lock(&set->lock);
    bool any = write_payload(set, out);
    pthread_mutex_unlock(&set->lock);
    return any;
}
