/* SPDX-License-Identifier: Apache-2.0 */
/* What a bundle leaves to do: residuals of its elements, and callbacks for when its results
 * are safe. Bundle thread. */
#include "exec/node.h"

bm_root bm_root_copy(bm_arena *arena, const bm_root *root)
{
    bm_root copy = *root;
    copy.transform_id = bm_strdup(arena, root->transform_id);
    copy.input_id = bm_strdup(arena, root->input_id);
    copy.element = bm_span_copy(arena, root->element);
    bm_output_watermark *watermarks =
        BM_NEW_ARRAY(arena, bm_output_watermark, root->n_watermarks);
    for (size_t i = 0; i < root->n_watermarks; i++) {
        watermarks[i].output = bm_strdup(arena, root->watermarks[i].output);
        watermarks[i].watermark = root->watermarks[i].watermark;
    }
    copy.watermarks = watermarks;
    return copy;
}

/* Room for one more; a list that grew leaves its old room to the arena. */
static void *grown(bm_arena *arena, void *list, size_t n, size_t *cap, size_t size)
{
    if (n < *cap) return list;
    *cap = *cap ? *cap * 2 : 4;
    void *larger = bm_calloc(arena, bm_times(*cap, size));
    if (n) memcpy(larger, list, n * size);
    return larger;
}

void bm_plan_add_residual(bm_plan *plan, const bm_root *root)
{
    struct bm_results *results = &plan->results;
    bm_roots *list = &results->list.residuals;
    list->at = grown(&results->arena, list->at, list->n, &results->cap_residuals,
                     sizeof *list->at);
    list->at[list->n++] = bm_root_copy(&results->arena, root);
}

void bm_plan_add_finalizer(bm_plan *plan, const bm_finalizer *finalizer)
{
    struct bm_results *results = &plan->results;
    bm_bundle_result *list = &results->list;
    list->finalizers = grown(&results->arena, list->finalizers, list->n_finalizers,
                             &results->cap_finalizers, sizeof *list->finalizers);
    list->finalizers[list->n_finalizers++] = *finalizer;
}

void bm_plan_take_result(bm_plan *plan, bm_bundle_result *out)
{
    *out = plan->results.list;
    plan->results.list.n_finalizers = 0;
}

void bm_results_init(struct bm_results *results)
{
    *results = (struct bm_results){ .cap_residuals = 0 };
    bm_arena_init(&results->arena, 0);
}

static void release_finalizers(struct bm_results *results)
{
    for (size_t i = 0; i < results->list.n_finalizers; i++) {
        const bm_finalizer *one = &results->list.finalizers[i];
        one->release(one->self);
    }
}

void bm_results_reset(struct bm_results *results)
{
    release_finalizers(results);
    results->list = (bm_bundle_result){ .n_finalizers = 0 };
    results->cap_residuals = results->cap_finalizers = 0;
    bm_arena_reset(&results->arena);
}

void bm_results_free(struct bm_results *results)
{
    release_finalizers(results);
    bm_arena_free(&results->arena);
}
