/* SPDX-License-Identifier: Apache-2.0 */
/* Coders of a pipeline proto by id, built on first use. One thread at a time per set. */
#include "base/error.h"
#include "coders/coder_impl.h"

/* Coders within a coder. All that is done with one takes stack and time for each of them. */
enum { MOST_WITHIN = 1000 };

/* Coders that are nothing but their components. */
static const struct {
    const char *urn;
    bm_coder_kind kind;
    size_t n_components;
} plain[] = {
    { "beam:coder:bytes:v1", BM_CODER_BYTES, 0 },
    { "beam:coder:string_utf8:v1", BM_CODER_STRING, 0 },
    { "beam:coder:bool:v1", BM_CODER_BOOL, 0 },
    { "beam:coder:varint:v1", BM_CODER_VARINT, 0 },
    { "beam:coder:double:v1", BM_CODER_DOUBLE, 0 },
    { "beam:coder:kv:v1", BM_CODER_KV, 2 },
    { "beam:coder:iterable:v1", BM_CODER_ITERABLE, 1 },
    { "beam:coder:state_backed_iterable:v1", BM_CODER_STATE_BACKED_ITERABLE, 1 },
    { "beam:coder:length_prefix:v1", BM_CODER_LENGTH_PREFIX, 1 },
    { "beam:coder:nullable:v1", BM_CODER_NULLABLE, 1 },
    { "beam:coder:interval_window:v1", BM_CODER_INTERVAL_WINDOW, 0 },
    { "beam:coder:global_window:v1", BM_CODER_GLOBAL_WINDOW, 0 },
    { "beam:coder:custom_window:v1", BM_CODER_CUSTOM_WINDOW, 1 },
    { "beam:coder:windowed_value:v1", BM_CODER_WINDOWED_VALUE, 2 },
    { "beam:coder:timer:v1", BM_CODER_TIMER, 2 },
    { "beam:coder:sharded_key:v1", BM_CODER_SHARDED_KEY, 1 },
    { "beam:coder:param_windowed_value:v1", BM_CODER_PARAM_WINDOWED_VALUE, 2 },
};

/* In the set while a coder is being built: its components lead back to it. */
static const bm_coder under_construction = { .kind = BM_CODER_OPAQUE, .urn = "" };

void bm_coder_set_init(bm_coder_set *set, bm_arena *arena, const bm_coder_source *source)
{
    *set = (bm_coder_set){ .arena = arena, .source = *source };
    bm_map_init(&set->by_id, arena);
}

static beam_status check_count(const char *id, const bm_coder_spec *spec, size_t n,
                               beam_error *err)
{
    if (spec->n_components == n) return BEAM_OK;
    return bm_error(
        err, BEAM_ECODER,
        "Coder \"%s\" (%s) has %zu component coders instead of %zu; the pipeline "
        "comes from an SDK or runner with a different idea of that coder.",
        id, spec->urn, spec->n_components, n);
}

static beam_status check_nesting(const char *id, size_t n_within, beam_error *err)
{
    if (n_within <= MOST_WITHIN) return BEAM_OK;
    return bm_error(err, BEAM_ECODER,
                    "Coder \"%s\" is nested too much: no more than %d coders may be within one.",
                    id, MOST_WITHIN);
}

static beam_status parse_param(bm_arena *arena, const char *id, const bm_coder_spec *spec,
                               bm_coder *coder, beam_error *err)
{
    bm_element *param = BM_NEW(arena, bm_element);
    bm_reader in = bm_reader_of(bm_span_copy(arena, spec->payload));
    coder->param = param;
    if (bm_windowed_header_decode(coder->arg[1], &in, arena, param) == BEAM_OK)
        return BEAM_OK;
    return bm_error(err, BEAM_ECODER,
                    "The payload of coder \"%s\" (%s) is not a windowed value.", id,
                    spec->urn);
}

static beam_status build_plain(bm_coder_set *set, const char *id,
                               const bm_coder_spec *spec, bm_coder_kind kind,
                               const bm_coder **out, beam_error *err)
{
    const bm_coder *arg[2] = { NULL, NULL };
    for (size_t i = 0; i < spec->n_components; i++)
        BEAM_TRY(bm_coder_set_get(set, spec->component_ids[i], &arg[i], err));
    size_t n_within = 0;
    for (size_t i = 0; i < spec->n_components; i++) n_within += 1 + arg[i]->n_within;
    BEAM_TRY(check_nesting(id, n_within, err));
    if (kind != BM_CODER_PARAM_WINDOWED_VALUE) {
        *out = bm_coder_new(set->arena, kind, arg[0], arg[1]);
        return BEAM_OK;
    }
    bm_coder *coder = BM_NEW(set->arena, bm_coder);
    coder->kind = kind;
    coder->arg[0] = arg[0];
    coder->arg[1] = arg[1];
    coder->n_within = n_within;
    *out = coder;
    return parse_param(set->arena, id, spec, coder, err);
}

static beam_status build_row(bm_coder_set *set, const char *id, const bm_coder_spec *spec,
                             const bm_coder **out, beam_error *err)
{
    const beam_schema *schema;
    BEAM_TRY(
        set->source.schema(set->source.self, set->arena, spec->payload, &schema, err));
    *out = bm_coder_of_schema(set->arena, schema);
    if ((*out)->kind == BM_CODER_ROW) return BEAM_OK;
    return bm_error(
        err, BEAM_ECODER,
        "The schema of coder \"%s\" has encoding positions that are not 0 to n - 1 "
        "in some order.",
        id);
}

static beam_status build_struct(bm_coder_set *set, const char *id,
                                const bm_coder_spec *spec, const bm_coder **out,
                                beam_error *err)
{
    const beam_struct_coder *found = NULL;
    if (set->source.struct_coder)
        found = set->source.struct_coder(set->source.self, spec->payload);
    if (!found)
        return bm_error(err, BEAM_ECODER,
                        "Coder \"%s\" is the struct coder \"" BEAM_SPAN_FMT
                        "\", which this program does not have; run workers of the same "
                        "program that submits the pipeline.",
                        id, BEAM_SPAN_ARG(spec->payload));
    bm_coder *coder = BM_NEW(set->arena, bm_coder);
    coder->kind = BM_CODER_STRUCT;
    coder->struct_coder = found;
    *out = coder;
    return BEAM_OK;
}

static beam_status build(bm_coder_set *set, const char *id, const bm_coder_spec *spec,
                         const bm_coder **out, beam_error *err)
{
    for (size_t i = 0; i < BEAM_COUNT(plain); i++) {
        if (strcmp(spec->urn, plain[i].urn)) continue;
        BEAM_TRY(check_count(id, spec, plain[i].n_components, err));
        return build_plain(set, id, spec, plain[i].kind, out, err);
    }
    if (!strcmp(spec->urn, "beam:coder:row:v1"))
        return build_row(set, id, spec, out, err);
    if (!strcmp(spec->urn, BM_URN_STRUCT_CODER))
        return build_struct(set, id, spec, out, err);
    if (!strcmp(spec->urn, BM_URN_SEALED_CODER)) {
        BEAM_TRY(check_count(id, spec, 1, err));
        return bm_coder_set_get(set, spec->component_ids[0], out, err);
    }
    if (!strcmp(spec->urn, BM_URN_WINDOW_CODER)) {
        *out = bm_window_coder(set->arena);
        return BEAM_OK;
    }
    bm_coder *opaque = BM_NEW(set->arena, bm_coder);
    opaque->kind = BM_CODER_OPAQUE;
    opaque->urn = bm_strdup(set->arena, spec->urn);
    *out = opaque;
    return BEAM_OK;
}

beam_status bm_coder_set_get(bm_coder_set *set, const char *id, const bm_coder **out,
                             beam_error *err)
{
    *out = bm_map_get(&set->by_id, beam_span_of(id));
    if (*out == &under_construction)
        return bm_error(err, BEAM_ECODER,
                        "Coder \"%s\" is a component of itself; the pipeline is broken.",
                        id);
    if (*out) return BEAM_OK;
    bm_coder_spec spec;
    if (!set->source.coder(set->source.self, id, &spec))
        return bm_error(err, BEAM_ECODER,
                        "There is no coder with the id \"%s\"; the pipeline is broken.",
                        id);
    BEAM_TRY(check_nesting(id, set->depth, err));
    bm_map_put_copy(&set->by_id, beam_span_of(id),
                    (void *)(uintptr_t)&under_construction);
    const bm_coder *built = NULL;
    set->depth++;
    beam_status status = build(set, id, &spec, &built, err);
    set->depth--;
    bm_map_put(&set->by_id, beam_span_of(id),
               status == BEAM_OK ? (void *)(uintptr_t)built : NULL);
    *out = built;
    return status;
}
