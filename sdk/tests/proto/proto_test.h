/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of proto/ share. */
#ifndef PROTO_TEST_H
#define PROTO_TEST_H

#include <check.h>
#include <stdlib.h>

#include "graph/graph.h"
#include "proto/model.h"
#include "proto/to_proto.h"

/* An expander that gives a canned answer and keeps the question. */
typedef struct canned {
    beam_span response;
    bm_pb_expansion_request *request; /* the last one */
    const char *address;
    int calls, environments;
} canned;

bm_expander canned_expander(canned *c);

/* The pipeline's proto; fails the test when there is none. */
bm_pb_pipeline *proto_of(beam_pipeline *p, const bm_expander *expander, bm_arena *arena);
/* The message of the failure; fails the test when there is none. */
const char *failure_of(beam_pipeline *p, const bm_expander *expander, bm_arena *arena);

/* By id; NULL: none. */
bm_pb_transform *transform_of(const bm_pb_pipeline *m, const char *id);
bm_pb_pcoll *pcoll_of(const bm_pb_pipeline *m, const char *id);
bm_pb_coder *coder_of(const bm_pb_pipeline *m, const char *id);
bm_pb_windowing *windowing_of(const bm_pb_pipeline *m, const char *id);
bm_pb_environment *environment_of(const bm_pb_pipeline *m, const char *id);
const char *input_of(const bm_pb_transform *t, const char *tag);
const char *output_of(const bm_pb_transform *t, const char *tag);

/* Fails the test unless everything that the pipeline refers to is there and every
 * unique_name is unique. */
void check_whole(const bm_pb_pipeline *m);
/* One line per transform and collection, sorted as in the message. */
const char *text_of(bm_arena *arena, const bm_pb_pipeline *m);

#define ck_contains(text, part)                                                          \
    ck_assert_msg(strstr((text), (part)) != NULL, "'%s' not in: %s", (part), (text))

int run_suite(Suite *suite);

#endif
