/* SPDX-License-Identifier: Apache-2.0 */
/* ParDo and its forms: checks of DoFns, types of outputs, and the steps that come out. */
#include "fns/registry.h"
#include "graph_test.h"

static void write_nothing(const void *object, beam_writer *out)
{
    (void)object;
    (void)out;
}
static beam_status read_nothing(void *object, beam_reader *in)
{
    (void)object;
    (void)in;
    return BEAM_OK;
}
static const beam_struct_coder point = { "test.point", 8, write_nothing, read_nothing };

static const beam_dofn upper_fn = {
    .name = "test.upper", .in = BEAM_STRING, .out = BEAM_STRING, .map = test_map
};
static const beam_output_spec parse_outputs[] = { { "bad", BEAM_ANY },
                                                  { "size", BEAM_INT64 } };
static const beam_dofn parse_fn = { .name = "test.parse",
                                    .in = BEAM_STRING,
                                    .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                    .outputs = BEAM_TABLE(parse_outputs),
                                    .process = test_process };
static const beam_dofn sink_fn = { .name = "test.sink",
                                   .in = BEAM_STRING,
                                   .process = test_process };
static const beam_dofn any_fn = {
    .name = "test.any", .in = BEAM_ANY, .out = BEAM_ANY, .process = test_process
};
static const beam_dofn keep_fn = { .name = "test.keep",
                                   .in = BEAM_STRING,
                                   .keep = test_keep };
static const beam_dofn stamp_fn = { .name = "test.stamp",
                                    .in = BEAM_ANY,
                                    .timestamp = test_timestamp };
static const beam_dofn split_fn = { .name = "test.split",
                                    .in = BEAM_STRING,
                                    .partition = test_partition };

START_TEST(outputs)
{
    beam_pcoll *main_output = beam_par_do(words(), "Parse", &parse_fn);
    expect_type(main_output, "KV<STRING, INT64>");
    expect_type(beam_output(main_output, 0), "STRING");
    expect_type(beam_output(main_output, 1), "INT64");
    ck_assert_str_eq(beam_output(main_output, 1)->tag, "size");
    beam_filter(beam_output(main_output, 0), "Keep", &keep_fn);
    expect_print(CREATED(
        "Words",
        "STRING") "Parse: ParDo 'test.parse' (Words) -> KV<STRING, INT64>, 'bad': STRING, "
                  "'size': INT64\n"
                  "Keep: ParDo 'test.keep' (Parse.bad) -> STRING\n");
}
END_TEST

START_TEST(options_are_copied)
{
    char config[] = "{}", value[] = "v";
    beam_pcoll *c = beam_par_do(words(), "Map", &upper_fn, .config = { config, 2 },
                                .display = { { "k", value }, { "empty", NULL } });
    config[0] = value[0] = 'X';
    const bm_step *step = c->producer;
    ck_assert_uint_eq(step->config.len, 2);
    ck_assert_mem_eq(step->config.ptr, "{}", 2);
    ck_assert_uint_eq(step->n_display, 2);
    ck_assert_str_eq(step->display[0].value, "v");
    ck_assert_str_eq(step->display[1].value, "");
}
END_TEST

START_TEST(any_is_the_input)
{
    expect_type(beam_par_do(pairs(), "Any", &any_fn), "KV<STRING, INT64>");
    expect_type(beam_with_timestamps(words(), "Stamp", &stamp_fn), "STRING");
}
END_TEST

START_TEST(any_is_as_given)
{
    static const beam_schema visit = { .id = "visit" };
    beam_type row = { BEAM_KIND_ROW, { NULL, NULL }, &visit, NULL };
    beam_pcoll *c = beam_par_do(words(), "Any", &any_fn,
                                .out = BEAM_KV(BEAM_INT64, &row));
    row.kind = BEAM_KIND_NONE; /* it was copied */
    expect_type(c, "KV<INT64, ROW<visit>>");
}
END_TEST

START_TEST(wrong_input)
{
    beam_par_do(pairs(), "Parse", &parse_fn);
    expect_error(
        BEAM_ETYPE,
        "Parse: DoFn 'test.parse' reads STRING, but 'Pairs' holds KV<STRING, INT64>: "
        "change its .in, or put a step between them");
}
END_TEST

START_TEST(wrong_extra_output_is_named)
{
    beam_pcoll *sizes = beam_output(beam_par_do(words(), "Parse", &parse_fn), 1);
    beam_scope_begin(p, "Later");
    beam_map(sizes, "Upper", &upper_fn);
    expect_error(
        BEAM_ETYPE,
        "Later/Upper: DoFn 'test.upper' reads STRING, but 'Parse.size' holds INT64: "
        "change its .in, or put a step between them");
}
END_TEST

START_TEST(nullable_input)
{
    beam_map(input_of(BEAM_NULLABLE(BEAM_STRING)), "Upper", &upper_fn);
    expect_error(
        BEAM_ETYPE,
        "Upper: DoFn 'test.upper' reads STRING, but 'Input' holds NULLABLE<STRING>: "
        "declare that as its .in and test with beam_is_null()");
}
END_TEST

/* -- DoFns that are not complete ------------------------------------------------------ */
static void refuse(const beam_dofn *fn, beam_status status, const char *message)
{
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_par_do(words(), "Step", fn);
    expect_error(status, message);
}

START_TEST(incomplete_dofns)
{
    refuse(NULL, BEAM_EINVAL, "Step: its DoFn is NULL");
    beam_dofn fn = { .in = BEAM_STRING, .out = BEAM_STRING, .map = test_map };
    refuse(&fn, BEAM_EINVAL,
           "Step: DoFn '(no name)' has no name: give it one, unique in the program");
    fn.name = "x";
    fn.in = NULL;
    refuse(&fn, BEAM_EINVAL, "Step: DoFn 'x' has no .in: say which type it reads");
    fn.in = BEAM_STRING;
    fn.out = NULL;
    refuse(&fn, BEAM_EINVAL,
           "Step: DoFn 'x' has .map but no .out: say which type it returns");
    fn.out = BEAM_STRING;
    fn.keep = test_keep;
    refuse(
        &fn, BEAM_EINVAL,
        "Step: DoFn 'x' has more than one callback: set exactly one of .process, .map, "
        ".keep, .timestamp, .partition, .rpc and .http");
    fn.keep = NULL;
    fn.map = NULL;
    refuse(&fn, BEAM_EINVAL,
           "Step: DoFn 'x' has no callback: set exactly one of .process, .map, .keep, "
           ".timestamp, .partition, .rpc and .http");
    fn.process = test_process;
    fn.outputs.n = 1;
    refuse(&fn, BEAM_EINVAL,
           "Step: DoFn 'x' counts extra outputs but has no .outputs.at");
    fn.outputs.n = 0;
    fn.out = &(const beam_type){ .kind = BEAM_KIND_KV, .arg = { BEAM_STRING } };
    refuse(&fn, BEAM_ETYPE,
           "Step: DoFn 'x' declares .out with a type without one of its parts");
    fn.out = BEAM_STRING;
    fn.in = &(const beam_type){ .kind = BEAM_KIND_LIST };
    refuse(&fn, BEAM_ETYPE,
           "Step: DoFn 'x' declares .in with a type that elements cannot have");
    refuse(&split_fn, BEAM_EINVAL,
           "Step: DoFn 'test.split' has .partition: use beam_partition()");
}
END_TEST

START_TEST(incomplete_outputs)
{
    beam_output_spec specs[] = { { "a", BEAM_INT64 }, { NULL, BEAM_INT64 } };
    beam_dofn fn = { .name = "x",
                     .in = BEAM_STRING,
                     .process = test_process,
                     .outputs = BEAM_TABLE(specs) };
    refuse(&fn, BEAM_EINVAL, "Step: extra output 1 of DoFn 'x' has no tag");
    specs[1].tag = "";
    refuse(&fn, BEAM_EINVAL, "Step: extra output 1 of DoFn 'x' has no tag");
    specs[1] = (beam_output_spec){ "b", NULL };
    refuse(&fn, BEAM_EINVAL, "Step: extra output 1 of DoFn 'x' has no type");
    specs[1] = (beam_output_spec){ "a", BEAM_INT64 };
    refuse(
        &fn, BEAM_EINVAL,
        "Step: extra output 1 of DoFn 'x' has the tag 'a' of another output: rename it "
        "('out' is the main one)");
    specs[1].tag = "out";
    refuse(
        &fn, BEAM_EINVAL,
        "Step: extra output 1 of DoFn 'x' has the tag 'out' of another output: rename it "
        "('out' is the main one)");
    specs[1] = (beam_output_spec){ "b", BEAM_KV(BEAM_ANY, BEAM_INT64) };
    refuse(
        &fn, BEAM_ETYPE,
        "Step: the type of extra output 'b' of DoFn 'x' is not known: it is KV<ANY, INT64>");
}
END_TEST

/* -- types of outputs ----------------------------------------------------------------- */
START_TEST(out_that_is_not_known)
{
    const beam_dofn fn = { .name = "x",
                           .in = BEAM_ANY,
                           .out = BEAM_KV(BEAM_STRING, BEAM_ANY),
                           .process = test_process };
    refuse(
        &fn, BEAM_ETYPE,
        "Step: DoFn 'x' gives KV<STRING, ANY>, so its output's type is not known: give it "
        "with .out");
}
END_TEST

START_TEST(any_of_any)
{
    beam_pcoll *out[1];
    beam_external(p, "Read", &(beam_external_opts){ .urn = "u", .output_tags = { "o" } },
                  out);
    beam_par_do(out[0], "Any", &any_fn);
    expect_error(BEAM_ETYPE,
                 "Any: DoFn 'test.any' gives ANY, so its output's type is not "
                 "known: give it with .out");
}
END_TEST

START_TEST(given_out_does_not_fit)
{
    beam_par_do(words(), "Map", &upper_fn, .out = BEAM_INT64);
    expect_error(BEAM_ETYPE, "Map: .out is INT64, but DoFn 'test.upper' gives STRING");
}
END_TEST

START_TEST(given_out_is_any)
{
    beam_par_do(words(), "Any", &any_fn, .out = BEAM_ITERABLE(BEAM_ANY));
    expect_error(BEAM_ETYPE,
                 "Any: .out is a type with ANY in it, but must be known here");
}
END_TEST

START_TEST(given_out_without_main_output)
{
    beam_par_do(words(), "Sink", &sink_fn, .out = BEAM_STRING);
    expect_error(BEAM_ETYPE,
                 "Sink: .out is given, but DoFn 'test.sink' has no main output");
}
END_TEST

START_TEST(filter_with_another_out)
{
    beam_dofn fn = keep_fn;
    fn.out = BEAM_ANY;
    expect_type(beam_filter(words(), "Any", &fn), "STRING");
    fn.out = BEAM_INT64;
    refuse(
        &fn, BEAM_ETYPE,
        "Step: DoFn 'test.keep' passes elements on unchanged, so it gives STRING, not its "
        ".out, INT64: leave .out away");
}
END_TEST

START_TEST(no_main_output)
{
    beam_pcoll *none = beam_par_do(words(), "Sink", &sink_fn);
    expect_no_error();
    ck_assert_uint_eq(none->producer->n_outputs, 0);
    beam_map(none, "Upper", &upper_fn);
    expect_error(
        BEAM_EINVAL,
        "Upper: its input would be the main output of 'Sink', but that step's DoFn "
        "'test.sink' has none (.out is NULL): read another output with beam_output()");
}
END_TEST

START_TEST(extra_outputs_without_main)
{
    static const beam_output_spec specs[] = { { "n", BEAM_INT64 } };
    static const beam_dofn fn = { .name = "x",
                                  .in = BEAM_STRING,
                                  .process = test_process,
                                  .outputs = BEAM_TABLE(specs) };
    expect_type(beam_output(beam_par_do(words(), "Step", &fn), 0), "INT64");
}
END_TEST

START_TEST(output_out_of_range)
{
    beam_pcoll *c = beam_par_do(words(), "Parse", &parse_fn);
    beam_output(c, 2);
    expect_error(BEAM_EINVAL,
                 "Parse: beam_output() asks for output 2, but DoFn 'test.parse' "
                 "has 2 extra outputs (numbered from 0)");
}
END_TEST

START_TEST(output_negative)
{
    beam_output(beam_map(words(), "Upper", &upper_fn), -1);
    expect_error(BEAM_EINVAL,
                 "Upper: beam_output() asks for output -1, but DoFn 'test.upper' "
                 "has 0 extra outputs (numbered from 0)");
}
END_TEST

START_TEST(output_of_something_else)
{
    beam_pcoll *c = beam_par_do(words(), "Parse", &parse_fn);
    beam_output(beam_output(c, 0), 0);
    expect_error(BEAM_EINVAL,
                 "Parse: beam_output() takes what beam_par_do() returned, and "
                 "'Parse.bad' is not");
}
END_TEST

START_TEST(wrong_callback)
{
    beam_filter(words(), "Filter", &upper_fn);
    expect_error(
        BEAM_EINVAL,
        "Filter: beam_filter() needs a DoFn with .keep, and 'test.upper' has none");
}
END_TEST

START_TEST(wrong_callbacks)
{
    beam_map(words(), "Map", &keep_fn);
    expect_error(BEAM_EINVAL,
                 "Map: beam_map() needs a DoFn with .map, and 'test.keep' has none");
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_with_timestamps(words(), "Stamp", &keep_fn);
    expect_error(BEAM_EINVAL,
                 "Stamp: beam_with_timestamps() needs a DoFn with .timestamp, and "
                 "'test.keep' has none");
}
END_TEST

START_TEST(another_pipeline)
{
    beam_pipeline *other = beam_pipeline_new();
    beam_pcoll *both[] = { words(), beam_impulse(other, "Other") };
    beam_flatten(p, "Flatten", both, 2);
    expect_error(BEAM_EINVAL,
                 "Flatten: its input 1, 'Other', is of another pipeline: steps "
                 "can only read collections of their own");
    beam_pipeline_free(other);
}
END_TEST

/* -- partition ------------------------------------------------------------------------ */
START_TEST(partitions)
{
    beam_pcoll *out[3];
    beam_partition(words(), "Split", &split_fn, 3, out);
    expect_type(out[2], "STRING");
    ck_assert_str_eq(out[2]->tag, "2");
    ck_assert_uint_eq(out[0]->producer->n_outputs, 3);
    beam_map(out[1], "Upper", &upper_fn);
    expect_no_error();
}
END_TEST

START_TEST(bad_partitions)
{
    beam_pcoll *out[2] = { NULL, NULL };
    beam_partition(words(), "Split", &split_fn, 0, out);
    expect_error(BEAM_EINVAL,
                 "Split: it partitions into 0 collections: the number must be "
                 "from 1 to 65536");
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_partition(words(), "Split", &split_fn, 2, NULL);
    expect_error(BEAM_EINVAL, "Split: out is NULL: pass an array of 2 collections");
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_partition(words(), "Split", &upper_fn, 2, out);
    expect_error(BEAM_EINVAL, "Split: beam_partition() needs a DoFn with .partition, and "
                              "'test.upper' has none");
    ck_assert_ptr_eq(out[1], p->nil);
}
END_TEST

/* -- KVs ------------------------------------------------------------------------------ */
START_TEST(keys_values_swap)
{
    beam_pcoll *c = pairs();
    expect_type(beam_keys(c, "Keys"), "STRING");
    expect_type(beam_values(c, "Values"), "INT64");
    expect_type(beam_swap(c, "Swap"), "KV<INT64, STRING>");
}
END_TEST

START_TEST(keys_of_no_kvs)
{
    beam_keys(words(), "Keys");
    expect_error(BEAM_ETYPE,
                 "Keys: beam_keys() reads KV<ANY, ANY>, but 'Words' holds STRING: "
                 "make KVs of its elements first");
}
END_TEST

/* -- the program's tables ------------------------------------------------------------- */
static bm_registry registry;

static void use_registry(const beam_dofn *fn)
{
    const beam_dofn *const dofns[] = { fn };
    const beam_functions functions = { .dofns = { dofns, 1 } };
    ck_assert_int_eq(bm_registry_init(&registry, &functions, NULL), BEAM_OK);
    p->registry = &registry;
}

START_TEST(registered)
{
    use_registry(&upper_fn);
    beam_pcoll *c = beam_map(words(), "Upper", &upper_fn);
    beam_count_per_element(c, "Count");
    expect_no_error();
    beam_filter(c, "Keep", &keep_fn);
    expect_error(BEAM_EINVAL,
                 "Keep: DoFn 'test.keep' is not in beam_program.dofns: add it");
    bm_registry_free(&registry);
}
END_TEST

START_TEST(another_of_the_name_is_registered)
{
    beam_dofn twin = upper_fn;
    use_registry(&twin);
    beam_map(words(), "Upper", &upper_fn);
    expect_error(BEAM_EINVAL,
                 "Upper: another DoFn 'test.upper' is in beam_program.dofns: "
                 "give each a name of its own");
    bm_registry_free(&registry);
}
END_TEST

START_TEST(struct_that_no_function_names)
{
    use_registry(&any_fn);
    beam_par_do(words(), "Any", &any_fn,
                .out = BEAM_KV(BEAM_STRING, BEAM_STRUCT(&point)));
    expect_error(BEAM_ETYPE,
                 "Any: .out holds STRUCT<test.point>, which no DoFn or CombineFn "
                 "of the program's tables has in its types: name it in one of them");
    bm_registry_free(&registry);
}
END_TEST

RUN("par_do", outputs, options_are_copied, any_is_the_input, any_is_as_given, wrong_input,
    wrong_extra_output_is_named, nullable_input, incomplete_dofns, incomplete_outputs,
    out_that_is_not_known, any_of_any, given_out_does_not_fit, given_out_is_any,
    given_out_without_main_output, filter_with_another_out, no_main_output,
    extra_outputs_without_main, output_out_of_range, output_negative,
    output_of_something_else, wrong_callback, wrong_callbacks, another_pipeline,
    partitions, bad_partitions, keys_values_swap, keys_of_no_kvs, registered,
    another_of_the_name_is_registered, struct_that_no_function_names)
