/* SPDX-License-Identifier: Apache-2.0 */
/* See test_fns.h. The functions run on bundle threads. */
#include "test_fns.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "beam/http.h"

static atomic_int n_setups, n_teardowns, n_elements;

int test_n_setups(void)
{
    return n_setups;
}
int test_n_teardowns(void)
{
    return n_teardowns;
}
int test_n_elements(void)
{
    return n_elements;
}

static beam_status setup(beam_ctx *c)
{
    (void)c;
    n_setups++;
    return BEAM_OK;
}

static void teardown(beam_ctx *c)
{
    (void)c;
    n_teardowns++;
}

#define TEXT_FN(fn_name, fn)                                                    \
    {                                                                           \
        .name = fn_name, .in = BEAM_STRING, .out = BEAM_STRING, .setup = setup, \
        .process = (fn), .teardown = teardown                                   \
    }

static bool is_bad(beam_value in)
{
    return beam_span_equal(beam_as_span(in), beam_span_of("bad"));
}

static beam_status pass(beam_ctx *c, beam_value in)
{
    n_elements++;
    return beam_emit(c, in);
}
static const beam_dofn pass_fn = { .name = "test.pass",
                                   .in = BEAM_ANY,
                                   .out = BEAM_ANY,
                                   .setup = setup,
                                   .process = pass,
                                   .teardown = teardown };

static beam_status refuse_bad(beam_ctx *c, beam_value in)
{
    if (is_bad(in)) return beam_fail(c, BEAM_EUSER, "this text is bad");
    return pass(c, in);
}
static const beam_dofn fail_fn = TEXT_FN("test.fail", refuse_bad);

/* Fails with the element's own words, and counts them too. */
static beam_status quote(beam_ctx *c, beam_value in)
{
    const char *text = beam_cstr(c, beam_as_span(in));
    beam_counter_add(c, text, 1);
    if (!strncmp(text, "count", 5)) return beam_emit(c, in);
    return beam_fail(c, BEAM_EUSER, "%s", text);
}
static const beam_dofn quote_fn = TEXT_FN("test.quote", quote);

static beam_status count(beam_ctx *c, beam_value in)
{
    (void)c, (void)in;
    n_elements++;
    return BEAM_OK;
}
static const beam_dofn count_fn = { .name = "test.count",
                                    .in = BEAM_BYTES,
                                    .process = count };

static beam_status fan(beam_ctx *c, beam_value in)
{
    beam_emit(c, in);
    return beam_emit_to(c, 0, beam_string(beam_span_of("more")));
}
static const beam_output_spec fan_outputs[] = { { "more", BEAM_STRING } };
static const beam_dofn fan_fn = { .name = "test.fan",
                                  .in = BEAM_STRING,
                                  .out = BEAM_STRING,
                                  .outputs = BEAM_TABLE(fan_outputs),
                                  .process = fan };

static beam_status repeat(beam_ctx *c, beam_value in)
{
    long n = strtol(beam_cstr(c, beam_config(c)), NULL, 10);
    for (long i = 0; i < n; i++) BEAM_TRY(beam_emit(c, in));
    return BEAM_OK;
}
static const beam_dofn repeat_fn = TEXT_FN("test.repeat", repeat);

/* -- iterables ------------------------------------------------------------------------- */
static const char *joined(beam_ctx *c, const char *text, beam_iter *values)
{
    for (beam_value v; beam_next(values, &v);)
        text = beam_format(c, "%s %s", text, beam_cstr(c, beam_as_span(v))).ptr;
    return text;
}

static beam_status twice(beam_ctx *c, beam_value in)
{
    const char *text =
        beam_format(c, "%s:", beam_cstr(c, beam_as_span(beam_key(in)))).ptr;
    text = joined(c, text, beam_as_iter(beam_val(in)));
    text = joined(c, beam_format(c, "%s |", text).ptr, beam_as_iter(beam_val(in)));
    return beam_emit(c, beam_string(beam_span_of(text)));
}
static const beam_dofn twice_fn = { .name = "test.twice",
                                    .in = BEAM_KV(BEAM_STRING,
                                                  BEAM_ITERABLE(BEAM_STRING)),
                                    .out = BEAM_STRING,
                                    .process = twice };

static beam_status said(beam_ctx *c, beam_value in)
{
    (void)in;
    beam_metadata said = beam_element_metadata(c);
    beam_span text = beam_format(c, "%s " BEAM_SPAN_FMT " " BEAM_SPAN_FMT " %d",
                                 said.is_draining ? "draining" : "-",
                                 BEAM_SPAN_ARG(said.traceparent),
                                 BEAM_SPAN_ARG(said.tracestate), (int)said.value_kind);
    return beam_emit(c, beam_string(text));
}
static const beam_dofn said_fn = TEXT_FN("test.said", said);

/* -- timers, finalization ------------------------------------------------------------------- */
static const beam_timer_spec timers[] = { { "flush", BEAM_EVENT_TIME } };

static beam_status set_timer(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_timer_set(c, 0, 7);
}

static beam_status on_timer(beam_ctx *c, const beam_timer *timer)
{
    return beam_emit(c, beam_string(beam_format(c, "%s:%lld",
                                                beam_cstr(c, beam_as_span(timer->key)),
                                                (long long)timer->fire_at)));
}
static const beam_dofn timer_fn = { .name = "test.timer",
                                    .in = BEAM_KV(BEAM_STRING, BEAM_STRING),
                                    .out = BEAM_STRING,
                                    .timers = BEAM_TABLE(timers),
                                    .process = set_timer,
                                    .on_timer = on_timer };

static atomic_int n_acks;
int test_n_acks(void)
{
    return n_acks;
}

static beam_status count_ack(beam_span data)
{
    n_acks++;
    return beam_span_equal(data, beam_span_of("bad")) ? BEAM_EUSER : BEAM_OK;
}

static beam_status ack(beam_ctx *c, beam_value in)
{
    BEAM_TRY(beam_on_finalize(c, 60000, count_ack, beam_as_span(in)));
    return beam_emit(c, in);
}
static const beam_dofn ack_fn = { .name = "test.ack",
                                  .in = BEAM_STRING,
                                  .out = BEAM_STRING,
                                  .flags = BEAM_FINALIZES,
                                  .process = ack };

/* -- logs --------------------------------------------------------------------------------- */
static beam_status log_it(beam_ctx *c, beam_value in)
{
    const char *text = beam_cstr(c, beam_as_span(in));
    beam_log(c, is_bad(in) ? BEAM_LOG_ERROR : BEAM_LOG_INFO, "saw %s", text);
    beam_log(c, BEAM_LOG_DEBUG, "detail of %s", text);
    return beam_emit(c, in);
}
static const beam_dofn log_fn = TEXT_FN("test.log", log_it);

/* -- the gate -------------------------------------------------------------------------------- */
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_changed = PTHREAD_COND_INITIALIZER;
static bool gate_is_open;
static int n_at_gate, gate_thread;

static beam_status gate(beam_ctx *c, beam_value in)
{
    pthread_mutex_lock(&gate_lock);
    n_at_gate++;
    gate_thread = (int)gettid();
    pthread_cond_broadcast(&gate_changed);
    while (!gate_is_open) pthread_cond_wait(&gate_changed, &gate_lock);
    n_at_gate--;
    pthread_mutex_unlock(&gate_lock);
    return pass(c, in);
}
static const beam_dofn gate_fn = {
    .name = "test.gate", .in = BEAM_ANY, .out = BEAM_ANY, .process = gate
};

void test_open_gate(void)
{
    pthread_mutex_lock(&gate_lock);
    gate_is_open = true;
    pthread_cond_broadcast(&gate_changed);
    pthread_mutex_unlock(&gate_lock);
}

int test_gate_thread(void)
{
    pthread_mutex_lock(&gate_lock);
    int thread = gate_thread;
    pthread_mutex_unlock(&gate_lock);
    return thread;
}

void test_await_at_gate(int n)
{
    int64_t until = bm_monotonic_ms() + FAKE_PATIENCE_MS;
    int here = 0;
    while (here < n && bm_monotonic_ms() < until) {
        pthread_mutex_lock(&gate_lock);
        here = n_at_gate;
        pthread_mutex_unlock(&gate_lock);
        if (here < n) bm_sleep_ms(2);
    }
    ck_assert_int_ge(here, n);
}

static beam_http_request ask(beam_ctx *c, beam_value in)
{
    (void)c, (void)in;
    n_elements++;
    return (beam_http_request){ .path = beam_span_of("/") };
}
static beam_status take(beam_ctx *c, beam_value in, const beam_http_answer *answer)
{
    (void)c, (void)in, (void)answer;
    return BEAM_OK;
}
static const beam_http_fn ask_http = { .request = ask, .response = take, .timeout_ms = 60000 };
static const beam_dofn ask_fn = {
    .name = "test.ask", .in = BEAM_STRING, .out = BEAM_STRING, .http = &ask_http
};

static const beam_dofn *const all[] = { &pass_fn,  &gate_fn,   &fail_fn,  &fan_fn,
                                        &count_fn, &repeat_fn, &twice_fn, &said_fn, &timer_fn,
                                        &ack_fn, &log_fn, &quote_fn, &ask_fn };
const beam_harness_opts test_opts = { .functions.dofns = BEAM_TABLE(all) };
