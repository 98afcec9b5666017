/* SPDX-License-Identifier: Apache-2.0 */
/* program/tester_descriptor.h - one step of a pipeline as a ProcessBundleDescriptor. */
#ifndef BM_TESTER_DESCRIPTOR_H
#define BM_TESTER_DESCRIPTOR_H

#include "graph/graph.h"

/* The bytes of a descriptor with the steps of these unique names, a source for collection
 * `in` and a sink "sink0", "sink1", ... for each of `outputs`. Any thread. */
beam_status bm_tester_descriptor(beam_pipeline *p, const beam_pcoll *in,
                                 const char *const *steps, size_t n_steps,
                                 beam_pcoll *const *outputs, size_t n_outputs,
                                 bm_arena *arena, beam_span *descriptor, beam_error *err);

#endif
