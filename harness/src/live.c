/* SPDX-License-Identifier: Apache-2.0 */
/* What the runner asks of bundles while they run, or afterwards: progress, splits,
 * finalization. The rpc thread looks up the bundle and answers at once what is known of it
 * then; whatever may call user code goes to a thread of its own, where it may wait. */
#include "pb.h"
#include "roots.h"
#include "worker.h"

/* A question about a bundle that runs; in the order's arena. */
typedef struct question {
    bm_order *order;
    bm_instruction *bundle; /* held: it waits for the answer before it gives its plan back */
    bm_plan_slot *slot;     /* ... which is this; the bundle itself names it no more by then */
} question;

static void answer_now(bm_order *order)
{
    bm_order_respond(order);
    bm_order_free(order);
}

/* The bundle with its plan, or NULL when the response is final: an error for one that failed
 * or is not known, empty for one that has finished or whose request has not come. */
static bm_instruction *hold(const bm_order *order, beam_span id, bm_plan_slot **slot)
{
    bm_instructions *table = &order->worker->instructions;
    pthread_mutex_lock(&table->lock);
    bm_instruction *bundle = bm_instructions_find(table, id);
    if (!bundle)
        bm_order_fail(order, "Instruction id '%.*s' is not known.",
                      (int)(id.len < 200 ? id.len : 200), id.ptr);
    else if (bundle->state == BM_FAILED)
        bm_order_fail(order, "%s", bundle->error);
    bool runs = bundle && bundle->state == BM_RUNNING && bundle->slot;
    if (runs) bm_instruction_hold(bundle);
    *slot = runs ? bundle->slot : NULL;
    pthread_mutex_unlock(&table->lock);
    return runs ? bundle : NULL;
}

static void ask(bm_order *order, upb_StringView id, bm_job_fn job)
{
    bm_plan_slot *slot;
    bm_instruction *bundle = hold(order, bm_span_of_pb(id), &slot);
    if (!bundle) {
        answer_now(order);
        return;
    }
    question *q = upb_Arena_Malloc(order->pb, sizeof *q);
    *q = (question){ order, bundle, slot };
    if (bm_threads_run(order->worker->threads, job, q)) return;
    bm_order_fail(order, "The worker cannot start a thread to answer.");
    bm_instructions_let_go(&order->worker->instructions, bundle);
    answer_now(order);
}

/* The bundle's own response comes after this one. */
static void answer(question *q)
{
    bm_order *order = q->order;
    bm_order_respond(order);
    bm_instructions_let_go(&order->worker->instructions, q->bundle);
    bm_order_free(order);
}

/* -- progress ------------------------------------------------------------------------------ */

static bool is_consuming(question *q)
{
    bm_instructions *table = &q->order->worker->instructions;
    pthread_mutex_lock(&table->lock);
    bool consuming = q->bundle->inbox->consuming;
    pthread_mutex_unlock(&table->lock);
    return consuming;
}

static void progress(void *arg)
{
    question *q = arg;
    const bm_order *order = q->order;
    pb_ProcessBundleProgressResponse *out =
        pb_InstructionResponse_mutable_process_bundle_progress(order->response, order->pb);
    bm_monitor_progress(&order->worker->short_ids, q->slot, out, order->pb);
    pb_ProcessBundleProgressResponse_set_consuming_received_data(out, is_consuming(q));
    answer(q);
}

void bm_live_progress(bm_order *order)
{
    pb_InstructionResponse_mutable_process_bundle_progress(order->response, order->pb);
    ask(order,
        pb_ProcessBundleProgressRequest_instruction_id(
            pb_InstructionRequest_process_bundle_progress(order->request)),
        progress);
}

/* -- splits ---------------------------------------------------------------------------------- */

typedef pb_ProcessBundleSplitRequest_DesiredSplit desired_split;
typedef pb_ProcessBundleSplitResponse_ChannelSplit channel_split;

static void write_split(const bm_split *split, const char *transform_id,
                        pb_ProcessBundleSplitResponse *out, upb_Arena *pb)
{
    channel_split *channel = pb_ProcessBundleSplitResponse_add_channel_splits(out, pb);
    pb_ProcessBundleSplitResponse_ChannelSplit_set_transform_id(channel,
                                                                bm_pb_text(transform_id));
    pb_ProcessBundleSplitResponse_ChannelSplit_set_last_primary_element(
        channel, split->last_primary);
    pb_ProcessBundleSplitResponse_ChannelSplit_set_first_residual_element(
        channel, split->first_residual);
    for (size_t i = 0; i < split->primaries.n; i++)
        bm_root_write(&split->primaries.at[i],
                      pb_ProcessBundleSplitResponse_add_primary_roots(out, pb), pb);
    for (size_t i = 0; i < split->residuals.n; i++)
        bm_root_write_delayed(&split->residuals.at[i],
                              pb_ProcessBundleSplitResponse_add_residual_roots(out, pb), pb);
}

static void split_source(const question *q, int source, const char *transform_id,
                         bm_arena *arena, pb_ProcessBundleSplitResponse *out)
{
    desired_split *wanted;
    const pb_ProcessBundleSplitRequest *request =
        pb_InstructionRequest_process_bundle_split(q->order->request);
    if (!pb_ProcessBundleSplitRequest_desired_splits_get(
            (pb_ProcessBundleSplitRequest *)(uintptr_t)request, bm_pb_text(transform_id),
            &wanted))
        return;
    bm_split_wish wish = {
        .fraction_of_remainder =
            pb_ProcessBundleSplitRequest_DesiredSplit_fraction_of_remainder(wanted),
        .estimated_elements =
            pb_ProcessBundleSplitRequest_DesiredSplit_estimated_input_elements(wanted),
    };
    wish.allowed =
        pb_ProcessBundleSplitRequest_DesiredSplit_allowed_split_points(wanted, &wish.n_allowed);
    if (!wish.n_allowed) wish.allowed = NULL;
    bm_split split;
    if (bm_plan_split(q->slot->plan, source, &wish, arena, &split))
        write_split(&split, transform_id, out, q->order->pb);
}

/* One split of a bundle after the other, response included: the runner must not hear of a
 * later one first. */
static void split(void *arg)
{
    question *q = arg;
    const bm_order *order = q->order;
    beam_harness *worker = order->worker;
    bm_instruction *bundle = q->bundle;
    pb_ProcessBundleSplitResponse *out =
        pb_InstructionResponse_mutable_process_bundle_split(order->response, order->pb);
    bm_arena arena; /* what the response points to */
    bm_arena_init(&arena, 0);
    bm_instructions_begin_split(&worker->instructions, bundle);
    size_t n;
    const bm_port *sources = bm_plan_sources(q->slot->plan, &n);
    for (size_t i = 0; i < n; i++)
        split_source(q, (int)i, sources[i].transform_id, &arena, out);
    bm_order_respond(order);
    bm_instructions_end_split(&worker->instructions, bundle);
    bm_instructions_let_go(&worker->instructions, bundle);
    bm_arena_free(&arena);
    bm_order_free(q->order);
}

void bm_live_split(bm_order *order)
{
    pb_InstructionResponse_mutable_process_bundle_split(order->response, order->pb);
    ask(order,
        pb_ProcessBundleSplitRequest_instruction_id(
            pb_InstructionRequest_process_bundle_split(order->request)),
        split);
}

/* -- finalization ------------------------------------------------------------------------------ */

static void finalize(void *arg)
{
    bm_order *order = arg;
    beam_error err = { .status = BEAM_OK };
    beam_span id = bm_span_of_pb(pb_FinalizeBundleRequest_instruction_id(
        pb_InstructionRequest_finalize_bundle(order->request)));
    if (bm_finalizers_run(&order->worker->finalizers, id, &err) != BEAM_OK)
        bm_order_fail(order, "%s", err.message);
    answer_now(order);
}

void bm_live_finalize(bm_order *order)
{
    pb_InstructionResponse_mutable_finalize_bundle(order->response, order->pb);
    if (bm_threads_run(order->worker->threads, finalize, order)) return;
    bm_order_fail(order, "The worker cannot start a thread to finalize the bundle.");
    answer_now(order);
}
