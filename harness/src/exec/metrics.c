/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of a plan: written on the bundle thread, snapshots taken on any. */
#include "exec/metrics.h"

#include "beam_urns.h"
#include "exec/metric_sets.h"
#include "exec/data_sampler.h"
#include "exec/node.h"

/* -- cells ----------------------------------------------------------------------------- */
static bm_cell *find_cell(const bm_cells *cells, bm_cell_kind kind, const char *name)
{
    bm_cell *cell = atomic_load_explicit(&cells->first, memory_order_relaxed);
    while (cell && (cell->kind != kind || strcmp(cell->name, name) != 0))
        cell = cell->next;
    return cell;
}

static bm_cell *add_cell_of(bm_cells *cells, const bm_cell *what, bm_arena *arena,
                            uint32_t *next_index)
{
    bm_cell *cell = BM_NEW(arena, bm_cell);
    *cell = *what;
    cell->name = bm_strdup(arena, what->name);
    cell->index = (*next_index)++;
    if (cell->kind >= BM_CELL_STRING_SET) cell->set = bm_metric_set_new(cell->kind);
    cell->next = atomic_load_explicit(&cells->first, memory_order_relaxed);
    atomic_store_explicit(&cells->first, cell, memory_order_release);
    return cell;
}

bm_cell *bm_cells_add_call(bm_cells *cells, bm_cell_kind kind, const char *outcome,
                           const bm_call_names *call, bm_arena *arena,
                           uint32_t *next_index)
{
    const bm_cell what = { .kind = kind, .name = outcome, .call = call };
    return add_cell_of(cells, &what, arena, next_index);
}

bm_cell *bm_cells_get(bm_cells *cells, bm_cell_kind kind, const char *name, bm_arena *arena,
                      uint32_t *next_index)
{
    if (!name) name = "";
    /* The same address is mostly the same name, but a formatted name's memory is reused. */
    size_t slot = ((uintptr_t)name ^ (uintptr_t)name >> 4) % BEAM_COUNT(cells->recent);
    bm_cell *cell = cells->recent[slot];
    if (cell && cell->kind == kind && strcmp(cell->name, name) == 0) return cell;
    cell = find_cell(cells, kind, name);
    if (!cell)
        cell = add_cell_of(cells, &(bm_cell){ .kind = kind, .name = name }, arena,
                           next_index);
    cells->recent[slot] = cell;
    return cell;
}

void bm_cells_reset(bm_cells *cells)
{
    bm_cell *cell = atomic_load_explicit(&cells->first, memory_order_relaxed);
    for (; cell; cell = cell->next) {
        bm_distribution_reset(&cell->value);
        if (cell->set) bm_metric_set_reset(cell->set);
    }
}

void bm_cells_free(bm_cells *cells)
{
    bm_cell *cell = atomic_load_explicit(&cells->first, memory_order_relaxed);
    for (; cell; cell = cell->next) bm_metric_set_free(cell->set);
}

/* -- of a plan ---------------------------------------------------------------------------- */
void bm_plan_reset_metrics(bm_plan *plan)
{
    for (size_t i = 0; i < plan->n_pcolls; i++) {
        bm_pcoll *p = plan->pcolls[i];
        int64_t count = bm_count_get(&p->count);
        p->seen += count;
        p->next_sample = p->next_sample > count ? p->next_sample - count : 1;
        bm_count_set(&p->count, 0);
        bm_distribution_reset(&p->bytes);
    }
    for (size_t i = 0; i < plan->n_nodes; i++) {
        bm_cells_reset(&plan->nodes[i]->cells);
        for (int t = 0; t < BM_N_TIMES; t++) bm_count_set(&plan->nodes[i]->times_ms[t], 0);
    }
}

typedef struct list {
    bm_arena *arena;
    bm_monitoring_info *at;
    size_t n, cap;
} list;

static bm_monitoring_info *add(list *l, const char *urn, const char *type, uint32_t index)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 8;
        bm_monitoring_info *grown = bm_alloc(l->arena, bm_times(cap, sizeof *grown));
        if (l->n) memcpy(grown, l->at, l->n * sizeof *grown);
        l->at = grown;
        l->cap = cap;
    }
    bm_monitoring_info *info = &l->at[l->n++];
    *info = (bm_monitoring_info){ .urn = urn, .type = type, .index = index };
    return info;
}

static void label(bm_monitoring_info *info, const char *key, const char *value)
{
    info->labels[info->n_labels++] = (bm_monitoring_label){ key, value };
}

static void write_numbers(bm_writer *w, const int64_t *values, size_t n)
{
    for (size_t i = 0; i < n; i++) bm_write_varint(w, (uint64_t)values[i]);
}

/* Doubles, as their bits. */
static void write_doubles(bm_writer *w, const int64_t *bits, size_t n)
{
    for (size_t i = 0; i < n; i++) bm_write_be64(w, (uint64_t)bits[i]);
}

static void payload(list *l, bm_monitoring_info *info, const int64_t *values, size_t n)
{
    bm_writer w = { 0 };
    write_numbers(&w, values, n);
    info->payload = bm_span_copy(l->arena, bm_written(&w));
    bm_writer_free(&w);
}

static void add_distribution(list *l, bm_monitoring_info *info, const bm_snapshot *s)
{
    payload(l, info, (int64_t[]){ s->n, s->sum, s->min, s->max }, 4);
}

/* Index numbers: two per collection, one per source, BM_N_TIMES and two for progress per
 * node, then user cells. */
enum { PER_NODE = BM_N_TIMES + 2 };

static void add_pcoll(list *l, const bm_pcoll *p, uint32_t index)
{
    int64_t count = bm_count_get(&p->count);
    if (!count) return;
    bm_monitoring_info *info =
        add(l, BEAM_URN_METRIC_ELEMENT_COUNT, BEAM_URN_METRICS_SUM_INT64, index);
    label(info, "PCOLLECTION", p->id);
    payload(l, info, &count, 1);
    bm_snapshot bytes = bm_distribution_read(&p->bytes);
    if (!bytes.n) return;
    info = add(l, BEAM_URN_METRIC_SAMPLED_BYTE_SIZE, BEAM_URN_METRICS_DISTRIBUTION_INT64,
               index + 1);
    label(info, "PCOLLECTION", p->id);
    add_distribution(l, info, &bytes);
}

static void add_source(list *l, const bm_node *source, uint32_t index)
{
    int64_t at = bm_source_index(source);
    if (at <= 0) return;
    bm_monitoring_info *info =
        add(l, BEAM_URN_METRIC_DATA_CHANNEL_READ_INDEX, BEAM_URN_METRICS_SUM_INT64, index);
    label(info, "PTRANSFORM", source->id);
    payload(l, info, &at, 1);
}

static void add_times(list *l, const bm_node *node, uint32_t index)
{
    static const char *const urns[BM_N_TIMES] = {
        [BM_TIME_START] = BEAM_URN_METRIC_PARDO_EXECUTION_TIME_START_BUNDLE_MSECS,
        [BM_TIME_PROCESS] = BEAM_URN_METRIC_PARDO_EXECUTION_TIME_PROCESS_BUNDLE_MSECS,
        [BM_TIME_FINISH] = BEAM_URN_METRIC_PARDO_EXECUTION_TIME_FINISH_BUNDLE_MSECS,
        [BM_TIME_TOTAL] = BEAM_URN_METRIC_PTRANSFORM_EXECUTION_TIME_TOTAL_MSECS,
    };
    for (uint32_t t = 0; t < BM_N_TIMES; t++) {
        int64_t ms = bm_count_get(&node->times_ms[t]);
        if (!ms) continue;
        bm_monitoring_info *info = add(l, urns[t], BEAM_URN_METRICS_SUM_INT64, index + t);
        label(info, "PTRANSFORM", node->id);
        payload(l, info, &ms, 1);
    }
}

/* An iterable of doubles: one for each element under way. */
static void put_progress(list *l, const bm_node *node, const char *urn, double value,
                         uint32_t index)
{
    bm_monitoring_info *info = add(l, urn, BEAM_URN_METRICS_PROGRESS, index);
    label(info, "PTRANSFORM", node->id);
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bm_writer w = { 0 };
    bm_write_be32(&w, 1);
    bm_write_be64(&w, bits);
    info->payload = bm_span_copy(l->arena, bm_written(&w));
    bm_writer_free(&w);
}

static void add_progress(list *l, bm_node *node, uint32_t index)
{
    beam_progress progress;
    if (!node->ops->progress || !node->ops->progress(node, &progress)) return;
    put_progress(l, node, BEAM_URN_METRIC_PTRANSFORM_PROGRESS_COMPLETED, progress.completed,
                 index);
    put_progress(l, node, BEAM_URN_METRIC_PTRANSFORM_PROGRESS_REMAINING, progress.remaining,
                 index + 1);
}

static const struct cell_urns {
    const char *urn, *type;
} cell_urns[BM_N_CELL_KINDS] = {
    [BM_CELL_COUNTER] = { BEAM_URN_METRIC_USER_SUM_INT64, BEAM_URN_METRICS_SUM_INT64 },
    [BM_CELL_DISTRIBUTION] = { BEAM_URN_METRIC_USER_DISTRIBUTION_INT64,
                               BEAM_URN_METRICS_DISTRIBUTION_INT64 },
    [BM_CELL_GAUGE] = { BEAM_URN_METRIC_USER_LATEST_INT64,
                        BEAM_URN_METRICS_LATEST_INT64 },
    [BM_CELL_COUNTER_DOUBLE] = { BEAM_URN_METRIC_USER_SUM_DOUBLE,
                                 BEAM_URN_METRICS_SUM_DOUBLE },
    [BM_CELL_DISTRIBUTION_DOUBLE] = { BEAM_URN_METRIC_USER_DISTRIBUTION_DOUBLE,
                                      BEAM_URN_METRICS_DISTRIBUTION_DOUBLE },
    [BM_CELL_GAUGE_DOUBLE] = { BEAM_URN_METRIC_USER_LATEST_DOUBLE,
                               BEAM_URN_METRICS_LATEST_DOUBLE },
    [BM_CELL_STRING_SET] = { BEAM_URN_METRIC_USER_SET_STRING,
                             BEAM_URN_METRICS_SET_STRING },
    [BM_CELL_BOUNDED_TRIE] = { BEAM_URN_METRIC_USER_BOUNDED_TRIE,
                               BEAM_URN_METRICS_BOUNDED_TRIE },
    [BM_CELL_HISTOGRAM] = { BEAM_URN_METRIC_USER_HISTOGRAM_INT64,
                            BEAM_URN_METRICS_HISTOGRAM_INT64 },
    [BM_CELL_TOP_INT64] = { BEAM_URN_METRIC_USER_TOP_N_INT64,
                            BEAM_URN_METRICS_TOP_N_INT64 },
    [BM_CELL_TOP_DOUBLE] = { BEAM_URN_METRIC_USER_TOP_N_DOUBLE,
                             BEAM_URN_METRICS_TOP_N_DOUBLE },
    [BM_CELL_BOTTOM_INT64] = { BEAM_URN_METRIC_USER_BOTTOM_N_INT64,
                               BEAM_URN_METRICS_BOTTOM_N_INT64 },
    [BM_CELL_BOTTOM_DOUBLE] = { BEAM_URN_METRIC_USER_BOTTOM_N_DOUBLE,
                                BEAM_URN_METRICS_BOTTOM_N_DOUBLE },
    [BM_CELL_CALLS] = { BEAM_URN_METRIC_IO_API_REQUEST_COUNT,
                        BEAM_URN_METRICS_SUM_INT64 },
    [BM_CELL_CALL_MS] = { BEAM_URN_METRIC_IO_API_REQUEST_LATENCIES,
                          BEAM_URN_METRICS_HISTOGRAM_INT64 },
};

/* False: the cell was not used in this bundle. */
static bool write_cell(const bm_cell *cell, bm_writer *w)
{
    if (cell->set) return bm_metric_set_payload(cell->set, w);
    bm_snapshot s = bm_distribution_read(&cell->value);
    if (!s.n && !s.sum) return false;
    const int64_t gauge[] = { s.max, s.sum },
                  distribution[] = { s.n, s.sum, s.min, s.max };
    switch (cell->kind) {
    case BM_CELL_COUNTER:
    case BM_CELL_CALLS: write_numbers(w, &s.sum, 1); break;
    case BM_CELL_GAUGE: write_numbers(w, gauge, 2); break;
    case BM_CELL_COUNTER_DOUBLE: write_doubles(w, &s.sum, 1); break;
    case BM_CELL_GAUGE_DOUBLE:
        write_numbers(w, &s.max, 1);
        write_doubles(w, &s.sum, 1);
        break;
    case BM_CELL_DISTRIBUTION_DOUBLE:
        write_numbers(w, &s.n, 1);
        write_doubles(w, distribution + 1, 3);
        break;
    default: write_numbers(w, distribution, 4); break;
    }
    return true;
}

static void label_user(bm_monitoring_info *info, const bm_node *node, const bm_cell *cell)
{
    label(info, "PTRANSFORM", node->id);
    label(info, "NAMESPACE", node->name_space ? node->name_space : node->name);
    label(info, "NAME", cell->name);
}

static void label_call(bm_monitoring_info *info, const bm_node *node, const bm_cell *cell)
{
    label(info, "SERVICE", cell->call->service);
    label(info, "METHOD", cell->call->method);
    label(info, "RESOURCE", cell->call->resource);
    label(info, "PTRANSFORM", node->id);
    if (cell->kind == BM_CELL_CALLS) label(info, "STATUS", cell->name);
}

static void add_cell(list *l, const bm_node *node, const bm_cell *cell)
{
    bm_writer w = { 0 };
    if (write_cell(cell, &w)) {
        const struct cell_urns *urns = &cell_urns[cell->kind];
        bm_monitoring_info *info = add(l, urns->urn, urns->type, cell->index);
        if (cell->call)
            label_call(info, node, cell);
        else
            label_user(info, node, cell);
        info->payload = bm_span_copy(l->arena, bm_written(&w));
    }
    bm_writer_free(&w);
}

size_t bm_plan_metrics(bm_plan *plan, bm_arena *arena, bm_monitoring_info **out)
{
    list l = { .arena = arena };
    uint32_t index = 0;
    for (size_t i = 0; i < plan->n_pcolls; i++, index += 2)
        add_pcoll(&l, plan->pcolls[i], index);
    for (size_t i = 0; i < plan->n_sources; i++) add_source(&l, plan->source_nodes[i], index++);
    for (size_t i = 0; i < plan->n_nodes; i++, index += PER_NODE) {
        add_times(&l, plan->nodes[i], index);
        add_progress(&l, plan->nodes[i], index + BM_N_TIMES);
    }
    for (size_t i = 0; i < plan->n_nodes; i++) {
        const bm_node *node = plan->nodes[i];
        const bm_cell *cell = atomic_load_explicit(&node->cells.first, memory_order_acquire);
        for (; cell; cell = cell->next) add_cell(&l, node, cell);
    }
    *out = l.at;
    return l.n;
}

uint32_t bm_plan_first_cell_index(const bm_plan *plan)
{
    return (uint32_t)(2 * plan->n_pcolls + plan->n_sources + PER_NODE * plan->n_nodes);
}

/* -- sampling ------------------------------------------------------------------------------ */
/* The first elements that a plan sees of a collection, then ever fewer. */
static int64_t sample_gap(int64_t seen)
{
    int64_t gap = seen < 10 ? 1 : seen / 8;
    return gap < 10000 ? gap : 10000;
}

static const bm_element *passing_element(const bm_plan *plan, const bm_element *element)
{
    return plan->passing.source >= 0 && plan->passing.element == element ? element : NULL;
}

/* The value under the PCollection's coder; false when it cannot be had. */
static bool encode_for_people(bm_plan *plan, const bm_pcoll *pcoll, const bm_element *element)
{
    plan->sizing.len = 0;
    return !pcoll->has_iterable && pcoll->coder
           && bm_encode(pcoll->coder, true, element->value, &plan->sizing) == BEAM_OK;
}

static void take_element(bm_plan *plan, const bm_pcoll *pcoll, const bm_element *element)
{
    bm_data_sampler *sampler = plan->io->sampler;
    if (!bm_data_sampler_wants(sampler, pcoll->id)) return;
    if (!encode_for_people(plan, pcoll, element)) return;
    const bm_data_sample sample = { .element = bm_written(&plan->sizing) };
    bm_data_sampler_add(sampler, pcoll->id, &sample);
}

static const bm_pcoll *input_of(const bm_node *node)
{
    const bm_plan *plan = node->plan;
    for (size_t i = 0; i < plan->n_pcolls; i++)
        for (size_t k = 0; k < plan->pcolls[i]->n_consumers; k++)
            if (plan->pcolls[i]->consumers[k] == node) return plan->pcolls[i];
    return NULL;
}

void bm_sample_failure(bm_node *node, const bm_element *element)
{
    bm_plan *plan = node->plan;
    const bm_pcoll *pcoll = input_of(node);
    if (!plan->io->sampler || !pcoll || !encode_for_people(plan, pcoll, element)) return;
    const bm_data_sample sample = { .element = bm_written(&plan->sizing),
                                    .instruction_id = plan->instruction_id,
                                    .transform_id = node->id,
                                    .error = plan->error.message };
    bm_data_sampler_add(plan->io->sampler, pcoll->id, &sample);
}

beam_status bm_sample(bm_pcoll *pcoll, const bm_element *element, int64_t count)
{
    pcoll->next_sample = count + sample_gap(pcoll->seen + count);
    bm_node *producer = pcoll->producer;
    if (!producer) return BEAM_OK;
    bm_plan *plan = producer->plan;
    if (BM_UNLIKELY(plan->io->sampler)) take_element(plan, pcoll, element);
    if (passing_element(plan, element)) {
        bm_distribution_add(&pcoll->bytes, (int64_t)plan->passing.bytes.len);
        return BEAM_OK;
    }
    if (pcoll->has_iterable || !pcoll->coder) return BEAM_OK;
    plan->sizing.len = 0;
    beam_status status = bm_encode(pcoll->coder, true, element->value, &plan->sizing);
    if (status == BEAM_ETYPE)
        return bm_fail_type(producer, pcoll, NULL, pcoll->coder, element->value);
    if (status == BEAM_OK) bm_distribution_add(&pcoll->bytes, (int64_t)plan->sizing.len);
    return BEAM_OK;
}

void bm_plan_sample_time(bm_plan *plan, int64_t elapsed_ms)
{
    bm_node *node = atomic_load_explicit(&plan->current, memory_order_acquire);
    if (!node) return;
    int phase = atomic_load_explicit(&node->phase, memory_order_relaxed);
    atomic_fetch_add_explicit(&node->times_ms[phase], elapsed_ms, memory_order_relaxed);
    atomic_fetch_add_explicit(&node->times_ms[BM_TIME_TOTAL], elapsed_ms,
                              memory_order_relaxed);
}

const char *bm_plan_current_transform(bm_plan *plan)
{
    bm_node *node = atomic_load_explicit(&plan->current, memory_order_acquire);
    return node ? node->id : NULL;
}

uint64_t bm_plan_pulse(const bm_plan *plan)
{
    uint64_t pulse = 0;
    for (size_t i = 0; i < plan->n_pcolls; i++)
        pulse += (uint64_t)bm_count_get(&plan->pcolls[i]->count);
    return pulse;
}
