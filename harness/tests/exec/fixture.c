/* SPDX-License-Identifier: Apache-2.0 */
/* See fixture.h. */
#include "fixture.h"

#include <stdlib.h>

#include "beam/pipeline.h"
#include "beam_urns.h"
#include "fns/fn_spec.h"
#include "google/protobuf/duration.upb.h"
#include "google/protobuf/timestamp.upb.h"
#include "model/beam_fn_api.upb.h"
#include "model/beam_runner_api.upb.h"
#include "model/endpoints.upb.h"
#include "model/schema.upb.h"
#include "model/standard_window_fns.upb.h"

static upb_StringView view(const char *text)
{
    return upb_StringView_FromString(text);
}

static upb_StringView span_view(beam_span s)
{
    return upb_StringView_FromDataAndSize(s.ptr ? s.ptr : "", s.len);
}

void fixture_init(fixture *f, const beam_dofn *const *dofns, size_t n_dofns,
                  const beam_combine *const *combines, size_t n_combines)
{
    const beam_functions functions = { .dofns = { dofns, n_dofns },
                                       .combines = { combines, n_combines } };
    fixture_init_with(f, &functions);
}

void fixture_init_with(fixture *f, const beam_functions *functions)
{
    memset(f, 0, sizeof *f);
    bm_arena_init(&f->arena, 0);
    f->upb = upb_Arena_New();
    f->descriptor = pb_ProcessBundleDescriptor_new(f->upb);
    beam_status status = bm_registry_init(&f->registry, functions, &f->err);
    ck_assert_msg(status == BEAM_OK, "%s", f->err.message);
}

void fixture_free(fixture *f)
{
    bm_plan_free(f->plan);
    for (int i = 0; i < MAX_PORTS; i++) {
        bm_writer_free(&f->in[i]);
        bm_writer_free(&f->io.out[i]);
    }
    bm_registry_free(&f->registry);
    upb_Arena_Free(f->upb);
    bm_arena_free(&f->arena);
}

/* -- coders ------------------------------------------------------------------------------ */
static const struct coder_name {
    const char *name;
    bm_coder_kind kind;
} coder_names[] = {
    { "bytes", BM_CODER_BYTES },
    { "string_utf8", BM_CODER_STRING },
    { "bool", BM_CODER_BOOL },
    { "varint", BM_CODER_VARINT },
    { "double", BM_CODER_DOUBLE },
    { "kv", BM_CODER_KV },
    { "iterable", BM_CODER_ITERABLE },
    { "state_backed_iterable", BM_CODER_STATE_BACKED_ITERABLE },
    { "length_prefix", BM_CODER_LENGTH_PREFIX },
    { "nullable", BM_CODER_NULLABLE },
    { "interval_window", BM_CODER_INTERVAL_WINDOW },
    { "global_window", BM_CODER_GLOBAL_WINDOW },
    { "windowed_value", BM_CODER_WINDOWED_VALUE },
    { "custom_window", BM_CODER_CUSTOM_WINDOW },
    { "c_window", BM_CODER_OPAQUE }, /* see fixture_coder */
    { "timer", BM_CODER_TIMER },
    { "other", BM_CODER_OPAQUE },
};

static const struct coder_name *find_coder_name(const char *name)
{
    for (size_t i = 0; i < BEAM_COUNT(coder_names); i++)
        if (strcmp(coder_names[i].name, name) == 0) return &coder_names[i];
    ck_abort_msg("no coder %s", name);
    return NULL;
}

/* -- rows */
static pb_FieldType *field_type(fixture *f, const beam_field *field)
{
    pb_FieldType *pb = pb_FieldType_new(f->upb);
    if (field->kind == BEAM_FIELD_ARRAY)
        pb_ArrayType_set_element_type(pb_FieldType_mutable_array_type(pb, f->upb),
                                      field_type(f, field->of));
    else
        pb_FieldType_set_atomic_type(pb, (int32_t)field->kind);
    return pb;
}

/* Rows of atoms and arrays of them. */
static beam_span schema_payload(fixture *f, const beam_schema *schema)
{
    pb_Schema *pb = pb_Schema_new(f->upb);
    for (size_t i = 0; i < schema->fields.n; i++) {
        pb_Field *field = pb_Schema_add_fields(pb, f->upb);
        pb_Field_set_name(field, view(schema->fields.at[i].name));
        pb_Field_set_type(field, field_type(f, &schema->fields.at[i]));
    }
    beam_span bytes;
    bytes.ptr = pb_Schema_serialize(pb, f->upb, &bytes.len);
    return bytes;
}

static const bm_coder *failure_coder(fixture *f)
{
    pb_Coder *pb = pb_Coder_new(f->upb);
    pb_FunctionSpec *spec = pb_Coder_mutable_spec(pb, f->upb);
    pb_FunctionSpec_set_urn(spec, view("beam:coder:row:v1"));
    pb_FunctionSpec_set_payload(spec, span_view(schema_payload(f, &beam_failure_schema)));
    pb_ProcessBundleDescriptor_coders_set(f->descriptor, view("failure"), pb, f->upb);
    return bm_coder_of_schema(&f->arena, &beam_failure_schema);
}

/* Reads one coder of the text and moves past it. */
static const bm_coder *parse_coder(fixture *f, const char **text)
{
    const char *start = *text;
    size_t n = strcspn(start, "<>,");
    if (n == strlen("failure") && strncmp(start, "failure", n) == 0) {
        *text += n;
        return failure_coder(f);
    }
    const struct coder_name *name = find_coder_name(bm_cstr(&f->arena, (beam_span){ start, n }));
    pb_Coder *pb = pb_Coder_new(f->upb);
    pb_FunctionSpec *spec = pb_Coder_mutable_spec(pb, f->upb);
    const char *urn = bm_format(&f->arena, "beam:coder:%s:v1", name->name);
    pb_FunctionSpec_set_urn(spec, view(urn));
    const bm_coder *args[2] = { NULL, NULL };
    *text += n;
    for (int i = 0; (**text == '<' && i == 0) || (**text == ',' && i == 1); i++) {
        const char *arg = ++*text;
        args[i] = parse_coder(f, text);
        const char *id = bm_cstr(&f->arena, (beam_span){ arg, (size_t)(*text - arg) });
        pb_Coder_add_component_coder_ids(pb, view(id), f->upb);
    }
    if (args[0]) ++*text; /* the '>' */
    const char *id = bm_cstr(&f->arena, (beam_span){ start, (size_t)(*text - start) });
    pb_ProcessBundleDescriptor_coders_set(f->descriptor, view(id), pb, f->upb);
    bool complete = name->kind != BM_CODER_KV || args[1]; /* what lacks a part is for the engine
                                                             to refuse */
    if (strcmp(name->name, "c_window") == 0)
        return bm_coder_new(&f->arena, BM_CODER_KV,
                            bm_coder_new(&f->arena, BM_CODER_INTERVAL_WINDOW, NULL, NULL),
                            bm_coder_new(&f->arena, BM_CODER_BYTES, NULL, NULL));
    return complete ? bm_coder_new(&f->arena, name->kind, args[0], args[1]) : NULL;
}

const bm_coder *fixture_coder(fixture *f, const char *text)
{
    const char *at = text;
    const bm_coder *coder = parse_coder(f, &at);
    ck_assert_msg(!*at, "coder %s: what is %s?", text, at);
    return coder;
}

/* -- transforms ---------------------------------------------------------------------------- */
void fixture_pcoll_at(fixture *f, const char *id, const char *coder, int output_time)
{
    fixture_coder(f, coder);
    pb_PCollection *pb = pb_PCollection_new(f->upb);
    pb_PCollection_set_unique_name(pb, view(id));
    pb_PCollection_set_coder_id(pb, view(coder));
    const char *windowing = bm_format(&f->arena, "w%d", output_time);
    pb_PCollection_set_windowing_strategy_id(pb, view(windowing));
    pb_WindowingStrategy *strategy = pb_WindowingStrategy_new(f->upb);
    pb_WindowingStrategy_set_output_time(strategy, output_time);
    pb_ProcessBundleDescriptor_windowing_strategies_set(f->descriptor, view(windowing),
                                                        strategy, f->upb);
    pb_ProcessBundleDescriptor_pcollections_set(f->descriptor, view(id), pb, f->upb);
}

void fixture_pcoll(fixture *f, const char *id, const char *coder)
{
    fixture_pcoll_at(f, id, coder, pb_OutputTime_END_OF_WINDOW);
}

void fixture_window_coder(fixture *f, const char *coder)
{
    fixture_coder(f, coder);
    size_t iter = kUpb_Map_Begin;
    const pb_ProcessBundleDescriptor_WindowingStrategiesEntry *e;
    while ((e = pb_ProcessBundleDescriptor_windowing_strategies_next(f->descriptor, &iter)))
        pb_WindowingStrategy_set_window_coder_id(
            (pb_WindowingStrategy *)(uintptr_t)
                pb_ProcessBundleDescriptor_WindowingStrategiesEntry_value(e),
            view(coder));
}

/* Splits "a=b" at the '='. */
static void each_pair(fixture *f, const char *text, pb_PTransform *pb,
                      bool (*set)(pb_PTransform *, upb_StringView, upb_StringView, upb_Arena *))
{
    char *copy = bm_strdup(&f->arena, text), *save;
    for (char *pair = strtok_r(copy, " ", &save); pair; pair = strtok_r(NULL, " ", &save)) {
        char *value = strchr(pair, '=');
        *value++ = '\0';
        set(pb, view(pair), view(value), f->upb);
    }
}

void fixture_transform(fixture *f, const char *id, const char *urn, beam_span payload,
                       const char *inputs, const char *outputs)
{
    pb_PTransform *pb = pb_PTransform_new(f->upb);
    pb_PTransform_set_unique_name(pb, view(bm_format(&f->arena, "Scope/%s", id)));
    pb_FunctionSpec *spec = pb_PTransform_mutable_spec(pb, f->upb);
    pb_FunctionSpec_set_urn(spec, view(urn));
    pb_FunctionSpec_set_payload(spec, span_view(payload));
    each_pair(f, inputs, pb, pb_PTransform_inputs_set);
    each_pair(f, outputs, pb, pb_PTransform_outputs_set);
    pb_ProcessBundleDescriptor_transforms_set(f->descriptor, view(id), pb, f->upb);
}

static beam_span port_payload(fixture *f, const char *coder, const char *window,
                              const bm_coder **out)
{
    const char *text = bm_format(&f->arena, "windowed_value<%s,%s>", coder, window);
    *out = fixture_coder(f, text);
    pb_RemoteGrpcPort *pb = pb_RemoteGrpcPort_new(f->upb);
    pb_RemoteGrpcPort_set_coder_id(pb, view(text));
    struct pb_ApiServiceDescriptor *api =
        pb_RemoteGrpcPort_mutable_api_service_descriptor(pb, f->upb);
    pb_ApiServiceDescriptor_set_url(api, view("localhost:1"));
    beam_span bytes;
    bytes.ptr = pb_RemoteGrpcPort_serialize(pb, f->upb, &bytes.len);
    return bytes;
}

void fixture_source(fixture *f, const char *id, const char *pcoll, const char *coder,
                    const char *window)
{
    beam_span payload = port_payload(f, coder, window, &f->in_coder[f->n_sources++]);
    fixture_transform(f, id, BEAM_URN_RUNNER_SOURCE, payload, "",
                      bm_format(&f->arena, "out=%s", pcoll));
}

void fixture_sink(fixture *f, const char *id, const char *pcoll, const char *coder,
                  const char *window)
{
    beam_span payload = port_payload(f, coder, window, &f->out_coder[f->n_sinks++]);
    fixture_transform(f, id, BEAM_URN_RUNNER_SINK, payload,
                      bm_format(&f->arena, "in=%s", pcoll), "");
}

static void set_fn(fixture *f, pb_FunctionSpec *spec, const char *fn_urn, const char *fn,
                   const char *config, unsigned attempts, const char *target)
{
    bm_writer w = { 0 };
    bm_fn_spec of = { .name = beam_span_of(fn), .config = beam_span_of(config),
                      .attempts = attempts, .target = beam_span_of(target) };
    bm_fn_spec_encode(&of, &w);
    pb_FunctionSpec_set_urn(spec, view(fn_urn));
    pb_FunctionSpec_set_payload(spec, span_view(bm_span_copy(&f->arena, bm_written(&w))));
    bm_writer_free(&w);
}

static beam_span fn_payload(fixture *f, const char *fn_urn, const char *fn, const char *config,
                            unsigned attempts, const char *target)
{
    pb_ParDoPayload *pb = pb_ParDoPayload_new(f->upb);
    set_fn(f, pb_ParDoPayload_mutable_do_fn(pb, f->upb), fn_urn, fn, config, attempts,
           target);
    beam_span bytes;
    bytes.ptr = pb_ParDoPayload_serialize(pb, f->upb, &bytes.len);
    return bytes;
}

beam_span fixture_fn_payload(fixture *f, const char *fn_urn, const char *fn,
                             const char *config)
{
    return fn_payload(f, fn_urn, fn, config, 0, "");
}

beam_span fixture_catching_payload(fixture *f, const char *fn, unsigned attempts)
{
    return fn_payload(f, BM_URN_DOFN, fn, "", attempts, "");
}

void fixture_par_do(fixture *f, const char *id, const char *fn, const char *config,
                    const char *inputs, const char *outputs)
{
    fixture_transform(f, id, BEAM_URN_TRANSFORM_PARDO,
                      fixture_fn_payload(f, BM_URN_DOFN, fn, config), inputs, outputs);
}

void fixture_catching_par_do(fixture *f, const char *id, const char *fn, unsigned attempts,
                             const char *inputs, const char *outputs)
{
    fixture_transform(f, id, BEAM_URN_TRANSFORM_PARDO,
                      fixture_catching_payload(f, fn, attempts), inputs, outputs);
}

void fixture_calling_par_do(fixture *f, const char *id, const char *fn, unsigned attempts,
                            const char *inputs, const char *outputs)
{
    fixture_transform(f, id, BEAM_URN_TRANSFORM_PARDO,
                      fn_payload(f, BM_URN_DOFN, fn, "", attempts, "test:1"), inputs,
                      outputs);
}

void fixture_par_do_with_sides(fixture *f, const char *id, const char *fn, const char *inputs,
                               const char *outputs, const char *sides)
{
    pb_ParDoPayload *pb = pb_ParDoPayload_new(f->upb);
    set_fn(f, pb_ParDoPayload_mutable_do_fn(pb, f->upb), BM_URN_DOFN, fn, "", 0, "");
    char *copy = bm_strdup(&f->arena, sides), *save;
    for (char *pair = strtok_r(copy, " ", &save); pair; pair = strtok_r(NULL, " ", &save)) {
        char *pattern = strchr(pair, '=');
        *pattern++ = '\0';
        pb_SideInput *side = pb_SideInput_new(f->upb);
        pb_FunctionSpec *spec = pb_SideInput_mutable_access_pattern(side, f->upb);
        pb_FunctionSpec_set_urn(
            spec, view(bm_format(&f->arena, "beam:side_input:%s:v1", pattern)));
        pb_ParDoPayload_side_inputs_set(pb, view(pair), side, f->upb);
    }
    beam_span bytes;
    bytes.ptr = pb_ParDoPayload_serialize(pb, f->upb, &bytes.len);
    fixture_transform(f, id, BEAM_URN_TRANSFORM_PARDO, bytes, inputs, outputs);
}

void fixture_combine(fixture *f, const char *id, const char *urn, const char *fn,
                     const char *inputs, const char *outputs)
{
    pb_CombinePayload *pb = pb_CombinePayload_new(f->upb);
    set_fn(f, pb_CombinePayload_mutable_combine_fn(pb, f->upb), BM_URN_COMBINE_FN, fn, "", 0,
           "");
    beam_span bytes;
    bytes.ptr = pb_CombinePayload_serialize(pb, f->upb, &bytes.len);
    fixture_transform(f, id, urn, bytes, inputs, outputs);
}

/* -- window functions -------------------------------------------------------------------------- */
static void set_duration(google_protobuf_Duration *d, beam_millis ms)
{
    google_protobuf_Duration_set_seconds(d, ms / 1000);
    google_protobuf_Duration_set_nanos(d, (int32_t)(ms % 1000) * 1000000);
}

static void set_timestamp(google_protobuf_Timestamp *t, beam_millis ms)
{
    google_protobuf_Timestamp_set_seconds(t, ms / 1000);
    google_protobuf_Timestamp_set_nanos(t, (int32_t)(ms % 1000) * 1000000);
}

static void set_window_fn(fixture *f, pb_FunctionSpec *spec, test_window_fn fn)
{
    upb_StringView payload = { "", 0 };
    if (strncmp(fn.urn, "beam:", 5) != 0) {
        set_fn(f, spec, BM_URN_WINDOW_FN, fn.urn, "ten", 0, "");
        return;
    }
    if (strstr(fn.urn, "fixed")) {
        pb_FixedWindowsPayload *pb = pb_FixedWindowsPayload_new(f->upb);
        set_duration(pb_FixedWindowsPayload_mutable_size(pb, f->upb), fn.size);
        set_timestamp(pb_FixedWindowsPayload_mutable_offset(pb, f->upb), fn.offset);
        payload.data = pb_FixedWindowsPayload_serialize(pb, f->upb, &payload.size);
    } else if (strstr(fn.urn, "sliding")) {
        pb_SlidingWindowsPayload *pb = pb_SlidingWindowsPayload_new(f->upb);
        set_duration(pb_SlidingWindowsPayload_mutable_size(pb, f->upb), fn.size);
        set_duration(pb_SlidingWindowsPayload_mutable_period(pb, f->upb), fn.period);
        set_timestamp(pb_SlidingWindowsPayload_mutable_offset(pb, f->upb), fn.offset);
        payload.data = pb_SlidingWindowsPayload_serialize(pb, f->upb, &payload.size);
    } else if (strstr(fn.urn, "session")) {
        pb_SessionWindowsPayload *pb = pb_SessionWindowsPayload_new(f->upb);
        set_duration(pb_SessionWindowsPayload_mutable_gap_size(pb, f->upb), fn.size);
        payload.data = pb_SessionWindowsPayload_serialize(pb, f->upb, &payload.size);
    }
    pb_FunctionSpec_set_urn(spec, view(fn.urn));
    pb_FunctionSpec_set_payload(spec, payload);
}

beam_span fixture_window_fn(fixture *f, test_window_fn fn)
{
    pb_FunctionSpec *spec = pb_FunctionSpec_new(f->upb);
    set_window_fn(f, spec, fn);
    beam_span bytes;
    bytes.ptr = pb_FunctionSpec_serialize(spec, f->upb, &bytes.len);
    return bytes;
}

void fixture_windowing(fixture *f, const char *pcoll, test_window_fn fn,
                       const char *window_coder)
{
    struct pb_PCollection *pb;
    ck_assert(pb_ProcessBundleDescriptor_pcollections_get(f->descriptor, view(pcoll), &pb));
    pb_WindowingStrategy *strategy = pb_WindowingStrategy_new(f->upb);
    set_window_fn(f, pb_WindowingStrategy_mutable_window_fn(strategy, f->upb), fn);
    fixture_coder(f, window_coder);
    pb_WindowingStrategy_set_window_coder_id(strategy, view(window_coder));
    upb_StringView id = view(bm_format(&f->arena, "windows of %s", pcoll));
    pb_PCollection_set_windowing_strategy_id(pb, id);
    pb_ProcessBundleDescriptor_windowing_strategies_set(f->descriptor, id, strategy, f->upb);
}

void fixture_lateness(fixture *f, const char *pcoll, beam_millis allowed)
{
    struct pb_WindowingStrategy *strategy;
    ck_assert(pb_ProcessBundleDescriptor_windowing_strategies_get(
        f->descriptor, view(bm_format(&f->arena, "windows of %s", pcoll)), &strategy));
    pb_WindowingStrategy_set_allowed_lateness(strategy, allowed);
}

beam_span fixture_window_into(fixture *f, test_window_fn fn)
{
    pb_WindowIntoPayload *pb = pb_WindowIntoPayload_new(f->upb);
    set_window_fn(f, pb_WindowIntoPayload_mutable_window_fn(pb, f->upb), fn);
    beam_span bytes;
    bytes.ptr = pb_WindowIntoPayload_serialize(pb, f->upb, &bytes.len);
    return bytes;
}

/* -- input ------------------------------------------------------------------------------------ */
void fixture_put_in(fixture *f, int source, beam_value value, beam_millis timestamp,
                    const beam_window *windows, size_t n)
{
    bm_windows *all = bm_alloc(&f->arena, sizeof *all + n * sizeof all->at[0]);
    all->n = n;
    memcpy(all->at, windows, n * sizeof *windows);
    bm_element e = { value, timestamp, all, &bm_no_firing };
    ck_assert_int_eq(bm_element_encode(f->in_coder[source], &e, &f->in[source]), BEAM_OK);
}

void fixture_put(fixture *f, int source, beam_value value)
{
    fixture_put_in(f, source, value, BEAM_MIN_TIMESTAMP, bm_global_windows.at, 1);
}

beam_value fixture_kv(fixture *f, beam_value key, beam_value value)
{
    beam_value *pair = BM_NEW_ARRAY(&f->arena, beam_value, 2);
    pair[0] = key;
    pair[1] = value;
    return beam_kv(pair);
}

beam_value fixture_list(fixture *f, const beam_value *values, size_t n)
{
    beam_value *copy = BM_NEW_ARRAY(&f->arena, beam_value, n);
    if (n) memcpy(copy, values, n * sizeof *values);
    beam_value v = { BEAM_KIND_ITERABLE, { false } };
    v.as.iter = bm_iter_of_values(&f->arena, copy, n);
    return v;
}

/* -- the io ------------------------------------------------------------------------------------- */
static beam_status io_read(void *self, bm_segment *out, beam_error *err)
{
    fixture *f = self;
    test_io *io = &f->io;
    if (io->reads_fail) {
        err->status = BEAM_ERPC;
        strcpy(err->message, "the stream broke");
        return BEAM_ERPC;
    }
    for (bool any = true; any && io->at < MAX_OUTPUT; io->at++) {
        any = false;
        for (int i = 0; i < MAX_PORTS; i++) {
            any |= io->at < io->n_segments[i];
            if (io->at >= io->n_segments[i] || !io->segments[i][io->at].ptr) continue;
            io->idled = io->idles && !io->idled;
            if (io->idled) {
                *out = (bm_segment){ .source = -1, .idle = true };
                return BEAM_OK;
            }
            if (io->before_segment) io->before_segment(f, io->at);
            *out = (bm_segment){ .source = i, .data = io->segments[i][io->at] };
            io->segments[i][io->at].ptr = NULL;
            return BEAM_OK;
        }
    }
    out->source = -1;
    return BEAM_OK;
}

static beam_status io_write(void *self, int sink, bm_writer *data, bool last, beam_error *err)
{
    test_io *io = &((fixture *)self)->io;
    if (io->writes_fail) {
        strcpy(err->message, "nobody listens");
        return BEAM_ERPC;
    }
    bm_write_bytes(&io->out[sink], data->data, data->len);
    bm_writer_free(data);
    io->lasts[sink] += last;
    io->writes++;
    return BEAM_OK;
}

static beam_status io_get(void *self, const bm_state_key *key, beam_span token, bm_writer *data,
                          bm_writer *next, beam_error *err)
{
    test_io *io = &((fixture *)self)->io;
    io->gets++;
    ck_assert_int_eq(key->kind, BM_STATE_RUNNER);
    ck_assert(beam_span_equal(key->key, beam_span_of("token")));
    if (io->gets_fail) {
        strcpy(err->message, "the state is gone");
        return BEAM_ERPC;
    }
    size_t page = token.len ? (size_t)token.ptr[0] : 0;
    ck_assert_uint_lt(page, io->n_pages);
    bm_write_bytes(data, io->pages[page].ptr, io->pages[page].len);
    if (page + 1 < io->n_pages) bm_write_u8(next, (uint8_t)(page + 1));
    return BEAM_OK;
}

/* -- running ---------------------------------------------------------------------------------------- */
beam_status fixture_try_build(fixture *f)
{
    beam_span bytes;
    bytes.ptr = pb_ProcessBundleDescriptor_serialize(f->descriptor, f->upb, &bytes.len);
    return bm_plan_new(bytes, &f->registry, &bm_log_stderr, &f->plan, &f->err);
}

void fixture_build(fixture *f)
{
    beam_status status = fixture_try_build(f);
    ck_assert_msg(status == BEAM_OK, "%s", f->err.message);
}

/* Each segment is memory of its own, so that a sanitizer sees what reads beyond it. */
static void cut(fixture *f, int source, size_t segment)
{
    test_io *io = &f->io;
    const bm_writer *in = &f->in[source];
    if (!segment) segment = in->len;
    io->n_segments[source] = 0;
    for (size_t at = 0; at < in->len; at += segment) {
        size_t n = in->len - at < segment ? in->len - at : segment;
        char *copy = malloc(n);
        memcpy(copy, in->data + at, n);
        bm_arena_defer(&f->arena, free, copy);
        ck_assert_uint_lt(io->n_segments[source], MAX_OUTPUT);
        io->segments[source][io->n_segments[source]++] = (beam_span){ copy, n };
    }
}

void fixture_cut(fixture *f, size_t segment)
{
    f->io.at = 0;
    for (int i = 0; i < MAX_PORTS; i++) {
        cut(f, i, segment);
        f->io.out[i].len = 0;
        f->io.lasts[i] = 0;
    }
}

beam_status fixture_run_cut(fixture *f)
{
    f->io.io = (bm_bundle_io){
        .self = f,
        .read = io_read,
        .write = io_write,
        .state_get = f->io.state_get ? f->io.state_get : io_get,
        .state_cache = f->io.cache,
        .cache_tokens = f->io.cache_tokens,
        .n_cache_tokens = f->io.n_cache_tokens,
        .serves_keys_values = f->io.serves_keys_values,
    };
    if (f->io.complete) f->io.complete(f, &f->io.io);
    return bm_plan_run(f->plan, "instruction", &f->io.io, &f->err);
}

beam_status fixture_run_in(fixture *f, size_t segment)
{
    fixture_cut(f, segment);
    return fixture_run_cut(f);
}

void fixture_run(fixture *f)
{
    beam_status status = fixture_run_in(f, 0);
    ck_assert_msg(status == BEAM_OK, "%s", f->err.message);
    for (int i = 0; i < f->n_sinks; i++) ck_assert_int_eq(f->io.lasts[i], 1);
}

/* -- output ------------------------------------------------------------------------------------------- */
static void write_text(bm_writer *out, const char *text)
{
    bm_write_bytes(out, text, strlen(text));
}

static void write_value(bm_arena *arena, beam_value v, bm_writer *out)
{
    if (v.kind == BEAM_KIND_KV) {
        write_text(out, "KV{");
        write_value(arena, v.as.kv[0], out);
        write_text(out, ", ");
        write_value(arena, v.as.kv[1], out);
        write_text(out, "}");
    } else if (v.kind == BEAM_KIND_ITERABLE) {
        beam_iter *iter = beam_as_iter(v);
        const char *before = "[";
        for (beam_value item; beam_next(iter, &item); before = ", ") {
            write_text(out, before);
            write_value(arena, item, out);
        }
        write_text(out, *before == '[' ? "[]" : "]");
    } else {
        write_text(out, bm_value_text(arena, v, 1000));
    }
}

static void write_element(bm_arena *arena, const bm_element *e, bm_writer *out)
{
    write_value(arena, e->value, out);
    if (e->timestamp != BEAM_MIN_TIMESTAMP)
        write_text(out, bm_format(arena, " @%lld", (long long)e->timestamp));
    for (size_t i = 0; i < e->windows->n; i++)
        if (!bm_window_is_global(&e->windows->at[i]))
            write_text(out, bm_format(arena, " [%lld, %lld)" BEAM_SPAN_FMT,
                                      (long long)e->windows->at[i].start,
                                      (long long)e->windows->at[i].end,
                                      BEAM_SPAN_ARG(e->windows->at[i].custom)));
    write_text(out, "\n");
}

const char *fixture_elements(fixture *f, const bm_coder *coder, beam_span bytes)
{
    bm_element_decoder decoder;
    bm_element_decoder_init(&decoder, coder);
    bm_decoding decoding = { .arena = &f->arena };
    bm_reader in = bm_reader_of(bytes);
    bm_writer text = { 0 };
    for (bm_element e; in.at < in.end;) {
        ck_assert_int_eq(bm_element_decode(&decoder, &in, &decoding, &e), BEAM_OK);
        write_element(&f->arena, &e, &text);
    }
    const char *all = bm_cstr(&f->arena, bm_written(&text));
    bm_writer_free(&text);
    bm_element_decoder_free(&decoder);
    return all;
}

const char *fixture_output(fixture *f, int sink)
{
    return fixture_elements(f, f->out_coder[sink], bm_written(&f->io.out[sink]));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *metric_text(fixture *f, const bm_monitoring_info *info)
{
    char *text = bm_strdup(&f->arena, info->urn);
    for (size_t i = 0; i < info->n_labels; i++)
        text = bm_format(&f->arena, "%s %s", text, info->labels[i].value);
    bm_reader in = bm_reader_of(info->payload);
    for (uint64_t v; bm_left(&in);) {
        ck_assert_int_eq(bm_read_varint(&in, &v), BEAM_OK);
        text = bm_format(&f->arena, "%s %lld", text, (long long)v);
    }
    return text;
}

const char *fixture_metrics(fixture *f)
{
    bm_monitoring_info *infos;
    size_t n = bm_plan_metrics(f->plan, &f->arena, &infos);
    char **lines = BM_NEW_ARRAY(&f->arena, char *, n);
    for (size_t i = 0; i < n; i++) lines[i] = metric_text(f, &infos[i]);
    qsort(lines, n, sizeof *lines, by_text);
    char *all = bm_strdup(&f->arena, "");
    for (size_t i = 0; i < n; i++) all = bm_format(&f->arena, "%s%s\n", all, lines[i]);
    return all;
}

static int run_case(const char *name, TCase *tcase)
{
    Suite *suite = suite_create(name);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

int run_tests(const char *name, const TTest *const *tests, size_t n)
{
    TCase *tcase = tcase_create(name);
    for (size_t i = 0; i < n; i++) tcase_add_test(tcase, tests[i]);
    return run_case(name, tcase);
}

int run_loop_test(const char *name, const TTest *test, int n)
{
    TCase *tcase = tcase_create(name);
    tcase_add_loop_test(tcase, test, 0, n);
    return run_case(name, tcase);
}
