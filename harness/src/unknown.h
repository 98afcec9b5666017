/* SPDX-License-Identifier: Apache-2.0 */
/* unknown.h - fields that newer protos have and the ones built with do not. Any thread. */
#ifndef BM_UNKNOWN_H
#define BM_UNKNOWN_H

#include "pb.h"
#include "upb/message/message.h"

/* The last length-delimited field of that number; false when there is none, and `out` is
 * then left alone. The span lives as long as the message. */
bool bm_unknown_bytes(const upb_Message *message, uint32_t number, beam_span *out);

#endif
