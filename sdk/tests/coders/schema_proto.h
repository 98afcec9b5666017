/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a serialized Schema (schema.proto) without protobuf, for tests of layers that must
 * not know it. */
#ifndef BM_TEST_SCHEMA_PROTO_H
#define BM_TEST_SCHEMA_PROTO_H

#include "coders/coder.h"

/* As bm_coder_source.schema. */
beam_status schema_from_proto(void *self, bm_arena *arena, beam_span payload,
                              const beam_schema **out, beam_error *err);

#endif
