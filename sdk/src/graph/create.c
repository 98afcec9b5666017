/* SPDX-License-Identifier: Apache-2.0 */
/* Impulse, PeriodicImpulse and Create. One thread, as its pipeline. */
#include "fns/create.h"
#include "base/error.h"
#include "fns/builtin.h"
#include "fns/periodic.h"
#include "graph/build.h"

beam_pcoll *beam_impulse(beam_pipeline *p, const char *name)
{
    bm_step *step = bm_step_new(p, BM_STEP_IMPULSE, name);
    return step ? bm_step_output(step, BM_MAIN_TAG, BEAM_BYTES, &bm_default_windowing,
                                 true)
                : bm_nil(p);
}

static bool is_timestamp(beam_millis t)
{
    return t >= BEAM_MIN_TIMESTAMP && t <= BEAM_MAX_TIMESTAMP;
}

static bool is_periodic(bm_step *step, beam_millis start, beam_millis end,
                        beam_millis period)
{
    const char *problem =
        period <= 0                                  ? "its period must be at least 1 ms"
        : !is_timestamp(start) || !is_timestamp(end) ? "its start or end is no timestamp"
        : end < start                                ? "its end is before its start"
                                                     : NULL;
    if (problem) bm_step_fail(step, BEAM_EINVAL, "%s", problem);
    return !problem;
}

beam_pcoll *beam_periodic_impulse(beam_pipeline *p, const char *name, beam_millis start,
                                  beam_millis end, beam_millis period)
{
    bm_step *step = bm_step_new(p, BM_STEP_COMPOSITE, name);
    if (!step || !is_periodic(step, start, end, period)) return bm_nil(p);
    const bm_periodic periodic = { start, period, (end - start + period - 1) / period };
    bm_writer w = { 0 };
    bm_periodic_encode(&periodic, &w);
    beam_span config = bm_span_copy(&p->arena, bm_written(&w));
    bm_writer_free(&w);
    bm_step_open(step);
    beam_pcoll *impulse = beam_impulse(p, "Impulse");
    return bm_step_close(step,
                         bm_built_in(impulse, "Tick", &bm_periodic_fn, config, BEAM_INT64));
}

/* The values as config of the built-in DoFn; false after failing. */
static bool encode_values(bm_step *step, const beam_type *type, const beam_value *values,
                          size_t n, beam_span *config)
{
    bm_arena *arena = &step->pipeline->arena;
    bm_writer w = { 0 };
    size_t failed;
    beam_status status = bm_create_encode(arena, type, values, n, &w, &failed);
    *config = bm_span_copy(arena, bm_written(&w));
    bm_writer_free(&w);
    if (status == BEAM_OK) return true;
    bm_step_fail(step, status, "value %zu, %s, cannot be encoded as %s: %s", failed,
                 bm_value_text(arena, values[failed], 100), bm_type_text(arena, type),
                 beam_status_text(status));
    return false;
}

beam_pcoll *beam_create(beam_pipeline *p, const char *name, const beam_type *type,
                        const beam_value *values, size_t n)
{
    bm_step *step = bm_step_new(p, BM_STEP_COMPOSITE, name);
    if (!step || !bm_step_takes_type(step, type, "the type of its values"))
        return bm_nil(p);
    if (n && !values) {
        bm_step_fail(step, BEAM_EINVAL, "its values are NULL, but there are to be %zu",
                     n);
        return p->nil;
    }
    const beam_type *own_type = bm_type_copy(&p->arena, type);
    beam_span config;
    if (!encode_values(step, own_type, values, n, &config)) return p->nil;
    bm_step_open(step);
    beam_pcoll *impulse = beam_impulse(p, "Impulse");
    beam_pcoll *out = bm_built_in(impulse, "Values", &bm_create_fn, config, own_type);
    /* Also of one value: Flink's fuser cannot do a Flatten that reads some of its inputs from a
     * shuffle and some not (beam issue 34647), and so all Creates are alike. */
    out = bm_reshuffle(out, "Reshuffle", false);
    return bm_step_close(step, out);
}

beam_pcoll *beam_create_strings(beam_pipeline *p, const char *name,
                                const char *const *texts, size_t n)
{
    if (!bm_pipeline_is_open(p, name)) return bm_nil(p);
    beam_value *values = NULL;
    if (texts) {
        values = BM_NEW_ARRAY(&p->arena, beam_value, n);
        for (size_t i = 0; i < n; i++) values[i] = beam_string(beam_span_of(texts[i]));
    }
    return beam_create(p, name, BEAM_STRING, values, n);
}
