/* SPDX-License-Identifier: Apache-2.0 */
/* test_bundle.h - descriptors for the fake runner, and their elements as text.
 *
 * A test bundle is one ParDo "fn" between the source "source" and the sinks "sink" and
 * "extra", all in the global window. Elements are encoded by hand here, not by the code
 * under test. */
#ifndef TEST_BUNDLE_H
#define TEST_BUNDLE_H

#include "base/writer.h"
#include "fake_runner.h"

typedef struct test_bundle {
    const char *fn, *config; /* config NULL: none */
    const char *target;      /* of a DoFn that calls a service, or NULL */
    const char *in;          /* coder of the input, such as "kv<string_utf8,varint>" */
    const char *in_port;     /* coder of its port, NULL: the same */
    const char *out;         /* coder of the main output, NULL: none */
    const char *sink_url;    /* of "sink"; NULL: the runner's */
    const char *extra_tag, *extra; /* a second output and its coder, or NULL */
    const char *timer; /* an event-time timer family; the input is then of KVs of text keys */
    bool finalizes;    /* ParDoPayload.requests_finalization */
    bool has_state;    /* texts by text keys: "bag", and by the runner's own protocols "map"
                          (multimap) and "list" (ordered list) */
    const char *side;  /* coder of the side input "side"; of KVs: a multimap. NULL: none */
} test_bundle;

/* Serialized, in the arena. */
beam_span test_descriptor(upb_Arena *arena, const char *url, const test_bundle *bundle);
/* Adds it to the runner. */
void test_add_descriptor(fake_runner *r, const char *id, const test_bundle *bundle);

/* Elements of the global window: timestamp, windows and pane, then the value. */
void test_put_header(bm_writer *out);
void test_put_text(bm_writer *out, const char *text); /* string_utf8 or bytes */
void test_put_bytes(bm_writer *out, beam_span bytes);
void test_put_int(bm_writer *out, int64_t value); /* varint */
/* KV of a text and an iterable whose items are all behind a state token. */
void test_put_state_backed(bm_writer *out, const char *key, const char *token);
/* "a b c": the texts in the output, which must be string_utf8, in their order. */
const char *test_texts(upb_Arena *arena, beam_span output);

#endif
