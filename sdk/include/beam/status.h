/* SPDX-License-Identifier: Apache-2.0 */
/* beam/status.h - result codes and error messages.
 *
 * One rule everywhere: a function that can fail returns a beam_status (0 is success,
 * negatives are failures), and a handle (pipeline, context, iterator) remembers its FIRST
 * failure and turns every later call into a no-op. */
#ifndef BEAM_STATUS_H
#define BEAM_STATUS_H

#include "beam/export.h"
BEAM_C_BEGIN

/* X(symbol, value, text): the only place where a code is written down. */
#define BEAM_STATUS_MAP(X)                                              \
    X(OK, 0, "success")                                                 \
    X(EINVAL, -1, "invalid argument")                                   \
    X(ETYPE, -2, "element type does not match")                         \
    X(ECODER, -3, "malformed encoded bytes")                            \
    X(ERPC, -4, "remote call failed")                                   \
    X(EIO, -5, "local input or output failed")                          \
    X(EUNSUPPORTED, -6, "not supported by this SDK or runner")          \
    X(ECANCELLED, -7, "cancelled")                                      \
    X(ETIMEOUT, -8, "time ran out")                                     \
    X(EUSER, -9, "user function failed")                                \
    X(ESHORT, -10, "more bytes are needed")                             \
    X(ESTATE, -11, "not allowed here or now")                           \
    X(EUSAGE, -12, "wrong command line")

typedef enum beam_status {
#define BEAM_STATUS_ENTRY(symbol, value, text) BEAM_##symbol = (value),
    BEAM_STATUS_MAP(BEAM_STATUS_ENTRY)
#undef BEAM_STATUS_ENTRY
} beam_status;

/* Owned by the caller and of fixed size, so that reporting an error never allocates.
 * `message` is one sentence for people: what went wrong and what to do. */
typedef struct beam_error {
    beam_status status;
    char message[1024];
} beam_error;

/* English text of a code; static, never NULL; any thread. */
BEAM_API const char *beam_status_text(beam_status status);

/* Returns early from a function that itself returns beam_status. */
#define BEAM_TRY(expr)                                  \
    do {                                                \
        beam_status beam_try_ = (expr);                 \
        if (beam_try_ != BEAM_OK) return beam_try_;     \
    } while (0)

BEAM_C_END
#endif
