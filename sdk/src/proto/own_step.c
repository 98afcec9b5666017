/* SPDX-License-Identifier: Apache-2.0 */
/* proto/own_step.c - a ParDo of an expansion that this program runs itself.
 *
 * Worth it where the runner makes the ParDo's input (a primitive read): with the ParDo in
 * the other language's worker, each element would go out to that worker and back before it
 * comes here. One thread. */
#include "beam_urns.h"
#include "proto/builder.h"

static bool is_of(const bm_pb_transform *t, const char *urn)
{
    return t->spec && !strcmp(t->spec->urn, urn);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);
    return n >= k && !strcmp(text + n - k, end);
}

static bool is_inside(const bm_pb_transform *t, const bm_step *step)
{
    size_t n = strlen(step->unique_name);
    return !strncmp(t->unique_name, step->unique_name, n) && t->unique_name[n] == '/';
}

static bool runner_makes(const bm_builder *b, const char *pcoll)
{
    BM_MAP_EACH(&b->transforms.by_id, entry)
    {
        const bm_pb_transform *t = entry->value;
        for (size_t i = 0; i < t->n_outputs && is_of(t, BEAM_URN_TRANSFORM_READ); i++)
            if (!strcmp(t->outputs[i]->value, pcoll)) return true;
    }
    return false;
}

void bm_take_own_step(bm_builder *b, const bm_step *step)
{
    const beam_external_opts *opts = step->external;
    if (!opts->own_step || !opts->own_dofn) return;
    BM_MAP_EACH(&b->transforms.by_id, entry)
    {
        bm_pb_transform *t = entry->value;
        if (!is_of(t, BEAM_URN_TRANSFORM_PARDO) || t->n_inputs != 1 ||
            t->n_outputs != 1 || !is_inside(t, step) ||
            !ends_with(t->unique_name, opts->own_step) ||
            !runner_makes(b, t->inputs[0]->value))
            continue;
        t->spec = bm_pb_spec(b->arena, BEAM_URN_TRANSFORM_PARDO,
                             bm_plain_par_do_payload(b->arena, opts->own_dofn));
        t->environment_id = bm_pb_text(b->environment_id);
    }
}
