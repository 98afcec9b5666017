/* SPDX-License-Identifier: Apache-2.0 */
/* See test_bundle.h. */
#include "test_bundle.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/reader.h"
#include "beam_urns.h"
#include "fns/fn_spec.h"
#include "model/beam_runner_api.upb.h"
#include "model/endpoints.upb.h"

typedef struct maker {
    upb_Arena *upb;
    pb_ProcessBundleDescriptor *descriptor;
    const char *url;
} maker;

static upb_StringView view_of(beam_span s)
{
    return upb_StringView_FromDataAndSize(s.ptr ? s.ptr : "", s.len);
}

static char *text(upb_Arena *upb, size_t n)
{
    return upb_Arena_Malloc(upb, n + 1);
}

static upb_StringView copy(upb_Arena *upb, const char *from, size_t n)
{
    return upb_StringView_FromDataAndSize(memcpy(text(upb, n), from, n), n);
}

/* -- coders ------------------------------------------------------------------------------ */
/* Adds the coder at *at, which is also its id, and moves past it. */
static upb_StringView add_coder(maker *m, const char **at)
{
    const char *start = *at;
    pb_Coder *pb = pb_Coder_new(m->upb);
    size_t n = strcspn(start, "<>,");
    char *urn = text(m->upb, n + 20);
    int length = snprintf(urn, n + 20, "beam:coder:%.*s:v1", (int)n, start);
    pb_FunctionSpec_set_urn(pb_Coder_mutable_spec(pb, m->upb),
                            upb_StringView_FromDataAndSize(urn, (size_t)length));
    *at += n;
    if (**at == '<') {
        do {
            ++*at;
            pb_Coder_add_component_coder_ids(pb, add_coder(m, at), m->upb);
        } while (**at == ',');
        ++*at; /* the '>' */
    }
    upb_StringView id = copy(m->upb, start, (size_t)(*at - start));
    pb_ProcessBundleDescriptor_coders_set(m->descriptor, id, pb, m->upb);
    return id;
}

static upb_StringView coder(maker *m, const char *name)
{
    return add_coder(m, &name);
}

/* -- parts of the descriptor ---------------------------------------------------------------- */
static void add_pcoll(maker *m, const char *id, const char *coder_text)
{
    pb_PCollection *pb = pb_PCollection_new(m->upb);
    pb_PCollection_set_unique_name(pb, fake_view(id));
    pb_PCollection_set_coder_id(pb, coder(m, coder_text));
    pb_PCollection_set_windowing_strategy_id(pb, fake_view("w"));
    pb_ProcessBundleDescriptor_pcollections_set(m->descriptor, fake_view(id), pb, m->upb);
}

static pb_PTransform *add_transform(maker *m, const char *id, const char *urn,
                                    beam_span payload)
{
    pb_PTransform *pb = pb_PTransform_new(m->upb);
    pb_PTransform_set_unique_name(pb, fake_view(id));
    pb_FunctionSpec *spec = pb_PTransform_mutable_spec(pb, m->upb);
    pb_FunctionSpec_set_urn(spec, fake_view(urn));
    pb_FunctionSpec_set_payload(spec, view_of(payload));
    pb_ProcessBundleDescriptor_transforms_set(m->descriptor, fake_view(id), pb, m->upb);
    return pb;
}

static pb_PTransform *add_port(maker *m, const char *id, const char *urn, const char *of,
                               const char *url)
{
    char windowed[200];
    snprintf(windowed, sizeof windowed, "windowed_value<%s,global_window>", of);
    pb_RemoteGrpcPort *port = pb_RemoteGrpcPort_new(m->upb);
    pb_RemoteGrpcPort_set_coder_id(port, coder(m, windowed));
    pb_ApiServiceDescriptor_set_url(
        pb_RemoteGrpcPort_mutable_api_service_descriptor(port, m->upb),
        fake_view(url));
    beam_span payload;
    payload.ptr = pb_RemoteGrpcPort_serialize(port, m->upb, &payload.len);
    return add_transform(m, id, urn, payload);
}

static void add_sink(maker *m, const char *id, const char *pcoll, const char *of,
                     const char *url)
{
    pb_PTransform *sink = add_port(m, id, BEAM_URN_RUNNER_SINK, of, url ? url : m->url);
    pb_PTransform_inputs_set(sink, fake_view("in"), fake_view(pcoll), m->upb);
}

static void add_timer(maker *m, pb_ParDoPayload *par_do, const char *family)
{
    pb_TimerFamilySpec *spec = pb_TimerFamilySpec_new(m->upb);
    pb_TimerFamilySpec_set_time_domain(spec, pb_TimeDomain_EVENT_TIME);
    pb_TimerFamilySpec_set_timer_family_coder_id(
        spec, coder(m, "timer<string_utf8,global_window>"));
    pb_ParDoPayload_timer_family_specs_set(par_do, fake_view(family), spec, m->upb);
    pb_ApiServiceDescriptor_set_url(
        pb_ProcessBundleDescriptor_mutable_timer_api_service_descriptor(m->descriptor,
                                                                        m->upb),
        fake_view(m->url));
}

static pb_StateSpec *add_state(maker *m, pb_ParDoPayload *par_do, const char *id,
                               const char *protocol)
{
    pb_StateSpec *spec = pb_StateSpec_new(m->upb);
    pb_FunctionSpec_set_urn(pb_StateSpec_mutable_protocol(spec, m->upb), fake_view(protocol));
    pb_ParDoPayload_state_specs_set(par_do, fake_view(id), spec, m->upb);
    return spec;
}

static void add_states(maker *m, pb_ParDoPayload *par_do)
{
    upb_StringView text = coder(m, "string_utf8");
    pb_StateSpec *bag = add_state(m, par_do, "bag", BEAM_URN_USER_STATE_BAG);
    pb_StateSpec *map = add_state(m, par_do, "map", BEAM_URN_USER_STATE_MULTIMAP);
    pb_StateSpec *list = add_state(m, par_do, "list", BEAM_URN_USER_STATE_ORDERED_LIST);
    pb_BagStateSpec_set_element_coder_id(pb_StateSpec_mutable_bag_spec(bag, m->upb), text);
    pb_MultimapStateSpec *both = pb_StateSpec_mutable_multimap_spec(map, m->upb);
    pb_MultimapStateSpec_set_key_coder_id(both, text);
    pb_MultimapStateSpec_set_value_coder_id(both, text);
    pb_OrderedListStateSpec_set_element_coder_id(
        pb_StateSpec_mutable_ordered_list_spec(list, m->upb), text);
}

static bool has_multimap(const test_bundle *bundle)
{
    return strncmp(bundle->side, "kv<", 3) == 0;
}

static void add_side(maker *m, pb_ParDoPayload *par_do, const test_bundle *bundle)
{
    pb_SideInput *side = pb_SideInput_new(m->upb);
    pb_FunctionSpec_set_urn(pb_SideInput_mutable_access_pattern(side, m->upb),
                            fake_view(has_multimap(bundle) ? BEAM_URN_SIDE_INPUT_MULTIMAP
                                                           : BEAM_URN_SIDE_INPUT_ITERABLE));
    pb_ParDoPayload_side_inputs_set(par_do, fake_view("side"), side, m->upb);
}

static beam_span fn_payload(maker *m, const test_bundle *bundle)
{
    bm_writer w = { 0 };
    bm_fn_spec spec = { .name = beam_span_of(bundle->fn),
                        .config = beam_span_of(bundle->config),
                        .target = beam_span_of(bundle->target) };
    bm_fn_spec_encode(&spec, &w);
    pb_ParDoPayload *pb = pb_ParDoPayload_new(m->upb);
    pb_FunctionSpec *fn = pb_ParDoPayload_mutable_do_fn(pb, m->upb);
    pb_FunctionSpec_set_urn(fn, fake_view(BM_URN_DOFN));
    pb_FunctionSpec_set_payload(fn, copy(m->upb, (const char *)w.data, w.len));
    bm_writer_free(&w);
    if (bundle->timer) add_timer(m, pb, bundle->timer);
    if (bundle->has_state) add_states(m, pb);
    if (bundle->side) add_side(m, pb, bundle);
    pb_ParDoPayload_set_requests_finalization(pb, bundle->finalizes);
    beam_span bytes;
    bytes.ptr = pb_ParDoPayload_serialize(pb, m->upb, &bytes.len);
    return bytes;
}

beam_span test_descriptor(upb_Arena *arena, const char *url, const test_bundle *bundle)
{
    maker m = { arena, pb_ProcessBundleDescriptor_new(arena), url };
    pb_WindowingStrategy *windowing = pb_WindowingStrategy_new(arena);
    pb_WindowingStrategy_set_window_coder_id(windowing, coder(&m, "global_window"));
    pb_FunctionSpec_set_urn(pb_WindowingStrategy_mutable_window_fn(windowing, arena),
                            fake_view(BEAM_URN_WINDOW_FN_GLOBAL_WINDOWS));
    pb_ProcessBundleDescriptor_windowing_strategies_set(m.descriptor, fake_view("w"),
                                                        windowing, arena);
    pb_ApiServiceDescriptor_set_url(
        pb_ProcessBundleDescriptor_mutable_state_api_service_descriptor(m.descriptor,
                                                                        arena),
        fake_view(url));
    add_pcoll(&m, "p-in", bundle->in);
    pb_PTransform *source = add_port(&m, "source", BEAM_URN_RUNNER_SOURCE,
                                     bundle->in_port ? bundle->in_port : bundle->in,
                                     url);
    pb_PTransform_outputs_set(source, fake_view("out"), fake_view("p-in"), arena);
    pb_PTransform *fn = add_transform(&m, "fn", BEAM_URN_TRANSFORM_PARDO,
                                      fn_payload(&m, bundle));
    pb_PTransform_inputs_set(fn, fake_view("in"), fake_view("p-in"), arena);
    if (bundle->side) {
        add_pcoll(&m, "p-side", bundle->side);
        pb_PTransform_inputs_set(fn, fake_view("side"), fake_view("p-side"), arena);
    }
    if (bundle->out) {
        add_pcoll(&m, "p-out", bundle->out);
        pb_PTransform_outputs_set(fn, fake_view("out"), fake_view("p-out"), arena);
        add_sink(&m, "sink", "p-out", bundle->out, bundle->sink_url);
    }
    if (bundle->extra) {
        add_pcoll(&m, "p-extra", bundle->extra);
        pb_PTransform_outputs_set(fn, fake_view(bundle->extra_tag), fake_view("p-extra"),
                                  arena);
        add_sink(&m, "extra", "p-extra", bundle->extra, NULL);
    }
    beam_span bytes;
    bytes.ptr = pb_ProcessBundleDescriptor_serialize(m.descriptor, arena, &bytes.len);
    return bytes;
}

void test_add_descriptor(fake_runner *r, const char *id, const test_bundle *bundle)
{
    fake_add_descriptor(r, id, test_descriptor(fake_arena(r), fake_url(r), bundle));
}

/* -- elements ----------------------------------------------------------------------------------- */
enum { HEADER = 13 };

void test_put_header(bm_writer *out)
{
    bm_write_be64(out, (uint64_t)BEAM_MIN_TIMESTAMP ^ (uint64_t)1 << 63);
    bm_write_be32(out, 1);  /* one window, which is encoded in no bytes */
    bm_write_u8(out, 0x0f); /* the pane of an element that no trigger fired */
}

void test_put_bytes(bm_writer *out, beam_span bytes)
{
    test_put_header(out);
    bm_write_prefixed(out, bytes);
}

void test_put_text(bm_writer *out, const char *string)
{
    test_put_bytes(out, beam_span_of(string));
}

void test_put_int(bm_writer *out, int64_t value)
{
    test_put_header(out);
    bm_write_varint(out, (uint64_t)value);
}

void test_put_state_backed(bm_writer *out, const char *key, const char *token)
{
    test_put_text(out, key);
    bm_write_be32(out, UINT32_MAX);   /* of unknown length */
    bm_write_varint(out, UINT64_MAX); /* -1: goes on behind a token */
    bm_write_prefixed(out, beam_span_of(token));
}

const char *test_texts(upb_Arena *arena, beam_span output)
{
    char *all = text(arena, output.len), *at = all;
    bm_reader in = bm_reader_of(output);
    while (bm_left(&in)) {
        beam_span header, one;
        ck_assert_int_eq(bm_read_view(&in, HEADER, &header), BEAM_OK);
        ck_assert_int_eq(bm_read_prefixed(&in, &one), BEAM_OK);
        if (at > all) *at++ = ' ';
        memcpy(at, one.ptr, one.len);
        at += one.len;
    }
    *at = '\0';
    return all;
}
