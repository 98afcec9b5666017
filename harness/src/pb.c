/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers around upb messages. Any thread. */
#include "pb.h"

#include <stdio.h>
#include <stdlib.h>

upb_Arena *bm_pb_arena_new(void)
{
    upb_Arena *arena = upb_Arena_New();
    if (arena) return arena;
    fputs("beam: out of memory\n", stderr);
    abort();
}

bm_message *bm_pb_message(const char *bytes, size_t n)
{
    bm_message *message = bm_message_new();
    bm_message_add(message, bm_slice_copy((beam_span){ bytes, n }));
    return message;
}
