/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads of MonitoringInfos. Any thread. */
#include "proto/metric_value.h"

#include <math.h>

#include "beam_urns.h"
#include "model/metrics.pb-c.h"
#include "proto/model.h"

enum { MAX_BUCKETS = 65536, MAX_EXTREMES = 1000 };

/* -- numbers ------------------------------------------------------------------------- */
static beam_status read_int64(bm_reader *r, int64_t *out)
{
    uint64_t v;
    BEAM_TRY(bm_read_varint(r, &v));
    *out = (int64_t)v;
    return BEAM_OK;
}

static beam_status read_double(bm_reader *r, double *out)
{
    uint64_t bits;
    BEAM_TRY(bm_read_be64(r, &bits));
    memcpy(out, &bits, sizeof *out);
    return BEAM_OK;
}

static void write_double(bm_writer *w, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bm_write_be64(w, bits);
}

static beam_status read_number(bm_reader *r, bm_metric_value *v)
{
    return v->is_double ? read_double(r, &v->real) : read_int64(r, &v->whole);
}

static beam_status read_gauge(bm_reader *r, bm_metric_value *v)
{
    BEAM_TRY(read_int64(r, &v->time_ms));
    return read_number(r, v);
}

/* Without values, the rest may be missing. */
static beam_status read_distribution(bm_reader *r, bm_metric_value *v)
{
    BEAM_TRY(read_int64(r, &v->count));
    if (!v->count) return BEAM_OK;
    if (v->is_double) {
        BEAM_TRY(read_double(r, &v->real_sum));
        BEAM_TRY(read_double(r, &v->real_min));
        return read_double(r, &v->real_max);
    }
    BEAM_TRY(read_int64(r, &v->sum));
    BEAM_TRY(read_int64(r, &v->min));
    return read_int64(r, &v->max);
}

/* -- string sets ------------------------------------------------------------------------ */
static beam_status read_texts(bm_arena *arena, bm_reader *r, bm_metric_value *v)
{
    uint32_t n;
    bm_map_init(&v->texts, arena);
    BEAM_TRY(bm_read_be32(r, &n));
    for (uint32_t i = 0; i < n; i++) {
        beam_span text;
        BEAM_TRY(bm_read_prefixed(r, &text));
        bm_map_put(&v->texts, text, v);
    }
    return BEAM_OK;
}

/* -- the largest and the smallest ---------------------------------------------------------- */
/* There may be more than this SDK keeps. */
static beam_status read_extremes(bm_arena *arena, bm_reader *r, bm_metric_value *v)
{
    uint32_t n;
    BEAM_TRY(bm_read_be32(r, &n));
    v->extremes.is_double = v->is_double;
    v->extremes.are_smallest = v->kind == BM_BOTTOM_N;
    size_t most = n < BM_EXTREMES_KEPT ? BM_EXTREMES_KEPT
                  : n < MAX_EXTREMES   ? n
                                       : MAX_EXTREMES;
    bm_extremes_init(&v->extremes, arena, most);
    for (uint32_t i = 0; i < n; i++) {
        bm_extreme e;
        BEAM_TRY(v->is_double ? read_double(r, &e.real) : read_int64(r, &e.whole));
        bm_extremes_add(&v->extremes, e);
    }
    return BEAM_OK;
}

static void add_extremes(bm_arena *arena, bm_extremes *sum, const bm_extremes *more)
{
    const bm_extremes old = *sum;
    if (more->most > sum->most) bm_extremes_init(sum, arena, more->most);
    for (size_t i = 0; sum->at != old.at && i < old.n; i++)
        bm_extremes_add(sum, old.at[i]);
    for (size_t i = 0; i < more->n; i++) bm_extremes_add(sum, more->at[i]);
}

/* -- bounded tries ------------------------------------------------------------------------ */
typedef struct path {
    beam_span at[BM_TRIE_DEPTH];
    size_t n;
} path;

static void read_node(const Pb__BoundedTrieNode *node, path *prefix, bm_trie *trie)
{
    if (!node) return;
    if (node->truncated || !node->n_children || prefix->n == BM_TRIE_DEPTH) {
        bm_trie_add(trie, prefix->at, prefix->n, node->truncated || node->n_children);
        return;
    }
    for (size_t i = 0; i < node->n_children; i++) {
        prefix->at[prefix->n++] = beam_span_of(node->children[i]->key);
        read_node(node->children[i]->value, prefix, trie);
        prefix->n--;
    }
}

static beam_status read_trie(bm_arena *arena, beam_span payload, bm_metric_value *v)
{
    Pb__BoundedTrie *m = (Pb__BoundedTrie *)
        bm_pb_unpack(arena, &pb__bounded_trie__descriptor, payload, BM_PB_MAX_DEPTH);
    if (!m) return BEAM_ECODER;
    bm_trie_init(&v->trie, arena, m->bound > 0 ? (size_t)m->bound : BM_TRIE_BOUND);
    path prefix = { .n = 0 };
    read_node(m->root, &prefix, &v->trie);
    for (size_t i = 0; i < m->n_singleton && i < BM_TRIE_DEPTH; i++)
        prefix.at[prefix.n++] = beam_span_of(m->singleton[i]);
    if (prefix.n)
        bm_trie_add(&v->trie, prefix.at, prefix.n, m->n_singleton > BM_TRIE_DEPTH);
    return BEAM_OK;
}

static Pb__BoundedTrieNode *node_proto(bm_arena *arena, const bm_trie_node *node)
{
    Pb__BoundedTrieNode *m = BM_NEW(arena, Pb__BoundedTrieNode);
    pb__bounded_trie_node__init(m);
    m->truncated = node->truncated;
    m->children = BM_NEW_ARRAY(arena, Pb__BoundedTrieNode__ChildrenEntry *, node->children.n);
    BM_MAP_EACH(&node->children, entry)
    {
        Pb__BoundedTrieNode__ChildrenEntry *child =
            BM_NEW(arena, Pb__BoundedTrieNode__ChildrenEntry);
        pb__bounded_trie_node__children_entry__init(child);
        child->key = bm_cstr(arena, entry->key);
        child->value = node_proto(arena, entry->value);
        m->children[m->n_children++] = child;
    }
    return m;
}

static beam_span trie_bytes(bm_arena *arena, const bm_trie *trie)
{
    Pb__BoundedTrie m = PB__BOUNDED_TRIE__INIT;
    m.bound = (int32_t)trie->bound;
    if (trie->root) m.root = node_proto(arena, trie->root);
    return bm_pb_pack(arena, &m.base);
}

/* -- histograms ------------------------------------------------------------------------------ */
static bool read_buckets(const Pb__HistogramValue__BucketOptions *options, bm_histogram *h,
                         int32_t *n)
{
    if (!options) return false;
    if (options->bucket_type_case == PB__HISTOGRAM_VALUE__BUCKET_OPTIONS__BUCKET_TYPE_LINEAR) {
        h->start = options->linear->start;
        h->width = options->linear->width;
        *n = options->linear->number_of_buckets;
        return h->width > 0;
    }
    if (options->bucket_type_case
        != PB__HISTOGRAM_VALUE__BUCKET_OPTIONS__BUCKET_TYPE_EXPONENTIAL)
        return false;
    h->exponential = true;
    h->scale = options->exponential->scale;
    *n = options->exponential->number_of_buckets;
    return h->scale >= -3 && h->scale <= 3;
}

static beam_status read_histogram(bm_arena *arena, beam_span payload, bm_metric_value *v)
{
    Pb__HistogramValue *m = (Pb__HistogramValue *)
        bm_pb_unpack(arena, &pb__histogram_value__descriptor, payload, BM_PB_MAX_DEPTH);
    bm_histogram *h = &v->histogram;
    int32_t n = 0;
    if (!m || !read_buckets(m->bucket_options, h, &n) || n < 1 || n > MAX_BUCKETS
        || m->n_bucket_counts > (size_t)n)
        return BEAM_ECODER;
    h->n = (size_t)n;
    h->counts = BM_NEW_ARRAY(arena, int64_t, h->n);
    for (size_t i = 0; i < m->n_bucket_counts; i++) h->counts[i] = m->bucket_counts[i];
    v->count = m->count;
    return BEAM_OK;
}

static beam_span histogram_bytes(bm_arena *arena, const bm_metric_value *v)
{
    const bm_histogram *h = &v->histogram;
    Pb__HistogramValue__BucketOptions__Linear linear =
        PB__HISTOGRAM_VALUE__BUCKET_OPTIONS__LINEAR__INIT;
    Pb__HistogramValue__BucketOptions__Base2Exponent exponential =
        PB__HISTOGRAM_VALUE__BUCKET_OPTIONS__BASE2_EXPONENT__INIT;
    Pb__HistogramValue__BucketOptions options = PB__HISTOGRAM_VALUE__BUCKET_OPTIONS__INIT;
    Pb__HistogramValue m = PB__HISTOGRAM_VALUE__INIT;
    if (h->exponential) {
        exponential._number_of_buckets_case = 1;
        exponential.number_of_buckets = (int32_t)h->n;
        exponential._scale_case = 2;
        exponential.scale = h->scale;
        options.bucket_type_case =
            PB__HISTOGRAM_VALUE__BUCKET_OPTIONS__BUCKET_TYPE_EXPONENTIAL;
        options.exponential = &exponential;
    } else {
        linear._number_of_buckets_case = 1;
        linear.number_of_buckets = (int32_t)h->n;
        linear._width_case = 2;
        linear.width = h->width;
        linear._start_case = 3;
        linear.start = h->start;
        options.bucket_type_case = PB__HISTOGRAM_VALUE__BUCKET_OPTIONS__BUCKET_TYPE_LINEAR;
        options.linear = &linear;
    }
    m._count_case = PB__HISTOGRAM_VALUE___COUNT_COUNT;
    m.count = v->count;
    m._bucket_options_case = PB__HISTOGRAM_VALUE___BUCKET_OPTIONS_BUCKET_OPTIONS;
    m.bucket_options = &options;
    m.bucket_counts = h->counts;
    m.n_bucket_counts = h->n;
    return bm_pb_pack(arena, &m.base);
}

double bm_histogram_bound(const bm_histogram *h, size_t i)
{
    if (!h->exponential) return h->start + (double)i * h->width;
    return i ? exp2(ldexp((double)i, -h->scale)) : 0;
}

double bm_histogram_quantile(const bm_histogram *h, double rank)
{
    int64_t all = 0, below = 0;
    for (size_t i = 0; i < h->n; i++) all += h->counts[i];
    for (size_t i = 0; i < h->n; i++) {
        below += h->counts[i];
        if (below && (double)below >= rank * (double)all) return bm_histogram_bound(h, i + 1);
    }
    return 0;
}

/* -- all kinds --------------------------------------------------------------------------------- */
static const struct type {
    const char *urn;
    bm_metric_kind kind;
    bool is_double;
} types[] = {
    { BEAM_URN_METRICS_SUM_INT64, BM_COUNTER, false },
    { BEAM_URN_METRICS_SUM_DOUBLE, BM_COUNTER, true },
    { BEAM_URN_METRICS_DISTRIBUTION_INT64, BM_DISTRIBUTION, false },
    { BEAM_URN_METRICS_DISTRIBUTION_DOUBLE, BM_DISTRIBUTION, true },
    { BEAM_URN_METRICS_LATEST_INT64, BM_GAUGE, false },
    { BEAM_URN_METRICS_LATEST_DOUBLE, BM_GAUGE, true },
    { BEAM_URN_METRICS_SET_STRING, BM_STRING_SET, false },
    { BEAM_URN_METRICS_BOUNDED_TRIE, BM_BOUNDED_TRIE, false },
    { BEAM_URN_METRICS_HISTOGRAM_INT64, BM_HISTOGRAM, false },
    { BEAM_URN_METRICS_TOP_N_INT64, BM_TOP_N, false },
    { BEAM_URN_METRICS_TOP_N_DOUBLE, BM_TOP_N, true },
    { BEAM_URN_METRICS_BOTTOM_N_INT64, BM_BOTTOM_N, false },
    { BEAM_URN_METRICS_BOTTOM_N_DOUBLE, BM_BOTTOM_N, true },
};

beam_status bm_metric_read(bm_arena *arena, const char *type, beam_span payload,
                           bm_metric_value *out)
{
    const struct type *t = types;
    while (t < types + BEAM_COUNT(types) && strcmp(t->urn, type) != 0) t++;
    if (t == types + BEAM_COUNT(types)) return BEAM_EUNSUPPORTED;
    *out = (bm_metric_value){ .kind = t->kind, .is_double = t->is_double };
    bm_reader r = bm_reader_of(payload);
    switch (t->kind) {
    case BM_COUNTER: return read_number(&r, out);
    case BM_DISTRIBUTION: return read_distribution(&r, out);
    case BM_GAUGE: return read_gauge(&r, out);
    case BM_STRING_SET: return read_texts(arena, &r, out);
    case BM_BOUNDED_TRIE: return read_trie(arena, payload, out);
    case BM_HISTOGRAM: return read_histogram(arena, payload, out);
    case BM_TOP_N:
    case BM_BOTTOM_N: return read_extremes(arena, &r, out);
    }
    return BEAM_EUNSUPPORTED;
}

static int64_t wrapping_sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static void add_distribution(bm_metric_value *sum, const bm_metric_value *more)
{
    if (!more->count) return;
    bool first = !sum->count;
    if (first || more->min < sum->min) sum->min = more->min;
    if (first || more->max > sum->max) sum->max = more->max;
    if (first || more->real_min < sum->real_min) sum->real_min = more->real_min;
    if (first || more->real_max > sum->real_max) sum->real_max = more->real_max;
    sum->count = wrapping_sum(sum->count, more->count);
    sum->sum = wrapping_sum(sum->sum, more->sum);
    sum->real_sum += more->real_sum;
}

static beam_status add_histogram(bm_metric_value *sum, const bm_metric_value *more)
{
    bm_histogram *h = &sum->histogram;
    const bm_histogram *m = &more->histogram;
    bool same = h->exponential == m->exponential && h->scale == m->scale && h->n == m->n
                && h->start == m->start && h->width == m->width;
    if (!same) return BEAM_EINVAL;
    for (size_t i = 0; i < h->n; i++) h->counts[i] = wrapping_sum(h->counts[i], m->counts[i]);
    sum->count = wrapping_sum(sum->count, more->count);
    return BEAM_OK;
}

beam_status bm_metric_add(bm_arena *arena, bm_metric_value *sum, const bm_metric_value *more)
{
    if (sum->kind != more->kind || sum->is_double != more->is_double) return BEAM_EINVAL;
    switch (sum->kind) {
    case BM_COUNTER:
        sum->whole = wrapping_sum(sum->whole, more->whole);
        sum->real += more->real;
        return BEAM_OK;
    case BM_DISTRIBUTION: add_distribution(sum, more); return BEAM_OK;
    case BM_GAUGE:
        if (more->time_ms >= sum->time_ms) *sum = *more;
        return BEAM_OK;
    case BM_STRING_SET:
        BM_MAP_EACH(&more->texts, entry)
        bm_map_put(&sum->texts, bm_span_copy(arena, entry->key), sum);
        return BEAM_OK;
    case BM_BOUNDED_TRIE: bm_trie_merge(&sum->trie, &more->trie); return BEAM_OK;
    case BM_HISTOGRAM: return add_histogram(sum, more);
    case BM_TOP_N:
    case BM_BOTTOM_N:
        add_extremes(arena, &sum->extremes, &more->extremes);
        return BEAM_OK;
    }
    return BEAM_EINVAL;
}

static void write_number(const bm_metric_value *v, bm_writer *out)
{
    if (v->is_double) write_double(out, v->real);
    else bm_write_varint(out, (uint64_t)v->whole);
}

static void write_distribution(const bm_metric_value *v, bm_writer *out)
{
    bm_write_varint(out, (uint64_t)v->count);
    if (v->is_double) {
        write_double(out, v->real_sum);
        write_double(out, v->real_min);
        write_double(out, v->real_max);
        return;
    }
    bm_write_varint(out, (uint64_t)v->sum);
    bm_write_varint(out, (uint64_t)v->min);
    bm_write_varint(out, (uint64_t)v->max);
}

static void write_texts(const bm_metric_value *v, bm_writer *out)
{
    bm_write_be32(out, (uint32_t)v->texts.n);
    BM_MAP_EACH(&v->texts, entry)
    {
        bm_write_varint(out, entry->key.len);
        bm_write_bytes(out, entry->key.ptr, entry->key.len);
    }
}

void bm_metric_write(bm_arena *arena, const bm_metric_value *value, bm_writer *out)
{
    beam_span packed = { NULL, 0 };
    switch (value->kind) {
    case BM_COUNTER: write_number(value, out); return;
    case BM_DISTRIBUTION: write_distribution(value, out); return;
    case BM_GAUGE:
        bm_write_varint(out, (uint64_t)value->time_ms);
        write_number(value, out);
        return;
    case BM_STRING_SET: write_texts(value, out); return;
    case BM_TOP_N:
    case BM_BOTTOM_N: bm_extremes_write(&value->extremes, out); return;
    case BM_BOUNDED_TRIE: packed = trie_bytes(arena, &value->trie); break;
    case BM_HISTOGRAM: packed = histogram_bytes(arena, value); break;
    }
    bm_write_bytes(out, packed.ptr, packed.len);
}
