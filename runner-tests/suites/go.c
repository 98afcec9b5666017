/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the Go suite share. */
#include "go.h"

#include <stdlib.h>

beam_pcoll *create_ints(beam_pipeline *p, const char *name, const int64_t *values,
                        size_t n)
{
    beam_value *all = calloc(n + 1, sizeof *all);
    for (size_t i = 0; i < n; i++) all[i] = beam_int64(values[i]);
    beam_pcoll *created = beam_create(p, name, BEAM_INT64, all, n);
    free(all);
    return created;
}

/* KVs of the 2n values. */
static beam_pcoll *create_kvs(beam_pipeline *p, const char *name, const beam_type *type,
                              const beam_value *pairs, size_t n)
{
    beam_value *kvs = calloc(n + 1, sizeof *kvs);
    for (size_t i = 0; i < n; i++) kvs[i] = beam_kv(&pairs[2 * i]);
    beam_pcoll *created = beam_create(p, name, type, kvs, n);
    free(kvs);
    return created;
}

beam_pcoll *create_string_ints(beam_pipeline *p, const char *name,
                               const string_int *pairs, size_t n)
{
    beam_value *all = calloc(2 * n + 1, sizeof *all);
    for (size_t i = 0; i < n; i++) {
        all[2 * i] = beam_string(beam_span_of(pairs[i].key));
        all[2 * i + 1] = beam_int64(pairs[i].value);
    }
    beam_pcoll *created = create_kvs(p, name, BEAM_KV(BEAM_STRING, BEAM_INT64), all, n);
    free(all);
    return created;
}

beam_pcoll *create_string_pairs(beam_pipeline *p, const char *name,
                                const string_pair *pairs, size_t n)
{
    beam_value *all = calloc(2 * n + 1, sizeof *all);
    for (size_t i = 0; i < n; i++) {
        all[2 * i] = beam_string(beam_span_of(pairs[i].key));
        all[2 * i + 1] = beam_string(beam_span_of(pairs[i].value));
    }
    beam_pcoll *created = create_kvs(p, name, BEAM_KV(BEAM_STRING, BEAM_STRING), all, n);
    free(all);
    return created;
}

/* KV<INT64 second, INT64 value> */
static beam_status emit_timed(beam_ctx *c, beam_value in)
{
    beam_millis at = beam_as_int64(beam_key(in)) * 1000 - 10;
    const beam_value pair[] = { beam_string(beam_span_of("magic")), beam_val(in) };
    return beam_emit_at(c, beam_kv(pair), at);
}
static const beam_dofn emit_timed_fn = { .name = "go.emit_timed",
                                         .in = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                         .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                         .process = emit_timed };

beam_pcoll *create_timed(beam_pipeline *p, const char *name, const int64_t *values,
                         size_t n)
{
    beam_value *all = calloc(2 * n + 1, sizeof *all);
    for (size_t i = 0; i < n; i++) {
        all[2 * i] = beam_int64((int64_t)i + 1);
        all[2 * i + 1] = beam_int64(values[i]);
    }
    beam_scope_begin(p, name);
    beam_pcoll *created = create_kvs(p, "Numbers", BEAM_KV(BEAM_INT64, BEAM_INT64), all,
                                     n);
    beam_pcoll *timed = beam_par_do(created, "Time", &emit_timed_fn);
    beam_scope_end(p);
    free(all);
    return timed;
}
