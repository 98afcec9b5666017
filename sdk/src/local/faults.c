/* SPDX-License-Identifier: Apache-2.0 */
/* What the runner does to the worker on purpose, and asks it now and then. Runner's thread. */
#include "local/local_impl.h"

/* -- streams that break ------------------------------------------------------------------- */
static void drop(bm_local *l, bm_local_service service, uint64_t *after)
{
    bm_local_stream *stream = l->live[service];
    if (!*after || l->n_bundles < *after || !stream) return;
    *after = 0;
    /* The loss of the control stream is noticed when it has ended. */
    if (service != BM_LOCAL_CONTROL) l->live[service] = NULL;
    bm_stream_finish(stream->stream, BEAM_ETIMEOUT,
                     "the runner drops the stream on purpose");
}

/* -- instructions about bundles that are not ------------------------------------------------ */
static void ask_about(bm_local *l, const char *id)
{
    bm_stage nothing = { .source_id = "no-source" };
    const bm_bundle nobody = { .id = id, .stage = &nothing, .n_primary = 1 };
    bm_local_send_progress(l, &nobody);
    bm_local_send_split(l, &nobody);
}

void bm_local_fault_begin(bm_local *l)
{
    bm_local_faults *f = &l->faults;
    drop(l, BM_LOCAL_CONTROL, &f->drop_control_after);
    drop(l, BM_LOCAL_DATA, &f->drop_data_after);
    drop(l, BM_LOCAL_STATE, &f->drop_state_after);
    if (f->unknown_instructions) ask_about(l, "never-was");
}

void bm_local_fault_end(bm_local *l, const bm_bundle *b)
{
    if (!l->faults.late_instructions || b->is_call) return;
    ask_about(l, b->id);
    bm_local_send_late_data(l, b);
}

/* -- progress and splits ------------------------------------------------------------------------ */
/* One question at a time: a slow worker would answer nothing else. */
static bool is_time(int every_ms, int64_t *last, bool *awaits, int64_t now)
{
    if (every_ms <= 0 || *awaits || now - *last < every_ms) return false;
    *last = now;
    *awaits = true;
    return true;
}

void bm_local_fault_tick(bm_local *l)
{
    int64_t now = bm_local_ticks();
    for (bm_bundle *b = l->running; b; b = b->next) {
        if (b->is_call || b->parsed) continue;
        if (is_time(l->faults.progress_every_ms, &b->asked_progress_ms, &b->awaits_progress,
                    now))
            bm_local_send_progress(l, b);
        if (b->input.n &&
            is_time(l->faults.split_every_ms, &b->asked_split_ms, &b->awaits_split, now))
            bm_local_send_split(l, b);
    }
}

int64_t bm_local_fault_patience(const bm_local *l, int64_t wait_ms)
{
    const bm_local_faults *f = &l->faults;
    if (!l->n_running) return wait_ms;
    if (f->progress_every_ms > 0 && f->progress_every_ms < wait_ms)
        wait_ms = f->progress_every_ms;
    if (f->split_every_ms > 0 && f->split_every_ms < wait_ms) wait_ms = f->split_every_ms;
    return wait_ms;
}

/* -- answers out of order ------------------------------------------------------------------------ */
typedef struct held_answer {
    struct held_answer *next;
    bm_local_stream *stream;
    bm_message *message;
} held_answer;

void bm_local_send_state(bm_local *l, bm_local_stream *stream, bm_message *message)
{
    if (!l->faults.reorder_state) {
        bm_stream_write(stream->stream, message);
        return;
    }
    held_answer *held = bm_xcalloc(1, sizeof *held);
    *held = (held_answer){ l->held, stream, message };
    l->held = held;
    if (++l->n_held > l->faults.reorder_state) bm_local_release_state(l);
}

/* The latest first. */
void bm_local_release_state(bm_local *l)
{
    for (held_answer *held = l->held, *next; held; held = next) {
        next = held->next;
        bm_stream_write(held->stream->stream, held->message);
        free(held);
    }
    l->held = NULL;
    l->n_held = 0;
}

/* -- caching ----------------------------------------------------------------------------------------- */
/* What a token vouches for must not change without the worker's doing: state changes by its
 * bundles only, unless they fail; a side input does when something is added. */
static Pb__ProcessBundleRequest__CacheToken *token(bm_arena *arena, const char *text)
{
    Pb__ProcessBundleRequest__CacheToken *pb = bm_alloc(arena, sizeof *pb);
    pb__process_bundle_request__cache_token__init(pb);
    pb->token = bm_pb_bytes(beam_span_of(text));
    return pb;
}

static Pb__ProcessBundleRequest__CacheToken *state_token(bm_arena *arena,
                                                         const bm_local *l)
{
    Pb__ProcessBundleRequest__CacheToken *pb =
        token(arena, bm_format(arena, "state-%llu", (unsigned long long)l->state_epoch));
    pb->type_case = PB__PROCESS_BUNDLE_REQUEST__CACHE_TOKEN__TYPE_USER_STATE;
    pb->user_state = bm_alloc(arena, sizeof *pb->user_state);
    pb__process_bundle_request__cache_token__user_state__init(pb->user_state);
    return pb;
}

static Pb__ProcessBundleRequest__CacheToken *side_token(bm_arena *arena,
                                                        const bm_side *side)
{
    Pb__ProcessBundleRequest__CacheToken *pb =
        token(arena, bm_format(arena, "side-%llu", (unsigned long long)side->version));
    pb->type_case = PB__PROCESS_BUNDLE_REQUEST__CACHE_TOKEN__TYPE_SIDE_INPUT;
    pb->side_input = bm_alloc(arena, sizeof *pb->side_input);
    pb__process_bundle_request__cache_token__side_input__init(pb->side_input);
    pb->side_input->transform_id = bm_pb_text(side->transform_id);
    pb->side_input->side_input_id = bm_pb_text(side->tag);
    return pb;
}

void bm_local_add_cache_tokens(bm_local *l, bm_bundle *b,
                               Pb__ProcessBundleRequest *request)
{
    bm_list tokens = { 0 };
    if (!l->faults.cache_tokens) return;
    if (b->stage->is_keyed) bm_list_add(&b->arena, &tokens, state_token(&b->arena, l));
    for (const bm_side *side = b->stage->sides; side; side = side->next)
        bm_list_add(&b->arena, &tokens, side_token(&b->arena, side));
    BM_PB_REPEATED(request, cache_tokens, &tokens);
}
