/* SPDX-License-Identifier: Apache-2.0 */
/* pb.h - small helpers around upb messages: strings, and messages to send. */
#ifndef BM_PB_H
#define BM_PB_H

#include "rpc/rpc.h"
#include "upb/mem/arena.h"
#include "upb/base/string_view.h"

static inline upb_StringView bm_pb_span(beam_span s)
{
    return upb_StringView_FromDataAndSize(s.ptr, s.len);
}
static inline upb_StringView bm_pb_text(const char *text)
{
    return bm_pb_span(beam_span_of(text));
}
static inline beam_span bm_span_of_pb(upb_StringView v)
{
    return (beam_span){ v.data, v.size };
}
/* upb's arenas fail only for want of memory, which ends the process as elsewhere. */
upb_Arena *bm_pb_arena_new(void);
/* A message of serialized bytes, copied. */
bm_message *bm_pb_message(const char *bytes, size_t n);

#endif
