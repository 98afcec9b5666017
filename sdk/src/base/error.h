/* SPDX-License-Identifier: Apache-2.0 */
/* base/error.h - filling a beam_error. Any thread. */
#ifndef BM_ERROR_H
#define BM_ERROR_H

#include <stdarg.h>

#include "beam/status.h"

/* Fills *err (which may be NULL) and returns `status`, for `return bm_error(err, ...)`. */
beam_status bm_error(beam_error *err, beam_status status, const char *format, ...)
    BEAM_PRINTF(3, 4);
beam_status bm_verror(beam_error *err, beam_status status, const char *format, va_list args)
    BEAM_PRINTF(3, 0);

#endif
