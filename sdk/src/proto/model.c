/* SPDX-License-Identifier: Apache-2.0 */
/* proto/model.c - packing and unpacking protobuf-c messages in arenas. */
#include "proto/model.h"

#include "base/reader.h"

void bm_list_add(bm_arena *arena, bm_list *list, void *item)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 4;
        void **at = bm_alloc(arena, bm_times(cap, sizeof *at));
        if (list->n) memcpy(at, list->at, list->n * sizeof *at);
        list->at = at;
        list->cap = cap;
    }
    list->at[list->n++] = item;
}

beam_span bm_pb_pack(bm_arena *arena, const ProtobufCMessage *message)
{
    size_t n = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = bm_alloc(arena, n);
    n = protobuf_c_message_pack(message, bytes);
    return (beam_span){ (const char *)bytes, n };
}

static void *arena_alloc(void *arena, size_t n)
{
    return bm_alloc(arena, n);
}

static void arena_free(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

/* Depth of the nesting that these bytes could mean at most: what parses as a message is
 * taken for one, so that a string may count too. */
static int nesting(beam_span bytes, int limit)
{
    if (limit <= 0) return 1;
    bm_reader r = bm_reader_of(bytes);
    int deepest = 0;
    while (bm_left(&r)) {
        uint64_t tag, number;
        beam_span span;
        if (bm_read_varint(&r, &tag)) return 0;
        switch (tag & 7) {
        case 0:
            if (bm_read_varint(&r, &number)) return 0;
            break;
        case 1:
            if (bm_read_view(&r, 8, &span)) return 0;
            break;
        case 2: {
            if (bm_read_prefixed(&r, &span)) return 0;
            int depth = nesting(span, limit - 1);
            if (depth > deepest) deepest = depth;
            break;
        }
        case 5:
            if (bm_read_view(&r, 4, &span)) return 0;
            break;
        default: return 0;
        }
    }
    return deepest + 1;
}

ProtobufCMessage *bm_pb_unpack(bm_arena *arena, const ProtobufCMessageDescriptor *type,
                               beam_span bytes, int max_depth)
{
    if (nesting(bytes, max_depth) > max_depth) return NULL;
    ProtobufCAllocator allocator = { arena_alloc, arena_free, arena };
    static const uint8_t none[1];
    return protobuf_c_message_unpack(type, &allocator, bytes.len,
                                     bytes.ptr ? (const uint8_t *)bytes.ptr : none);
}

bm_pb_function_spec *bm_pb_spec(bm_arena *arena, const char *urn, beam_span payload)
{
    bm_pb_function_spec *spec = bm_pb_function_spec_new(arena);
    spec->urn = bm_pb_text(urn);
    spec->payload = bm_pb_bytes(payload);
    return spec;
}
