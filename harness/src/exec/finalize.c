/* SPDX-License-Identifier: Apache-2.0 */
/* beam_on_finalize(): registering on the bundle thread; what is registered runs on the
 * thread that the harness has for it, when this plan may be gone. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "exec/ctx_impl.h"

typedef struct callback {
    beam_status (*run)(beam_span data);
    const char *who; /* "Transform 'Scope/Ack' (DoFn 'x')": in `text` */
    beam_span data;
    char text[];
} callback;

static beam_status run(void *self, beam_error *err)
{
    const callback *one = self;
    beam_status status = one->run(one->data);
    if (status == BEAM_OK) return BEAM_OK;
    return bm_error(err, status, "%.400s: %s", one->who, beam_status_text(status));
}

static callback *callback_of(const bm_node *node, beam_status (*to_run)(beam_span),
                             beam_span data)
{
    bm_arena texts;
    bm_arena_init(&texts, 0);
    const char *who = bm_format(&texts, "Transform '%s' (%s)", node->name, node->what);
    size_t n = strlen(who) + 1;
    callback *one = bm_xmalloc(sizeof *one + n + data.len);
    *one = (callback){ to_run, one->text, { one->text + n, data.len } };
    memcpy(one->text, who, n);
    if (data.len) memcpy(one->text + n, data.ptr, data.len);
    bm_arena_free(&texts);
    return one;
}

/* Why it cannot be called here; NULL: it can. */
static const char *problem(const beam_ctx *c, beam_status (*to_run)(beam_span))
{
    if (!c->finalizes)
        return "beam_on_finalize() needs .flags = BEAM_FINALIZES in the DoFn";
    if (!c->may_emit) return "beam_on_finalize() needs a bundle, and there is none here";
    return to_run ? NULL : "beam_on_finalize() needs a callback, not NULL";
}

beam_status beam_on_finalize(beam_ctx *c, int64_t expires_after_ms,
                             beam_status (*to_run)(beam_span data), beam_span data)
{
    const char *why_not = problem(c, to_run);
    if (why_not) return beam_fail(c, BEAM_ESTATE, "%s", why_not);
    int64_t now = bm_wall_ms();
    bool for_ever = expires_after_ms > INT64_MAX - now;
    const bm_finalizer finalizer = {
        .self = callback_of(c->node, to_run, data),
        .run = run,
        .release = free,
        .expires_ms = for_ever ? INT64_MAX : now + expires_after_ms,
    };
    bm_plan_add_finalizer(c->node->plan, &finalizer);
    return BEAM_OK;
}
