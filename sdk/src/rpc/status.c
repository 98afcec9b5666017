/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC's status codes and ours. Any thread. */
#include <grpc/slice.h>
#include <stdio.h>

#include "rpc/internal.h"

enum { MAX_DETAIL = 2000 }; /* peers refuse headers of more than 8 KiB */

static const char *const names[] = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

beam_status bm_status_from_grpc(grpc_status_code code)
{
    switch (code) {
    case GRPC_STATUS_OK: return BEAM_OK;
    case GRPC_STATUS_CANCELLED: return BEAM_ECANCELLED;
    case GRPC_STATUS_DEADLINE_EXCEEDED: return BEAM_ETIMEOUT;
    case GRPC_STATUS_UNIMPLEMENTED: return BEAM_EUNSUPPORTED;
    default: return BEAM_ERPC;
    }
}

grpc_status_code bm_status_to_grpc(beam_status status)
{
    switch (status) {
    case BEAM_OK: return GRPC_STATUS_OK;
    case BEAM_EINVAL:
    case BEAM_ETYPE:
    case BEAM_ECODER:
    case BEAM_EUSAGE: return GRPC_STATUS_INVALID_ARGUMENT;
    case BEAM_EUNSUPPORTED: return GRPC_STATUS_UNIMPLEMENTED;
    case BEAM_ERPC:
    case BEAM_ECANCELLED:
    case BEAM_ETIMEOUT: return GRPC_STATUS_UNAVAILABLE;
    default: return GRPC_STATUS_INTERNAL;
    }
}

char *bm_status_message(grpc_status_code code, grpc_slice detail)
{
    const char *name = (size_t)code < BEAM_COUNT(names) ? names[code] : "unknown status";
    size_t length = GRPC_SLICE_LENGTH(detail), room = length + 64;
    char *text = bm_xmalloc(room);
    if (length)
        snprintf(text, room, "%.*s (%s)", (int)length,
                 (const char *)GRPC_SLICE_START_PTR(detail), name);
    else
        snprintf(text, room, "%s", name);
    return text;
}

grpc_slice bm_status_detail(const char *text)
{
    if (!text) return grpc_empty_slice();
    return grpc_slice_from_copied_buffer(text, strnlen(text, MAX_DETAIL));
}
