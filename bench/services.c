/* SPDX-License-Identifier: Apache-2.0 */
/* State kept in memory, and the worker's log. rpc thread. */
#include <stdlib.h>

#include "base/map.h"
#include "fnbench.h"

enum { PAGE_BYTES = 1 << 20 };

struct state_store {
    bm_arena arena;
    bm_map cells; /* serialized StateKey -> bm_writer */
    atomic_size_t requests;
};

state_store *state_store_new(void)
{
    state_store *store = bm_xcalloc(1, sizeof *store);
    bm_arena_init(&store->arena, 0);
    bm_map_init(&store->cells, &store->arena);
    return store;
}

void state_store_free(state_store *store)
{
    BM_MAP_EACH(&store->cells, entry) bm_writer_free(entry->value);
    bm_arena_free(&store->arena);
    free(store);
}

static bm_writer *cell_of(state_store *store, const pb_StateRequest *request, upb_Arena *upb)
{
    beam_span key;
    key.ptr = pb_StateKey_serialize_ex(pb_StateRequest_state_key(request),
                                       kUpb_EncodeOption_Deterministic, upb, &key.len);
    bm_writer *cell = bm_map_get(&store->cells, key);
    if (cell) return cell;
    cell = BM_NEW(&store->arena, bm_writer);
    bm_map_put_copy(&store->cells, key, cell);
    return cell;
}

/* One page; the token is the place of the next. */
static void get(const bm_writer *cell, upb_StringView token, pb_StateGetResponse *out,
                upb_Arena *upb)
{
    size_t from = 0;
    if (token.size == sizeof from) memcpy(&from, token.data, sizeof from);
    if (from > cell->len) from = cell->len;
    size_t n = cell->len - from > PAGE_BYTES ? PAGE_BYTES : cell->len - from;
    const char *at = cell->data ? (const char *)cell->data + from : "";
    pb_StateGetResponse_set_data(out, upb_StringView_FromDataAndSize(at, n));
    if (from + n == cell->len) return;
    char *next = upb_Arena_Malloc(upb, sizeof from);
    from += n;
    memcpy(next, &from, sizeof from);
    pb_StateGetResponse_set_continuation_token(
        out, upb_StringView_FromDataAndSize(next, sizeof from));
}

size_t state_requests(const state_store *store)
{
    return atomic_load(&store->requests);
}

/* Gets of side inputs; false: it is about something else. */
static bool answer_side(const side_table *side, const pb_StateRequest *request,
                        pb_StateResponse *response, upb_Arena *upb)
{
    if (!pb_StateRequest_has_get(request)) return false;
    pb_StateGetResponse *got = pb_StateGetResponse_new(upb);
    if (!side_table_get(side, pb_StateRequest_state_key(request),
                        pb_StateGetRequest_continuation_token(
                            pb_StateRequest_get(request)),
                        got, upb))
        return false;
    pb_StateResponse_set_get(response, got);
    return true;
}

bm_message *state_answer(state_store *store, const side_table *side, beam_span bytes)
{
    atomic_fetch_add(&store->requests, 1);
    upb_Arena *upb = upb_Arena_New();
    const pb_StateRequest *request = pb_StateRequest_parse(bytes.ptr, bytes.len, upb);
    bm_message *message = NULL;
    if (request && pb_StateRequest_has_state_key(request)) {
        pb_StateResponse *response = pb_StateResponse_new(upb);
        pb_StateResponse_set_id(response, pb_StateRequest_id(request));
        bool is_side = answer_side(side, request, response, upb);
        bm_writer *cell = is_side ? NULL : cell_of(store, request, upb);
        if (is_side) {
        } else if (pb_StateRequest_has_get(request)) {
            get(cell, pb_StateGetRequest_continuation_token(pb_StateRequest_get(request)),
                pb_StateResponse_mutable_get(response, upb), upb);
        } else if (pb_StateRequest_has_append(request)) {
            upb_StringView data = pb_StateAppendRequest_data(pb_StateRequest_append(request));
            bm_write_bytes(cell, data.data, data.size);
            pb_StateResponse_mutable_append(response, upb);
        } else if (pb_StateRequest_has_clear(request)) {
            cell->len = 0;
            pb_StateResponse_mutable_clear(response, upb);
        } else {
            pb_StateResponse_set_error(response,
                                       upb_StringView_FromString("a request of that kind is "
                                                                 "not answered here"));
        }
        size_t n;
        const char *out = pb_StateResponse_serialize(response, upb, &n);
        message = bm_message_new();
        bm_message_add(message, bm_slice_copy((beam_span){ out, n }));
    }
    upb_Arena_Free(upb);
    return message;
}

void show_log(beam_span entries, bool all)
{
    upb_Arena *upb = upb_Arena_New();
    const pb_LogEntry_List *list = pb_LogEntry_List_parse(entries.ptr, entries.len, upb);
    size_t n = 0;
    const pb_LogEntry *const *at = list ? pb_LogEntry_List_log_entries(list, &n) : NULL;
    for (size_t i = 0; i < n; i++) {
        upb_StringView text = pb_LogEntry_message(at[i]);
        if (all || pb_LogEntry_severity(at[i]) >= pb_LogEntry_Severity_ERROR)
            note("worker: %.*s", (int)text.size, text.data);
    }
    upb_Arena_Free(upb);
}
