/* SPDX-License-Identifier: Apache-2.0 */
/* Splittable DoFns over INT64 elements and offsets, and their parts in a plan. */
#ifndef SDF_FIXTURE_H
#define SDF_FIXTURE_H

#include "beam/splittable.h"
#include "fixture.h"

#define OFFSETS "kv<kv<varint,varint>,varint>"
#define PAIR "kv<varint," OFFSETS ">"
#define SIZED "kv<" PAIR ",double>"

/* Called by "test.count" with each offset that it has claimed, before it emits it. */
extern void (*on_claim)(beam_ctx *c, int64_t offset);

/* Emit element * 100 + offset. In the order of their names:
 *   test.count    offsets [0, element)
 *   test.watch    the same, and looks at windows
 *   test.manual, test.observed, test.wall    the same, of these kinds of watermark
 *   test.endless  growable offsets from 0; unbounded; its end is estimated at 10
 *   test.pieces   parts of two offsets; sizes are 7 a piece; drains to one offset
 *   test.once     unsplittable
 *   test.broken   as test.count, with a tracker that fails as `bad` says
 *   test.lists    of lists: emits their items, claims offsets
 *   test.bad      does what `bad` says */
extern const beam_functions sdf_functions;
extern const char *bad;

/* A plan of one part, from source to sink; `in` and `out` are coders. */
void sdf_build(fixture *f, const char *urn, const char *fn, const char *in, const char *out,
               const char *window);
/* That of test.count and its like: process of SIZED elements, which give varints. */
void sdf_build_process(fixture *f, const char *fn);
/* {element, restriction [from, to), watermark 0}, with or without a size of 1. */
beam_value sdf_pair(fixture *f, int64_t element, int64_t from, int64_t to);
beam_value sdf_sized(fixture *f, int64_t element, int64_t from, int64_t to);
/* "element bounded delay output=watermark", one a line. */
const char *sdf_roots(fixture *f, bm_roots roots);
/* Those that the last bundle left. */
const char *sdf_residuals(fixture *f);

#endif
