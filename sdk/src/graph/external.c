/* SPDX-License-Identifier: Apache-2.0 */
/* Transforms of other languages, which proto/ expands. One thread, as its pipeline. */
#include "graph/build.h"

enum { MAX_PORTS = BEAM_COUNT(((beam_external_opts *)0)->inputs) };

static size_t count_of(const void *const *items)
{
    size_t n = 0;
    while (n < MAX_PORTS && items[n]) n++;
    return n;
}

static size_t output_count(const beam_external_opts *opts)
{
    return count_of((const void *const *)opts->output_tags);
}

static const char *copy_of(bm_arena *arena, const char *text)
{
    return text ? bm_strdup(arena, text) : NULL;
}

static bool has_gap(const void *const *items)
{
    for (size_t i = count_of(items); i < MAX_PORTS; i++)
        if (items[i]) return true;
    return false;
}

static bool payload_is_good(bm_step *step, const beam_external_opts *opts)
{
    const beam_schema *schema = opts->payload_schema;
    const char *problem = NULL;
    if (!schema && opts->payload.kind != BEAM_KIND_NONE)
        problem = "it has a payload but no payload_schema";
    else if (schema && opts->payload.kind != BEAM_KIND_ROW)
        problem = "its payload is no row: make it with beam_row()";
    if (problem) {
        bm_step_fail(step, BEAM_EINVAL, "%s", problem);
        return false;
    }
    if (!schema || opts->payload.as.list.n == schema->fields.n) return true;
    bm_step_fail(step, BEAM_EINVAL,
                 "its payload has %zu fields, and its payload_schema %zu",
                 opts->payload.as.list.n, schema->fields.n);
    return false;
}

static bool opts_are_good(bm_step *step, const beam_external_opts *opts, beam_pcoll **out)
{
    const char *problem = !opts ? "its options are NULL"
                          : !opts->urn && !opts->java_class
                              ? "it has neither urn nor java_class: say which "
                                "transform it is"
                          : has_gap((const void *const *)opts->inputs) ||
                                  has_gap((const void *const *)opts->output_tags)
                              ? "its inputs or output_tags have a NULL between others"
                          : output_count(opts) && !out
                              ? "out is NULL: pass an array for its outputs"
                              : NULL;
    if (problem) bm_step_fail(step, BEAM_EINVAL, "%s", problem);
    return !problem && payload_is_good(step, opts);
}

static bool read_inputs(bm_step *step, const beam_external_opts *opts)
{
    bm_arena *arena = &step->pipeline->arena;
    size_t n = count_of((const void *const *)opts->inputs);
    for (size_t i = 0; i < n; i++) {
        const char *tag = opts->input_tags[i];
        if (!tag && n > 1) {
            bm_step_fail(step, BEAM_EINVAL, "input %zu has no tag in input_tags", i);
            return false;
        }
        tag = tag ? bm_strdup(arena, tag) : "input";
        if (!bm_step_read(step, tag, opts->inputs[i], bm_format(arena, "input %zu", i)))
            return false;
    }
    return true;
}

/* Everything is copied but schemas. */
static void copy_opts(bm_step *step, const beam_external_opts *opts)
{
    bm_arena *arena = &step->pipeline->arena;
    beam_external_opts *copy = BM_NEW(arena, beam_external_opts);
    *copy = *opts;
    copy->urn = copy_of(arena, opts->urn);
    copy->java_class = copy_of(arena, opts->java_class);
    copy->java_constructor_method = copy_of(arena, opts->java_constructor_method);
    copy->expansion_service = copy_of(arena, opts->expansion_service);
    copy->own_step = copy_of(arena, opts->own_step);
    copy->servers = copy_of(arena, opts->servers);
    for (size_t i = 0; i < MAX_PORTS; i++) {
        copy->input_tags[i] = i < step->n_inputs ? step->input_tags[i] : NULL;
        copy->output_tags[i] = copy_of(arena, opts->output_tags[i]);
        const beam_type *type = opts->output_types[i];
        copy->output_types[i] = type ? bm_type_copy(arena, type) : NULL;
    }
    step->external = copy;
}

static bool copy_payload(bm_step *step, const beam_external_opts *opts)
{
    bm_arena *arena = &step->pipeline->arena;
    beam_external_opts *copy = (beam_external_opts *)(uintptr_t)step->external;
    beam_status status = bm_value_copy(arena, opts->payload, &copy->payload);
    if (status != BEAM_OK)
        bm_step_fail(step, status, "its payload cannot be copied: %s",
                     beam_status_text(status));
    return status == BEAM_OK;
}

static bool output_types_are_good(bm_step *step, const beam_external_opts *opts)
{
    for (size_t i = 0; i < output_count(opts); i++) {
        const beam_type *type = opts->output_types[i];
        const char *problem = type ? bm_type_problem(type) : NULL;
        if (!problem) continue;
        bm_step_fail(step, BEAM_ETYPE, "the type of its output '%s' is %s",
                     opts->output_tags[i], problem);
        return false;
    }
    return true;
}

void beam_external(beam_pipeline *p, const char *name, const beam_external_opts *opts,
                   beam_pcoll *out[])
{
    for (size_t i = 0; opts && out && i < output_count(opts); i++) out[i] = bm_nil(p);
    bm_step *step = bm_step_new(p, BM_STEP_EXTERNAL, name);
    if (!step || !opts_are_good(step, opts, out) || !output_types_are_good(step, opts) ||
        !read_inputs(step, opts))
        return;
    copy_opts(step, opts);
    if (!copy_payload(step, opts)) return;
    for (size_t i = 0; i < output_count(opts); i++) {
        const beam_type *type = step->external->output_types[i];
        out[i] = bm_step_output(step, step->external->output_tags[i],
                                type ? type : BEAM_ANY, NULL, true);
    }
}
