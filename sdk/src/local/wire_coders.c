/* SPDX-License-Identifier: Apache-2.0 */
/* Coders of the pipeline as they go over the wire: those that the runner does not know get a
 * length in front of them, so that it can tell where an element ends. Runner's thread. */
#include "beam_urns.h"
#include "local/local_impl.h"

#define LENGTH_PREFIX "beam:coder:length_prefix:v1"

static const char *const known[] = {
    "beam:coder:bytes:v1",          "beam:coder:string_utf8:v1",
    "beam:coder:bool:v1",           "beam:coder:varint:v1",
    "beam:coder:double:v1",         "beam:coder:kv:v1",
    "beam:coder:iterable:v1",       "beam:coder:length_prefix:v1",
    "beam:coder:nullable:v1",       "beam:coder:interval_window:v1",
    "beam:coder:global_window:v1",  "beam:coder:custom_window:v1",
    "beam:coder:windowed_value:v1", "beam:coder:timer:v1",
    "beam:coder:sharded_key:v1",
};

static bool is_known(const char *urn)
{
    for (size_t i = 0; i < BEAM_COUNT(known); i++)
        if (!strcmp(urn, known[i])) return true;
    return false;
}

const char *bm_local_add_coder(bm_local *l, const char *id, const char *urn,
                               const char *const *components, size_t n)
{
    bm_pb_coder *coder = bm_pb_coder_new(&l->arena);
    coder->spec = bm_pb_spec(&l->arena, urn, (beam_span){ NULL, 0 });
    bm_list ids = { 0 };
    for (size_t i = 0; i < n; i++)
        bm_list_add(&l->arena, &ids, bm_pb_text(components[i]));
    BM_PB_REPEATED(coder, component_coder_ids, &ids);
    while (bm_local_by_id(&l->coders, id)) id = bm_format(&l->arena, "%s'", id);
    id = bm_strdup(&l->arena, id);
    bm_map_put(&l->coders, beam_span_of(id), coder);
    return id;
}

/* In the map while its components are being looked at. */
static const char under_way[] = "";

static beam_status make(bm_local *l, const char *id, const char **out)
{
    const bm_pb_coder *coder = bm_local_by_id(&l->coders, id);
    if (!coder || !coder->spec)
        return bm_error(l->err, BEAM_EINVAL,
                        "the pipeline names coder '%s' and does not have it", id);
    *out = id;
    if (!strcmp(coder->spec->urn, LENGTH_PREFIX)) return BEAM_OK;
    if (!is_known(coder->spec->urn)) {
        *out = bm_local_add_coder(l, bm_format(&l->arena, "%s/prefixed", id),
                                  LENGTH_PREFIX, &id, 1);
        return BEAM_OK;
    }
    size_t n = coder->n_component_coder_ids;
    const char **components = BM_NEW_ARRAY(&l->arena, const char *, n);
    bool changed = false;
    for (size_t i = 0; i < n; i++) {
        BEAM_TRY(bm_local_wire_coder(l, coder->component_coder_ids[i], &components[i]));
        changed |= strcmp(components[i], coder->component_coder_ids[i]) != 0;
    }
    if (changed)
        *out = bm_local_add_coder(l, bm_format(&l->arena, "%s/wire", id),
                                  coder->spec->urn, components, n);
    return BEAM_OK;
}

beam_status bm_local_wire_coder(bm_local *l, const char *id, const char **out)
{
    *out = bm_local_by_id(&l->wire_coders, id);
    if (*out == under_way)
        return bm_error(l->err, BEAM_EINVAL, "coder '%s' is a component of itself", id);
    if (*out) return BEAM_OK;
    beam_span key = bm_span_copy(&l->arena, beam_span_of(id));
    bm_map_put(&l->wire_coders, key, bm_pb_text(under_way));
    BEAM_TRY(make(l, id, out));
    bm_map_put(&l->wire_coders, key, bm_pb_text(*out));
    bm_map_put_copy(&l->wire_coders, beam_span_of(*out), bm_pb_text(*out));
    return BEAM_OK;
}

/* -- as the runner reads them ------------------------------------------------------------ */
static bool find_coder(void *self, const char *id, bm_coder_spec *out)
{
    bm_local *l = self;
    const bm_pb_coder *coder = bm_local_by_id(&l->coders, id);
    if (!coder || !coder->spec) return false;
    bool opaque = !is_known(coder->spec->urn);
    *out = (bm_coder_spec){
        .urn = opaque ? "opaque" : coder->spec->urn,
        .payload = bm_pb_span(coder->spec->payload),
        .component_ids = (const char *const *)coder->component_coder_ids,
        .n_components = coder->n_component_coder_ids,
    };
    return true;
}

void bm_local_coders_init(bm_local *l)
{
    bm_coder_source source = { .self = l, .coder = find_coder };
    bm_coder_set_init(&l->coder_set, &l->arena, &source);
    bm_map_init(&l->wire_coders, &l->arena);
}
