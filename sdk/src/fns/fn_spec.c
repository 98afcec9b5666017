/* SPDX-License-Identifier: Apache-2.0 */
/* The payload of our FunctionSpecs: version, name, config, the last two length-prefixed; then
 * as far as there is something to say, the number of attempts and the target, prefixed too.
 * Any thread. */
#include "fns/fn_spec.h"

#include "base/error.h"

enum { VERSION = 1 };

void bm_fn_spec_encode(const bm_fn_spec *spec, bm_writer *out)
{
    bm_write_u8(out, VERSION);
    bm_write_prefixed(out, spec->name);
    bm_write_prefixed(out, spec->config);
    if (spec->attempts || spec->target.len) bm_write_varint(out, spec->attempts);
    if (spec->target.len) bm_write_prefixed(out, spec->target);
}

static beam_status read_rest(bm_reader *in, bm_fn_spec *out)
{
    uint64_t attempts = 0;
    out->target = (beam_span){ NULL, 0 };
    if (bm_left(in)) BEAM_TRY(bm_read_varint(in, &attempts));
    if (bm_left(in)) BEAM_TRY(bm_read_prefixed(in, &out->target));
    if (attempts > BM_MAX_ATTEMPTS) return BEAM_ECODER;
    out->attempts = (unsigned)attempts;
    return BEAM_OK;
}

beam_status bm_fn_spec_decode(beam_span payload, bm_fn_spec *out, beam_error *err)
{
    bm_reader in = bm_reader_of(payload);
    uint8_t version;
    if (bm_read_u8(&in, &version) != BEAM_OK)
        return bm_error(err, BEAM_ECODER, "the payload of a function is empty");
    if (version != VERSION)
        return bm_error(
            err, BEAM_ECODER,
            "the payload of a function has format %d, and this worker reads "
            "format %d: run workers of the version that submitted the pipeline",
            version, VERSION);
    if (bm_read_prefixed(&in, &out->name) != BEAM_OK || !out->name.len ||
        bm_read_prefixed(&in, &out->config) != BEAM_OK ||
        read_rest(&in, out) != BEAM_OK || bm_left(&in))
        return bm_error(err, BEAM_ECODER, "the payload of a function is damaged");
    return BEAM_OK;
}
