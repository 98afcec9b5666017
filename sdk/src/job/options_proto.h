/* SPDX-License-Identifier: Apache-2.0 */
/* job/options_proto.h - pipeline options as the job service wants them. Any thread. */
#ifndef BM_OPTIONS_PROTO_H
#define BM_OPTIONS_PROTO_H

#include <jansson.h>

#include "base/arena.h"

/* A JSON object {name: value} as the bytes of google.protobuf.Struct with the keys
 * "beam:option:NAME:v1". Whole numbers become strings: Struct has doubles only, and runners
 * read "3" where they would stumble over 3.0. */
beam_span bm_options_struct(bm_arena *arena, const json_t *options);

#endif
