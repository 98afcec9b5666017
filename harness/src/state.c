/* SPDX-License-Identifier: Apache-2.0 */
/* State requests and their answers. Bundle threads ask, the rpc thread takes the answers. */
#include "state.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "model/beam_fn_api.upb.h"
#include "pb.h"

#define STATE_METHOD "/org.apache.beam.model.fn_execution.v1.BeamFnState/State"

/* Answers that are waited for together. */
enum { MANY = 16 };

struct bm_state_request {
    bm_state_request *next; /* in its bucket */
    uint64_t id;
    bm_state_session *session;
    bm_link *link;
    bool is_read;           /* the reader's; a write is malloc'd */
    bool is_early;          /* a read that others follow at once */
    beam_error error;
    size_t n_bytes; /* of a write */
    /* Of a read: */
    sem_t answered; /* its last use is to post it: the reader may then let go at once */
    bm_writer *data, *token;
};

/* A read that is waited for later. */
struct bm_state_asked {
    bm_state_request request;
    bm_writer data, token;
    bm_state_asked *previous, *next;
};

/* -- answers: rpc thread ------------------------------------------------------- */

/* With the lock held; NULL when nobody waits for it. */
static bm_state_request *take(bm_state_client *client, uint64_t id)
{
    bm_state_request **at = &client->buckets[id % BM_STATE_BUCKETS];
    while (*at && (*at)->id != id) at = &(*at)->next;
    bm_state_request *request = *at;
    if (request) *at = request->next;
    return request;
}

/* It is answered, and no longer in the table. Without the lock: a reader that is woken asks
 * for more at once. */
static void settle(bm_state_request *request)
{
    if (request->is_read) {
        sem_post(&request->answered);
        return;
    }
    bm_state_session *session = request->session;
    pthread_mutex_t *lock = &session->client->lock;
    pthread_mutex_lock(lock);
    if (request->error.status && !session->failed.status) session->failed = request->error;
    session->n_pending--;
    session->pending_bytes -= request->n_bytes;
    if (session->n_pending <= session->wake_at) pthread_cond_signal(&session->written);
    pthread_mutex_unlock(lock);
    free(request);
}

static void answer(bm_state_request *request, const pb_StateResponse *response)
{
    beam_span error = bm_span_of_pb(pb_StateResponse_error(response));
    if (error.len) {
        bm_error(&request->error, BEAM_ERPC, "The runner refused a state request: %.*s",
                 (int)(error.len < 900 ? error.len : 900), error.ptr);
        return;
    }
    if (!request->is_read) return;
    const pb_StateGetResponse *got = pb_StateResponse_get(response);
    if (!got) {
        bm_error(&request->error, BEAM_ERPC,
                 "The runner answered a state read with something else.");
        return;
    }
    beam_span data = bm_span_of_pb(pb_StateGetResponse_data(got));
    beam_span token = bm_span_of_pb(pb_StateGetResponse_continuation_token(got));
    bm_write_bytes(request->data, data.ptr, data.len);
    bm_write_bytes(request->token, token.ptr, token.len);
}

/* 0, which is none of ours, for what is no number. */
static uint64_t id_of(const pb_StateResponse *response)
{
    beam_span id = bm_span_of_pb(pb_StateResponse_id(response));
    uint64_t number = 0;
    for (size_t i = 0; i < id.len; i++) {
        if (id.ptr[i] < '0' || id.ptr[i] > '9') return 0;
        number = 10 * number + (uint64_t)(id.ptr[i] - '0');
    }
    return number;
}

typedef struct arrival {
    bm_state_client *client;
    bm_link *link;
    bm_message *message;
} arrival;

/* Takes over the arrival. */
static void handle(void *arg)
{
    arrival *arrived = arg;
    bm_state_client *client = arrived->client;
    bm_message *message = arrived->message;
    bm_arena flat;
    bm_arena_init(&flat, 0);
    upb_Arena *pb = bm_pb_arena_new();
    beam_span bytes = bm_message_flat(message, &flat);
    const pb_StateResponse *response = pb_StateResponse_parse_ex(
        bytes.ptr, bytes.len, NULL, kUpb_DecodeOption_AliasString, pb);
    if (response) {
        pthread_mutex_lock(&client->lock);
        bm_state_request *request = take(client, id_of(response));
        pthread_mutex_unlock(&client->lock);
        if (request) {
            answer(request, response);
            settle(request);
        }
    } else {
        bm_stream_cancel(arrived->link->stream); /* fails whoever waits for an answer */
    }
    upb_Arena_Free(pb);
    bm_arena_free(&flat);
    bm_message_free(message);
    free(arrived);
}

/* Soon: whoever waits for the answer asks for more on the same stream. Were it woken before
 * the next read has been started, the two threads would meet in gRPC, which then wakes a
 * third one to part them. */
static void on_message(void *self, bm_link *link, bm_message *message)
{
    bm_state_client *client = self;
    arrival *arrived = bm_xmalloc(sizeof *arrived);
    *arrived = (arrival){ client, link, message };
    bm_rpc_soon(client->links.rpc, handle, arrived);
    bm_stream_read_on(link->stream);
}

/* With the lock held: takes the link's requests out of a bucket, onto a list. */
static void take_all(bm_state_request **at, const bm_link *link, bm_state_request **list)
{
    for (bm_state_request *request; (request = *at);) {
        if (request->link != link) {
            at = &request->next;
            continue;
        }
        *at = request->next;
        request->next = *list;
        *list = request;
    }
}

static void on_lost(void *self, bm_link *link, const char *reason)
{
    bm_state_client *client = self;
    bm_state_request *lost = NULL;
    pthread_mutex_lock(&client->lock);
    for (size_t i = 0; i < BM_STATE_BUCKETS; i++) take_all(&client->buckets[i], link, &lost);
    pthread_mutex_unlock(&client->lock);
    for (bm_state_request *next; lost; lost = next) {
        next = lost->next;
        bm_error(&lost->error, BEAM_ERPC, "State cannot be reached: %s.", reason);
        settle(lost);
    }
}

static const bm_link_handler handler = { NULL, on_message, on_lost, NULL };

void bm_state_init(bm_state_client *client, bm_rpc *rpc, const char *worker_id)
{
    *client = (bm_state_client){ .last_id = 0 };
    pthread_mutex_init(&client->lock, NULL);
    bm_links_init(&client->links, rpc, STATE_METHOD, worker_id, &handler, client);
}

void bm_state_free(bm_state_client *client)
{
    bm_links_free(&client->links);
    pthread_mutex_destroy(&client->lock);
}

/* -- requests: bundle threads ----------------------------------------------------- */

void bm_state_begin(bm_state_session *session, bm_state_client *client, const char *url,
                    const char *instruction_id)
{
    *session = (bm_state_session){ .client = client, .instruction_id = instruction_id };
    bm_cond_init(&session->written);
    if (*url) session->link = bm_links_get(&client->links, url, "");
}

/* With the lock held. */
static void await_writes(bm_state_session *session, size_t n)
{
    bm_state_client *client = session->client;
    session->wake_at = n;
    while (session->n_pending > n)
        bm_rpc_wait(client->links.rpc, &session->written, &client->lock, NULL,
                    session->n_pending - n >= MANY);
    session->wake_at = 0;
}

/* `many`: so are those that are answered before it. */
static void await_answer(bm_state_request *request, bool many)
{
    bm_rpc *rpc = request->session->client->links.rpc;
    while (sem_trywait(&request->answered)) {
        if (bm_rpc_serve(rpc, many)) continue;
        while (sem_wait(&request->answered) && errno == EINTR) continue;
        return;
    }
}

static void free_asked(bm_state_session *session, bm_state_asked *asked)
{
    *(asked->previous ? &asked->previous->next : &session->first) = asked->next;
    *(asked->next ? &asked->next->previous : &session->last) = asked->previous;
    session->n_asked--;
    sem_destroy(&asked->request.answered);
    bm_writer_free(&asked->data);
    bm_writer_free(&asked->token);
    free(asked);
}

static void end_asked(bm_state_session *session)
{
    while (session->first) {
        await_answer(&session->first->request, false);
        free_asked(session, session->first);
    }
}

beam_status bm_state_end(bm_state_session *session, beam_error *err)
{
    if (session->link) bm_stream_flush(session->link->stream);
    end_asked(session);
    pthread_mutex_lock(&session->client->lock);
    await_writes(session, 0);
    pthread_mutex_unlock(&session->client->lock);
    bm_link_release(session->link);
    pthread_cond_destroy(&session->written);
    if (session->failed.status && err) *err = session->failed;
    return session->failed.status;
}

#define SET_KEY(Type, field, id_setter)                                                  \
    do {                                                                                 \
        pb_StateKey_##Type *part = pb_StateKey_mutable_##field(out, pb);                 \
        pb_StateKey_##Type##_set_transform_id(part, bm_pb_text(key->transform_id));      \
        pb_StateKey_##Type##_set_##id_setter(part, bm_pb_text(key->id));                 \
        pb_StateKey_##Type##_set_window(part, bm_pb_span(key->window));                  \
    } while (0)

static void set_key(pb_StateKey *out, const bm_state_key *key, upb_Arena *pb)
{
    switch (key->kind) {
    case BM_STATE_RUNNER:
        pb_StateKey_Runner_set_key(pb_StateKey_mutable_runner(out, pb), bm_pb_span(key->key));
        break;
    case BM_STATE_ITERABLE_SIDE_INPUT:
        SET_KEY(IterableSideInput, iterable_side_input, side_input_id);
        break;
    case BM_STATE_MULTIMAP_SIDE_INPUT:
        SET_KEY(MultimapSideInput, multimap_side_input, side_input_id);
        pb_StateKey_MultimapSideInput_set_key(pb_StateKey_mutable_multimap_side_input(out, pb),
                                              bm_pb_span(key->key));
        break;
    case BM_STATE_MULTIMAP_KEYS_SIDE_INPUT:
        SET_KEY(MultimapKeysSideInput, multimap_keys_side_input, side_input_id);
        break;
    case BM_STATE_MULTIMAP_KEYS_VALUES_SIDE_INPUT:
        SET_KEY(MultimapKeysValuesSideInput, multimap_keys_values_side_input, side_input_id);
        break;
    case BM_STATE_BAG_USER_STATE:
        SET_KEY(BagUserState, bag_user_state, user_state_id);
        pb_StateKey_BagUserState_set_key(pb_StateKey_mutable_bag_user_state(out, pb),
                                         bm_pb_span(key->key));
        break;
    case BM_STATE_MULTIMAP_KEYS_USER_STATE:
        SET_KEY(MultimapKeysUserState, multimap_keys_user_state, user_state_id);
        pb_StateKey_MultimapKeysUserState_set_key(
            pb_StateKey_mutable_multimap_keys_user_state(out, pb), bm_pb_span(key->key));
        break;
    case BM_STATE_MULTIMAP_ENTRIES_USER_STATE:
        SET_KEY(MultimapEntriesUserState, multimap_entries_user_state, user_state_id);
        pb_StateKey_MultimapEntriesUserState_set_key(
            pb_StateKey_mutable_multimap_entries_user_state(out, pb), bm_pb_span(key->key));
        break;
    case BM_STATE_MULTIMAP_USER_STATE:
        SET_KEY(MultimapUserState, multimap_user_state, user_state_id);
        pb_StateKey_MultimapUserState_set_key(
            pb_StateKey_mutable_multimap_user_state(out, pb), bm_pb_span(key->key));
        pb_StateKey_MultimapUserState_set_map_key(
            pb_StateKey_mutable_multimap_user_state(out, pb), bm_pb_span(key->map_key));
        break;
    case BM_STATE_ORDERED_LIST_USER_STATE: {
        SET_KEY(OrderedListUserState, ordered_list_user_state, user_state_id);
        pb_StateKey_OrderedListUserState *list =
            pb_StateKey_mutable_ordered_list_user_state(out, pb);
        pb_StateKey_OrderedListUserState_set_key(list, bm_pb_span(key->key));
        pb_OrderedListRange *range = pb_StateKey_OrderedListUserState_mutable_range(list, pb);
        pb_OrderedListRange_set_start(range, key->range_start);
        pb_OrderedListRange_set_end(range, key->range_end);
        break;
    }
    }
}

typedef enum operation { GET, APPEND, CLEAR } operation;

static bm_message *encode(const bm_state_request *request, operation what,
                          const bm_state_key *key, beam_span bytes)
{
    upb_Arena *pb = bm_pb_arena_new();
    pb_StateRequest *out = pb_StateRequest_new(pb);
    char id[24];
    snprintf(id, sizeof id, "%llu", (unsigned long long)request->id);
    pb_StateRequest_set_id(out, bm_pb_text(id));
    pb_StateRequest_set_instruction_id(out, bm_pb_text(request->session->instruction_id));
    set_key(pb_StateRequest_mutable_state_key(out, pb), key, pb);
    if (what == GET)
        pb_StateGetRequest_set_continuation_token(pb_StateRequest_mutable_get(out, pb),
                                                  bm_pb_span(bytes));
    else if (what == APPEND)
        pb_StateAppendRequest_set_data(pb_StateRequest_mutable_append(out, pb),
                                       bm_pb_span(bytes));
    else
        pb_StateRequest_mutable_clear(out, pb);
    size_t n;
    const char *encoded = pb_StateRequest_serialize(out, pb, &n);
    bm_message *message = bm_pb_message(encoded, n);
    upb_Arena_Free(pb);
    return message;
}

/* Puts the request into the table, then on the stream, so that its answer finds it. A link
 * that is lost meanwhile fails it. */
static beam_status submit(bm_state_session *session, bm_state_request *request, operation what,
                          const bm_state_key *key, beam_span bytes, beam_error *err)
{
    bm_state_client *client = session->client;
    char reason[256] = "the stream has ended"; /* until the link knows more */
    if (!session->link)
        return bm_error(err, BEAM_ERPC, "The runner named no state service for this bundle.");
    request->session = session;
    request->link = session->link;
    pthread_mutex_lock(&client->lock);
    request->id = ++client->last_id;
    bm_state_request **bucket = &client->buckets[request->id % BM_STATE_BUCKETS];
    request->next = *bucket;
    *bucket = request;
    if (!request->is_read) {
        session->n_pending++;
        session->pending_bytes += request->n_bytes;
    }
    uint64_t id = request->id;
    bm_message *message = encode(request, what, key, bytes);
    pthread_mutex_unlock(&client->lock);
    /* Nobody waits for a write until the bundle ends. */
    bool (*write)(bm_stream *, bm_message *) =
        what == GET && !request->is_early ? bm_stream_write : bm_stream_write_later;
    if (write(session->link->stream, message)) return BEAM_OK;
    bm_link_alive(session->link, reason);
    pthread_mutex_lock(&client->lock);
    bm_state_request *ours = take(client, id);
    pthread_mutex_unlock(&client->lock);
    if (ours) {
        bm_error(&ours->error, BEAM_ERPC, "State cannot be reached: %s.", reason);
        settle(ours);
    }
    return BEAM_OK; /* the failure is in the request, or in the session for a write */
}

beam_status bm_state_get(bm_state_session *session, const bm_state_key *key, beam_span token,
                         bm_writer *data, bm_writer *next, beam_error *err)
{
    bm_state_request request = { .is_read = true, .data = data, .token = next };
    sem_init(&request.answered, 0, 0);
    BEAM_TRY(submit(session, &request, GET, key, token, err));
    await_answer(&request, false);
    sem_destroy(&request.answered);
    if (request.error.status && err) *err = request.error;
    return request.error.status;
}

bm_state_asked *bm_state_ask(bm_state_session *session, const bm_state_key *key)
{
    if (!session->link) return NULL;
    bm_state_asked *asked = bm_xcalloc(1, sizeof *asked);
    asked->request = (bm_state_request){
        .is_read = true, .is_early = true, .data = &asked->data, .token = &asked->token
    };
    sem_init(&asked->request.answered, 0, 0);
    asked->previous = session->last;
    *(session->last ? &session->last->next : &session->first) = asked;
    session->last = asked;
    session->n_asked++;
    submit(session, &asked->request, GET, key, (beam_span){ NULL, 0 }, NULL);
    return asked;
}

/* The bundle would sleep and wake for each answer, were it not to wait for half of those that
 * are behind this one too. */
static void await_half(bm_state_session *session, bm_state_asked *asked)
{
    if (sem_trywait(&asked->request.answered) == 0) return;
    bm_stream_flush(session->link->stream);
    bm_state_asked *middle = asked;
    size_t half = session->n_asked / 2;
    for (size_t n = half; n && middle->next; n--) middle = middle->next;
    if (middle != asked) {
        await_answer(&middle->request, half >= MANY);
        sem_post(&middle->request.answered);
    }
    await_answer(&asked->request, false);
}

beam_status bm_state_take_asked(bm_state_session *session, bm_state_asked *asked, bm_writer *data,
                                bm_writer *next, beam_error *err)
{
    await_half(session, asked);
    beam_error failed = asked->request.error;
    if (data && !failed.status) {
        bm_write_bytes(data, asked->data.data, asked->data.len);
        bm_write_bytes(next, asked->token.data, asked->token.len);
    }
    free_asked(session, asked);
    if (failed.status && err) *err = failed;
    return failed.status;
}

/* What the runner has not taken yet is memory here. Waking up for each answer would cost more
 * than the write. */
static void make_room(bm_state_session *session)
{
    pthread_mutex_lock(&session->client->lock);
    bool is_full = session->n_pending >= BM_STATE_MOST_WRITES ||
                   session->pending_bytes >= BM_STATE_MOST_BYTES;
    size_t half = session->n_pending / 2;
    pthread_mutex_unlock(&session->client->lock);
    if (!is_full) return;
    bm_stream_flush(session->link->stream);
    pthread_mutex_lock(&session->client->lock);
    await_writes(session, half);
    pthread_mutex_unlock(&session->client->lock);
}

static beam_status write_state(bm_state_session *session, operation what,
                               const bm_state_key *key, beam_span data, beam_error *err)
{
    make_room(session);
    bm_state_request *request = bm_xcalloc(1, sizeof *request);
    request->n_bytes = data.len;
    beam_status status = submit(session, request, what, key, data, err);
    if (status != BEAM_OK) free(request);
    return status;
}

beam_status bm_state_append(bm_state_session *session, const bm_state_key *key, beam_span data,
                            beam_error *err)
{
    return write_state(session, APPEND, key, data, err);
}

beam_status bm_state_clear(bm_state_session *session, const bm_state_key *key,
                           beam_error *err)
{
    return write_state(session, CLEAR, key, (beam_span){ NULL, 0 }, err);
}
