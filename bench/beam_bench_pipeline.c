/* SPDX-License-Identifier: Apache-2.0 */
/* beam-bench-pipeline - the transforms that the benchmark drives, as a beam-c program.
 *
 *     beam-bench-pipeline --job_endpoint=localhost:PORT --environment_type=LOOPBACK
 *
 * The sources emit nothing: the driver cuts out the transforms whose names begin with
 * Bench, and feeds them itself. peers/ has the same pipeline for the other SDKs. */
#include "beam/beam.h"

#define PAIRS BEAM_KV(BEAM_STRING, BEAM_INT64)

/* -- DoFns ------------------------------------------------------------------------------ */
static beam_status no_output(beam_ctx *c, beam_value in)
{
    (void)c, (void)in;
    return BEAM_OK;
}

static beam_status identity(beam_ctx *c, beam_value in)
{
    return beam_emit(c, in);
}

static bool in_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '\'';
}

/* Every [A-Za-z']+ of the line, with the number 1. */
static beam_status tokenize(beam_ctx *c, beam_value in)
{
    beam_span line = beam_as_span(in);
    const char *at = line.ptr, *end = line.ptr + line.len;
    while (at < end) {
        if (!in_word(*at)) {
            at++;
            continue;
        }
        const char *start = at;
        while (at < end && in_word(*at)) at++;
        beam_status status = beam_emit_kv(
            c, beam_string((beam_span){ start, (size_t)(at - start) }), beam_int64(1));
        if (status != BEAM_OK) return status;
    }
    return BEAM_OK;
}

/* Counts a key's values; at each hundredth it gives the sum of the hundred. */
enum { COUNT, VALUES };
static const beam_state_spec states[] = {
    [COUNT] = BEAM_VALUE_STATE("count", BEAM_INT64),
    [VALUES] = BEAM_BAG_STATE("values", BEAM_INT64),
};

static beam_status count_and_sum(beam_ctx *c, beam_value in)
{
    beam_value counted = beam_state_read(c, COUNT);
    int64_t n = (counted.kind == BEAM_KIND_NONE ? 0 : beam_as_int64(counted)) + 1;
    beam_state_write(c, COUNT, beam_int64(n));
    if (n % 100) return beam_state_add(c, VALUES, beam_val(in));
    int64_t total = beam_as_int64(beam_val(in));
    beam_iter *values = beam_state_iter(c, VALUES);
    for (beam_value v; beam_next(values, &v);) total += beam_as_int64(v);
    beam_state_clear(c, VALUES);
    return beam_emit_kv(c, beam_key(in), beam_int64(total));
}

static const beam_dofn pair_source_fn = {
    .name = "bench.pair_source", .in = BEAM_BYTES, .out = PAIRS, .process = no_output
};
static const beam_dofn line_source_fn = {
    .name = "bench.line_source", .in = BEAM_BYTES, .out = BEAM_STRING, .process = no_output
};
static const beam_dofn blob_source_fn = {
    .name = "bench.blob_source", .in = BEAM_BYTES, .out = BEAM_BYTES, .process = no_output
};
static const beam_dofn identity_fn = {
    .name = "bench.identity", .in = PAIRS, .out = PAIRS, .process = identity
};
static const beam_dofn tokenize_fn = {
    .name = "bench.tokenize", .in = BEAM_STRING, .out = PAIRS, .process = tokenize
};
static const beam_dofn state_fn = {
    .name = "bench.state", .in = PAIRS, .out = PAIRS, .states = BEAM_TABLE(states),
    .process = count_and_sum
};
static const beam_dofn large_fn = {
    .name = "bench.large", .in = BEAM_BYTES, .out = BEAM_BYTES, .process = identity
};

/* -- pipeline --------------------------------------------------------------------------- */
struct flags {
    int64_t chain, transforms;
};

/* n identities, one behind the other: what a stage costs that has many steps. */
static void add_chain(beam_pcoll *pairs, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        pairs = beam_par_do(pairs,
                            beam_pipeline_format(beam_pcoll_pipeline(pairs), "BenchChain%lld",
                                                 (long long)i),
                            &identity_fn);
}

/* n transforms beside the others: what a large pipeline costs to submit. */
static void add_transforms(beam_pcoll *pairs, int64_t n)
{
    beam_pipeline *p = beam_pcoll_pipeline(pairs);
    for (int64_t i = 0; i < n; i++)
        beam_par_do(pairs, beam_pipeline_format(p, "More%lld", (long long)i), &identity_fn);
}

static void build(beam_pipeline *p, const void *flags)
{
    const struct flags *f = flags;
    beam_pcoll *start = beam_impulse(p, "Impulse");
    beam_pcoll *pairs = beam_par_do(start, "Pairs", &pair_source_fn);
    beam_pcoll *lines = beam_par_do(start, "Lines", &line_source_fn);
    beam_pcoll *blobs = beam_par_do(start, "Blobs", &blob_source_fn);

    beam_par_do(pairs, "BenchIdentity", &identity_fn);
    beam_par_do(lines, "BenchTokenize", &tokenize_fn);
    beam_par_do(pairs, "BenchState", &state_fn);
    beam_par_do(blobs, "BenchLarge", &large_fn);
    beam_pcoll *windows =
        beam_window_into(pairs, "BenchSumWindow", beam_fixed(beam_seconds(20)));
    beam_combine_per_key(windows, "BenchSum", &beam_sum_int64);
    add_chain(pairs, f->chain);
    add_transforms(pairs, f->transforms);
}

static const beam_dofn *const dofns[] = { &pair_source_fn, &line_source_fn, &blob_source_fn,
                                          &identity_fn,    &tokenize_fn,    &state_fn,
                                          &large_fn };
static const beam_flag flags[] = {
    BEAM_INT_FLAG(struct flags, chain, "0", "identities in a row, named BenchChainN"),
    BEAM_INT_FLAG(struct flags, transforms, "0", "further transforms"),
};
static const beam_program program = {
    .name = "beam-bench-pipeline",
    .summary = "the transforms that the benchmark drives",
    .flags = BEAM_TABLE(flags),
    .flags_size = sizeof(struct flags),
    .dofns = BEAM_TABLE(dofns),
    .build = build,
};

int main(int argc, char **argv)
{
    return beam_main(&program, argc, argv);
}
