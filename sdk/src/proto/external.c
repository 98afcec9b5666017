/* SPDX-License-Identifier: Apache-2.0 */
/* proto/external.c - one external transform: asks the expansion service and splices in
 * what it answers. One thread; blocks in the expander. */
#include "proto/builder.h"

/* The step's name as a prefix of ids that is also fit for file names. */
static const char *new_namespace(bm_builder *b, const bm_step *step)
{
    char *name = bm_format(b->arena, "%s_", step->unique_name);
    for (char *at = name; *at; at++) {
        bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                     (*at >= '0' && *at <= '9');
        if (!plain) *at = '_';
    }
    const char *unique = name;
    for (int i = 2; bm_map_get(&b->namespaces, beam_span_of(unique)); i++)
        unique = bm_format(b->arena, "%s%d_", name, i);
    bm_map_put(&b->namespaces, beam_span_of(unique), b);
    return unique;
}

beam_status bm_add_external(bm_builder *b, const bm_step *step)
{
    if (!b->expander || !b->expander->expand)
        return bm_error(b->err, BEAM_EINVAL,
                        "%s: a transform of another language needs an expansion service; "
                        "name one with --expansion_service=host:port",
                        step->unique_name);
    bm_request request = { .name_space = new_namespace(b, step) };
    beam_span bytes, response = { NULL, 0 };
    BEAM_TRY(bm_expansion_request(b, step, &request, &bytes));
    BEAM_TRY(b->expander->expand(b->expander->self, step->external->expansion_service,
                                 bytes, b->arena, &response, b->err));
    return bm_splice(b, step, &request, response);
}
