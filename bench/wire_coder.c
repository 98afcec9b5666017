/* SPDX-License-Identifier: Apache-2.0 */
/* The model coders as a runner uses them: to write inputs and to step over outputs. */
#include <stdlib.h>

#include "fnbench.h"

#define CODER(name) "beam:coder:" name ":v1"

static bool is(upb_StringView urn, const char *text)
{
    return upb_StringView_IsEqual(urn, upb_StringView_FromString(text));
}

static const pb_Coder *coder_of(const pb_Components *components, upb_StringView id)
{
    pb_Coder *coder;
    if (!pb_Components_coders_get((pb_Components *)(uintptr_t)components, id, &coder))
        fatal("the pipeline has no coder '%.*s'", (int)id.size, id.data);
    return coder;
}

static upb_StringView urn_of(const pb_Coder *coder)
{
    const pb_FunctionSpec *spec = pb_Coder_spec(coder);
    return spec ? pb_FunctionSpec_urn(spec) : upb_StringView_FromString("");
}

static bool find_kind(upb_StringView urn, wire_coder *out)
{
    static const struct {
        const char *urn;
        wire_coder coder;
    } known[] = {
        { CODER("bytes"), { WIRE_BYTES, 0, { NULL, NULL } } },
        { CODER("string_utf8"), { WIRE_BYTES, 0, { NULL, NULL } } },
        { CODER("varint"), { WIRE_VARINT, 0, { NULL, NULL } } },
        { CODER("bool"), { WIRE_FIXED, 1, { NULL, NULL } } },
        { CODER("double"), { WIRE_FIXED, 8, { NULL, NULL } } },
        { CODER("global_window"), { WIRE_FIXED, 0, { NULL, NULL } } },
        { CODER("interval_window"), { WIRE_INTERVAL, 0, { NULL, NULL } } },
        { CODER("kv"), { WIRE_KV, 0, { NULL, NULL } } },
        { CODER("iterable"), { WIRE_ITERABLE, 0, { NULL, NULL } } },
        { CODER("length_prefix"), { WIRE_PREFIXED, 0, { NULL, NULL } } },
    };
    for (size_t i = 0; i < BEAM_COUNT(known); i++) {
        if (!is(urn, known[i].urn)) continue;
        *out = known[i].coder;
        return true;
    }
    return false;
}

const wire_coder *wire_coder_of(const pb_Components *components, upb_StringView id,
                                upb_Arena *arena)
{
    const pb_Coder *pb = coder_of(components, id);
    wire_coder *coder = upb_Arena_Malloc(arena, sizeof *coder);
    if (!find_kind(urn_of(pb), coder)) return NULL;
    size_t n;
    upb_StringView const *args = pb_Coder_component_coder_ids(pb, &n);
    for (size_t i = 0; i < n && i < 2; i++)
        coder->arg[i] = wire_coder_of(components, args[i], arena);
    return coder;
}

upb_StringView new_coder(pb_Components *components, const char *urn, const upb_StringView *args,
                         size_t n, upb_Arena *arena)
{
    char *id = upb_Arena_Malloc(arena, 32);
    snprintf(id, 32, "bench_coder_%zu", pb_Components_coders_size(components));
    pb_Coder *coder = pb_Coder_new(arena);
    pb_FunctionSpec_set_urn(pb_Coder_mutable_spec(coder, arena),
                            upb_StringView_FromString(urn));
    for (size_t i = 0; i < n; i++) pb_Coder_add_component_coder_ids(coder, args[i], arena);
    upb_StringView key = upb_StringView_FromString(id);
    pb_Components_coders_set(components, key, coder, arena);
    return key;
}

upb_StringView wire_coder_id(pb_Components *components, upb_StringView id, upb_Arena *arena)
{
    const pb_Coder *pb = coder_of(components, id);
    wire_coder coder;
    if (!find_kind(urn_of(pb), &coder))
        return new_coder(components, CODER("length_prefix"), &id, 1, arena);
    if (coder.kind != WIRE_KV && coder.kind != WIRE_ITERABLE) return id;
    size_t n;
    upb_StringView const *args = pb_Coder_component_coder_ids(pb, &n);
    upb_StringView wired[2];
    bool changed = false;
    for (size_t i = 0; i < n && i < 2; i++) {
        wired[i] = wire_coder_id(components, args[i], arena);
        changed = changed || !upb_StringView_IsEqual(wired[i], args[i]);
    }
    if (!changed) return id;
    return new_coder(components, coder.kind == WIRE_KV ? CODER("kv") : CODER("iterable"),
                     wired, n < 2 ? n : 2, arena);
}

void wire_encode(const wire_coder *coder, beam_value v, bm_writer *out)
{
    if (coder->kind == WIRE_BYTES
        && (v.kind == BEAM_KIND_BYTES || v.kind == BEAM_KIND_STRING)) {
        bm_write_prefixed(out, v.as.span);
    } else if (coder->kind == WIRE_VARINT && v.kind == BEAM_KIND_INT64) {
        bm_write_varint(out, (uint64_t)v.as.int64);
    } else if (coder->kind == WIRE_KV && v.kind == BEAM_KIND_KV) {
        wire_encode(coder->arg[0], v.as.kv[0], out);
        wire_encode(coder->arg[1], v.as.kv[1], out);
    } else if (coder->kind == WIRE_PREFIXED && coder->arg[0]) {
        /* What has a length already has it only once. */
        if (coder->arg[0]->kind == WIRE_BYTES || coder->arg[0]->kind == WIRE_PREFIXED) {
            wire_encode(coder->arg[0], v, out);
            return;
        }
        bm_writer inner = { 0 };
        wire_encode(coder->arg[0], v, &inner);
        bm_write_prefixed(out, bm_written(&inner));
        bm_writer_free(&inner);
    } else {
        fatal("a value of kind %d cannot be written with a coder of kind %d: the bench "
              "transforms need inputs of model coders", (int)v.kind, (int)coder->kind);
    }
}

static const uint8_t *skip_varint(const uint8_t *at, const uint8_t *end)
{
    while (at < end)
        if (*at++ < 0x80) return at;
    return NULL;
}

static const uint8_t *skip_prefixed(const uint8_t *at, const uint8_t *end)
{
    uint64_t n = 0;
    unsigned shift = 0;
    for (;; shift += 7) {
        if (at == end || shift > 35) return NULL;
        uint8_t byte = *at++;
        n |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) break;
    }
    return n <= (size_t)(end - at) ? at + n : NULL;
}

static const uint8_t *skip_iterable(const wire_coder *item, const uint8_t *at,
                                    const uint8_t *end)
{
    if (end - at < 4) return NULL;
    uint32_t n;
    memcpy(&n, at, 4);
    n = __builtin_bswap32(n);
    at += 4;
    if (n > INT32_MAX) fatal("an iterable of unknown length came");
    for (; n && at; n--) at = wire_skip(item, at, end);
    return at;
}

const uint8_t *wire_skip(const wire_coder *coder, const uint8_t *at, const uint8_t *end)
{
    switch (coder->kind) {
    case WIRE_BYTES:
    case WIRE_PREFIXED: return skip_prefixed(at, end);
    case WIRE_VARINT: return skip_varint(at, end);
    case WIRE_FIXED: return (size_t)(end - at) >= coder->size ? at + coder->size : NULL;
    case WIRE_INTERVAL: return end - at > 8 ? skip_varint(at + 8, end) : NULL;
    case WIRE_KV:
        at = wire_skip(coder->arg[0], at, end);
        return at ? wire_skip(coder->arg[1], at, end) : NULL;
    case WIRE_ITERABLE: return skip_iterable(coder->arg[0], at, end);
    }
    return NULL;
}

const uint8_t *wire_skip_header(const wire_coder *window, const uint8_t *at,
                                const uint8_t *end)
{
    if (end - at < 13) return NULL;
    uint32_t n;
    memcpy(&n, at + 8, 4);
    at += 12;
    for (n = __builtin_bswap32(n); n && at; n--) at = wire_skip(window, at, end);
    if (!at || at == end) return NULL;
    int numbers = *at++ >> 4; /* how many varints of the pane follow */
    if (numbers > 2) return NULL;
    for (; numbers && at; numbers--) at = skip_varint(at, end);
    return at;
}
