/* SPDX-License-Identifier: Apache-2.0 */
/* Built-in CombineFns over numbers: sum, min, max, count. Bundle thread. */
#include <math.h>

#include "fns/builtin.h"

/* -- int64 ---------------------------------------------------------------------------- */
static int64_t wrapping_sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void start_at_max(beam_ctx *c, void *acc)
{
    (void)c;
    *(int64_t *)acc = INT64_MAX;
}

static void start_at_min(beam_ctx *c, void *acc)
{
    (void)c;
    *(int64_t *)acc = INT64_MIN;
}

static beam_value extract_int64(beam_ctx *c, const void *acc)
{
    (void)c;
    return beam_int64(*(const int64_t *)acc);
}

/* add and merge of `acc = op(acc, value)`. */
#define FOLD(name, type, as, op)                                        \
    static void name##_add(beam_ctx *c, void *acc, beam_value in)       \
    {                                                                   \
        (void)c;                                                        \
        *(type *)acc = op(*(type *)acc, as(in));                        \
    }                                                                   \
    static void name##_merge(beam_ctx *c, void *acc, const void *other) \
    {                                                                   \
        (void)c;                                                        \
        *(type *)acc = op(*(type *)acc, *(const type *)other);          \
    }

FOLD(sum_int64, int64_t, beam_as_int64, wrapping_sum)
FOLD(min_int64, int64_t, beam_as_int64, smaller)
FOLD(max_int64, int64_t, beam_as_int64, larger)

/* -- double: NaN wins, as in the other SDKs ------------------------------------------- */
static double plain_sum(double a, double b)
{
    return a + b;
}

static double smaller_double(double a, double b)
{
    return isnan(a) || a < b ? a : b;
}

static double larger_double(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}

static void start_at_infinity(beam_ctx *c, void *acc)
{
    (void)c;
    *(double *)acc = INFINITY;
}

static void start_at_minus_infinity(beam_ctx *c, void *acc)
{
    (void)c;
    *(double *)acc = -INFINITY;
}

static beam_value extract_double(beam_ctx *c, const void *acc)
{
    (void)c;
    return beam_double(*(const double *)acc);
}

FOLD(sum_double, double, beam_as_double, plain_sum)
FOLD(min_double, double, beam_as_double, smaller_double)
FOLD(max_double, double, beam_as_double, larger_double)

/* -- count ---------------------------------------------------------------------------- */
static void count_add(beam_ctx *c, void *acc, beam_value in)
{
    (void)c;
    (void)in;
    ++*(int64_t *)acc;
}

/* -- tables --------------------------------------------------------------------------- */
#define NUMBER(id, type, create_fn, extract_fn)           \
    const beam_combine beam_##id = { .name = "beam." #id, \
                                     .in = type,          \
                                     .acc = type,         \
                                     .out = type,         \
                                     .acc_size = 8,       \
                                     .create = create_fn, \
                                     .add = id##_add,     \
                                     .merge = id##_merge, \
                                     .extract = extract_fn }

NUMBER(sum_int64, BEAM_INT64, NULL, extract_int64);
NUMBER(min_int64, BEAM_INT64, start_at_max, extract_int64);
NUMBER(max_int64, BEAM_INT64, start_at_min, extract_int64);
NUMBER(sum_double, BEAM_DOUBLE, NULL, extract_double);
NUMBER(min_double, BEAM_DOUBLE, start_at_infinity, extract_double);
NUMBER(max_double, BEAM_DOUBLE, start_at_minus_infinity, extract_double);

const beam_combine beam_count = { .name = "beam.count",
                                  .in = BEAM_ANY,
                                  .acc = BEAM_INT64,
                                  .out = BEAM_INT64,
                                  .acc_size = 8,
                                  .add = count_add,
                                  .merge = sum_int64_merge,
                                  .extract = extract_int64 };
