/* SPDX-License-Identifier: Apache-2.0 */
/* beam/http.h - asking HTTP services from DoFns: a request for each element.
 *
 * What a DoFn has as .http instead of process(). Many requests are under way at once;
 * elements whose answer has not come wait in the worker with their timestamps, windows and
 * panes. A bundle ends when all its answers have come. The address is given at the step:
 *
 *     static const beam_http_fn ask_word = { .request = request, .response = response };
 *     static const beam_dofn word_fn = { .name = "word", ... .http = &ask_word };
 *     ...
 *     beam_par_do(words, "Word", &word_fn, .target = "https://words.example.com/v1");
 *
 * Both functions run on the bundle's thread, as process() does. Not with state or timers.
 *
 * Each try is counted by its outcome ("ok", "not_found", "unavailable"...), and how long it
 * took, as metrics of the step, as with beam/rpc.h. */
#ifndef BEAM_HTTP_H
#define BEAM_HTTP_H

#include "beam/dofn.h"
#include "beam/status.h"
BEAM_C_BEGIN

/* A header of a request: `value`, and behind it what the environment of the worker has as
 * `env`. That is for secrets, which then are in the worker only: not in the pipeline, not in
 * messages. { "Authorization", "Bearer ", "WORDS_TOKEN" } */
typedef struct beam_http_header {
    const char *name;
    const char *value; /* NULL: "" */
    const char *env;   /* NULL: none. A worker without the variable fails the bundle */
} beam_http_header;

/* What is asked about an element; copied when it is returned. */
typedef struct beam_http_request {
    /* What follows the step's .target: "", "/words/be", "?word=be", percent-encoded (see
     * beam_http_escape()). With .ptr NULL nothing is asked: what there is to emit has been
     * emitted, or beam_fail() called. */
    beam_span path;
    const char *method; /* NULL: "GET", and "POST" if there is a body */
    beam_span body;     /* .ptr NULL: none */
    struct {
        const beam_http_header *at;
        size_t n;
    } headers; /* besides those of the beam_http_fn */
} beam_http_request;

typedef struct beam_http_answer {
    int status;        /* 200 to 299, or one of .accept */
    beam_span body;    /* as it came: it is not decompressed */
    beam_span headers; /* lines; see beam_http_header_of() */
} beam_http_answer;

typedef struct beam_http_fn {
    beam_http_request (*request)(beam_ctx *c, beam_value in);
    /* The answer, with the element it is about: emits as process() does. */
    beam_status (*response)(beam_ctx *c, beam_value in, const beam_http_answer *answer);
    struct {
        const beam_http_header *at;
        size_t n;
    } headers; /* of every request */
    /* Further statuses that are answers: { 404 } where "there is none" is one. Any other
     * than these and 200 to 299 fails the element. */
    int accept[8];
    int max_in_flight; /* requests under way in a bundle, up to 100,000; 0: 128 */
    int timeout_ms;    /* of one try; 0: 10000 */
    /* Requests a second, further tries too, of all bundles of the step in a worker together: ten
     * workers make ten times as many. They are evenly spread, and answers are taken meanwhile.
     * Elements whose answer is kept, or that make no request, do not count. 0: no limit; 0.001
     * is the least. */
    double max_per_second;
    /* Further tries of a request that was not answered in time, whose connection failed, or
     * that was answered by 408, 429 or 5xx (but not 501); after 100 ms, 200 ms and so on, 5 s
     * at most, and not before the answer's Retry-After, or a minute if that is more. 0: 6 of
     * them, -1: none. The last failure is the element's, and fails the bundle or is caught
     * with it (.failures). */
    int retries;
    /* Answers go on in the order of the elements, not as they come: a slow one holds up
     * those behind it. */
    bool in_order;
    /* Answers kept by the instance, the latest used; a request whose very bytes were answered
     * before, or are under way, is not made again. Failures are not kept, nor answers of more
     * than 64 KiB. Up to 10 million; 0: none. */
    int cache_entries;
    int cache_ttl_ms; /* how long an answer is good; 0: as long as it is kept */
    int max_body;     /* bytes of an answer; a longer one fails the element. 0: 1 MiB */
    /* 0: an answer 3xx is a failure. Otherwise followed so many times, as long as scheme, host
     * and port stay the same. */
    int max_redirects;
    /* TLS, where the address begins with https://. Files are the worker's, and read there;
     * "$NAME" is the file that the variable NAME of its environment names. A bundle fails where
     * the variable or the file is not there.
     *
     * PEM file of the authorities that a server's certificate may come from. NULL: the file
     * that SSL_CERT_FILE of the worker's environment names, otherwise the system's. */
    const char *ca_file;
    /* The client's certificate and its private key, PEM files; for servers that ask for one. The
     * key may be in the certificate's file. NULL: none. */
    const char *cert_file, *key_file;
    /* Variable of the worker's environment that has the password of the key. NULL: none. */
    const char *key_password_env;
} beam_http_fn;

/* Percent-encoded, in scratch memory: a word that is one part of a path, or a value of a
 * query. Also '/', '?' and '&' are encoded. */
BEAM_API beam_span beam_http_escape(beam_ctx *c, beam_span text);
/* The value of a header by its name, in whatever case; .ptr NULL: there is none. Of several
 * the first. Any thread. */
BEAM_API beam_span beam_http_header_of(const beam_http_answer *answer, const char *name);

BEAM_C_END
#endif
