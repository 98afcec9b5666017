/* SPDX-License-Identifier: Apache-2.0 */
/* Java's ParDoTest: elements, outputs, side inputs, errors, timestamps. */
#include "java.h"

/* -- a DoFn that checks the order of its calls and tells what it sees ---------------------- */
enum { ADDITIONAL_1, ADDITIONAL_2, ADDITIONAL_3, UNWRITTEN, ADDITIONALS };
static const beam_output_spec additionals[] = {
    [ADDITIONAL_1] = { "additional1", BEAM_STRING },
    [ADDITIONAL_2] = { "additional2", BEAM_STRING },
    [ADDITIONAL_3] = { "additional3", BEAM_STRING },
    [UNWRITTEN] = { "unwritten", BEAM_STRING },
};
enum { SIDE_1, SIDE_UNREAD, SIDE_2 };
static const beam_side_spec three_sides[] = {
    [SIDE_1] = { "side1", BEAM_SIDE_SINGLETON, BEAM_INT64, NULL, NULL },
    [SIDE_UNREAD] = { "unread", BEAM_SIDE_SINGLETON, BEAM_INT64, NULL, NULL },
    [SIDE_2] = { "side2", BEAM_SIDE_SINGLETON, BEAM_INT64, NULL, NULL },
};

typedef enum phase { NEW, SET_UP, STARTED, PROCESSING, FINISHED } phase;

static beam_status go_on(beam_ctx *c, phase before, phase or_before, phase now)
{
    phase *at = beam_self(c);
    if (*at != before && *at != or_before)
        return beam_fail(c, BEAM_EUSER, "phase %d came after %d", now, *at);
    *at = now;
    return BEAM_OK;
}
static beam_status teller_setup(beam_ctx *c)
{
    return go_on(c, NEW, NEW, SET_UP);
}
static beam_status teller_start(beam_ctx *c)
{
    return go_on(c, SET_UP, FINISHED, STARTED);
}

static beam_status tell(beam_ctx *c, beam_value in, bool sides, int outputs)
{
    BEAM_TRY(go_on(c, STARTED, PROCESSING, PROCESSING));
    beam_span said = beam_format(c, "processing %lld", (long long)beam_as_int64(in));
    if (sides)
        said = beam_format(c, BEAM_SPAN_FMT ": [%lld, %lld]", BEAM_SPAN_ARG(said),
                           (long long)beam_as_int64(beam_side(c, SIDE_1)),
                           (long long)beam_as_int64(beam_side(c, SIDE_2)));
    BEAM_TRY(beam_emit(c, beam_string(said)));
    for (int i = 0; i < outputs; i++)
        BEAM_TRY(beam_emit_to(c, i, beam_string(beam_format(c, "%s: " BEAM_SPAN_FMT,
                                                            additionals[i].tag,
                                                            BEAM_SPAN_ARG(said)))));
    return BEAM_OK;
}
static beam_status tell_only(beam_ctx *c, beam_value in)
{
    return tell(c, in, false, 0);
}
static beam_status tell_tagged(beam_ctx *c, beam_value in)
{
    return tell(c, in, false, UNWRITTEN);
}
static beam_status tell_sides(beam_ctx *c, beam_value in)
{
    return tell(c, in, true, 0);
}
static beam_status tell_tagged_sides(beam_ctx *c, beam_value in)
{
    return tell(c, in, true, UNWRITTEN);
}

static beam_window global_window(void)
{
    return (beam_window){ BEAM_MIN_TIMESTAMP, BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP + 1,
                          { NULL, 0 } };
}

static beam_status teller_finish(beam_ctx *c)
{
    BEAM_TRY(go_on(c, STARTED, PROCESSING, FINISHED));
    beam_window global = global_window();
    return beam_emit_windowed(c, -1, beam_string(beam_span_of("finished")), BEAM_MIN_TIMESTAMP,
                              &global);
}

#define TELLER(dofn, fn_name, told, ...)                                         \
    static const beam_dofn dofn = { .name = (fn_name), .in = BEAM_INT64,          \
                                    .out = BEAM_STRING, .self_size = sizeof(phase), \
                                    .setup = teller_setup, .start_bundle = teller_start, \
                                    .process = (told), .finish_bundle = teller_finish, \
                                    __VA_ARGS__ }
TELLER(teller_fn, "java.teller", tell_only, .flags = 0);
TELLER(tagged_teller_fn, "java.tagged_teller", tell_tagged, .outputs = BEAM_TABLE(additionals));
TELLER(side_teller_fn, "java.side_teller", tell_sides, .sides = BEAM_TABLE(three_sides));
TELLER(both_teller_fn, "java.both_teller", tell_tagged_sides,
       .outputs = BEAM_TABLE(additionals), .sides = BEAM_TABLE(three_sides));

/* A bundle's "finished" comes once a bundle, of which there may be any number. */
static bool is_told(beam_ctx *c, beam_value in)
{
    (void)c;
    return !beam_span_equal(beam_as_span(in), beam_span_of("finished"));
}
static const beam_dofn is_told_fn = { .name = "java.is_told",
                                      .in = BEAM_STRING,
                                      .keep = is_told };

static void assert_told(beam_pcoll *told, const char *lines)
{
    beam_pcoll *elements = beam_filter(told, "NotFinished", &is_told_fn);
    beam_assert_that(elements, "Told", .lines = lines, .empty = !lines);
}

static void par_do(beam_pipeline *p)
{
    assert_told(beam_par_do(INTS(p, "In", 3, -42, 666), "Tell", &teller_fn),
                "processing 3\nprocessing -42\nprocessing 666");
}

static void par_do_empty(beam_pipeline *p)
{
    beam_pcoll *none = beam_create(p, "None", BEAM_INT64, NULL, 0);
    assert_told(beam_par_do(none, "Tell", &teller_fn), NULL);
}

static beam_status emit_nothing(beam_ctx *c, beam_value in)
{
    (void)c, (void)in;
    return BEAM_OK;
}
static const beam_dofn emit_nothing_fn = { .name = "java.emit_nothing",
                                           .in = BEAM_INT64,
                                           .out = BEAM_STRING,
                                           .outputs = BEAM_TABLE(additionals),
                                           .process = emit_nothing };

static void par_do_empty_outputs(beam_pipeline *p)
{
    beam_pcoll *none = beam_create(p, "None", BEAM_INT64, NULL, 0);
    beam_assert_that(beam_par_do(none, "Nothing", &emit_nothing_fn), "Out", .empty = true);
}

static void par_do_in_custom_transform(beam_pipeline *p)
{
    beam_pcoll *in = INTS(p, "In", 3, -42, 666);
    beam_scope_begin(p, "CustomTransform");
    beam_pcoll *out = beam_par_do(in, "Tell", &teller_fn);
    beam_scope_end(p);
    assert_told(out, "processing 3\nprocessing -42\nprocessing 666");
}

/* -- what is given when the pipeline is made ------------------------------------------------ */
static beam_status emit_option(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_emit(c, beam_string(beam_config(c)));
}
static const beam_dofn emit_option_fn = { .name = "java.emit_option",
                                          .in = BEAM_INT64,
                                          .out = BEAM_STRING,
                                          .process = emit_option };

static void pipeline_options_parameter(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 1), "Option", &emit_option_fn,
                                  .config = beam_span_of("not fake anymore"));
    beam_assert_that(out, "Out", .lines = "not fake anymore");
}

static beam_status keep_option(beam_ctx *c)
{
    *(const char **)beam_self(c) = beam_cstr(c, beam_config(c));
    return BEAM_OK;
}
static beam_status emit_kept_option(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_emit(c, beam_string(beam_span_of(*(const char **)beam_self(c))));
}
static const beam_dofn emit_kept_option_fn = { .name = "java.emit_kept_option",
                                               .in = BEAM_INT64,
                                               .out = BEAM_STRING,
                                               .self_size = sizeof(const char *),
                                               .setup = keep_option,
                                               .process = emit_kept_option };

static void setup_parameter(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 1), "Option", &emit_kept_option_fn,
                                  .config = beam_span_of("not fake anymore"));
    beam_assert_that(out, "Out", .lines = "not fake anymore");
}

/* -- tagged outputs -------------------------------------------------------------------------- */
static void assert_outputs(beam_pcoll *out, const char *const lines[])
{
    assert_told(out, lines[0]);
    for (int i = 0; i < UNWRITTEN; i++)
        beam_assert_that(beam_output(out, i), additionals[i].tag, .lines = lines[i + 1]);
    beam_assert_that(beam_output(out, UNWRITTEN), "Unwritten", .empty = true);
}

static void tagged_output(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 3, -42), "Tell", &tagged_teller_fn);
    assert_outputs(out, (const char *const[]){
                            "processing 3\nprocessing -42",
                            "additional1: processing 3\nadditional1: processing -42",
                            "additional2: processing 3\nadditional2: processing -42",
                            "additional3: processing 3\nadditional3: processing -42" });
}

static void empty_with_tagged_output(beam_pipeline *p)
{
    beam_pcoll *none = beam_create(p, "None", BEAM_INT64, NULL, 0);
    beam_pcoll *out = beam_par_do(none, "Tell", &tagged_teller_fn);
    assert_told(out, NULL);
    for (int i = 0; i < ADDITIONALS; i++)
        beam_assert_that(beam_output(out, i), additionals[i].tag, .empty = true);
}

static void with_empty_tagged_output(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 3, -42, 666), "Nothing", &emit_nothing_fn);
    beam_assert_that(out, "Main", .empty = true);
    beam_assert_that(beam_output(out, ADDITIONAL_1), "Additional", .empty = true);
}

enum { ONLY };
static const beam_output_spec only[] = { [ONLY] = { "only", BEAM_INT64 } };
static beam_status emit_to_only(beam_ctx *c, beam_value in)
{
    return beam_emit_to(c, ONLY, in);
}
static const beam_dofn emit_to_only_fn = { .name = "java.emit_to_only",
                                           .in = BEAM_INT64,
                                           .out = BEAM_INT64,
                                           .outputs = BEAM_TABLE(only),
                                           .process = emit_to_only };

static void only_tagged_output(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 3, -42, 666), "Only", &emit_to_only_fn);
    beam_assert_that(out, "Main", .empty = true);
    beam_assert_that(beam_output(out, ONLY), "Tagged", .lines = "3\n-42\n666");
}

/* The outputs of one ParDo are the inputs of the next. */
static void multi_output_chaining(beam_pipeline *p)
{
    beam_pcoll *first = beam_par_do(INTS(p, "In", 3, 4), "First", &emit_to_only_fn);
    beam_pcoll *second = beam_par_do(beam_output(first, ONLY), "Second", &emit_to_only_fn);
    beam_pcoll *third = beam_par_do(beam_output(second, ONLY), "Third", &tagged_teller_fn);
    assert_outputs(third, (const char *const[]){
                              "processing 3\nprocessing 4",
                              "additional1: processing 3\nadditional1: processing 4",
                              "additional2: processing 3\nadditional2: processing 4",
                              "additional3: processing 3\nadditional3: processing 4" });
}

/* -- side inputs ---------------------------------------------------------------------------- */
typedef struct three_views {
    beam_pcoll *at[3];
} three_views;

static three_views make_views(beam_pipeline *p)
{
    return (three_views){ { INTS(p, "Side1", 11), INTS(p, "Unread", -3333),
                            INTS(p, "Side2", 222) } };
}
#define SIDES(views) { (views).at[0], (views).at[1], (views).at[2] }

static void with_side_inputs(beam_pipeline *p)
{
    three_views v = make_views(p);
    beam_pcoll *out = beam_par_do(INTS(p, "In", 3, -42, 666), "Tell", &side_teller_fn,
                                  .sides = SIDES(v));
    assert_told(out, "processing 3: [11, 222]\nprocessing -42: [11, 222]\n"
                     "processing 666: [11, 222]");
}

static void multi_output_with_side_inputs(beam_pipeline *p)
{
    three_views v = make_views(p);
    beam_pcoll *out = beam_par_do(INTS(p, "In", 3), "Tell", &both_teller_fn,
                                  .sides = SIDES(v));
    assert_outputs(out, (const char *const[]){ "processing 3: [11, 222]",
                                               "additional1: processing 3: [11, 222]",
                                               "additional2: processing 3: [11, 222]",
                                               "additional3: processing 3: [11, 222]" });
}

/* The side inputs are added one by one. */
static void side_inputs_cumulative(beam_pipeline *p)
{
    three_views v = make_views(p);
    beam_pcoll *in = INTS(p, "In", 3, -42, 666);
    beam_par_do_opts opts = { .fn = &side_teller_fn };
    for (int i = 0; i < 3; i++) opts.sides[i] = v.at[i];
    assert_told(beam_par_do_with(in, "Tell", &opts),
                "processing 3: [11, 222]\nprocessing -42: [11, 222]\n"
                "processing 666: [11, 222]");
}
static void multi_output_side_inputs_cumulative(beam_pipeline *p)
{
    three_views v = make_views(p);
    beam_par_do_opts opts = { .fn = &both_teller_fn };
    for (int i = 0; i < 3; i++) opts.sides[i] = v.at[i];
    beam_pcoll *out = beam_par_do_with(INTS(p, "In", 3), "Tell", &opts);
    assert_outputs(out, (const char *const[]){ "processing 3: [11, 222]",
                                               "additional1: processing 3: [11, 222]",
                                               "additional2: processing 3: [11, 222]",
                                               "additional3: processing 3: [11, 222]" });
}

enum { NUMBER };
static const beam_side_spec number_side[] = {
    [NUMBER] = { "number", BEAM_SIDE_SINGLETON, BEAM_INT64, NULL, NULL }
};
static beam_status with_number(beam_ctx *c, beam_value in)
{
    beam_span s = beam_as_span(in);
    return beam_emit(c, beam_string(beam_format(c, BEAM_SPAN_FMT ":%lld", BEAM_SPAN_ARG(s),
                                                (long long)beam_as_int64(
                                                    beam_side(c, NUMBER)))));
}
static const beam_dofn with_number_fn = { .name = "java.with_number",
                                          .in = BEAM_STRING,
                                          .out = BEAM_STRING,
                                          .sides = BEAM_TABLE(number_side),
                                          .process = with_number };

/* Two steps read the same side input. */
static void same_side_input_twice(beam_pipeline *p)
{
    beam_pcoll *side = INTS(p, "Side", 11);
    beam_pcoll *out = STRINGS(p, "In", "a", "b");
    out = beam_par_do(out, "First", &with_number_fn, .sides = { [NUMBER] = side });
    out = beam_par_do(out, "Second", &with_number_fn, .sides = { [NUMBER] = side });
    beam_assert_that(out, "Out", .lines = "a:11:11\nb:11:11");
}

enum { LIST };
static const beam_side_spec list_side[] = { [LIST] = { "tag1", BEAM_SIDE_LIST, BEAM_INT64,
                                                       NULL, NULL } };
static beam_status emit_sorted_list(beam_ctx *c, beam_value in)
{
    (void)in;
    size_t n;
    int64_t *ints = sorted_ints(c, beam_side_iter(c, LIST), &n);
    return beam_emit(c, text_of_ints(c, ints, n));
}
static const beam_dofn emit_sorted_list_fn = { .name = "java.emit_sorted_list",
                                               .in = BEAM_STRING,
                                               .out = BEAM_STRING,
                                               .sides = BEAM_TABLE(list_side),
                                               .process = emit_sorted_list };

static void side_input_annotation(beam_pipeline *p)
{
    beam_pcoll *side = INTS(p, "Side", 2, 1, 0);
    beam_pcoll *out = beam_par_do(STRINGS(p, "In", "one"), "Emit", &emit_sorted_list_fn,
                                  .sides = { [LIST] = side });
    beam_assert_that(out, "Out", .lines = "[0, 1, 2]");
}

enum { LIST_1, MAP_1, MULTIMAP_1, SINGLETON_1, ITERABLE_1 };
static const beam_side_spec five_sides[] = {
    [LIST_1] = { "tag1", BEAM_SIDE_LIST, BEAM_INT64, NULL, NULL },
    [MAP_1] = { "tag2", BEAM_SIDE_MAP, BEAM_KV(BEAM_INT64, BEAM_INT64), NULL, NULL },
    [MULTIMAP_1] = { "tag3", BEAM_SIDE_MULTIMAP, BEAM_KV(BEAM_INT64, BEAM_INT64), NULL, NULL },
    [SINGLETON_1] = { "tag4", BEAM_SIDE_SINGLETON, BEAM_INT64, NULL, NULL },
    [ITERABLE_1] = { "tag5", BEAM_SIDE_ITERABLE, BEAM_STRING, NULL, NULL },
};
static beam_status read_five(beam_ctx *c, beam_value in)
{
    size_t n;
    int64_t *list = sorted_ints(c, beam_side_iter(c, LIST_1), &n);
    if (n != 3 || list[0] != 1 || list[2] != 3)
        return beam_fail(c, BEAM_EUSER, "the list is not 1, 2, 3");
    if (beam_as_int64(beam_side_get(c, MAP_1, beam_int64(1))) != 10)
        return beam_fail(c, BEAM_EUSER, "the map has not 10 for 1");
    int64_t sum = 0;
    beam_iter *it = beam_side_lookup(c, MULTIMAP_1, beam_int64(2));
    for (beam_value v; beam_next(it, &v);) sum += beam_as_int64(v);
    if (sum != 7) return beam_fail(c, BEAM_EUSER, "the multimap has not 3 and 4 for 2");
    if (beam_as_int64(beam_side(c, SINGLETON_1)) != 42)
        return beam_fail(c, BEAM_EUSER, "the singleton is not 42");
    int texts = 0;
    it = beam_side_iter(c, ITERABLE_1);
    for (beam_value v; beam_next(it, &v);) texts++;
    if (texts != 2) return beam_fail(c, BEAM_EUSER, "the iterable has not two texts");
    return beam_emit(c, in);
}
static const beam_dofn read_five_fn = { .name = "java.read_five",
                                        .in = BEAM_STRING,
                                        .out = BEAM_STRING,
                                        .sides = BEAM_TABLE(five_sides),
                                        .process = read_five };

static beam_pcoll *int_pairs(beam_pipeline *p, const char *name, const int64_t (*ints)[2],
                             size_t n)
{
    beam_value pairs[8][2], kvs[8];
    for (size_t i = 0; i < n; i++) {
        pairs[i][0] = beam_int64(ints[i][0]);
        pairs[i][1] = beam_int64(ints[i][1]);
        kvs[i] = beam_kv(pairs[i]);
    }
    return beam_create(p, name, BEAM_KV(BEAM_INT64, BEAM_INT64), kvs, n);
}

static void multiple_side_inputs(beam_pipeline *p)
{
    static const int64_t map[][2] = { { 1, 10 }, { 2, 20 } };
    static const int64_t multimap[][2] = { { 1, 2 }, { 2, 3 }, { 2, 4 } };
    beam_pcoll *out = beam_par_do(
        STRINGS(p, "In", "one"), "Read", &read_five_fn,
        .sides = { [LIST_1] = INTS(p, "List", 3, 1, 2),
                   [MAP_1] = int_pairs(p, "Map", map, BEAM_COUNT(map)),
                   [MULTIMAP_1] = int_pairs(p, "Multimap", multimap, BEAM_COUNT(multimap)),
                   [SINGLETON_1] = INTS(p, "Singleton", 42),
                   [ITERABLE_1] = STRINGS(p, "Iterable", "x", "y") });
    beam_assert_that(out, "Out", .lines = "one");
}

/* An element in several windows sees each window's own side input. */
static void side_inputs_with_windows(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_STRINGS(p, "In", { "a", 5 });
    beam_pcoll *side = TIMED_INTS(p, "Side", { 1, 0 });
    in = beam_window_into(in, "Main", beam_sliding(10, 5));
    side = beam_window_into(side, "SideWindows", beam_sliding(10, 5));
    side = beam_combine_globally(side, "Sum", &beam_sum_int64);
    /* at 5: [0, 10) and [5, 15); of the latter the side input has nothing */
    beam_pcoll *more = TIMED_INTS(p, "More", { 2, 12 });
    more = beam_combine_globally(beam_window_into(more, "MoreWindows", beam_sliding(10, 5)),
                                 "MoreSum", &beam_sum_int64);
    side = beam_flatten(p, "Sides", (beam_pcoll *[]){ side, more }, 2);
    beam_pcoll *out = beam_par_do(in, "Number", &with_number_fn, .sides = { [NUMBER] = side });
    beam_assert_that(out, "Out", .lines = "[0, 10) a:1\n[5, 15) a:2",
                     .show = BEAM_SHOW_WINDOW);
}

/* -- errors ----------------------------------------------------------------------------------- */
static beam_status fail_initialize(beam_ctx *c)
{
    return beam_fail(c, BEAM_EUSER, "test error in initialize");
}
static beam_status fail_process(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_fail(c, BEAM_EUSER, "test error in process");
}
static beam_status fail_finalize(beam_ctx *c)
{
    return beam_fail(c, BEAM_EUSER, "test error in finalize");
}
static const beam_dofn fail_start_fn = { .name = "java.fail_start",
                                         .in = BEAM_INT64,
                                         .start_bundle = fail_initialize,
                                         .process = emit_nothing };
static const beam_dofn fail_process_fn = { .name = "java.fail_process",
                                           .in = BEAM_INT64,
                                           .process = fail_process };
static const beam_dofn fail_finish_fn = { .name = "java.fail_finish",
                                          .in = BEAM_INT64,
                                          .process = emit_nothing,
                                          .finish_bundle = fail_finalize };

static void error_in_start(beam_pipeline *p)
{
    beam_par_do(INTS(p, "In", 3, -42, 666), "Fail", &fail_start_fn);
}
static void error_in_process(beam_pipeline *p)
{
    beam_par_do(INTS(p, "In", 3, -42, 666), "Fail", &fail_process_fn);
}
static void error_in_finish(beam_pipeline *p)
{
    beam_par_do(INTS(p, "In", 3, -42, 666), "Fail", &fail_finish_fn);
}

/* -- windows and timestamps ------------------------------------------------------------------ */
static beam_status tell_time(beam_ctx *c, beam_value in)
{
    beam_span s = beam_as_span(in);
    beam_window w = beam_element_window(c);
    return beam_emit(c, beam_string(beam_format(
                            c, BEAM_SPAN_FMT ":%lld:%lld", BEAM_SPAN_ARG(s),
                            (long long)beam_timestamp(c),
                            (long long)beam_window_max_timestamp(w))));
}
static beam_status finish_at_3(beam_ctx *c)
{
    beam_window window = { 3, 4, { NULL, 0 } };
    return beam_emit_windowed(c, -1, beam_string(beam_span_of("finish")), 3, &window);
}
static const beam_dofn finish_at_3_fn = { .name = "java.finish_at_3",
                                          .in = BEAM_STRING,
                                          .out = BEAM_STRING,
                                          .flags = BEAM_OBSERVES_WINDOW,
                                          .process = tell_time,
                                          .finish_bundle = finish_at_3 };
static const beam_dofn tell_time_fn = { .name = "java.tell_time",
                                        .in = BEAM_STRING,
                                        .out = BEAM_STRING,
                                        .flags = BEAM_OBSERVES_WINDOW,
                                        .process = tell_time };

static void windowing_in_finish_bundle(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_STRINGS(p, "In", { "elem", 1 });
    in = beam_window_into(in, "Windows", beam_fixed(1));
    beam_pcoll *out = beam_par_do(in, "Finish", &finish_at_3_fn);
    out = beam_count_per_element(beam_par_do(out, "Times", &tell_time_fn), "OncePerBundle");
    out = beam_keys(out, "Once");
    beam_assert_that(out, "Out", .lines = "elem:1:1:1:1\nfinish:3:3");
}

enum { AT_TAG };
static const beam_output_spec at_tag[] = { [AT_TAG] = { "tagged", BEAM_INT64 } };
static beam_status emit_at_value(beam_ctx *c, beam_value in)
{
    return beam_emit_at(c, in, beam_as_int64(in));
}
static beam_status emit_at_value_tagged(beam_ctx *c, beam_value in)
{
    beam_window global = global_window();
    return beam_emit_windowed(c, AT_TAG, in, beam_as_int64(in), &global);
}
static beam_status shift(beam_ctx *c, beam_value in)
{
    return beam_emit_windowed(c, -1, in, beam_timestamp(c) + beam_as_int64(in), NULL);
}
static const beam_dofn emit_at_value_fn = { .name = "java.emit_at_value",
                                            .in = BEAM_INT64,
                                            .out = BEAM_INT64,
                                            .process = emit_at_value };
static const beam_dofn emit_tagged_fn = { .name = "java.emit_at_value_tagged",
                                          .in = BEAM_INT64,
                                          .out = BEAM_INT64,
                                          .outputs = BEAM_TABLE(at_tag),
                                          .process = emit_at_value_tagged };
static const beam_dofn shift_fn = { .name = "java.shift",
                                    .in = BEAM_INT64,
                                    .out = BEAM_INT64,
                                    .process = shift };

static void output_with_timestamp(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 3, 42, 6), "Time", &emit_at_value_fn);
    beam_assert_that(out, "Out", .lines = "3 @3\n42 @42\n6 @6", .show = BEAM_SHOW_TIMESTAMP);
}

static void tagged_output_with_timestamp(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 3, 42, 6), "Time", &emit_tagged_fn);
    beam_assert_that(beam_output(out, AT_TAG), "Out", .lines = "3 @3\n42 @42\n6 @6",
                     .show = BEAM_SHOW_TIMESTAMP);
}

static void shift_timestamp(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 3, 42, 6), "Time", &emit_at_value_fn);
    out = beam_par_do(out, "Shift", &shift_fn);
    beam_assert_that(out, "Out", .lines = "3 @6\n42 @84\n6 @12", .show = BEAM_SHOW_TIMESTAMP);
}

/* Back by any time: to the first there is, and past everything else. */
static void shift_timestamp_unlimited(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_INTS(p, "In", { 0, 0 }, { -BEAM_MAX_TIMESTAMP / 2, 0 },
                                { BEAM_MIN_TIMESTAMP, 0 });
    beam_assert_that(beam_par_do(in, "Shift", &shift_fn), "Out",
                     .lines = "0 @0\n-4611686018427387 @-4611686018427387\n"
                              "-9223372036854775 @-9223372036854775",
                     .show = BEAM_SHOW_TIMESTAMP);
}

#define P(name) "ParDoTest." name
static const suite_test tests[] = {
    TEST(P("testParDo"), "-", par_do),
    TEST(P("testParDoEmpty"), "-", par_do_empty),
    TEST(P("testParDoEmptyOutputs"), "-", par_do_empty_outputs),
    TEST(P("testParDoInCustomTransform"), "-", par_do_in_custom_transform),
    TEST(P("testPipelineOptionsParameter"), "-", pipeline_options_parameter),
    TEST(P("testSetupParameter"), "-", setup_parameter),
    TEST(P("testParDoWithTaggedOutput"), "-", tagged_output),
    TEST(P("testParDoEmptyWithTaggedOutput"), "-", empty_with_tagged_output),
    TEST(P("testParDoWithEmptyTaggedOutput"), "-", with_empty_tagged_output),
    TEST(P("testParDoWithOnlyTaggedOutput"), "-", only_tagged_output),
    TEST(P("testMultiOutputChaining"), "-", multi_output_chaining),
    TEST(P("testParDoWithSideInputs"), "UsesSideInputs", with_side_inputs),
    TEST(P("testMultiOutputParDoWithSideInputs"), "UsesSideInputs",
         multi_output_with_side_inputs),
    TEST(P("testParDoWithSideInputsIsCumulative"), "UsesSideInputs", side_inputs_cumulative),
    TEST(P("testMultiOutputParDoWithSideInputsIsCumulative"), "UsesSideInputs",
         multi_output_side_inputs_cumulative),
    TEST(P("testSameSideInputReadTwice"), "UsesSideInputs", same_side_input_twice),
    TEST(P("testSideInputAnnotation"), "UsesSideInputs", side_input_annotation),
    TEST(P("testSideInputAnnotationWithMultipleSideInputs"), "UsesSideInputs",
         multiple_side_inputs),
    TEST(P("testSideInputsWithMultipleWindows"), "UsesSideInputs", side_inputs_with_windows),
    TEST(P("testParDoWithErrorInStartBatch"), "-", error_in_start,
         .fails = "test error in initialize"),
    TEST(P("testParDoWithErrorInProcessElement"), "-", error_in_process,
         .fails = "test error in process"),
    TEST(P("testParDoWithErrorInFinishBatch"), "-", error_in_finish,
         .fails = "test error in finalize"),
    TEST(P("testWindowingInStartAndFinishBundle"), "-", windowing_in_finish_bundle),
    TEST(P("testParDoOutputWithTimestamp"), "-", output_with_timestamp),
    TEST(P("testParDoTaggedOutputWithTimestamp"), "-", tagged_output_with_timestamp),
    TEST(P("testParDoShiftTimestamp"), "-", shift_timestamp),
    TEST(P("testParDoShiftTimestampUnlimited"), "-", shift_timestamp_unlimited),
};
SUITE_TABLE(java_par_do, "java", tests);
