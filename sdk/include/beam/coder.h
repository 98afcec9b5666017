/* SPDX-License-Identifier: Apache-2.0 */
/* beam/coder.h - coders for the user's own C structs.
 *
 * A struct with a coder of its own crosses from worker to worker of this program only
 * (the runner sees length-prefixed bytes). For data that other languages read, use rows
 * (beam/row.h). */
#ifndef BEAM_CODER_H
#define BEAM_CODER_H

#include "beam/value.h"
BEAM_C_BEGIN

typedef struct beam_writer beam_writer; /* where an encoder puts bytes */
typedef struct beam_reader beam_reader; /* where a decoder takes bytes from */

struct beam_struct_coder {
    const char *name; /* unique in the program; goes over the wire */
    size_t size;      /* sizeof the struct; objects are zeroed before decode */
    /* Appends the object's bytes. May be called on any bundle's thread. A coder used for
     * keys must be deterministic: equal keys give equal bytes. */
    void (*encode)(const void *object, beam_writer *out);
    /* Reads exactly what encode wrote. Spans read point into the input and live as long as
     * the element. Any status but BEAM_OK fails the bundle. */
    beam_status (*decode)(void *object, beam_reader *in);
};

/* Appending never fails. Varints are Beam's (LEB128 of the 64-bit two's complement);
 * strings and bytes are length-prefixed. */
BEAM_API void beam_write_int64(beam_writer *out, int64_t value);
BEAM_API void beam_write_double(beam_writer *out, double value);
BEAM_API void beam_write_bool(beam_writer *out, bool value);
BEAM_API void beam_write_span(beam_writer *out, beam_span value);
BEAM_API void beam_write_raw(beam_writer *out, const void *bytes, size_t n);

/* Each fails with BEAM_ESHORT when bytes are missing or BEAM_ECODER when they are wrong;
 * pass that on with BEAM_TRY. */
BEAM_API beam_status beam_read_int64(beam_reader *in, int64_t *value);
BEAM_API beam_status beam_read_double(beam_reader *in, double *value);
BEAM_API beam_status beam_read_bool(beam_reader *in, bool *value);
BEAM_API beam_status beam_read_span(beam_reader *in, beam_span *value);
BEAM_API beam_status beam_read_raw(beam_reader *in, size_t n, const char **bytes);

BEAM_C_END
#endif
