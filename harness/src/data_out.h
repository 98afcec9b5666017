/* SPDX-License-Identifier: Apache-2.0 */
/* data_out.h - the output of one bundle: buffers become Elements messages, or, when all of
 * it is small and the runner takes that, part of the bundle's response. Bundle thread. */
#ifndef BM_DATA_OUT_H
#define BM_DATA_OUT_H

#include "base/error.h"
#include "elements.h"
#include "exec/plan.h"
#include "links.h"
#include "model/beam_fn_api.upb.h"

/* What one sink or timer family has written and not sent. */
typedef struct bm_outlet {
    bm_link *link;
    bm_address address;
    bm_slice *held; /* the last buffer, while it may still go into the response */
    bool ended;
} bm_outlet;

typedef struct bm_outbox {
    bm_outlet *outlets;
    size_t n;
    bool may_embed; /* the runner takes elements in the response */
    size_t held_bytes;
} bm_outbox;

/* One buffer of an outlet; takes over what is in `data`. Blocks while the stream is behind. */
beam_status bm_outbox_write(bm_outbox *box, size_t outlet, bm_writer *data, bool last,
                            beam_error *err);
/* After a bundle that succeeded: fails when what it has sent goes to nobody. */
beam_status bm_outbox_reached(const bm_outbox *box, beam_error *err);
/* After a bundle that succeeded: true when all of its output was held back; it is then in
 * the response, which refers to the outbox's buffers. */
bool bm_outbox_embed(const bm_outbox *box, pb_ProcessBundleResponse *response, upb_Arena *pb);
/* Drops what was not sent. */
void bm_outbox_free(bm_outbox *box);

#endif
