/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as data: the rows of failed elements, and the threshold on their number. */
#include <string.h>

#include "beam/pipeline.h"
#include "fns/builtin.h"

static const beam_field text = { NULL, BEAM_FIELD_STRING, false, NULL, NULL, NULL, NULL, 0,
                                 NULL, { NULL, 0 } };
static const beam_field fields[] = {
    { .name = "transform", .kind = BEAM_FIELD_STRING },
    { .name = "transforms", .kind = BEAM_FIELD_ARRAY, .of = &text },
    { .name = "element", .kind = BEAM_FIELD_BYTES },
    { .name = "element_text", .kind = BEAM_FIELD_STRING },
    { .name = "error", .kind = BEAM_FIELD_STRING },
    { .name = "status", .kind = BEAM_FIELD_INT64 },
    { .name = "attempts", .kind = BEAM_FIELD_INT64 },
};
const beam_schema beam_failure_schema = { .id = "8f0f1c1e-5d2b-4c53-9d0b-6b3f0a4b7a11",
                                          .fields = BEAM_TABLE(fields) };

/* -- the threshold ------------------------------------------------------------------------ */
#define COUNTS BEAM_KV(BEAM_INT64, BEAM_INT64) /* failed, all */

static beam_status emit_counts(beam_ctx *c, int64_t failed, int64_t all)
{
    return beam_emit_kv(c, beam_int64(failed), beam_int64(all));
}

static beam_status count_failed(beam_ctx *c, beam_value in)
{
    (void)in;
    return emit_counts(c, 1, 0);
}

static beam_status count_any(beam_ctx *c, beam_value in)
{
    (void)in;
    return emit_counts(c, 0, 1);
}

typedef struct counts {
    int64_t failed, all;
} counts;

static void counts_add(beam_ctx *c, void *acc, beam_value in)
{
    (void)c;
    counts *sum = acc;
    sum->failed += beam_as_int64(beam_key(in));
    sum->all += beam_as_int64(beam_val(in));
}

static void counts_merge(beam_ctx *c, void *acc, const void *other)
{
    (void)c;
    counts *sum = acc;
    const counts *more = other;
    sum->failed += more->failed;
    sum->all += more->all;
}

static beam_value counts_value(beam_ctx *c, const void *acc)
{
    const counts *sum = acc;
    beam_value *pair = beam_alloc(c, 2 * sizeof *pair);
    pair[0] = beam_int64(sum->failed);
    pair[1] = beam_int64(sum->all);
    return beam_kv(pair);
}

static void counts_load(beam_ctx *c, void *acc, beam_value saved)
{
    (void)c;
    *(counts *)acc = (counts){ beam_as_int64(beam_key(saved)), beam_as_int64(beam_val(saved)) };
}

/* Config: the bytes of a double. */
static beam_status check(beam_ctx *c, beam_value in)
{
    double most;
    beam_span config = beam_config(c);
    if (config.len != sizeof most)
        return beam_fail(c, BEAM_EINVAL, "the threshold's config is damaged");
    memcpy(&most, config.ptr, sizeof most);
    int64_t failed = beam_as_int64(beam_key(in)), all = beam_as_int64(beam_val(in));
    if ((double)failed <= most * (double)all) return BEAM_OK;
    return beam_fail(c, BEAM_EUSER, "%lld of %lld elements failed, and at most %g %% may",
                     (long long)failed, (long long)all, most * 100);
}

const beam_dofn bm_count_failed_fn = {
    .name = "beam.count_failed", .in = BEAM_ROW(&beam_failure_schema), .out = COUNTS, .process = count_failed
};
const beam_dofn bm_count_any_fn = {
    .name = "beam.count_any", .in = BEAM_ANY, .out = COUNTS, .process = count_any
};
const beam_combine bm_count_pairs = { .name = "beam.count_pairs",
                                      .in = COUNTS,
                                      .acc = COUNTS,
                                      .out = COUNTS,
                                      .acc_size = sizeof(counts),
                                      .add = counts_add,
                                      .merge = counts_merge,
                                      .extract = counts_value,
                                      .save = counts_value,
                                      .load = counts_load };
const beam_dofn bm_check_failures_fn = {
    .name = "beam.check_failures", .in = COUNTS, .process = check
};
