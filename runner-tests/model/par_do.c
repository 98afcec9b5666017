/* SPDX-License-Identifier: Apache-2.0 */
/* Create, ParDo and its conveniences, extra outputs, Flatten, Partition, Reshuffle, coders
 * of elements that cross workers. */
#include <stdlib.h>

#include "model.h"

static const int64_t five[] = { 1, 2, 3, 4, 5 };

/* -- DoFns -------------------------------------------------------------------- */

static beam_value twice(beam_ctx *c, beam_value in)
{
    (void)c;
    return beam_int64(2 * beam_as_int64(in));
}
static const beam_dofn twice_fn = { .name = "model.twice", .in = BEAM_INT64, .out = BEAM_INT64,
                                    .map = twice };

static bool is_odd(beam_ctx *c, beam_value in)
{
    (void)c;
    return beam_as_int64(in) % 2;
}
static const beam_dofn odd_fn = { .name = "model.odd", .in = BEAM_INT64, .out = BEAM_INT64,
                                  .keep = is_odd };

static int by_remainder(beam_ctx *c, beam_value in, int n)
{
    (void)c;
    return (int)(beam_as_int64(in) % n);
}
static const beam_dofn remainder_fn = { .name = "model.remainder", .in = BEAM_INT64,
                                        .out = BEAM_INT64, .partition = by_remainder };

enum { SMALL, TEXT };
static const beam_output_spec sort_outputs[] = { [SMALL] = { "small", BEAM_INT64 },
                                                 [TEXT] = { "text", BEAM_STRING } };
static beam_status sort(beam_ctx *c, beam_value in)
{
    int64_t limit = strtoll(beam_cstr(c, beam_config(c)), NULL, 10);
    if (beam_as_int64(in) < limit) return beam_emit_to(c, SMALL, in);
    BEAM_TRY(beam_emit_to(c, TEXT, beam_string(beam_span_of("big"))));
    return beam_emit(c, in);
}
static const beam_dofn sort_fn = { .name = "model.sort", .in = BEAM_INT64, .out = BEAM_INT64,
                                   .outputs = BEAM_TABLE(sort_outputs), .process = sort };

/* Counts what it saw between start_bundle and finish_bundle and emits it at the end. */
struct bundle_sum {
    bool set_up, started;
    int64_t sum;
};
static beam_status sum_setup(beam_ctx *c)
{
    ((struct bundle_sum *)beam_self(c))->set_up = true;
    return BEAM_OK;
}
static beam_status sum_start(beam_ctx *c)
{
    struct bundle_sum *self = beam_self(c);
    if (!self->set_up) return beam_fail(c, BEAM_ESTATE, "start_bundle came before setup");
    self->started = true;
    self->sum = 0;
    return BEAM_OK;
}
static beam_status sum_process(beam_ctx *c, beam_value in)
{
    struct bundle_sum *self = beam_self(c);
    if (!self->started) return beam_fail(c, BEAM_ESTATE, "process came before start_bundle");
    self->sum += beam_as_int64(in);
    return BEAM_OK;
}
static beam_status sum_finish(beam_ctx *c)
{
    struct bundle_sum *self = beam_self(c);
    beam_window global = { BEAM_MIN_TIMESTAMP, BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP + 1, { 0 } };
    self->started = false;
    if (!self->sum) return BEAM_OK;
    return beam_emit_windowed(c, -1, beam_int64(self->sum), BEAM_MIN_TIMESTAMP, &global);
}
static const beam_dofn bundle_sum_fn = {
    .name = "model.bundle_sum", .in = BEAM_INT64, .out = BEAM_INT64,
    .self_size = sizeof(struct bundle_sum), .setup = sum_setup, .start_bundle = sum_start,
    .process = sum_process, .finish_bundle = sum_finish,
};

/* A struct with its own coder. */
struct position {
    double latitude, longitude;
    int64_t at;
};
static void position_encode(const void *object, beam_writer *out)
{
    const struct position *p = object;
    beam_write_double(out, p->latitude);
    beam_write_double(out, p->longitude);
    beam_write_int64(out, p->at);
}
static beam_status position_decode(void *object, beam_reader *in)
{
    struct position *p = object;
    BEAM_TRY(beam_read_double(in, &p->latitude));
    BEAM_TRY(beam_read_double(in, &p->longitude));
    return beam_read_int64(in, &p->at);
}
static const beam_struct_coder position_coder = {
    .name = "model.position", .size = sizeof(struct position),
    .encode = position_encode, .decode = position_decode,
};
#define POSITION BEAM_STRUCT(&position_coder)

static beam_status locate(beam_ctx *c, beam_value in)
{
    int64_t i = beam_as_int64(in);
    struct position p = { (double)i / 2, (double)-i, i };
    return beam_emit_kv(c, beam_string(beam_span_of(i % 2 ? "odd" : "even")), beam_struct(&p));
}
static const beam_dofn locate_fn = { .name = "model.locate", .in = BEAM_INT64,
                                     .out = BEAM_KV(BEAM_STRING, POSITION), .process = locate };
static beam_status farthest(beam_ctx *c, beam_value in)
{
    struct position best = { 0 };
    beam_iter *it = beam_as_iter(beam_val(in));
    for (beam_value v; beam_next(it, &v);) {
        const struct position *p = beam_as_struct(v);
        if (p->at >= best.at) best = *p;
    }
    return beam_emit(c, beam_string(beam_format(c, BEAM_SPAN_FMT " %g %g %lld",
                                                BEAM_SPAN_ARG(beam_as_span(beam_key(in))),
                                                best.latitude, best.longitude,
                                                (long long)best.at)));
}
static const beam_dofn farthest_fn = { .name = "model.farthest",
                                       .in = BEAM_KV(BEAM_STRING, BEAM_ITERABLE(POSITION)),
                                       .out = BEAM_STRING, .process = farthest };

/* A row with most kinds of fields. */
enum { ROW_NAME, ROW_SIZE, ROW_RATIO, ROW_GOOD, ROW_TAGS, ROW_SCORES, N_ROW };
static const beam_field string_item = { .kind = BEAM_FIELD_STRING };
static const beam_field int_item = { .kind = BEAM_FIELD_INT32 };
static const beam_field row_fields[N_ROW] = {
    [ROW_NAME] = { .name = "name", .kind = BEAM_FIELD_STRING },
    [ROW_SIZE] = { .name = "size", .kind = BEAM_FIELD_INT64, .nullable = true },
    [ROW_RATIO] = { .name = "ratio", .kind = BEAM_FIELD_FLOAT },
    [ROW_GOOD] = { .name = "good", .kind = BEAM_FIELD_BOOLEAN },
    [ROW_TAGS] = { .name = "tags", .kind = BEAM_FIELD_ARRAY, .of = &string_item },
    [ROW_SCORES] = { .name = "scores", .kind = BEAM_FIELD_MAP, .key = &string_item,
                     .of = &int_item },
};
static const beam_schema row_schema = { .id = "model_row", .fields = BEAM_TABLE(row_fields) };

static beam_value make_row(beam_ctx *c, beam_value in)
{
    int64_t i = beam_as_int64(in);
    beam_value *at = beam_alloc(c, (N_ROW + 4) * sizeof *at), *rest = at + N_ROW;
    rest[0] = beam_string(beam_span_of("x"));
    rest[1] = beam_string(beam_span_of("y"));
    rest[2] = beam_int64(i * 10);
    beam_value *pair = beam_alloc(c, 3 * sizeof *pair);
    pair[0] = rest[0];
    pair[1] = rest[2];
    pair[2] = beam_kv(pair);
    at[ROW_NAME] = beam_string(beam_format(c, "row%lld", (long long)i));
    at[ROW_SIZE] = i % 2 ? beam_int64(i) : beam_null();
    at[ROW_RATIO] = beam_double((double)i / 4);
    at[ROW_GOOD] = beam_bool(i > 2);
    at[ROW_TAGS] = beam_list(rest, i % 2 ? 2 : 0);
    at[ROW_SCORES] = beam_map_of(pair + 2, 1);
    return beam_row(at, N_ROW);
}
static const beam_dofn make_row_fn = { .name = "model.make_row", .in = BEAM_INT64,
                                       .out = BEAM_ROW(&row_schema), .map = make_row };

static const beam_dofn *const dofns[] = { &twice_fn,  &odd_fn,    &remainder_fn,
                                          &sort_fn,   &bundle_sum_fn, &locate_fn,
                                          &farthest_fn, &make_row_fn };

/* -- tests --------------------------------------------------------------------------- */

static beam_pcoll *create(beam_pipeline *p)
{
    return as_text(create_ints(p, "Ints", five, 5), "Text");
}
static beam_pcoll *create_empty(beam_pipeline *p)
{
    return as_text(create_ints(p, "Ints", NULL, 0), "Text");
}
static beam_pcoll *impulse(beam_pipeline *p)
{
    return as_text(beam_impulse(p, "Impulse"), "Text");
}
static beam_pcoll *map_and_filter(beam_pipeline *p)
{
    beam_pcoll *odd = beam_filter(create_ints(p, "Ints", five, 5), "Odd", &odd_fn);
    return as_text(beam_map(odd, "Twice", &twice_fn), "Text");
}
static beam_pcoll *outputs(beam_pipeline *p)
{
    beam_pcoll *big = beam_par_do(create_ints(p, "Ints", five, 5), "Sort", &sort_fn,
                                  .config = beam_span_of("4"));
    beam_pcoll *all[] = { as_text(big, "Big"), as_text(beam_output(big, SMALL), "Small"),
                          beam_output(big, TEXT) };
    return beam_flatten(p, "All", all, 3);
}
static beam_pcoll *flatten_same(beam_pipeline *p)
{
    beam_pcoll *ints = create_ints(p, "Ints", five, 2);
    beam_pcoll *both[] = { ints, ints };
    return as_text(beam_flatten(p, "Both", both, 2), "Text");
}
static beam_pcoll *partition(beam_pipeline *p)
{
    beam_pcoll *out[3];
    beam_partition(create_ints(p, "Ints", five, 5), "Three", &remainder_fn, 3, out);
    return as_text(out[1], "Text");
}
static beam_pcoll *reshuffle(beam_pipeline *p)
{
    return as_text(beam_reshuffle(create_ints(p, "Ints", five, 5), "Reshuffle"), "Text");
}
static beam_pcoll *bundles(beam_pipeline *p)
{
    beam_pcoll *sums = beam_par_do(create_ints(p, "Ints", five, 5), "Sums", &bundle_sum_fn);
    return as_text(beam_combine_globally(sums, "Total", &beam_sum_int64), "Text");
}
static beam_pcoll *struct_coder(beam_pipeline *p)
{
    beam_pcoll *located = beam_par_do(create_ints(p, "Ints", five, 5), "Locate", &locate_fn);
    return beam_par_do(beam_group_by_key(located, "Group"), "Farthest", &farthest_fn);
}
/* Accumulators that keep structs. */
static beam_pcoll *struct_sample(beam_pipeline *p)
{
    beam_pcoll *located = beam_par_do(create_ints(p, "Ints", five, 5), "Locate", &locate_fn);
    return beam_par_do(beam_sample_per_key(located, "Sample", 5), "Farthest", &farthest_fn);
}
static beam_pcoll *struct_latest(beam_pipeline *p)
{
    beam_pcoll *located = beam_par_do(create_ints(p, "Ints", five, 5), "Locate", &locate_fn);
    return as_text(beam_keys(beam_latest_per_key(located, "Latest"), "Keys"), "Text");
}
static beam_pcoll *rows(beam_pipeline *p)
{
    beam_pcoll *made = beam_map(create_ints(p, "Ints", five, 3), "Rows", &make_row_fn);
    return as_text(beam_reshuffle(made, "Reshuffle"), "Text");
}
static beam_pcoll *keys_values_swap(beam_pipeline *p)
{
    static const char *const pairs[] = { "a", "1", "b", "2", NULL };
    beam_pcoll *kvs = create_pairs(p, "Pairs", pairs);
    beam_pcoll *all[] = { beam_keys(kvs, "Keys"), beam_values(kvs, "Values"),
                          as_text(beam_swap(kvs, "Swap"), "Text") };
    return beam_flatten(p, "All", all, 3);
}

static const model_test tests[] = {
    { "Create", create, "1\n2\n3\n4\n5\n" },
    { "CreateEmpty", create_empty, "" },
    { "Impulse", impulse, "\n" },
    { "MapAndFilter", map_and_filter, "10\n2\n6\n" },
    { "MultiOutput", outputs, "1\n2\n3\n4\n5\nbig\nbig\n" },
    { "FlattenDup", flatten_same, "1\n1\n2\n2\n" },
    { "Partition", partition, "1\n4\n" },
    { "Reshuffle", reshuffle, "1\n2\n3\n4\n5\n" },
    { "BundleLifecycle", bundles, "15\n" },
    { "StructCoder", struct_coder, "even 2 -4 4\nodd 2.5 -5 5\n" },
    { "StructSample", struct_sample, "even 2 -4 4\nodd 2.5 -5 5\n" },
    { "StructLatest", struct_latest, "even\nodd\n" },
    { "Rows", rows,
      "(row1 1 0.25 false {x y} {x: 10})\n"
      "(row2 null 0.5 false {} {x: 20})\n"
      "(row3 3 0.75 true {x y} {x: 30})\n" },
    { "KeysValuesSwap", keys_values_swap, "1\n1: a\n2\n2: b\na\nb\n" },
};

const model_suite par_do_suite = { tests, BEAM_COUNT(tests), dofns, BEAM_COUNT(dofns), NULL, 0 };
