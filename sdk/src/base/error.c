/* SPDX-License-Identifier: Apache-2.0 */
/* Status texts and error messages. Any thread. */
#include "base/error.h"

#include <stdio.h>

const char *beam_status_text(beam_status status)
{
    switch (status) {
#define STATUS_CASE(symbol, value, text) \
    case BEAM_##symbol:                  \
        return text;
        BEAM_STATUS_MAP(STATUS_CASE)
#undef STATUS_CASE
    }
    return "unknown status";
}

beam_status bm_verror(beam_error *err, beam_status status, const char *format, va_list args)
{
    if (!err) return status;
    err->status = status;
    vsnprintf(err->message, sizeof err->message, format, args);
    return status;
}

beam_status bm_error(beam_error *err, beam_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bm_verror(err, status, format, args);
    va_end(args);
    return status;
}
