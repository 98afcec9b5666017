/* SPDX-License-Identifier: Apache-2.0 */
/* fake_runner.h - a Fn API runner inside of the test, with a worker beside it.
 *
 * One server offers control, data, state, logging and provision. The runner does what it is
 * told and remembers what the worker sent. Functions may be called from any thread except
 * where a request or a response is named: these are of the thread that made the runner.
 * What is waited for and does not come within FAKE_PATIENCE_MS fails the test. All that is
 * returned lives as long as the runner. */
#ifndef FAKE_RUNNER_H
#define FAKE_RUNNER_H

#include <check.h>

#include "beam/harness.h"
#include "model/beam_fn_api.upb.h"

enum { FAKE_PATIENCE_MS = 60000 };

typedef struct fake_runner fake_runner;

typedef enum fake_service {
    FAKE_CONTROL,
    FAKE_DATA,
    FAKE_STATE,
    FAKE_LOGGING,
    FAKE_STATUS,
    FAKE_SERVICES
} fake_service;

fake_runner *fake_runner_new(void);
/* Ends the control stream in order if it is still open, waits for the worker. */
void fake_runner_free(fake_runner *r);
const char *fake_url(const fake_runner *r);
/* For messages that the test makes. */
upb_Arena *fake_arena(fake_runner *r);
static inline upb_StringView fake_view(const char *text)
{
    return upb_StringView_FromString(text);
}

/* -- the worker ------------------------------------------------------------------------ */
/* Before the worker is connected: what provisioning tells it. */
void fake_add_capability(fake_runner *r, const char *urn);
void fake_add_experiment(fake_runner *r, const char *text);
/* A pipeline option, a number. */
void fake_add_option(fake_runner *r, const char *name, double value);
void fake_add_sibling(fake_runner *r, const char *worker_id);
/* Provisioning tells of the status service only then. */
void fake_offer_status(fake_runner *r);
/* Starts a worker in this process; of opts the functions and log_level are used. Waits for
 * its control stream. */
void fake_connect(fake_runner *r, const beam_harness_opts *opts);
beam_harness *fake_worker(fake_runner *r);
/* What beam_harness_wait() said; the worker is freed. */
beam_status fake_wait_worker(fake_runner *r, beam_error *err);

/* -- control ---------------------------------------------------------------------------- */
/* What GetProcessBundleDescriptor answers for the id. */
void fake_add_descriptor(fake_runner *r, const char *id, beam_span descriptor);
/* From now on it does not answer until the runner is freed. */
void fake_hold_descriptors(fake_runner *r);
size_t fake_descriptor_fetches(fake_runner *r, const char *id);

pb_InstructionRequest *fake_request(fake_runner *r, const char *id);
void fake_send(fake_runner *r, const pb_InstructionRequest *request);
void fake_process_bundle(fake_runner *r, const char *id, const char *descriptor);
/* With ProcessBundleRequest.data_stream_id. */
void fake_process_bundle_on(fake_runner *r, const char *stream_id, const char *id,
                            const char *descriptor);
/* With what ProcessBundleRequest says of the bundle's state. */
typedef struct fake_promises {
    const char *state_token;          /* cache token of user state, NULL: none */
    const char *side_token;           /* ... and of the side input "side" of "fn" */
    const char *other_token;          /* ... and of neither */
    bool no_state, only_bundle; /* has_no_state, only_bundle_for_keys */
} fake_promises;
void fake_process_bundle_promising(fake_runner *r, const fake_promises *promises,
                                   const char *id, const char *descriptor);
void fake_finalize(fake_runner *r, const char *id, const char *bundle);
void fake_progress(fake_runner *r, const char *id, const char *bundle);
void fake_split(fake_runner *r, const char *id, const char *bundle, const char *source,
                double fraction, int64_t estimated);
bool fake_responded(fake_runner *r, const char *id);
const pb_InstructionResponse *fake_await(fake_runner *r, const char *id);
/* The error of the response, "" when it is none. */
const char *fake_await_error(fake_runner *r, const char *id);
#define fake_expect_ok(r, id) ck_assert_str_eq(fake_await_error((r), (id)), "")
#define fake_expect_error(r, id, part)                                      \
    do {                                                                    \
        const char *fake_error_ = fake_await_error((r), (id));              \
        ck_assert_msg(strstr(fake_error_, (part)), "error of %s: %s", (id), \
                      fake_error_);                                         \
    } while (0)

/* -- data --------------------------------------------------------------------------------- */
/* Waits for the worker's data stream and until little is queued on it. */
void fake_send_data(fake_runner *r, const char *bundle, const char *source,
                    beam_span data, bool is_last);
/* On the data stream of that name (metadata data_stream_id). */
void fake_send_data_on(fake_runner *r, const char *stream_id, const char *bundle,
                       const char *source, beam_span data, bool is_last);
/* A serialized Elements with one Data. */
beam_span fake_elements(fake_runner *r, const char *bundle, const char *source,
                        beam_span data, bool is_last);

/* Encoded timers of a family; they may be part of a message made by hand, too. */
void fake_send_timers(fake_runner *r, const char *bundle, const char *transform,
                      const char *family, beam_span timers, bool is_last);
beam_span fake_timers(fake_runner *r, const char *bundle, const char *transform,
                      const char *family, beam_span timers, bool is_last);

/* Timers are the output of "transform/family". */
typedef struct fake_output {
    beam_span data; /* of all entries */
    size_t n_entries, n_last, n_embedded;
    const char *stream; /* name of the stream that it came on, "": without one */
} fake_output;

/* What a sink sent up to now, or once it has ended. */
fake_output fake_output_now(fake_runner *r, const char *bundle, const char *sink);
fake_output fake_await_output(fake_runner *r, const char *bundle, const char *sink);

/* -- state: keys are serialized StateKeys --------------------------------------------------- */
beam_span fake_runner_key(fake_runner *r, beam_span key);
/* Gets of the key are answered page by page, with continuation tokens between. Appends make
 * a page more, a clear removes all; a key without pages is empty. */
void fake_add_page(fake_runner *r, beam_span key, beam_span page);
/* Requests for the key are answered with this error. */
void fake_fail_state(fake_runner *r, beam_span key, const char *error);
/* Answers only when n requests wait, the latest first. */
void fake_hold_state(fake_runner *r, size_t n);

typedef struct fake_state_request {
    char what; /* 'g'et, 'a'ppend, 'c'lear */
    const char *id, *bundle;
    beam_span key, data; /* data: appended, or the continuation token */
} fake_state_request;
size_t fake_state_requests(fake_runner *r);
fake_state_request fake_state_request_at(fake_runner *r, size_t i);
/* Waits until so many have come. */
void fake_await_state_requests(fake_runner *r, size_t n);

/* -- logs ------------------------------------------------------------------------------------ */
typedef struct fake_log {
    int severity;
    const char *message, *instruction_id, *transform_id, *location, *thread, *trace;
    int64_t seconds;
} fake_log;
/* Waits for an entry whose message has this part. */
fake_log fake_await_log(fake_runner *r, const char *part);
size_t fake_logs(fake_runner *r);

/* -- status ------------------------------------------------------------------------------- */
/* Asks the worker; waits for its page; both. */
void fake_request_status(fake_runner *r, const char *id);
const char *fake_await_status(fake_runner *r, const char *id);
const char *fake_ask_status(fake_runner *r, const char *id);

/* -- streams and their faults ------------------------------------------------------------------- */
/* How many the worker has opened up to now. */
size_t fake_streams(fake_runner *r, fake_service service);
/* How many of a worker id are open. */
size_t fake_streams_of(fake_runner *r, fake_service service, const char *worker_id);
/* Waits until one is open; its worker_id ("" when none was sent). */
const char *fake_await_stream(fake_runner *r, fake_service service);
/* Waits until none is open. */
void fake_await_no_stream(fake_runner *r, fake_service service);
/* Any bytes as one message of the stream. */
void fake_send_bytes(fake_runner *r, fake_service service, beam_span message);
void fake_end_stream(fake_runner *r, fake_service service);  /* in order */
void fake_drop_stream(fake_runner *r, fake_service service); /* UNAVAILABLE */
/* Stops and resumes reading what the worker sends. */
void fake_pause_stream(fake_runner *r, fake_service service);
void fake_resume_stream(fake_runner *r, fake_service service);

/* Runs a suite of one test case. */
int fake_run_tests(const char *name, const TTest *const *tests, size_t n);

#endif
