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
static const beam_dofn large_fn = {
    .name = "bench.large", .in = BEAM_BYTES, .out = BEAM_BYTES, .process = identity
};

/* -- pipeline --------------------------------------------------------------------------- */
static void build(beam_pipeline *p, const void *flags)
{
    (void)flags;
    beam_pcoll *start = beam_impulse(p, "Impulse");
    beam_pcoll *pairs = beam_par_do(start, "Pairs", &pair_source_fn);
    beam_pcoll *lines = beam_par_do(start, "Lines", &line_source_fn);
    beam_pcoll *blobs = beam_par_do(start, "Blobs", &blob_source_fn);

    beam_par_do(pairs, "BenchIdentity", &identity_fn);
    beam_par_do(lines, "BenchTokenize", &tokenize_fn);
    beam_par_do(blobs, "BenchLarge", &large_fn);
    beam_pcoll *windows =
        beam_window_into(pairs, "BenchSumWindow", beam_fixed(beam_seconds(20)));
    beam_combine_per_key(windows, "BenchSum", &beam_sum_int64);
}

static const beam_dofn *const dofns[] = { &pair_source_fn, &line_source_fn, &blob_source_fn,
                                          &identity_fn,    &tokenize_fn,    &large_fn };
static const beam_program program = {
    .name = "beam-bench-pipeline",
    .summary = "the transforms that the benchmark drives",
    .dofns = BEAM_TABLE(dofns),
    .build = build,
};

int main(int argc, char **argv)
{
    return beam_main(&program, argc, argv);
}
