/* SPDX-License-Identifier: Apache-2.0 */
/* Expansion with canned answers, good and bad. */
#include "proto_test.h"

static bm_arena arena;
static beam_pipeline *p;
static canned service;
static bm_expander expander;
/* The answer under construction. */
static bm_pb_expansion_response *answer;
static bm_list transforms, pcolls, windowings, coders, environments;

static void set_up(void)
{
    bm_arena_init(&arena, 0);
    p = beam_pipeline_new();
    service = (canned) { { NULL, 0 }, NULL, NULL, 0, 0 };
    expander = canned_expander(&service);
    answer = bm_pb_expansion_response_new(&arena);
    transforms = pcolls = windowings = coders = environments = (bm_list){ 0 };
}

static void tear_down(void)
{
    beam_pipeline_free(p);
    bm_arena_free(&arena);
}

/* -- making an answer --------------------------------------------------------------- */
#define PUT(list, entry_type, id, message)                                               \
    do {                                                                                 \
        bm_pb_##entry_type *e_ = bm_pb_##entry_type##_new(&arena);                       \
        e_->key = bm_pb_text(id);                                                        \
        e_->value = (message);                                                           \
        bm_list_add(&arena, &(list), e_);                                                \
    } while (0)

static bm_pb_transform *new_transform(const char *name, const char *urn, const char *env)
{
    bm_pb_transform *t = bm_pb_transform_new(&arena);
    t->unique_name = bm_pb_text(name);
    t->environment_id = bm_pb_text(env);
    if (urn) t->spec = bm_pb_spec(&arena, urn, (beam_span){ NULL, 0 });
    return t;
}

static void give(bm_pb_transform *t, const char *tag, const char *id)
{
    bm_list list = { 0 };
    bm_pb_output_entry *e = bm_pb_output_entry_new(&arena);
    e->key = bm_pb_text(tag);
    e->value = bm_pb_text(id);
    for (size_t i = 0; i < t->n_outputs; i++)
        bm_list_add(&arena, &list, t->outputs[i]);
    bm_list_add(&arena, &list, e);
    BM_PB_REPEATED(t, outputs, &list);
}

static void take(bm_pb_transform *t, const char *tag, const char *id)
{
    bm_list list = { 0 };
    bm_pb_input_entry *e = bm_pb_input_entry_new(&arena);
    e->key = bm_pb_text(tag);
    e->value = bm_pb_text(id);
    bm_list_add(&arena, &list, e);
    BM_PB_REPEATED(t, inputs, &list);
}

static void hold(bm_pb_transform *t, const char *a, const char *b)
{
    bm_list list = { 0 };
    bm_list_add(&arena, &list, bm_pb_text(a));
    if (b) bm_list_add(&arena, &list, bm_pb_text(b));
    BM_PB_REPEATED(t, subtransforms, &list);
}

static void put_coder(const char *id, const char *urn, const char *a, const char *b)
{
    bm_pb_coder *c = bm_pb_coder_new(&arena);
    c->spec = bm_pb_spec(&arena, urn, (beam_span){ NULL, 0 });
    bm_list list = { 0 };
    if (a) bm_list_add(&arena, &list, bm_pb_text(a));
    if (b) bm_list_add(&arena, &list, bm_pb_text(b));
    BM_PB_REPEATED(c, component_coder_ids, &list);
    PUT(coders, coder_entry, id, c);
}

static bm_pb_pcoll *put_pcoll(const char *id, const char *coder, const char *windowing)
{
    bm_pb_pcoll *c = bm_pb_pcoll_new(&arena);
    c->unique_name = bm_pb_text(id);
    c->coder_id = bm_pb_text(coder);
    c->windowing_strategy_id = bm_pb_text(windowing);
    c->is_bounded = PB__IS_BOUNDED__ENUM__UNBOUNDED;
    PUT(pcolls, pcoll_entry, id, c);
    return c;
}

static void put_environment(const char *id)
{
    bm_pb_environment *env = bm_pb_environment_new(&arena);
    env->urn = bm_pb_text("beam:env:docker:v1");
    PUT(environments, environment_entry, id, env);
}

static bm_pb_windowing *put_windowing(const char *id, const char *coder, const char *env)
{
    bm_pb_windowing *w = bm_pb_windowing_new(&arena);
    w->window_fn = bm_pb_spec(&arena, "beam:window_fn:fixed_windows:v1",
                              (beam_span){ NULL, 0 });
    w->window_coder_id = bm_pb_text(coder);
    w->environment_id = bm_pb_text(env);
    PUT(windowings, windowing_entry, id, w);
    return w;
}

static void finish(void)
{
    bm_pb_components *c = bm_pb_components_new(&arena);
    BM_PB_REPEATED(c, transforms, &transforms);
    BM_PB_REPEATED(c, pcollections, &pcolls);
    BM_PB_REPEATED(c, windowing_strategies, &windowings);
    BM_PB_REPEATED(c, coders, &coders);
    BM_PB_REPEATED(c, environments, &environments);
    answer->components = c;
    service.response = BM_PB_PACK(&arena, answer);
}

/* A read as Java gives it: Impulse and ParDo in a composite, in an environment of its
 * own. */
static void answer_read(const char *name_space, const char *name)
{
    const char *impulse = bm_format(&arena, "%sImpulse", name_space);
    const char *par_do = bm_format(&arena, "%sParDo", name_space);
    const char *made = bm_format(&arena, "%simpulse.out", name_space);
    const char *out = bm_format(&arena, "%sout", name_space);
    const char *env = bm_format(&arena, "%senv", name_space);
    const char *windowing = bm_format(&arena, "%swindows", name_space);
    const char *kv = bm_format(&arena, "%skv", name_space);
    const char *bytes = bm_format(&arena, "%sbytes", name_space);
    const char *null = bm_format(&arena, "%snull", name_space);
    const char *window = bm_format(&arena, "%swindow", name_space);

    bm_pb_transform *t = new_transform(bm_format(&arena, "%s/Impulse", name),
                                       "beam:transform:impulse:v1", "");
    give(t, "out", made);
    PUT(transforms, transform_entry, impulse, t);
    t = new_transform(bm_format(&arena, "%s/ParDo", name), "beam:transform:pardo:v1",
                      env);
    take(t, "x", made);
    give(t, "y", out);
    PUT(transforms, transform_entry, par_do, t);
    PUT(transforms, transform_entry, "unreachable",
        new_transform("unreachable", "beam:transform:impulse:v1", "missing"));
    answer->transform = new_transform("something else", NULL, "");
    give(answer->transform, "output", out);
    hold(answer->transform, impulse, par_do);

    put_pcoll(made, bytes, windowing);
    put_pcoll(out, kv, windowing);
    put_coder(bytes, "beam:coder:bytes:v1", NULL, NULL);
    put_coder(null, "beam:coder:nullable:v1", bytes, NULL);
    put_coder(kv, "beam:coder:kv:v1", null, null);
    put_coder(window, "beam:coder:interval_window:v1", NULL, NULL);
    put_windowing(windowing, window, env);
    put_environment(env);
    bm_list requirements = { 0 };
    bm_list_add(&arena, &requirements,
                bm_pb_text("beam:requirement:pardo:splittable_dofn:v1"));
    BM_PB_REPEATED(answer, requirements, &requirements);
    finish();
}

/* -- making a question -------------------------------------------------------------- */
#define RECORD BEAM_KV(BEAM_NULLABLE(BEAM_BYTES), BEAM_NULLABLE(BEAM_BYTES))

static const beam_field fields[] = { { .name = "topic", .kind = BEAM_FIELD_STRING } };
static const beam_schema schema = { .id = "test.config", .fields = BEAM_TABLE(fields) };

static beam_pcoll *read_as(const char *name, const beam_type *type)
{
    beam_value row[] = { beam_string(beam_span_of("t")) };
    beam_pcoll *out[1];
    beam_external(p, name,
                  &(beam_external_opts){ .urn = "test:read:v1",
                                          .payload_schema = &schema,
                                          .payload = beam_row(row, 1),
                                          .output_tags = { "output" },
                                          .output_types = { type } },
                  out);
    return out[0];
}

static beam_pcoll *read_records(void)
{
    return read_as("Read", RECORD);
}

START_TEST(request_is_as_services_expect)
{
    answer_read("Read_", "Read");
    read_records();
    proto_of(p, &expander, &arena);
    const bm_pb_expansion_request *r = service.request;
    ck_assert_str_eq(r->namespace_, "Read_");
    ck_assert_str_eq(r->transform->unique_name, "Read");
    ck_assert_str_eq(r->transform->spec->urn, "test:read:v1");
    ck_assert_uint_eq(r->n_output_coder_requests, 0);
    ck_assert_uint_eq(r->components->n_environments, 1);
    ck_assert_str_eq(r->components->environments[0]->value->urn, "beam:env:default:v1");
    const bm_pb_external_config *config = (const bm_pb_external_config *)bm_pb_unpack(
        &arena, &pb__external_configuration_payload__descriptor,
        bm_pb_span(r->transform->spec->payload), 64);
    ck_assert_str_eq(config->schema->fields[0]->name, "topic");
    /* One field, no nulls, "t". */
    static const char row[] = { 1, 0, 1, 't' };
    ck_assert(beam_span_equal(bm_pb_span(config->payload), (beam_span){ row, 4 }));
}
END_TEST

START_TEST(class_lookup)
{
    answer_read("Read_", "Read");
    beam_value row[] = { beam_string(beam_span_of("t")) };
    beam_pcoll *out[1];
    beam_external(p, "Read",
                  &(beam_external_opts){ .java_class = "org.example.Read",
                                          .java_constructor_method = "of",
                                          .payload_schema = &schema,
                                          .payload = beam_row(row, 1),
                                          .expansion_service = "host:1",
                                          .output_tags = { "output" },
                                          .output_types = { RECORD } },
                  out);
    proto_of(p, &expander, &arena);
    ck_assert_str_eq(service.address, "host:1");
    const bm_pb_function_spec *spec = service.request->transform->spec;
    ck_assert_str_eq(spec->urn, "beam:expansion:payload:java_class_lookup:v1");
    const bm_pb_class_lookup *lookup = (const bm_pb_class_lookup *)bm_pb_unpack(
        &arena, &pb__java_class_lookup_payload__descriptor, bm_pb_span(spec->payload),
        64);
    ck_assert_str_eq(lookup->class_name, "org.example.Read");
    ck_assert_str_eq(lookup->constructor_method, "of");
    ck_assert_str_eq(lookup->constructor_schema->fields[0]->name, "topic");
    ck_assert_uint_eq(lookup->constructor_payload.len, 4);
}
END_TEST

static beam_status drop(beam_ctx *c, beam_value in)
{
    (void)c;
    (void)in;
    return BEAM_OK;
}
static const beam_dofn decode_fn = { .name = "test.decode",
                                     .in = RECORD,
                                     .out = BEAM_KV(BEAM_BYTES, BEAM_BYTES),
                                     .process = drop };

/* A read whose last step is a ParDo of the other SDK; `urn`: of what makes its input. */
static const bm_pb_transform *last_step_after(const char *urn, const char *own_step)
{
    answer_read("Read_", "Read");
    bm_pb_transform *made = answer->components->transforms[0]->value;
    made->spec->urn = bm_pb_text(urn);
    finish();
    beam_value row[] = { beam_string(beam_span_of("t")) };
    beam_pcoll *out[1];
    beam_external(p, "Read",
                  &(beam_external_opts){ .urn = "test:read:v1",
                                          .payload_schema = &schema,
                                          .payload = beam_row(row, 1),
                                          .output_tags = { "output" },
                                          .output_types = { RECORD },
                                          .own_step = own_step,
                                          .own_dofn = &decode_fn },
                  out);
    bm_pb_pipeline *pipeline = proto_of(p, &expander, &arena);
    return transform_of(pipeline, "Read_ParDo");
}

START_TEST(own_step_after_a_runners_read)
{
    const bm_pb_transform *t = last_step_after("beam:transform:read:v1", "/ParDo");
    ck_assert_str_eq(t->environment_id, "c");
    const bm_pb_par_do *payload = (const bm_pb_par_do *)bm_pb_unpack(
        &arena, &pb__par_do_payload__descriptor, bm_pb_span(t->spec->payload), 64);
    ck_assert_str_eq(payload->do_fn->urn, "beam:dofn:c:v1");
}
END_TEST

START_TEST(own_step_stays_elsewhere)
{
    const bm_pb_transform *t = last_step_after("beam:transform:impulse:v1", "/ParDo");
    ck_assert_str_ne(t->environment_id, "c");
}
END_TEST

START_TEST(another_step_is_not_the_own)
{
    const bm_pb_transform *t = last_step_after("beam:transform:read:v1", "/Decode");
    ck_assert_str_ne(t->environment_id, "c");
}
END_TEST

START_TEST(answer_is_spliced_in)
{
    answer_read("Read_", "Read");
    beam_group_by_key(beam_par_do(read_records(), "Decode", &decode_fn), "Group");
    const bm_pb_pipeline *m = proto_of(p, &expander, &arena);
    ck_assert_str_eq(text_of(&arena, m),
                     "root Read\nroot Decode\nroot Group\n"
                     "Read: - >output=Read_out [Read_Impulse] [Read_ParDo]\n"
                     "Read_Impulse: impulse:v1 >out=Read_impulse.out\n"
                     "Read_ParDo: pardo:v1 @Read_env <x=Read_impulse.out >y=Read_out\n"
                     "Decode: pardo:v1 @c <in=Read_out >out=Decode.out\n"
                     "Group: group_by_key:v1 <in=Decode.out >out=Group.out\n"
                     "Read_out = Read_kv, Read_windows, unbounded\n"
                     "Read_impulse.out = Read_bytes, Read_windows, unbounded\n"
                     "Decode.out = kv<bytes,bytes>, Read_windows, unbounded\n"
                     "Group.out = kv<bytes,iterable<bytes>>, Read_windows, unbounded\n");
    ck_assert_str_eq(transform_of(m, "Read_ParDo")->unique_name, "Read/ParDo");
    ck_assert_uint_eq(m->n_requirements, 1);
    ck_assert_str_eq(m->requirements[0], "beam:requirement:pardo:splittable_dofn:v1");
    ck_assert_int_eq(service.environments, 1);
    ck_assert_str_eq(environment_of(m, "Read_env")->urn, "beam:env:external:v1");
    ck_assert_uint_eq(environment_of(m, "Read_env")->n_dependencies, 0);
}
END_TEST

/* Two expansions with equal environments run in one worker. */
START_TEST(equal_environments_are_one)
{
    answer_read("x_", "x");
    read_records();
    read_as("Read2", RECORD);
    const bm_pb_pipeline *m = proto_of(p, &expander, &arena);
    ck_assert_int_eq(service.calls, 2);
    ck_assert_uint_eq(m->components->n_environments, 2);
    /* The service gave the same ids twice: the second are renamed, coders are shared. */
    ck_assert_ptr_nonnull(transform_of(m, "Read2_x_ParDo (1)"));
    ck_assert_str_eq(transform_of(m, "Read2_x_ParDo (1)")->environment_id, "x_env");
    ck_assert_str_eq(transform_of(m, "Read2_x_ParDo (1)")->unique_name, "x/ParDo (2)");
    ck_assert_str_eq(output_of(transform_of(m, "Read2"), "output"), "Read2_x_out (1)");
}
END_TEST

START_TEST(boundedness_follows_the_answer)
{
    answer_read("Read_", "Read");
    for (size_t i = 0; i < pcolls.n; i++)
        ((bm_pb_pcoll_entry *)pcolls.at[i])->value->is_bounded =
            PB__IS_BOUNDED__ENUM__BOUNDED;
    finish();
    beam_par_do(read_records(), "Decode", &decode_fn);
    const bm_pb_pipeline *m = proto_of(p, &expander, &arena);
    ck_assert_int_eq(pcoll_of(m, "Decode.out")->is_bounded,
                     PB__IS_BOUNDED__ENUM__BOUNDED);
}
END_TEST

/* -- a write
 * ----------------------------------------------------------------------------- */
static void write_records(beam_pcoll *in, const char *name)
{
    beam_external(p, name,
                  &(beam_external_opts){ .urn = "test:write:v1",
                                          .inputs = { in },
                                          .input_tags = { "input" } },
                  NULL);
}

static const beam_dofn bytes_fn = { .name = "test.bytes",
                                    .in = BEAM_BYTES,
                                    .out = BEAM_KV(BEAM_BYTES, BEAM_BYTES),
                                    .process = drop };

START_TEST(write_sends_what_its_input_needs)
{
    beam_pcoll *in = beam_par_do(beam_impulse(p, "Impulse"), "Bytes", &bytes_fn);
    write_records(in, "Out/Write");
    bm_pb_transform *sink = new_transform("W/Do", "beam:transform:pardo:v1", "w");
    take(sink, "in", "Bytes.out");
    PUT(transforms, transform_entry, "Do", sink);
    put_environment("w");
    answer->transform = new_transform("", NULL, "");
    take(answer->transform, "PCollection#1", "Bytes.out");
    hold(answer->transform, "Do", NULL);
    finish();
    const bm_pb_pipeline *m = proto_of(p, &expander, &arena);
    ck_contains(text_of(&arena, m), "Out/Write: - <PCollection#1=Bytes.out [Do]\n"
                                    "Do: pardo:v1 @w <in=Bytes.out\n");
    const bm_pb_components *c = service.request->components;
    ck_assert_str_eq(service.request->namespace_, "Out_Write_");
    ck_assert_str_eq(input_of(service.request->transform, "input"), "Bytes.out");
    ck_assert_uint_eq(c->n_pcollections, 1);
    ck_assert_uint_eq(c->n_windowing_strategies, 1);
    ck_assert_uint_eq(c->n_coders, 3);
    ck_assert_uint_eq(c->n_transforms, 1);
    ck_assert_str_eq(c->transforms[0]->key, "impulse_input");
    ck_assert_str_eq(output_of(c->transforms[0]->value, "out"), "Bytes.out");
}
END_TEST

/* What one expansion gave is what the next is asked about. */
START_TEST(read_straight_into_write)
{
    answer_read("Read_", "Read");
    write_records(read_records(), "Write");
    proto_of(p, &expander, &arena);
    ck_assert_int_eq(service.calls, 2);
    const bm_pb_expansion_request *r = service.request;
    ck_assert_str_eq(input_of(r->transform, "input"), "Read_out");
    ck_assert_uint_eq(r->components->n_environments, 2);
    ck_assert_uint_eq(r->components->n_coders, 4);
}
END_TEST

/* -- bad answers
 * ------------------------------------------------------------------------- */
START_TEST(no_expander)
{
    read_records();
    const char *message = failure_of(p, NULL, &arena);
    ck_contains(message, "Read");
    ck_contains(message, "--expansion_service");
}
END_TEST

START_TEST(refusal_starts_with_the_reason)
{
    answer->error = bm_pb_text(
        "java.lang.IllegalStateException: no such topic\n\tat a.b.C\n");
    finish();
    read_records();
    const char *message = failure_of(p, &expander, &arena);
    ck_contains(message, "Read: the expansion service cannot expand test:read:v1: "
                         "java.lang.IllegalStateException: no such topic. Check");
    ck_contains(message, "\tat a.b.C");
}
END_TEST

START_TEST(refusal_gives_the_last_cause_and_no_payload)
{
    answer->error = bm_pb_text("java.lang.RuntimeException: Failed for spec urn: \"x\"\n"
                               "payload: \"password=hunter2\"\n\n"
                               "\tat a.b.C\nCaused by: java.io.IOException: no such field\n"
                               "\tat d.e.F\n");
    finish();
    read_records();
    const char *message = failure_of(p, &expander, &arena);
    ck_contains(message, "cannot expand test:read:v1: java.io.IOException: no such field.");
    ck_contains(message, "Failed for spec urn: \"x\"\n\tat a.b.C");
    ck_assert_ptr_null(strstr(message, "hunter2"));
}
END_TEST

START_TEST(long_refusal_is_cut)
{
    char *text = bm_alloc(&arena, 100001);
    memset(text, 'x', 100000);
    text[100000] = 0;
    answer->error = text;
    finish();
    read_records();
    ck_assert_uint_eq(strlen(failure_of(p, &expander, &arena)),
                      sizeof((beam_error *)0)->message - 1);
}
END_TEST

START_TEST(other_type_names_both)
{
    answer_read("Read_", "Read");
    read_as("Read", BEAM_KV(BEAM_BYTES, BEAM_STRING));
    const char *message = failure_of(p, &expander, &arena);
    ck_contains(message, "Read");
    ck_contains(message, "KV<BYTES, STRING>");
    ck_contains(message, "KV<NULLABLE<BYTES>, NULLABLE<BYTES>>");
}
END_TEST

START_TEST(foreign_coder_is_named)
{
    answer_read("Read_", "Read");
    put_coder("java", "beam:coders:javasdk:0.1", NULL, NULL);
    put_pcoll("Read_out", "java", "Read_windows");
    finish();
    read_records();
    ck_contains(failure_of(p, &expander, &arena), "beam:coders:javasdk:0.1");
}
END_TEST

START_TEST(only_output_needs_no_tag)
{
    answer_read("Read_", "Read");
    answer->transform->outputs[0]->key = bm_pb_text("PCollection#17");
    finish();
    read_records();
    proto_of(p, &expander, &arena);
}
END_TEST

START_TEST(missing_output_lists_those_there)
{
    answer_read("Read_", "Read");
    answer->transform->outputs[0]->key = bm_pb_text("records");
    give(answer->transform, "errors", "Read_out");
    finish();
    read_records();
    const char *message = failure_of(p, &expander, &arena);
    ck_contains(message, "no output 'output'");
    ck_contains(message, "'records', 'errors'");
}
END_TEST

/* Spoils one thing in a good answer. */
static void no_transform(void)
{
    answer->transform = NULL;
}
static void unknown_child(void)
{
    hold(answer->transform, "nowhere", NULL);
}
static void child_twice(void)
{
    hold(answer->transform, "Read_ParDo", "Read_ParDo");
}
static void child_of_itself(void)
{
    bm_pb_transform *t = new_transform("t", NULL, "");
    hold(t, "loop", NULL);
    PUT(transforms, transform_entry, "loop", t);
    hold(answer->transform, "loop", NULL);
}
static void unknown_pcoll(void)
{
    give(answer->transform, "more", "nowhere");
}
static void unknown_coder(void)
{
    put_pcoll("Read_out", "nowhere", "Read_windows");
}
static void unknown_windowing(void)
{
    put_pcoll("Read_out", "Read_kv", "nowhere");
}
static void unknown_window_coder(void)
{
    put_windowing("Read_windows", "nowhere", "");
}
static void unknown_environment(void)
{
    put_windowing("Read_windows", "Read_window", "nowhere");
}
static void coder_of_itself(void)
{
    put_coder("Read_null", "beam:coder:kv:v1", "Read_kv", NULL);
}
static void coder_without_spec(void)
{
    PUT(coders, coder_entry, "Read_bytes", bm_pb_coder_new(&arena));
}
static void pcoll_without_value(void)
{
    PUT(pcolls, pcoll_entry, "nothing", NULL);
    give(answer->transform, "more", "nothing");
}
static void coders_nest(void)
{
    for (int i = 0; i < 10000; i++)
        put_coder(bm_format(&arena, "c%d", i), "beam:coder:iterable:v1",
                  bm_format(&arena, "c%d", i + 1), NULL);
}
static void transforms_nest(void)
{
    for (int i = 0; i < 10000; i++) {
        bm_pb_transform *t = new_transform("", NULL, "");
        hold(t, bm_format(&arena, "t%d", i + 1), NULL);
        PUT(transforms, transform_entry, bm_format(&arena, "t%d", i), t);
    }
    hold(answer->transform, "t0", NULL);
}
static void triggers_nest(void)
{
    bm_pb_trigger *t = bm_pb_trigger_new(&arena);
    for (int i = 0; i < 1000; i++) {
        bm_pb_trigger *outer = bm_pb_trigger_new(&arena);
        outer->trigger_case = PB__TRIGGER__TRIGGER_REPEAT;
        outer->repeat = bm_pb_trigger_repeat_new(&arena);
        outer->repeat->subtrigger = t;
        t = outer;
    }
    put_windowing("Read_windows", "Read_window", "")->trigger = t;
}
static void taken_coder(void)
{
    put_coder("bytes", "beam:coder:varint:v1", NULL, NULL);
}

static void (*const spoil[])(void) = {
    no_transform,        unknown_child,   child_twice,        child_of_itself,
    unknown_pcoll,       unknown_coder,   unknown_windowing,  unknown_window_coder,
    unknown_environment, coder_of_itself, coder_without_spec, pcoll_without_value,
    coders_nest,         transforms_nest, triggers_nest,      taken_coder,
};

START_TEST(bad_answer_is_an_error)
{
    answer_read("Read_", "Read");
    spoil[_i]();
    finish();
    if (spoil[_i] == taken_coder) beam_impulse(p, "Impulse");
    read_records();
    const char *message = failure_of(p, &expander, &arena);
    ck_contains(message, "Read: the expansion service answered what cannot be used");
}
END_TEST

START_TEST(noise_is_an_error)
{
    service.response = (beam_span){ "\377\377\377", 3 };
    read_records();
    ck_contains(failure_of(p, &expander, &arena), "ExpansionResponse");
}
END_TEST

/* Any beginning of a good answer is an answer or an error, and so is one with a byte
 * changed: the sanitizers look on. */
START_TEST(damaged_answers_do_no_harm)
{
    answer_read("Read_", "Read");
    read_records();
    beam_span good = service.response;
    bm_environment env = { .urn = "beam:env:external:v1" };
    for (size_t i = 0; i < good.len; i++) {
        bm_arena scratch;
        bm_arena_init(&scratch, 0);
        beam_span bytes;
        service.response = (beam_span){ good.ptr, i };
        (void)bm_pipeline_to_proto(p, &env, &expander, &scratch, &bytes, NULL);
        char *changed = bm_alloc(&scratch, good.len);
        for (int bit = 0; bit < 8; bit += 3) {
            memcpy(changed, good.ptr, good.len);
            changed[i] ^= (char)(1 << bit);
            service.response = (beam_span){ changed, good.len };
            (void)bm_pipeline_to_proto(p, &env, &expander, &scratch, &bytes, NULL);
        }
        bm_arena_free(&scratch);
    }
    ck_assert_int_gt(service.calls, 1000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("external");
    TCase *tests = tcase_create("external");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, request_is_as_services_expect);
    tcase_add_test(tests, class_lookup);
    tcase_add_test(tests, own_step_after_a_runners_read);
    tcase_add_test(tests, own_step_stays_elsewhere);
    tcase_add_test(tests, another_step_is_not_the_own);
    tcase_add_test(tests, answer_is_spliced_in);
    tcase_add_test(tests, equal_environments_are_one);
    tcase_add_test(tests, boundedness_follows_the_answer);
    tcase_add_test(tests, write_sends_what_its_input_needs);
    tcase_add_test(tests, read_straight_into_write);
    tcase_add_test(tests, no_expander);
    tcase_add_test(tests, refusal_starts_with_the_reason);
    tcase_add_test(tests, refusal_gives_the_last_cause_and_no_payload);
    tcase_add_test(tests, long_refusal_is_cut);
    tcase_add_test(tests, other_type_names_both);
    tcase_add_test(tests, foreign_coder_is_named);
    tcase_add_test(tests, only_output_needs_no_tag);
    tcase_add_test(tests, missing_output_lists_those_there);
    tcase_add_loop_test(tests, bad_answer_is_an_error, 0, BEAM_COUNT(spoil));
    tcase_add_test(tests, noise_is_an_error);
    tcase_add_test(tests, damaged_answers_do_no_harm);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
