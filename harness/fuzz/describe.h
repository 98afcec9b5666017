/* SPDX-License-Identifier: Apache-2.0 */
/* describe.h - what fuzzers make ProcessBundleDescriptors from: plans from the port "source"
 * to the port "sink", in the global window. Main thread. */
#ifndef FUZZ_DESCRIBE_H
#define FUZZ_DESCRIBE_H

#include "beam_urns.h"
#include "exec/plan.h"
#include "fns/fn_spec.h"
#include "model/beam_fn_api.upb.h"
#include "model/beam_runner_api.upb.h"

typedef struct maker {
    upb_Arena *upb;
    pb_ProcessBundleDescriptor *descriptor;
} maker;

static inline upb_StringView view(const char *text)
{
    return upb_StringView_FromString(text);
}

static inline void add_coder(maker *m, const char *id, const char *urn, beam_span payload,
                             const char *a, const char *b)
{
    pb_Coder *coder = pb_Coder_new(m->upb);
    pb_FunctionSpec *spec = pb_Coder_mutable_spec(coder, m->upb);
    pb_FunctionSpec_set_urn(spec, view(urn));
    pb_FunctionSpec_set_payload(spec,
                                upb_StringView_FromDataAndSize(payload.ptr, payload.len));
    if (a) pb_Coder_add_component_coder_ids(coder, view(a), m->upb);
    if (b) pb_Coder_add_component_coder_ids(coder, view(b), m->upb);
    pb_ProcessBundleDescriptor_coders_set(m->descriptor, view(id), coder, m->upb);
}

static inline void add_pcoll(maker *m, const char *id, const char *coder)
{
    pb_PCollection *pcoll = pb_PCollection_new(m->upb);
    pb_PCollection_set_coder_id(pcoll, view(coder));
    pb_PCollection_set_windowing_strategy_id(pcoll, view("global"));
    pb_ProcessBundleDescriptor_pcollections_set(m->descriptor, view(id), pcoll, m->upb);
}

static inline pb_PTransform *add_transform(maker *m, const char *id, const char *urn, beam_span payload,
                          const char *in, const char *out)
{
    pb_PTransform *t = pb_PTransform_new(m->upb);
    pb_PTransform_set_unique_name(t, view(id));
    pb_FunctionSpec *spec = pb_PTransform_mutable_spec(t, m->upb);
    pb_FunctionSpec_set_urn(spec, view(urn));
    pb_FunctionSpec_set_payload(spec,
                                upb_StringView_FromDataAndSize(payload.ptr, payload.len));
    if (in) pb_PTransform_inputs_set(t, view("in"), view(in), m->upb);
    if (out) pb_PTransform_outputs_set(t, view("out"), view(out), m->upb);
    pb_ProcessBundleDescriptor_transforms_set(m->descriptor, view(id), t, m->upb);
    return t;
}

static inline beam_span port_of(maker *m, const char *coder)
{
    pb_RemoteGrpcPort *pb = pb_RemoteGrpcPort_new(m->upb);
    pb_RemoteGrpcPort_set_coder_id(pb, view(coder));
    beam_span bytes;
    bytes.ptr = pb_RemoteGrpcPort_serialize(pb, m->upb, &bytes.len);
    return bytes;
}

static inline pb_ParDoPayload *new_par_do(maker *m, const char *fn)
{
    pb_ParDoPayload *pb = pb_ParDoPayload_new(m->upb);
    pb_FunctionSpec *spec = pb_ParDoPayload_mutable_do_fn(pb, m->upb);
    const bm_fn_spec of = { .name = beam_span_of(fn) };
    bm_writer w = { 0 };
    bm_fn_spec_encode(&of, &w);
    char *copy = upb_Arena_Malloc(m->upb, w.len);
    memcpy(copy, w.data, w.len);
    pb_FunctionSpec_set_urn(spec, view(BM_URN_DOFN));
    pb_FunctionSpec_set_payload(spec, upb_StringView_FromDataAndSize(copy, w.len));
    bm_writer_free(&w);
    return pb;
}

static inline beam_span par_do_bytes(maker *m, const pb_ParDoPayload *pb)
{
    beam_span bytes;
    bytes.ptr = pb_ParDoPayload_serialize(pb, m->upb, &bytes.len);
    return bytes;
}

/* A windowing strategy "global" and its coder "window". */
static inline maker describe_begin(upb_Arena *upb)
{
    maker m = { upb, pb_ProcessBundleDescriptor_new(upb) };
    add_coder(&m, "window", BEAM_URN_CODER_GLOBAL_WINDOW, (beam_span){ "", 0 }, NULL, NULL);
    pb_WindowingStrategy *windowing = pb_WindowingStrategy_new(upb);
    pb_WindowingStrategy_set_window_coder_id(windowing, view("window"));
    pb_FunctionSpec_set_urn(pb_WindowingStrategy_mutable_window_fn(windowing, upb),
                            view(BEAM_URN_WINDOW_FN_GLOBAL_WINDOWS));
    pb_ProcessBundleDescriptor_windowing_strategies_set(m.descriptor, view("global"),
                                                        windowing, upb);
    return m;
}

static inline beam_span described(const maker *m)
{
    beam_span bytes;
    bytes.ptr = pb_ProcessBundleDescriptor_serialize(m->descriptor, m->upb, &bytes.len);
    return bytes;
}

/* Of an element of the global window. */
static const char element_header[] = "\x80\0\0\0\0\0\0\0\0\0\0\1\x0f";
enum { ELEMENT_HEADER = sizeof element_header - 1 };

#endif
