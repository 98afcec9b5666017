/* SPDX-License-Identifier: Apache-2.0 */
/* The user's metrics: beam_counter_add() and its like. Bundle thread. */
#include "base/clock.h"
#include "exec/ctx_impl.h"
#include "exec/metric_sets.h"

static inline bm_cell *cell_of(beam_ctx *c, bm_cell_kind kind, const char *name)
{
    bm_plan *plan = c->node->plan;
    return bm_cells_get(&c->node->cells, kind, name, &plan->arena, &plan->next_index);
}

static inline bm_distribution *cell(beam_ctx *c, bm_cell_kind kind, const char *name)
{
    return &cell_of(c, kind, name)->value;
}

void beam_counter_add(beam_ctx *c, const char *name, int64_t by)
{
    bm_count_add(&cell(c, BM_CELL_COUNTER, name)->sum, by);
}

void beam_distribution_add(beam_ctx *c, const char *name, int64_t value)
{
    bm_distribution_add(cell(c, BM_CELL_DISTRIBUTION, name), value);
}

void beam_gauge_set(beam_ctx *c, const char *name, int64_t value)
{
    bm_gauge_set(cell(c, BM_CELL_GAUGE, name), value, bm_wall_coarse_ms());
}

void beam_counter_add_double(beam_ctx *c, const char *name, double by)
{
    bm_count_add_double(&cell(c, BM_CELL_COUNTER_DOUBLE, name)->sum, by);
}

void beam_distribution_add_double(beam_ctx *c, const char *name, double value)
{
    bm_distribution_add_double(cell(c, BM_CELL_DISTRIBUTION_DOUBLE, name), value);
}

void beam_gauge_set_double(beam_ctx *c, const char *name, double value)
{
    bm_gauge_set_double(cell(c, BM_CELL_GAUGE_DOUBLE, name), value, bm_wall_coarse_ms());
}

void beam_string_set_add(beam_ctx *c, const char *name, beam_span text)
{
    bm_metric_set_add_text(cell_of(c, BM_CELL_STRING_SET, name)->set, text);
}

void beam_bounded_trie_add(beam_ctx *c, const char *name, const char *const *path,
                           size_t n)
{
    bm_metric_set_add_path(cell_of(c, BM_CELL_BOUNDED_TRIE, name)->set, path, n);
}

void beam_histogram_add(beam_ctx *c, const char *name, int64_t value)
{
    bm_metric_set_add_value(cell_of(c, BM_CELL_HISTOGRAM, name)->set, value);
}

static void add_extreme(beam_ctx *c, bm_cell_kind kind, const char *name,
                        bm_extreme value)
{
    bm_metric_set_add_extreme(cell_of(c, kind, name)->set, value);
}

void beam_top_n_add(beam_ctx *c, const char *name, int64_t value)
{
    add_extreme(c, BM_CELL_TOP_INT64, name, (bm_extreme){ .whole = value });
}

void beam_top_n_add_double(beam_ctx *c, const char *name, double value)
{
    add_extreme(c, BM_CELL_TOP_DOUBLE, name, (bm_extreme){ .real = value });
}

void beam_bottom_n_add(beam_ctx *c, const char *name, int64_t value)
{
    add_extreme(c, BM_CELL_BOTTOM_INT64, name, (bm_extreme){ .whole = value });
}

void beam_bottom_n_add_double(beam_ctx *c, const char *name, double value)
{
    add_extreme(c, BM_CELL_BOTTOM_DOUBLE, name, (bm_extreme){ .real = value });
}
