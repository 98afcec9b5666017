/* SPDX-License-Identifier: Apache-2.0 */
/* DoFns with .rpc or .http: elements wait here while a service is asked about them. Bundle
 * thread: it polls for answers itself, when there are as many calls as may be, now and then
 * while elements come, and in the end for all. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/map.h"
#include "beam/http.h"
#include "beam/rpc.h"
#include "exec/answers.h"
#include "exec/call_metrics.h"
#include "exec/par_do.h"
#include "exec/services.h"

enum {
    MOST_RPC = 512,     /* calls under way, where the DoFn does not say */
    MOST_HTTP = 128,    /* of which each may take a connection */
    TIMEOUT_MS = 10000, /* likewise */
    RETRIES = 6,        /* likewise */
    FIRST_WAIT_MS = 100,
    LONGEST_WAIT_MS = 5000,
    PATIENCE_MS = 500, /* between two looks at whether the bundle is over */
    UNPOLLED = 32,     /* elements that come between two looks for answers, */
    UNPOLLED_MS = 10,  /* or so long */
    SLOT_BYTES = 1024  /* kept for a waiting element */
};

/* An element that waits, with its request. */
typedef struct waiting {
    struct waiting *next;        /* unused, or to be called (again) */
    struct waiting *later;       /* with in_order: that of the next element */
    struct waiting *next_of_all; /* all that there are */
    bm_arena arena;              /* of what follows */
    bm_element element;
    beam_span request;
    unsigned tries, attempt;   /* of the call; of the element */
    struct waiting *followers; /* wait for this answer: the request is theirs too */
    struct waiting *same;      /* in the chain of bm_calls.asked, or leader */
    uint64_t hash;             /* of the request */
    int64_t started_ms;        /* the last try */
    int64_t away_ms;           /* bm_calls.away_ms then */
    int64_t due_ms;            /* when it is to be called again */
    /* The end of it. */
    bool answered;
    beam_status status;
    beam_span text; /* the answer, or why there is none */
} waiting;

/* What a DoFn says of its calls, whatever their kind. */
typedef struct limits {
    int max_in_flight, timeout_ms, retries, cache_entries, cache_ttl_ms;
    double max_per_second;
    bool in_order;
} limits;

struct bm_calls {
    bm_par_do *p;
    const bm_caller *caller;
    void *channel; /* opened by the first element */
    bm_call_metrics *metrics; /* likewise */
    bm_service *service;      /* likewise */
    const char *target;
    bool in_order;
    size_t most, n;     /* elements that wait: at most, and now */
    size_t n_under_way; /* calls; the other elements are to be called, or called again */
    int timeout_ms;
    unsigned tries; /* of a call, at most */
    unsigned unpolled;
    int64_t looked_ms; /* when answers were looked for last */
    int64_t away_ms;   /* how long user code kept this thread from it, in all */
    waiting *all, *unused, *again;
    /* With .max_per_second. */
    int64_t interval_ns;             /* 0: without */
    waiting *next_turn, **last_turn; /* may not be called yet */
    waiting *oldest, **youngest; /* with in_order */
    const waiting *answered;     /* whose callback runs */
    unsigned attempt;            /* at the element that is asked about, if it is caught */
    bool asks_anew;              /* about an element that had its turn: it keeps its place */
    /* With a cache. */
    bm_answers *answers; /* NULL: there is none */
    bool answers_age;
    waiting **asked; /* whose calls are under way, by hash */
    size_t n_asked;  /* chains, a power of two */
};

/* -- slots ---------------------------------------------------------------------------------- */
static waiting *take_slot(struct bm_calls *k)
{
    waiting *w = k->unused;
    if (w) {
        k->unused = w->next;
    } else {
        w = bm_xcalloc(1, sizeof *w);
        bm_arena_init(&w->arena, SLOT_BYTES);
        w->next_of_all = k->all;
        k->all = w;
    }
    w->next = w->later = w->followers = NULL;
    w->tries = 0;
    w->answered = false;
    k->n++;
    return w;
}

static void put_back(struct bm_calls *k, waiting *w)
{
    if (w->arena.current != w->arena.first)
        bm_arena_free(&w->arena); /* a large one */
    else
        bm_arena_reset(&w->arena);
    w->next = k->unused;
    k->unused = w;
    k->n--;
}

/* -- calling -------------------------------------------------------------------------------- */
static beam_status connect_to(struct bm_calls *k)
{
    bm_node *node = &k->p->node;
    const bm_callers *callers = node->plan->io->callers;
    if (!callers)
        return bm_fail(node, BEAM_EUNSUPPORTED, "failed", "calls cannot be made here");
    k->caller = k->p->fn->rpc ? callers->rpc : callers->http;
    beam_error err;
    k->channel = k->caller->open(k->p->fn, k->target, &err);
    if (!k->channel) return bm_fail(node, err.status, "failed", "%s", err.message);
    const char *service = k->caller->service(k->p->fn, k->target, &node->plan->arena);
    k->metrics = bm_call_metrics_new(node, service, k->target);
    k->service = bm_services_of(node->plan->io->services, node->id);
    return BEAM_OK;
}

static void call_now(struct bm_calls *k, waiting *w)
{
    w->started_ms = bm_monotonic_ms();
    if (!k->n_under_way) k->looked_ms = w->started_ms;
    w->tries++;
    w->away_ms = k->away_ms;
    k->n_under_way++;
    k->caller->start(k->channel, w->request, k->timeout_ms, w);
}

/* Calls those whose turn it is, and says how long until the next one's is; -1: nobody waits. */
static int64_t take_turns(struct bm_calls *k)
{
    for (waiting *w; (w = k->next_turn);) {
        int64_t left_ns = bm_service_take_turn(k->service, k->interval_ns,
                                               bm_monotonic_ns());
        if (left_ns) return left_ns / 1000000 + 1;
        k->next_turn = w->next;
        if (!k->next_turn) k->last_turn = &k->next_turn;
        call_now(k, w);
    }
    return -1;
}

static void call(struct bm_calls *k, waiting *w)
{
    if (!k->interval_ns) {
        call_now(k, w);
        return;
    }
    w->next = NULL;
    *k->last_turn = w;
    k->last_turn = &w->next;
    if (k->next_turn == w) take_turns(k);
}

static bool next_answer(struct bm_calls *k, int wait_ms, bm_call_result *out)
{
    int64_t away_ms = bm_monotonic_ms() - k->looked_ms;
    if (away_ms >= k->timeout_ms / 4) k->away_ms += away_ms;
    bool has_come = k->caller->next(k->channel, wait_ms, out);
    k->looked_ms = bm_monotonic_ms();
    return has_come;
}

/* The service may have answered in time, but this thread was elsewhere: that is no try. */
static bool was_not_looked_for(const struct bm_calls *k, const waiting *w,
                               const bm_call_result *result)
{
    return result->status == BEAM_ETIMEOUT && result->transient && k->tries > 1 &&
           k->away_ms - w->away_ms >= k->timeout_ms / 2;
}

static void expect_in_order(struct bm_calls *k, waiting *w)
{
    if (k->asks_anew && k->oldest) {
        w->later = k->oldest;
        k->oldest = w;
        return;
    }
    *k->youngest = w;
    k->youngest = &w->later;
}

/* Keeps the element; NULL after failing. */
static waiting *hold(struct bm_calls *k, const bm_element *element, beam_span request)
{
    waiting *w = take_slot(k);
    bm_element around = *element;
    around.value = beam_null();
    beam_status status = bm_element_copy(&w->arena, &around, &w->element);
    if (status == BEAM_OK)
        status = bm_value_copy_as(k->p->ctx.input_coder, &w->arena, element->value,
                                  &w->element.value);
    if (status != BEAM_OK) {
        put_back(k, w);
        bm_fail_on(&k->p->node, status, element, "it could not be copied: %s",
                   beam_status_text(status));
        return NULL;
    }
    w->request = bm_span_copy(&w->arena, request);
    w->attempt = k->attempt;
    if (k->in_order) expect_in_order(k, w);
    return w;
}

/* -- the cache ------------------------------------------------------------------------------ */
static int64_t age_clock(const struct bm_calls *k)
{
    return k->answers_age ? bm_monotonic_ms() : 0;
}

/* Waits for the answer of a call that is under way, or else is the one that others wait for. */
static bool follows(struct bm_calls *k, waiting *w)
{
    w->hash = bm_hash(w->request.ptr, w->request.len);
    waiting **chain = &k->asked[w->hash & (k->n_asked - 1)];
    for (waiting *leader = *chain; leader; leader = leader->same) {
        if (leader->hash != w->hash || !beam_span_equal(leader->request, w->request))
            continue;
        w->same = leader->followers;
        leader->followers = w;
        return true;
    }
    w->same = *chain;
    *chain = w;
    return false;
}

/* The call has ended. */
static waiting *take_followers(struct bm_calls *k, const waiting *leader)
{
    waiting **at = &k->asked[leader->hash & (k->n_asked - 1)];
    while (*at != leader) at = &(*at)->same;
    *at = leader->same;
    return leader->followers;
}

/* -- asking --------------------------------------------------------------------------------- */
/* `request` was answered before. */
static beam_status use_kept(struct bm_calls *k, const bm_element *element,
                            beam_span request, beam_span text)
{
    if (!k->oldest || k->asks_anew)
        return k->caller->tell(k->p->fn, &k->p->ctx, element->value, text);
    waiting *w = hold(k, element, request);
    if (!w) return BEAM_EUSER;
    w->answered = true;
    w->status = BEAM_OK;
    w->text = bm_span_copy(&w->arena, text);
    return BEAM_OK;
}

static beam_status take_request(struct bm_calls *k, const bm_element *element,
                                beam_span request)
{
    beam_span kept;
    if (k->answers && bm_answers_find(k->answers, request, age_clock(k), &kept))
        return use_kept(k, element, request, kept);
    waiting *w = hold(k, element, request);
    if (!w) return BEAM_EUSER;
    if (!k->answers || !follows(k, w)) call(k, w);
    return BEAM_OK;
}

static beam_status ask_now(bm_node *node, const bm_element *element)
{
    bm_par_do *p = (bm_par_do *)node;
    bm_mark mark = bm_scratch_mark(&node->plan->scratch);
    bm_node *outer = bm_enter(node);
    p->ctx.element = element;
    beam_span request = p->calls->caller->ask(p->fn, &p->ctx, element->value);
    beam_status status = bm_element_ended(&p->ctx, p->node.plan, BEAM_OK);
    if (status == BEAM_OK && request.ptr)
        status = take_request(p->calls, element, request);
    return bm_par_do_after(p, mark, outer, status);
}

/* `before`: attempts at the element so far. */
static beam_status ask(struct bm_calls *k, const bm_element *element, unsigned before)
{
    bm_node *node = &k->p->node;
    if (!k->p->caught) return ask_now(node, element);
    beam_status status;
    bool again;
    do {
        k->attempt = ++before;
        status = bm_catch_try(k->p->caught, element, before, ask_now, &again);
    } while (again);
    return status;
}

/* -- answers -------------------------------------------------------------------------------- */
static beam_status respond_now(bm_node *node, const bm_element *element)
{
    bm_par_do *p = (bm_par_do *)node;
    const waiting *w = p->calls->answered;
    bm_mark mark = bm_scratch_mark(&node->plan->scratch);
    bm_node *outer = bm_enter(node);
    p->ctx.element = element;
    beam_status status =
        w->status == BEAM_OK
            ? p->calls->caller->tell(p->fn, &p->ctx, element->value, w->text)
        : w->tries > 1
            ? beam_fail(&p->ctx, w->status, BEAM_SPAN_FMT "; given up after %u tries",
                        BEAM_SPAN_ARG(w->text), w->tries)
            : beam_fail(&p->ctx, w->status, BEAM_SPAN_FMT, BEAM_SPAN_ARG(w->text));
    return bm_par_do_after(p, mark, outer, status);
}

/* The element goes on, and its slot is free. */
static beam_status respond(struct bm_calls *k, waiting *w)
{
    k->answered = w;
    bool again = false;
    beam_status status = k->p->caught ? bm_catch_try(k->p->caught, &w->element,
                                                     w->attempt, respond_now, &again)
                                      : respond_now(&k->p->node, &w->element);
    if (again) {
        k->asks_anew = true;
        status = ask(k, &w->element, w->attempt);
        k->asks_anew = false;
    }
    put_back(k, w);
    return status;
}

static beam_status respond_in_order(struct bm_calls *k, waiting *w)
{
    w->answered = true;
    w->text = bm_span_copy(&w->arena, w->text);
    while (k->oldest && k->oldest->answered) {
        waiting *first = k->oldest;
        k->oldest = first->later;
        if (!k->oldest) k->youngest = &k->oldest;
        BEAM_TRY(respond(k, first));
    }
    return BEAM_OK;
}

static void tell_retry(struct bm_calls *k, const bm_call_result *result)
{
    uint64_t n = bm_service_retries(k->service, bm_monotonic_ms());
    const bm_node *node = &k->p->node;
    if (!n || node->plan->log->minimum > BEAM_LOG_WARN) return;
    bm_arena told;
    bm_arena_init(&told, 0);
    char many[60] = "";
    if (n > 1) snprintf(many, sizeof many, ", %" PRIu64 " since this was last told", n);
    const char *text =
        bm_format(&told, "Transform '%s' (DoFn '%s') makes calls again%s: " BEAM_SPAN_FMT,
                  node->name, k->p->fn->name, many, BEAM_SPAN_ARG(result->text));
    beam_log(&k->p->ctx, BEAM_LOG_WARN, "%s", text);
    const bm_log *people = bm_services_people(node->plan->io->services);
    if (people) bm_log_at(people, BEAM_LOG_WARN, NULL, "%s", text);
    bm_arena_free(&told);
}

static void call_later(struct bm_calls *k, waiting *w, int at_least_ms)
{
    int64_t wait_ms = LONGEST_WAIT_MS;
    if (w->tries < 7) wait_ms = FIRST_WAIT_MS << (w->tries - 1);
    if (wait_ms > LONGEST_WAIT_MS) wait_ms = LONGEST_WAIT_MS;
    if (wait_ms < at_least_ms) wait_ms = at_least_ms;
    w->due_ms = bm_monotonic_ms() + wait_ms;
    w->next = k->again;
    k->again = w;
}

static beam_status settle_one(struct bm_calls *k, waiting *w,
                              const bm_call_result *result)
{
    w->status = result->status;
    w->text = result->text;
    return k->in_order ? respond_in_order(k, w) : respond(k, w);
}

static beam_status answer(struct bm_calls *k, const bm_call_result *result)
{
    waiting *w = result->tag, *followers = NULL;
    k->n_under_way--;
    bm_call_metrics_add(k->metrics, k->caller->method(k->p->fn, w->request),
                        result->outcome, bm_monotonic_ms() - w->started_ms);
    if (was_not_looked_for(k, w, result)) {
        w->tries--;
        call(k, w);
        return BEAM_OK;
    }
    unsigned tries = w->tries;
    if (result->transient && tries < k->tries) {
        tell_retry(k, result);
        call_later(k, w, result->wait_ms);
        return BEAM_OK;
    }
    if (k->answers) {
        followers = take_followers(k, w);
        if (result->status == BEAM_OK)
            bm_answers_keep(k->answers, w->request, result->text, age_clock(k));
    }
    BEAM_TRY(settle_one(k, w, result));
    for (waiting *next; followers; followers = next) {
        next = followers->same;
        followers->tries = tries;
        BEAM_TRY(settle_one(k, followers, result));
    }
    return BEAM_OK;
}

/* -- waiting -------------------------------------------------------------------------------- */
/* Calls again where it is time to, and says how long until the next one is; -1: never. */
static int call_again(struct bm_calls *k)
{
    int64_t now = k->again ? bm_monotonic_ms() : 0, next = -1;
    for (waiting **at = &k->again, *w; (w = *at);) {
        if (w->due_ms <= now) {
            *at = w->next;
            call(k, w);
            continue;
        }
        if (next < 0 || w->due_ms - now < next) next = w->due_ms - now;
        at = &w->next;
    }
    int64_t turn = take_turns(k);
    return (int)(turn >= 0 && (next < 0 || turn < next) ? turn : next);
}

/* Nothing has come for a while. */
static beam_status go_on(struct bm_calls *k)
{
    bm_node *node = &k->p->node;
    const bm_bundle_io *io = node->plan->io;
    if (!io->is_over || !io->is_over(io->self)) return BEAM_OK;
    node->plan->lost_runner = true;
    return bm_fail(node, BEAM_ECANCELLED, "failed",
                   "the worker ends, and %zu call%s not answered", k->n,
                   k->n == 1 ? " is" : "s are");
}

static beam_status settle_to(struct bm_calls *k, size_t n)
{
    bm_node *node = &k->p->node, *outer = bm_enter(node);
    beam_status status = BEAM_OK;
    bm_call_result result;
    while (status == BEAM_OK && k->n > n) {
        int wait_ms = call_again(k);
        if (wait_ms < 0 || wait_ms > PATIENCE_MS) wait_ms = PATIENCE_MS;
        bool has_come = next_answer(k, wait_ms, &result);
        status = has_come ? answer(k, &result) : go_on(k);
    }
    bm_leave(node, outer);
    return status;
}

beam_status bm_calls_settle(struct bm_calls *k)
{
    return settle_to(k, 0);
}

/* What has come, without waiting. */
static beam_status look(struct bm_calls *k)
{
    bm_call_result result;
    call_again(k);
    k->unpolled = 0;
    while (k->n_under_way && next_answer(k, 0, &result))
        BEAM_TRY(answer(k, &result));
    return BEAM_OK;
}

beam_status bm_calls_process(bm_node *node, const bm_element *element)
{
    struct bm_calls *k = ((bm_par_do *)node)->calls;
    if (!k->channel) BEAM_TRY(connect_to(k));
    if (k->n >= k->most) /* a quarter at once, so that few calls of a thread wake it */
        BEAM_TRY(settle_to(k, k->most - 1 - k->most / 4));
    else if (++k->unpolled > UNPOLLED ||
             (k->n && bm_monotonic_ms() - k->looked_ms >= UNPOLLED_MS))
        BEAM_TRY(look(k));
    return ask(k, element, 0);
}

/* -- life ----------------------------------------------------------------------------------- */
#define LIMITS_OF(fn)                                                              \
    (limits)                                                                       \
    {                                                                              \
        (fn)->max_in_flight, (fn)->timeout_ms, (fn)->retries, (fn)->cache_entries, \
            (fn)->cache_ttl_ms, (fn)->max_per_second, (fn)->in_order               \
    }

static void set_limits(struct bm_calls *k, const limits *l, int most)
{
    k->in_order = l->in_order;
    k->most = (size_t)(l->max_in_flight > 0 ? l->max_in_flight : most);
    k->timeout_ms = l->timeout_ms > 0 ? l->timeout_ms : TIMEOUT_MS;
    if (l->max_per_second > 0) k->interval_ns = (int64_t)(1e9 / l->max_per_second);
    k->tries = l->retries < 0 ? 1 : 1 + (unsigned)(l->retries ? l->retries : RETRIES);
    if (l->cache_entries <= 0) return;
    k->answers = bm_answers_new((size_t)l->cache_entries, l->cache_ttl_ms);
    k->answers_age = l->cache_ttl_ms > 0;
    k->n_asked = 16;
    while (k->n_asked < k->most) k->n_asked *= 2;
    k->asked = BM_NEW_ARRAY(&k->p->node.plan->arena, waiting *, k->n_asked);
}

beam_status bm_calls_new(bm_par_do *p, const bm_transform *t, beam_error *err)
{
    const beam_rpc_fn *rpc = p->fn->rpc;
    const beam_http_fn *http = p->fn->http;
    bool is_whole = rpc ? rpc->method && rpc->request && rpc->response
                        : http->request && http->response;
    if (!t->fn.target.len || !is_whole)
        return bm_error(err, BEAM_EINVAL, "Transform '%s' (DoFn '%s') has no %s to call",
                        t->name, p->fn->name, t->fn.target.len ? "function" : "service");
    bm_arena *arena = &p->node.plan->arena;
    struct bm_calls *k = p->calls = BM_NEW(arena, struct bm_calls);
    k->p = p;
    k->target = bm_cstr(arena, t->fn.target);
    k->youngest = &k->oldest;
    k->last_turn = &k->next_turn;
    if (rpc)
        set_limits(k, &LIMITS_OF(rpc), MOST_RPC);
    else
        set_limits(k, &LIMITS_OF(http), MOST_HTTP);
    return BEAM_OK;
}

void bm_calls_free(struct bm_calls *k)
{
    if (!k) return;
    if (k->channel) k->caller->close(k->channel);
    for (waiting *w = k->all, *next; w; w = next) {
        next = w->next_of_all;
        bm_arena_free(&w->arena);
        free(w);
    }
    bm_answers_free(k->answers);
}
