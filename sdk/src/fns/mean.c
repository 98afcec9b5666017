/* SPDX-License-Identifier: Apache-2.0 */
/* The mean of numbers. Bundle thread. */
#include <math.h>

#include "fns/builtin.h"

/* -- of int64: exact, then rounded once ------------------------------------------------ */
typedef struct mean_int64_acc {
    uint64_t low;
    int64_t high; /* of a sum of 128 bits */
    int64_t count;
} mean_int64_acc;

static __int128 sum_of(const mean_int64_acc *mean)
{
    return (__int128)((unsigned __int128)mean->high << 64 | mean->low);
}

static void add_to_sum(mean_int64_acc *mean, __int128 more)
{
    unsigned __int128 sum = (unsigned __int128)sum_of(mean) + (unsigned __int128)more;
    mean->low = (uint64_t)sum;
    mean->high = (int64_t)(uint64_t)(sum >> 64);
}

static void mean_int64_add(beam_ctx *c, void *acc, beam_value in)
{
    (void)c;
    mean_int64_acc *mean = acc;
    add_to_sum(mean, beam_as_int64(in));
    mean->count++;
}

static int64_t added(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static void mean_int64_merge(beam_ctx *c, void *acc, const void *other)
{
    (void)c;
    mean_int64_acc *mean = acc;
    const mean_int64_acc *more = other;
    add_to_sum(mean, sum_of(more));
    mean->count = added(mean->count, more->count);
}

static int leading_zeros(unsigned __int128 n)
{
    uint64_t high = (uint64_t)(n >> 64);
    return high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)n);
}

/* The nearest double: of the quotient there are 64 bits or more, and the last says whether
 * anything is left. */
static double quotient(unsigned __int128 n, uint64_t by)
{
    if (!n) return 0;
    int shift = leading_zeros(n);
    n <<= shift;
    unsigned __int128 bits = n / by | (n % by != 0);
    return ldexp((double)bits, -shift);
}

static beam_value mean_int64_extract(beam_ctx *c, const void *acc)
{
    (void)c;
    const mean_int64_acc *mean = acc;
    if (!mean->count) return beam_double((double)NAN);
    __int128 sum = sum_of(mean);
    unsigned __int128 size = (unsigned __int128)sum;
    double result = quotient(sum < 0 ? -size : size, (uint64_t)mean->count);
    return beam_double(sum < 0 ? -result : result);
}

/* KV{low, KV{carry, count}}, where low has a sign: a carry that is 0, of sums that fit into
 * an int64, takes one byte. */
static beam_value mean_int64_save(beam_ctx *c, const void *acc)
{
    const mean_int64_acc *mean = acc;
    int64_t low = (int64_t)mean->low;
    beam_value *values = beam_alloc(c, 4 * sizeof *values);
    values[2] = beam_int64(added(mean->high, low < 0));
    values[3] = beam_int64(mean->count);
    values[0] = beam_int64(low);
    values[1] = beam_kv(&values[2]);
    return beam_kv(values);
}

static void mean_int64_load(beam_ctx *c, void *acc, beam_value saved)
{
    (void)c;
    int64_t low = beam_as_int64(beam_key(saved));
    beam_value rest = beam_val(saved);
    *(mean_int64_acc *)acc = (mean_int64_acc){
        .low = (uint64_t)low,
        .high = added(beam_as_int64(beam_key(rest)), -(low < 0)),
        .count = beam_as_int64(beam_val(rest)),
    };
}

const beam_combine beam_mean_int64 = {
    .name = "beam.mean_int64",
    .in = BEAM_INT64,
    .acc = BEAM_KV(BEAM_INT64, BEAM_KV(BEAM_INT64, BEAM_INT64)),
    .out = BEAM_DOUBLE,
    .acc_size = sizeof(mean_int64_acc),
    .add = mean_int64_add,
    .merge = mean_int64_merge,
    .extract = mean_int64_extract,
    .save = mean_int64_save,
    .load = mean_int64_load,
};

/* -- of doubles ------------------------------------------------------------------------ */
typedef struct mean_double_acc {
    double sum;
    int64_t count;
} mean_double_acc;

static void mean_double_add(beam_ctx *c, void *acc, beam_value in)
{
    (void)c;
    mean_double_acc *mean = acc;
    mean->sum += beam_as_double(in);
    mean->count++;
}

static void mean_double_merge(beam_ctx *c, void *acc, const void *other)
{
    (void)c;
    mean_double_acc *mean = acc;
    const mean_double_acc *more = other;
    mean->sum += more->sum;
    mean->count = added(mean->count, more->count);
}

static beam_value mean_double_extract(beam_ctx *c, const void *acc)
{
    (void)c;
    const mean_double_acc *mean = acc;
    return beam_double(mean->count ? mean->sum / (double)mean->count : (double)NAN);
}

static beam_value mean_double_save(beam_ctx *c, const void *acc)
{
    const mean_double_acc *mean = acc;
    beam_value *pair = beam_alloc(c, 2 * sizeof *pair);
    pair[0] = beam_double(mean->sum);
    pair[1] = beam_int64(mean->count);
    return beam_kv(pair);
}

static void mean_double_load(beam_ctx *c, void *acc, beam_value saved)
{
    (void)c;
    mean_double_acc *mean = acc;
    mean->sum = beam_as_double(beam_key(saved));
    mean->count = beam_as_int64(beam_val(saved));
}

const beam_combine beam_mean_double = {
    .name = "beam.mean_double",
    .in = BEAM_DOUBLE,
    .acc = BEAM_KV(BEAM_DOUBLE, BEAM_INT64),
    .out = BEAM_DOUBLE,
    .acc_size = sizeof(mean_double_acc),
    .add = mean_double_add,
    .merge = mean_double_merge,
    .extract = mean_double_extract,
    .save = mean_double_save,
    .load = mean_double_load,
};
