/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of metrics: changed on the bundle thread, read on any. */
#include "exec/metrics.h"

static void begin_change(bm_distribution *d)
{
    bm_count_set(&d->sequence, bm_count_get(&d->sequence) + 1);
    atomic_signal_fence(memory_order_seq_cst);
}

/* Release stores keep the order of changes that the reader relies on; on x86 they are
 * plain stores. */
static void put(bm_count *count, int64_t value)
{
    atomic_store_explicit(count, value, memory_order_release);
}

static void end_change(bm_distribution *d)
{
    put(&d->sequence, bm_count_get(&d->sequence) + 1);
}

void bm_distribution_add(bm_distribution *d, int64_t value)
{
    int64_t n = bm_count_get(&d->n);
    begin_change(d);
    if (!n || value < bm_count_get(&d->min)) put(&d->min, value);
    if (!n || value > bm_count_get(&d->max)) put(&d->max, value);
    put(&d->sum, (int64_t)((uint64_t)bm_count_get(&d->sum) + (uint64_t)value));
    put(&d->n, n + 1);
    end_change(d);
}

static double double_of(int64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int64_t bits_of(double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

void bm_count_add_double(bm_count *count, double by)
{
    bm_count_set(count, bits_of(double_of(bm_count_get(count)) + by));
}

void bm_distribution_add_double(bm_distribution *d, double value)
{
    int64_t n = bm_count_get(&d->n);
    begin_change(d);
    if (!n || value < double_of(bm_count_get(&d->min))) put(&d->min, bits_of(value));
    if (!n || value > double_of(bm_count_get(&d->max))) put(&d->max, bits_of(value));
    put(&d->sum, bits_of(double_of(bm_count_get(&d->sum)) + value));
    put(&d->n, n + 1);
    end_change(d);
}

void bm_gauge_set_double(bm_distribution *d, double value, beam_millis now)
{
    bm_gauge_set(d, bits_of(value), now);
}

void bm_distribution_reset(bm_distribution *d)
{
    begin_change(d);
    put(&d->n, 0);
    put(&d->sum, 0);
    put(&d->min, 0);
    put(&d->max, 0);
    end_change(d);
}

void bm_gauge_set(bm_distribution *d, int64_t value, beam_millis now)
{
    begin_change(d);
    put(&d->sum, value);
    put(&d->max, now);
    put(&d->n, 1);
    end_change(d);
}

bm_snapshot bm_distribution_read(const bm_distribution *d)
{
    for (;;) {
        int64_t before = atomic_load_explicit(&d->sequence, memory_order_acquire);
        bm_snapshot s = {
            atomic_load_explicit(&d->n, memory_order_acquire),
            atomic_load_explicit(&d->sum, memory_order_acquire),
            atomic_load_explicit(&d->min, memory_order_acquire),
            atomic_load_explicit(&d->max, memory_order_acquire),
        };
        if (!(before & 1) && before == bm_count_get(&d->sequence)) return s;
    }
}
