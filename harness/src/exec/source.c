/* SPDX-License-Identifier: Apache-2.0 */
/* beam:runner:source:v1: segments of bytes become elements, pushed one by one.
 *
 * Bundle thread, but for the stop index, which a split moves from another thread while
 * elements are taken. The taker must see the new stop, or the splitter the new index. To
 * order these two without a fence per element, the splitter makes the whole process pass
 * one (membarrier(2)); where the kernel has none, sequentially consistent accesses do. */
#include <stdint.h>

#include "base/error.h"
#include "coders/plain_element.h"
#include "exec/node.h"
#include "exec/owner_lock.h"

enum {
    /* Windows and panes are remembered by the decoder; forget them now and then. */
    HEADERS_KEPT = 1024
};

typedef struct source {
    bm_node node;
    int port;
    bm_pcoll *out;
    bm_element_decoder decoder;
    bm_plain_coder plain;
    bm_writer tail;  /* an element of which only a part has come */
    size_t retry_at; /* length of the tail at which decoding is tried again */
    const bm_reader *pushing; /* what comes after the element under way; NULL: none is */
    const uint8_t *ahead;     /* up to here it has been peeked at */
    bool stopped;    /* a split gave the rest away */
    bool has_membarrier;
    bm_count index;  /* of the element under way; -1: none yet */
    bm_count stop;   /* first index that is not ours */
} source;

const bm_coder *bm_source_coder(const bm_node *node)
{
    return ((const source *)node)->decoder.coder;
}

const bm_pcoll *bm_source_output(const bm_node *node)
{
    return ((const source *)node)->out;
}

/* -- splitting ------------------------------------------------------------------------ */
int64_t bm_source_index(const bm_node *node)
{
    return bm_count_get(&((const source *)node)->index);
}

int64_t bm_source_stop(const bm_node *node)
{
    return bm_count_get(&((const source *)node)->stop);
}

bool bm_source_set_stop(bm_node *node, int64_t stop)
{
    source *s = (source *)node;
    int64_t before = atomic_load(&s->stop);
    atomic_store(&s->stop, stop);
    if (s->has_membarrier) bm_membarrier();
    if (atomic_load(&s->index) < stop) return true;
    atomic_store(&s->stop, before);
    return false;
}

/* The index is at or past the stop that was seen: settled under the lock, since a split
 * that came too late takes its stop back. */
static bool take_slowly(source *s)
{
    pthread_mutex_lock(&s->node.plan->split_lock);
    s->stopped = bm_count_get(&s->index) >= bm_count_get(&s->stop);
    pthread_mutex_unlock(&s->node.plan->split_lock);
    return !s->stopped;
}

/* Moves on to the next element; false when it is not ours any more. */
static inline bool take(source *s)
{
    int64_t index = bm_count_get(&s->index) + 1;
    int64_t stop;
    if (BM_LIKELY(s->has_membarrier)) {
        bm_count_set(&s->index, index);
        atomic_signal_fence(memory_order_seq_cst);
        stop = bm_count_get(&s->stop);
    } else {
        atomic_store(&s->index, index);
        stop = atomic_load(&s->stop);
    }
    return BM_LIKELY(index < stop) || take_slowly(s);
}

/* -- elements --------------------------------------------------------------------------- */
static beam_status bad_element(source *s, beam_status status, size_t left)
{
    return bm_fail(&s->node, status, "read bad data",
                   "element %lld is not what its coder %s says (%s; %zu bytes from its start "
                   "to the end of the segment)",
                   (long long)bm_count_get(&s->index) + 1,
                   bm_coder_text(&s->node.plan->bundle, s->decoder.coder->arg[0]),
                   beam_status_text(status), left);
}

/* What is not that plain. No element is under way. */
static __attribute__((noinline)) beam_status decode(source *s, bm_reader *in, bm_element *out)
{
    if (BM_UNLIKELY(s->decoder.headers.n >= HEADERS_KEPT))
        bm_element_decoder_reset(&s->decoder);
    return bm_element_decode(&s->decoder, in, &s->node.plan->decoding, out);
}

/* Pushes the complete elements; BEAM_OK with bytes left in `in` when the last is not. */
static beam_status push_elements(source *s, bm_reader *in)
{
    bm_plan *plan = s->node.plan;
    beam_value pair[2];
    bm_element plain = { .value = { BEAM_KIND_KV, { .kv = pair } } }, other;
    struct bm_passing *passing = &plan->passing;
    bm_mark mark = bm_scratch_mark(&plan->scratch);
    beam_status status = BEAM_OK;
    passing->source = s->port;
    passing->wide = bm_wide_part(bm_rest(in));
    s->pushing = in;
    s->ahead = NULL;
    while (in->at < in->end) {
        const uint8_t *start = in->at;
        const bm_element *element = &plain;
        if (!bm_take_plain_element(&s->plain, s->decoder.last, in, pair, &plain)) {
            status = decode(s, in, &other);
            if (BM_UNLIKELY(status != BEAM_OK)) {
                bm_rewind(&plan->scratch, mark);
                in->at = start;
                if (status == BEAM_ESHORT) status = BEAM_OK;
                else if (!bm_failed(plan)) status = bad_element(s, status, bm_left(in));
                break;
            }
            element = &other;
        }
        if (!take(s)) {
            in->at = in->end;
            break;
        }
        passing->element = element;
        passing->bytes = (beam_span){ (const char *)start, (size_t)(in->at - start) };
        status = bm_send(s->out, element);
        bm_rewind(&plan->scratch, mark);
        if (BM_UNLIKELY(status != BEAM_OK)) break;
    }
    passing->source = -1;
    passing->wide.len = 0;
    s->pushing = NULL;
    return status;
}

bool bm_source_peek(bm_node *node, bm_element *out)
{
    source *s = (source *)node;
    if (!s->pushing) return false;
    bm_reader in = *s->pushing;
    if (s->ahead > in.at) in.at = s->ahead;
    if (in.at == in.end || bm_element_decode(&s->decoder, &in, &node->plan->decoding, out))
        return false;
    s->ahead = in.at;
    return true;
}

void bm_source_peek_again(bm_node *node)
{
    ((source *)node)->ahead = NULL;
}

/* An element that goes on in later segments is tried again when what is known to be missing
 * has come, or when its bytes have doubled; not for a few more, so that the work stays linear
 * in its size. */
static void settle_retry(source *s, size_t short_by)
{
    size_t have = s->tail.len;
    s->retry_at = have + (short_by && short_by >= have / 8 ? short_by : have);
}

static beam_status push_tail(source *s)
{
    bm_reader in = bm_reader_of(bm_written(&s->tail));
    beam_status status = push_elements(s, &in);
    size_t left = bm_left(&in);
    if (left && in.at != s->tail.data) memmove(s->tail.data, in.at, left);
    s->tail.len = left;
    settle_retry(s, in.short_by);
    return status;
}

static void keep_tail(source *s, beam_span data)
{
    if (s->tail.cap - s->tail.len < data.len && s->tail.len > data.len)
        bm_reserve(&s->tail, s->tail.len);
    bm_write_bytes(&s->tail, data.ptr, data.len);
}

/* Adds to the tail until its element is whole; what is left of `data` needs none. */
static beam_status finish_tail(source *s, beam_span *data)
{
    while (s->tail.len && data->len && !s->stopped) {
        size_t wanted = s->retry_at - s->tail.len;
        size_t n = wanted < data->len ? wanted : data->len;
        keep_tail(s, (beam_span){ data->ptr, n });
        *data = (beam_span){ data->ptr + n, data->len - n };
        if (s->tail.len < s->retry_at) return BEAM_OK;
        BEAM_TRY(push_tail(s));
        size_t back = s->tail.len; /* of the next element, whose start may be here too */
        if (back > n) continue;
        *data = (beam_span){ data->ptr - back, data->len + back };
        s->tail.len = 0;
    }
    return BEAM_OK;
}

beam_status bm_source_segment(bm_node *node, beam_span data)
{
    source *s = (source *)node;
    BEAM_TRY(finish_tail(s, &data));
    if (!data.len || s->stopped) return BEAM_OK;
    bm_reader in = bm_reader_of(data);
    BEAM_TRY(push_elements(s, &in));
    if (!bm_left(&in)) return BEAM_OK;
    keep_tail(s, bm_rest(&in));
    settle_retry(s, in.short_by);
    return BEAM_OK;
}

/* Nothing is left to give up, while timers may still be to come. */
static void settle_end(source *s)
{
    pthread_mutex_lock(&s->node.plan->split_lock);
    bm_count_add(&s->index, 1);
    bm_count_set(&s->stop, bm_count_get(&s->index));
    pthread_mutex_unlock(&s->node.plan->split_lock);
}

beam_status bm_source_end(bm_node *node)
{
    source *s = (source *)node;
    if (s->tail.len && !s->stopped) BEAM_TRY(push_tail(s));
    if (s->tail.len && !s->stopped)
        return bm_fail(node, BEAM_ECODER, "read bad data",
                       "the input ends in the middle of element %lld, after %zu bytes of it",
                       (long long)bm_count_get(&s->index) + 1, s->tail.len);
    if (!s->stopped) settle_end(s);
    return BEAM_OK;
}

/* -- the node ------------------------------------------------------------------------------ */
static beam_status source_start(bm_node *node)
{
    source *s = (source *)node;
    bm_element_decoder_reset(&s->decoder);
    s->pushing = NULL;
    s->tail.len = 0;
    s->stopped = false;
    bm_count_set(&s->index, -1);
    bm_count_set(&s->stop, INT64_MAX);
    return BEAM_OK;
}

static beam_status source_finish(bm_node *node)
{
    source *s = (source *)node;
    bm_writer_shrink(&s->tail, 1 << 16);
    return BEAM_OK;
}

static void source_free(bm_node *node)
{
    source *s = (source *)node;
    bm_element_decoder_free(&s->decoder);
    bm_writer_free(&s->tail);
}

static const bm_node_ops source_ops = {
    .start = source_start,
    .finish = source_finish,
    .free = source_free,
};

bool bm_is_source(const bm_node *node)
{
    return node && node->ops == &source_ops;
}

beam_status bm_source_new(bm_plan *plan, const bm_transform *t, bm_node **out,
                          beam_error *err)
{
    if (t->n_outputs != 1)
        return bm_error(err, BEAM_EINVAL, "Transform '%s' (%s) has %zu outputs, not one",
                        t->name, t->urn, t->n_outputs);
    source *s = bm_node_make(plan, t, &source_ops, sizeof *s);
    s->out = t->outputs[0].pcoll;
    s->has_membarrier = bm_membarrier_register();
    bm_count_set(&s->index, -1);
    bm_element_decoder_init(&s->decoder, t->coder);
    s->plain = bm_plain_coder_of(t->coder);
    s->port = (int)plan->n_sources;
    plan->source_nodes[plan->n_sources] = &s->node;
    plan->sources[plan->n_sources++] = (bm_port){ t->id, t->endpoint_url };
    *out = &s->node;
    return BEAM_OK;
}
