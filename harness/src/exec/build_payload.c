/* SPDX-License-Identifier: Apache-2.0 */
/* What each transform's payload says, by URN. Any thread, one per plan. */
#include "base/error.h"
#include "beam_urns.h"
#include "exec/build.h"
#include "google/protobuf/duration.upb.h"
#include "google/protobuf/timestamp.upb.h"
#include "model/endpoints.upb.h"
#include "model/standard_window_fns.upb.h"

typedef beam_status (*read_payload)(bm_builder *b, beam_span payload, bm_transform *t);

static beam_status bad_payload(bm_builder *b, const bm_transform *t)
{
    return bm_error(b->err, BEAM_EINVAL, "Transform '%s' (%s): its payload cannot be parsed",
                    t->name, t->urn);
}

#define PARSE(type, payload) \
    type##_parse_ex((payload).ptr, (payload).len, NULL, kUpb_DecodeOption_AliasString, b->upb)

/* -- functions ------------------------------------------------------------------------------ */
static beam_status read_fn(bm_builder *b, const pb_FunctionSpec *spec, bm_transform *t)
{
    if (!spec)
        return bm_error(b->err, BEAM_EINVAL, "Transform '%s' (%s) has no function", t->name,
                        t->urn);
    t->fn_urn = bm_pb_text(b, pb_FunctionSpec_urn(spec));
    if (strcmp(t->fn_urn, BM_URN_DOFN) != 0 && strcmp(t->fn_urn, BM_URN_COMBINE_FN) != 0)
        return BEAM_OK; /* the constructor says what it needs */
    beam_error why = { 0 };
    beam_status status =
        bm_fn_spec_decode(bm_pb_span(pb_FunctionSpec_payload(spec)), &t->fn, &why);
    if (status == BEAM_OK) return BEAM_OK;
    return bm_error(b->err, status, "Transform '%s': %s", t->name, why.message);
}

static const char *const sdf_prefix = "beam:transform:sdf_";

static bool is_sdf_part(const char *urn)
{
    return strncmp(urn, sdf_prefix, strlen(sdf_prefix)) == 0;
}

static beam_status read_par_do(bm_builder *b, beam_span payload, bm_transform *t)
{
    const pb_ParDoPayload *pb = PARSE(pb_ParDoPayload, payload);
    if (!pb) return bad_payload(b, t);
    t->unsupported =
        pb_ParDoPayload_restriction_coder_id(pb).size && !is_sdf_part(t->urn)
            ? "a splittable DoFn that the runner has not expanded into its parts"
            : NULL;
    BEAM_TRY(bm_build_states(b, pb, t));
    return read_fn(b, pb_ParDoPayload_do_fn(pb), t);
}

static beam_status read_combine(bm_builder *b, beam_span payload, bm_transform *t)
{
    const pb_CombinePayload *pb = PARSE(pb_CombinePayload, payload);
    if (!pb) return bad_payload(b, t);
    return read_fn(b, pb_CombinePayload_combine_fn(pb), t);
}

/* -- window functions -------------------------------------------------------------------------- */
static beam_millis millis(int64_t seconds, int32_t nanos)
{
    const int64_t most = BEAM_MAX_TIMESTAMP / 1000;
    if (seconds > most) seconds = most;
    if (seconds < -most) seconds = -most;
    return seconds * 1000 + nanos / 1000000;
}

static beam_millis duration_ms(const google_protobuf_Duration *d)
{
    return d ? millis(google_protobuf_Duration_seconds(d), google_protobuf_Duration_nanos(d))
             : 0;
}

static beam_millis timestamp_ms(const google_protobuf_Timestamp *t)
{
    return t ? millis(google_protobuf_Timestamp_seconds(t),
                      google_protobuf_Timestamp_nanos(t))
             : 0;
}

static bool read_fixed(bm_builder *b, beam_span payload, bm_window_fn *out)
{
    const pb_FixedWindowsPayload *pb = PARSE(pb_FixedWindowsPayload, payload);
    if (!pb) return false;
    out->size = duration_ms(pb_FixedWindowsPayload_size(pb));
    out->offset = timestamp_ms(pb_FixedWindowsPayload_offset(pb));
    return true;
}

static bool read_sliding(bm_builder *b, beam_span payload, bm_window_fn *out)
{
    const pb_SlidingWindowsPayload *pb = PARSE(pb_SlidingWindowsPayload, payload);
    if (!pb) return false;
    out->size = duration_ms(pb_SlidingWindowsPayload_size(pb));
    out->offset = timestamp_ms(pb_SlidingWindowsPayload_offset(pb));
    out->period = duration_ms(pb_SlidingWindowsPayload_period(pb));
    return true;
}

static bool read_sessions(bm_builder *b, beam_span payload, bm_window_fn *out)
{
    const pb_SessionWindowsPayload *pb = PARSE(pb_SessionWindowsPayload, payload);
    if (!pb) return false;
    out->size = duration_ms(pb_SessionWindowsPayload_gap_size(pb));
    return true;
}

static bool read_global(bm_builder *b, beam_span payload, bm_window_fn *out)
{
    (void)b, (void)payload, (void)out;
    return true;
}

static beam_status find_custom_windows(bm_builder *b, const char *who, beam_span payload,
                                       bm_window_fn *out)
{
    bm_fn_spec spec;
    beam_error why = { 0 };
    beam_status status = bm_fn_spec_decode(payload, &spec, &why);
    if (status != BEAM_OK) return bm_error(b->err, status, "%.200s: %.500s", who, why.message);
    bm_arena *arena = &b->plan->arena;
    const bm_registry *registry = b->plan->registry;
    out->custom = bm_registry_window_fn(registry, spec.name);
    if (!out->custom)
        return bm_error(b->err, BEAM_EINVAL, "%.200s needs WindowFn '" BEAM_SPAN_FMT "', which "
                        "this program does not have; add it to the program's table of "
                        "WindowFns. It has: %s", who, BEAM_SPAN_ARG(spec.name),
                        bm_registry_names(&registry->window_fns, arena));
    out->kind = BM_WINDOW_FN_CUSTOM;
    out->config = bm_span_copy(arena, spec.config);
    return BEAM_OK;
}

beam_status bm_build_window_fn(bm_builder *b, const char *who, const pb_FunctionSpec *spec,
                               bm_window_fn *out)
{
    static const struct {
        const char *urn;
        bm_window_fn_kind kind;
        bool (*read)(bm_builder *b, beam_span payload, bm_window_fn *out);
    } fns[] = {
        { BEAM_URN_WINDOW_FN_GLOBAL_WINDOWS, BM_WINDOW_FN_GLOBAL, read_global },
        { BEAM_URN_WINDOW_FN_FIXED_WINDOWS, BM_WINDOW_FN_FIXED, read_fixed },
        { BEAM_URN_WINDOW_FN_SLIDING_WINDOWS, BM_WINDOW_FN_SLIDING, read_sliding },
        { BEAM_URN_WINDOW_FN_SESSION_WINDOWS, BM_WINDOW_FN_SESSIONS, read_sessions },
    };
    const char *urn = spec ? bm_pb_text(b, pb_FunctionSpec_urn(spec)) : "";
    if (strcmp(urn, BM_URN_WINDOW_FN) == 0)
        return find_custom_windows(b, who, bm_pb_span(pb_FunctionSpec_payload(spec)), out);
    for (size_t i = 0; i < BEAM_COUNT(fns); i++) {
        if (strcmp(fns[i].urn, urn) != 0) continue;
        out->kind = fns[i].kind;
        if (fns[i].read(b, bm_pb_span(pb_FunctionSpec_payload(spec)), out)) return BEAM_OK;
        return bm_error(b->err, BEAM_EINVAL, "%.200s: the payload of its WindowFn %s cannot "
                        "be parsed", who, urn);
    }
    return BEAM_OK;
}

static beam_status read_window_fn(bm_builder *b, const pb_FunctionSpec *spec,
                                  bm_transform *t)
{
    t->window_fn_urn = spec ? bm_pb_text(b, pb_FunctionSpec_urn(spec)) : "";
    const char *who = bm_format(&b->plan->arena, "Transform '%s'", t->name);
    return bm_build_window_fn(b, who, spec, &t->window_fn);
}

static beam_status read_window_into(bm_builder *b, beam_span payload, bm_transform *t)
{
    const pb_WindowIntoPayload *pb = PARSE(pb_WindowIntoPayload, payload);
    return pb ? read_window_fn(b, pb_WindowIntoPayload_window_fn(pb), t) : bad_payload(b, t);
}

/* map_windows: a mapping of the program, or else the side input's WindowFn. */
static beam_status read_mapping(bm_builder *b, beam_span payload, bm_transform *t)
{
    const pb_FunctionSpec *pb = PARSE(pb_FunctionSpec, payload);
    if (!pb) return bad_payload(b, t);
    if (!upb_StringView_IsEqual(pb_FunctionSpec_urn(pb),
                                upb_StringView_FromString(BM_URN_WINDOW_MAPPING)))
        return read_window_fn(b, pb, t);
    bm_fn_spec spec;
    const bm_registry *registry = b->plan->registry;
    if (bm_fn_spec_decode(bm_pb_span(pb_FunctionSpec_payload(pb)), &spec, NULL) != BEAM_OK)
        return bad_payload(b, t);
    t->window_mapping = bm_registry_window_mapping(registry, spec.name);
    if (t->window_mapping) return BEAM_OK;
    return bm_error(b->err, BEAM_EINVAL, "Transform '%s' needs the window mapping '" BEAM_SPAN_FMT
                    "', which no DoFn of this program declares", t->name,
                    BEAM_SPAN_ARG(spec.name));
}

static beam_status read_window_fn_spec(bm_builder *b, beam_span payload, bm_transform *t)
{
    const pb_FunctionSpec *spec = PARSE(pb_FunctionSpec, payload);
    return spec ? read_window_fn(b, spec, t) : bad_payload(b, t);
}

/* -- ports -------------------------------------------------------------------------------------- */
/* URN of a coder that cannot be read here, outside of a length prefix; NULL: none. */
static const char *opaque_part(const bm_coder *coder)
{
    if (!coder) return NULL;
    if (coder->kind == BM_CODER_OPAQUE) return coder->urn ? coder->urn : "";
    if (coder->kind == BM_CODER_LENGTH_PREFIX && coder->arg[0]->kind == BM_CODER_OPAQUE)
        return NULL;
    const char *part = opaque_part(coder->arg[0]);
    return part ? part : opaque_part(coder->arg[1]);
}

static beam_status read_port(bm_builder *b, beam_span payload, bm_transform *t)
{
    const pb_RemoteGrpcPort *pb = PARSE(pb_RemoteGrpcPort, payload);
    if (!pb) return bad_payload(b, t);
    const struct pb_ApiServiceDescriptor *api = pb_RemoteGrpcPort_api_service_descriptor(pb);
    t->endpoint_url = api ? bm_pb_text(b, pb_ApiServiceDescriptor_url(api)) : "";
    const char *who = bm_format(&b->plan->arena, "Transform '%s'", t->name);
    BEAM_TRY(bm_build_coder(b, who, pb_RemoteGrpcPort_coder_id(pb), &t->coder));
    if (t->coder->kind != BM_CODER_WINDOWED_VALUE
        && t->coder->kind != BM_CODER_PARAM_WINDOWED_VALUE)
        return bm_error(b->err, BEAM_EINVAL, "%s: its coder is for %s, not for windowed values",
                        who, bm_coder_text(&b->plan->arena, t->coder));
    const char *opaque = opaque_part(t->coder);
    if (!opaque) return BEAM_OK;
    return bm_error(b->err, BEAM_EUNSUPPORTED,
                    "%s: its coder needs '%s', which this worker does not know", who, opaque);
}

static beam_status read_nothing(bm_builder *b, beam_span payload, bm_transform *t)
{
    (void)b, (void)payload, (void)t;
    return BEAM_OK;
}

/* -- the table ------------------------------------------------------------------------------------- */
static const struct kind {
    const char *urn;
    read_payload read;
    bm_node_new make;
} kinds[] = {
    { BEAM_URN_RUNNER_SOURCE, read_port, bm_source_new },
    { BEAM_URN_RUNNER_SINK, read_port, bm_sink_new },
    { BEAM_URN_TRANSFORM_PARDO, read_par_do, bm_par_do_new },
    { BEAM_URN_TRANSFORM_SDF_PAIR_WITH_RESTRICTION, read_par_do, bm_sdf_pair_new },
    { BEAM_URN_TRANSFORM_SDF_SPLIT_AND_SIZE_RESTRICTIONS, read_par_do, bm_sdf_split_new },
    { BEAM_URN_TRANSFORM_SDF_TRUNCATE_SIZED_RESTRICTIONS, read_par_do, bm_sdf_truncate_new },
    { BEAM_URN_TRANSFORM_SDF_PROCESS_SIZED_ELEMENT_AND_RESTRICTIONS, read_par_do,
      bm_sdf_process_new },
    { BEAM_URN_TRANSFORM_FLATTEN, read_nothing, bm_flatten_new },
    { BEAM_URN_TRANSFORM_RESHUFFLE, read_nothing, bm_flatten_new },
    { BEAM_URN_TRANSFORM_REDISTRIBUTE_BY_KEY, read_nothing, bm_flatten_new },
    { BEAM_URN_TRANSFORM_REDISTRIBUTE_ARBITRARILY, read_nothing, bm_flatten_new },
    { BEAM_URN_TRANSFORM_TO_STRING, read_nothing, bm_to_string_new },
    { BEAM_URN_TRANSFORM_WINDOW_INTO, read_window_into, bm_window_into_new },
    { BEAM_URN_TRANSFORM_MAP_WINDOWS, read_mapping, bm_map_windows_new },
    { BEAM_URN_TRANSFORM_MERGE_WINDOWS, read_window_fn_spec, bm_merge_windows_new },
    { BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE, read_combine, bm_combine_lift_new },
    { BEAM_URN_TRANSFORM_COMBINE_PER_KEY_MERGE_ACCUMULATORS, read_combine,
      bm_combine_merge_new },
    { BEAM_URN_TRANSFORM_COMBINE_PER_KEY_EXTRACT_OUTPUTS, read_combine,
      bm_combine_extract_new },
    { BEAM_URN_TRANSFORM_COMBINE_PER_KEY_CONVERT_TO_ACCUMULATORS, read_combine,
      bm_combine_convert_new },
    { BEAM_URN_TRANSFORM_COMBINE_GROUPED_VALUES, read_combine, bm_combine_grouped_new },
};

static const struct kind *find_kind(const char *urn)
{
    for (size_t i = 0; i < BEAM_COUNT(kinds); i++)
        if (strcmp(kinds[i].urn, urn) == 0) return &kinds[i];
    return NULL;
}

bm_node_new bm_build_constructor(const char *urn)
{
    const struct kind *kind = find_kind(urn);
    return kind ? kind->make : NULL;
}

beam_status bm_build_payload(bm_builder *b, const pb_PTransform *pb, bm_transform *t)
{
    const pb_FunctionSpec *spec = pb_PTransform_spec(pb);
    const struct kind *kind = find_kind(t->urn);
    if (kind) return kind->read(b, bm_pb_span(pb_FunctionSpec_payload(spec)), t);
    if (is_sdf_part(t->urn))
        return bm_error(b->err, BEAM_EUNSUPPORTED, "Transform '%s' is a part of a splittable "
                        "DoFn (%s), which this worker does not support yet", t->name, t->urn);
    return bm_error(b->err, BEAM_EUNSUPPORTED, "Transform '%s' has the URN '%s', which this "
                    "worker does not know", t->name, t->urn);
}
