/* SPDX-License-Identifier: Apache-2.0 */
/* beam-bench-pipeline - the transforms that the benchmark drives, as a beam-c program.
 *
 *     beam-bench-pipeline --job_endpoint=localhost:PORT --environment_type=LOOPBACK
 *
 * The sources emit nothing: the driver cuts out the transforms whose names begin with
 * Bench, and feeds them itself. peers/ has the same pipeline for the other SDKs. */
#include <stdlib.h>
#include <string.h>

#include "beam/beam.h"

#define PAIRS BEAM_KV(BEAM_STRING, BEAM_INT64)
#define TABLE_TYPE BEAM_KV(BEAM_STRING, BEAM_BYTES)

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

/* Every word with the number 1. */
static beam_status tokenize(beam_ctx *c, beam_value in)
{
    beam_words words = beam_words_of(beam_as_span(in));
    for (beam_span word; beam_next_word(&words, &word);)
        BEAM_TRY(beam_emit_kv(c, beam_string(word), beam_int64(1)));
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
    int64_t n = beam_as_int64(beam_state_read(c, COUNT)) + 1;
    beam_state_write(c, COUNT, beam_int64(n));
    if (n % 100) return beam_state_add(c, VALUES, beam_val(in));
    int64_t total = beam_as_int64(beam_val(in));
    beam_iter *values = beam_state_iter(c, VALUES);
    for (beam_value v; beam_next(values, &v);) total += beam_as_int64(v);
    beam_state_clear(c, VALUES);
    return beam_emit_kv(c, beam_key(in), beam_int64(total));
}

/* -- side inputs: how many bytes of values there are ------------------------------------------ */
enum { TABLE };

static int64_t size_of(beam_value v)
{
    return v.kind == BEAM_KIND_NONE ? 0 : (int64_t)beam_as_span(v).len;
}

static beam_status look_up(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, beam_key(in),
                        beam_int64(size_of(beam_side_get(c, TABLE, beam_key(in)))));
}

static beam_status look_up_values(beam_ctx *c, beam_value in)
{
    int64_t total = 0;
    beam_iter *values = beam_side_lookup(c, TABLE, beam_key(in));
    for (beam_value v; beam_next(values, &v);) total += size_of(v);
    return beam_emit_kv(c, beam_key(in), beam_int64(total));
}

static beam_status read_all(beam_ctx *c, beam_value in)
{
    int64_t total = 0;
    beam_iter *entries = beam_side_iter(c, TABLE);
    for (beam_value v; beam_next(entries, &v);) total += size_of(beam_val(v));
    return beam_emit_kv(c, beam_key(in), beam_int64(total));
}

/* -- a GroupByKey of elements that are made on the spot ------------------------------------------ */
static beam_status generate(beam_ctx *c, beam_value in)
{
    (void)in;
    int64_t n = strtoll(beam_cstr(c, beam_config(c)), NULL, 10);
    int64_t keys = strtoll(strchr(beam_cstr(c, beam_config(c)), '/') + 1, NULL, 10);
    for (int64_t i = 0; i < n; i++) {
        beam_status status =
            beam_emit_kv(c,
                         beam_string(beam_format(c, "key-%lld", (long long)(i % keys))),
                         beam_int64(1));
        if (status != BEAM_OK) return status;
    }
    return BEAM_OK;
}

static beam_status count_group(beam_ctx *c, beam_value in)
{
    int64_t n = 0;
    beam_iter *values = beam_as_iter(beam_val(in));
    for (beam_value v; beam_next(values, &v);) n += beam_as_int64(v);
    beam_counter_add(c, "grouped_elements", n);
    return BEAM_OK;
}

static const beam_side_spec maps[] = { [TABLE] = { "table", BEAM_SIDE_MAP, TABLE_TYPE,
                                                   NULL, NULL } };
static const beam_side_spec multimaps[] = { [TABLE] = { "table", BEAM_SIDE_MULTIMAP,
                                                        TABLE_TYPE, NULL, NULL } };
static const beam_side_spec iterables[] = { [TABLE] = { "table", BEAM_SIDE_ITERABLE,
                                                        TABLE_TYPE, NULL, NULL } };
static const beam_dofn table_source_fn = { .name = "bench.table_source",
                                           .in = BEAM_BYTES,
                                           .out = TABLE_TYPE,
                                           .process = no_output };
static const beam_dofn lookup_fn = { .name = "bench.lookup",
                                     .in = PAIRS,
                                     .out = PAIRS,
                                     .process = look_up,
                                     .sides = BEAM_TABLE(maps) };
static const beam_dofn values_fn = { .name = "bench.values",
                                     .in = PAIRS,
                                     .out = PAIRS,
                                     .process = look_up_values,
                                     .sides = BEAM_TABLE(multimaps) };
static const beam_dofn pages_fn = { .name = "bench.pages",
                                    .in = PAIRS,
                                    .out = PAIRS,
                                    .process = read_all,
                                    .sides = BEAM_TABLE(iterables) };
static const beam_dofn entries_fn = { .name = "bench.entries",
                                      .in = PAIRS,
                                      .out = PAIRS,
                                      .process = read_all,
                                      .sides = BEAM_TABLE(multimaps) };
static const beam_dofn generate_fn = {
    .name = "bench.generate", .in = BEAM_BYTES, .out = PAIRS, .process = generate
};
static const beam_dofn count_group_fn = { .name = "bench.count_group",
                                          .in = BEAM_KV(BEAM_STRING,
                                                        BEAM_ITERABLE(BEAM_INT64)),
                                          .process = count_group };
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
    int64_t chain, transforms, shuffles, elements, keys;
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

/* n stages, one behind the other, and an element: what many stages cost a runner. */
static void add_shuffles(beam_pcoll *start, int64_t n)
{
    beam_pipeline *p = beam_pcoll_pipeline(start);
    if (!n) return;
    beam_pcoll *pairs =
        beam_par_do(start, "One", &generate_fn, .config = beam_span_of("1/1"));
    for (int64_t i = 0; i < n; i++) {
        pairs = beam_par_do(pairs, beam_pipeline_format(p, "Pass%lld", (long long)i),
                            &identity_fn);
        pairs = beam_reshuffle(pairs,
                               beam_pipeline_format(p, "Shuffle%lld", (long long)i));
    }
}

static void add_group(beam_pcoll *start, int64_t n, int64_t keys)
{
    beam_pipeline *p = beam_pcoll_pipeline(start);
    const char *config = beam_pipeline_format(p, "%lld/%lld", (long long)n,
                                              (long long)(keys ? keys : n));
    beam_pcoll *pairs = beam_par_do(start, "Generate", &generate_fn,
                                    .config = beam_span_of(config));
    beam_par_do(beam_group_by_key(pairs, "Group"), "Count", &count_group_fn);
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
    beam_pcoll *table = beam_par_do(start, "Table", &table_source_fn);
    beam_par_do(pairs, "BenchLookup", &lookup_fn, .sides = { [TABLE] = table });
    beam_par_do(pairs, "BenchValues", &values_fn, .sides = { [TABLE] = table });
    beam_par_do(pairs, "BenchPages", &pages_fn, .sides = { [TABLE] = table });
    beam_par_do(pairs, "BenchEntries", &entries_fn, .sides = { [TABLE] = table });
    add_chain(pairs, f->chain);
    add_transforms(pairs, f->transforms);
    add_shuffles(start, f->shuffles);
    if (f->elements) add_group(start, f->elements, f->keys);
}

static const beam_dofn *const dofns[] = {
    &pair_source_fn, &line_source_fn, &blob_source_fn,  &identity_fn,   &tokenize_fn,
    &state_fn,       &large_fn,       &table_source_fn, &lookup_fn,     &values_fn,
    &pages_fn,       &entries_fn,     &generate_fn,     &count_group_fn
};
static const beam_flag flags[] = {
    BEAM_INT_FLAG(struct flags, chain, "0", "identities in a row, named BenchChainN"),
    BEAM_INT_FLAG(struct flags, transforms, "0", "further transforms"),
    BEAM_INT_FLAG(struct flags, shuffles, "0", "further stages, one behind the other"),
    BEAM_INT_FLAG(struct flags, elements, "0", "of a GroupByKey"),
    BEAM_INT_FLAG(struct flags, keys, "0", "of these elements; 0: all are different"),
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
