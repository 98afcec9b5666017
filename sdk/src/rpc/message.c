/* SPDX-License-Identifier: Apache-2.0 */
/* Slices and messages: gRPC's, under our names. Any thread; a message is one thread's at a
 * time, slices may be shared. */
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "rpc/internal.h"

struct bm_slice {
    atomic_uint refs;
    grpc_slice bytes; /* short runs of bytes are inside this struct */
};

enum { FEW = 4 }; /* slices that a message holds without an allocation of its own */

struct bm_message {
    bm_slice **slices;
    size_t count, capacity, size;
    bm_slice *few[FEW];
};

static beam_span span_of(const grpc_slice *slice)
{
    return (beam_span){ (const char *)GRPC_SLICE_START_PTR(*slice),
                        GRPC_SLICE_LENGTH(*slice) };
}

static bm_slice *slice_new(grpc_slice bytes)
{
    bm_slice *slice = bm_xmalloc(sizeof *slice);
    atomic_init(&slice->refs, 1);
    slice->bytes = bytes;
    return slice;
}

beam_span bm_slice_span(const bm_slice *slice)
{
    return span_of(&slice->bytes);
}

bm_slice *bm_slice_ref(bm_slice *slice)
{
    atomic_fetch_add_explicit(&slice->refs, 1, memory_order_relaxed);
    return slice;
}

void bm_slice_unref(bm_slice *slice)
{
    if (!slice) return;
    if (atomic_fetch_sub_explicit(&slice->refs, 1, memory_order_acq_rel) > 1) return;
    grpc_slice_unref(slice->bytes);
    free(slice);
}

bm_slice *bm_slice_take(void *malloced, size_t len)
{
    if (malloced) return slice_new(grpc_slice_new(malloced, len, free));
    return slice_new(grpc_empty_slice());
}

bm_slice *bm_slice_copy(beam_span bytes)
{
    if (bytes.len == 0) return slice_new(grpc_empty_slice());
    return slice_new(grpc_slice_from_copied_buffer(bytes.ptr, bytes.len));
}

bm_message *bm_message_new(void)
{
    bm_message *message = bm_xcalloc(1, sizeof *message);
    message->slices = message->few;
    message->capacity = FEW;
    return message;
}

void bm_message_free(bm_message *message)
{
    if (!message) return;
    for (size_t i = 0; i < message->count; i++) bm_slice_unref(message->slices[i]);
    if (message->slices != message->few) free(message->slices);
    free(message);
}

static void grow(bm_message *message)
{
    size_t capacity = bm_times(message->capacity, 2);
    size_t size = bm_times(capacity, sizeof(bm_slice *));
    if (message->slices == message->few) {
        message->slices = bm_xmalloc(size);
        memcpy(message->slices, message->few, sizeof message->few);
    } else {
        message->slices = bm_xrealloc(message->slices, size);
    }
    message->capacity = capacity;
}

void bm_message_add(bm_message *message, bm_slice *slice)
{
    if (message->count == message->capacity) grow(message);
    message->slices[message->count++] = slice;
    message->size += GRPC_SLICE_LENGTH(slice->bytes);
}

size_t bm_message_size(const bm_message *message)
{
    return message->size;
}

size_t bm_message_slices(const bm_message *message)
{
    return message->count;
}

bm_slice *bm_message_slice(const bm_message *message, size_t i)
{
    return message->slices[i];
}

beam_span bm_message_flat(const bm_message *message, bm_arena *arena)
{
    if (message->count == 1) return bm_slice_span(message->slices[0]);
    if (message->size == 0) return (beam_span){ NULL, 0 };
    char *bytes = bm_alloc(arena, message->size), *at = bytes;
    for (size_t i = 0; i < message->count; i++) {
        beam_span part = bm_slice_span(message->slices[i]);
        if (part.len) memcpy(at, part.ptr, part.len);
        at += part.len;
    }
    return (beam_span){ bytes, message->size };
}

grpc_byte_buffer *bm_message_to_buffer(const bm_message *message)
{
    grpc_slice few[16], *slices = few;
    if (message->count > BEAM_COUNT(few))
        slices = bm_xmalloc(bm_times(message->count, sizeof *slices));
    for (size_t i = 0; i < message->count; i++) slices[i] = message->slices[i]->bytes;
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(slices, message->count);
    if (slices != few) free(slices);
    return buffer;
}

bm_message *bm_message_from_buffer(grpc_byte_buffer *buffer)
{
    grpc_byte_buffer_reader reader;
    if (!grpc_byte_buffer_reader_init(&reader, buffer)) return NULL;
    bm_message *message = bm_message_new();
    grpc_slice bytes;
    while (grpc_byte_buffer_reader_next(&reader, &bytes))
        bm_message_add(message, slice_new(bytes));
    grpc_byte_buffer_reader_destroy(&reader);
    return message;
}
