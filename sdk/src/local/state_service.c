/* SPDX-License-Identifier: Apache-2.0 */
/* State requests and their answers, page by page. Runner's thread. */
#include "local/local_impl.h"

enum { PAGE_SIZE = 1 << 20 };

static bool is_side_input(const Pb__StateKey *key)
{
    switch (key->type_case) {
    case PB__STATE_KEY__TYPE_ITERABLE_SIDE_INPUT:
    case PB__STATE_KEY__TYPE_MULTIMAP_SIDE_INPUT:
    case PB__STATE_KEY__TYPE_MULTIMAP_KEYS_SIDE_INPUT:
    case PB__STATE_KEY__TYPE_MULTIMAP_KEYS_VALUES_SIDE_INPUT: return true;
    default: return false;
    }
}

static beam_status look_up(bm_local *l, const Pb__StateRequest *request, bm_arena *arena,
                           beam_span *data, const char **error)
{
    bm_bundle *b = bm_local_bundle_find(l, request->instruction_id);
    *data = (beam_span){ NULL, 0 };
    *error = NULL;
    if (!b || !request->state_key) {
        *error = b ? "the request has no state key" : "no bundle of that id is running";
        return BEAM_OK;
    }
    if (!is_side_input(request->state_key))
        return bm_local_state_serve(l, b, request, arena, data, error);
    if (request->request_case != PB__STATE_REQUEST__REQUEST_GET)
        *error = "side inputs can only be read";
    else if (!bm_local_side_get(b->stage, request->state_key, data))
        *error = "the bundle has no such side input";
    return BEAM_OK;
}

/* A continuation token is where the next page begins. */
static void cut_page(bm_local *l, const Pb__StateGetRequest *get, beam_span data,
                     bm_arena *arena, Pb__StateGetResponse *out)
{
    size_t page = l->faults.state_page_bytes ? l->faults.state_page_bytes : PAGE_SIZE;
    size_t at = strtoull(bm_cstr(arena, bm_pb_span(get->continuation_token)), NULL, 10);
    if (at > data.len) at = data.len;
    size_t n = data.len - at < page ? data.len - at : page;
    out->data = bm_pb_bytes((beam_span){ n ? data.ptr + at : NULL, n });
    if (at + n < data.len)
        out->continuation_token = bm_pb_bytes(
            beam_span_of(bm_format(arena, "%zu", at + n)));
}

static beam_status serve(bm_local *l, bm_local_stream *stream, bm_arena *arena,
                         const Pb__StateRequest *request)
{
    beam_span data;
    const char *error;
    BEAM_TRY(look_up(l, request, arena, &data, &error));
    Pb__StateResponse response = PB__STATE_RESPONSE__INIT;
    Pb__StateGetResponse get = PB__STATE_GET_RESPONSE__INIT;
    Pb__StateAppendResponse append = PB__STATE_APPEND_RESPONSE__INIT;
    Pb__StateClearResponse clear = PB__STATE_CLEAR_RESPONSE__INIT;
    response.id = request->id;
    response.error = bm_pb_text(error);
    if (error) {
    } else if (request->request_case == PB__STATE_REQUEST__REQUEST_GET) {
        cut_page(l, request->get, data, arena, &get);
        response.response_case = PB__STATE_RESPONSE__RESPONSE_GET;
        response.get = &get;
    } else if (request->request_case == PB__STATE_REQUEST__REQUEST_APPEND) {
        response.response_case = PB__STATE_RESPONSE__RESPONSE_APPEND;
        response.append = &append;
    } else {
        response.response_case = PB__STATE_RESPONSE__RESPONSE_CLEAR;
        response.clear = &clear;
    }
    bm_local_send_state(l, stream, bm_local_message(BM_PB_PACK(arena, &response)));
    return BEAM_OK;
}

beam_status bm_local_take_state_request(bm_local *l, bm_local_stream *stream,
                                        beam_span message)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    const Pb__StateRequest *request = (const Pb__StateRequest *)
        bm_pb_unpack(&arena, &pb__state_request__descriptor, message, BM_PB_MAX_DEPTH);
    beam_status status = request ? serve(l, stream, &arena, request)
                                 : bm_error(l->err, BEAM_ERPC,
                                            "the worker sent what is not a StateRequest");
    bm_arena_free(&arena);
    return status;
}
