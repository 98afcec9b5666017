/* SPDX-License-Identifier: Apache-2.0 */
/* exec/build.h - reading the ProcessBundleDescriptor: what build*.c share. These files are
 * the only ones in exec/ that see protobuf. Any thread, one per plan. */
#ifndef BM_BUILD_H
#define BM_BUILD_H

#include "exec/node.h"
#include "model/beam_fn_api.upb.h"
#include "model/beam_runner_api.upb.h"

typedef struct bm_builder {
    bm_plan *plan;
    upb_Arena *upb; /* of the messages; nothing of it outlives the build */
    const pb_ProcessBundleDescriptor *descriptor;
    bm_coder_set coders;
    bm_map pcolls; /* by id */
    beam_error *err;
} bm_builder;

static inline beam_span bm_pb_span(upb_StringView view)
{
    return (beam_span){ view.data, view.size };
}
/* NUL-terminated copy with the plan's life. */
static inline char *bm_pb_text(bm_builder *b, upb_StringView view)
{
    return bm_cstr(&b->plan->arena, bm_pb_span(view));
}

/* Makes b->coders read the descriptor (build_coders.c). */
void bm_build_coders_init(bm_builder *b);
/* The coder of an id; on failure the message begins with `who`. */
beam_status bm_build_coder(bm_builder *b, const char *who, upb_StringView id,
                           const bm_coder **out);
/* What the URN's payload says, into *t (build_payload.c). */
beam_status bm_build_payload(bm_builder *b, const pb_PTransform *pb, bm_transform *t);
/* Of a side input, once the inputs are known (build_side_inputs.c). */
beam_status bm_build_side_inputs(bm_builder *b, const pb_PTransform *pb, bm_transform *t);
/* A WindowFn; of a kind that is not known here: BM_WINDOW_FN_OTHER. Fails on a bad payload. */
beam_status bm_build_window_fn(bm_builder *b, const char *who, const pb_FunctionSpec *spec,
                               bm_window_fn *out);
/* State and timer specs of a ParDoPayload (build_state.c). */
beam_status bm_build_states(bm_builder *b, const pb_ParDoPayload *pb, bm_transform *t);
/* The constructor for a URN; NULL: there is none. */
bm_node_new bm_build_constructor(const char *urn);

#endif
