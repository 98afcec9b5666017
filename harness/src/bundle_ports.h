/* SPDX-License-Identifier: Apache-2.0 */
/* bundle_ports.h - a plan's sources, sinks and timer families connected to data streams, or
 * to what is embedded in the request and the response. Bundle thread. */
#ifndef BM_BUNDLE_PORTS_H
#define BM_BUNDLE_PORTS_H

#include "data_out.h"
#include "instructions.h"

/* Numbers: a source's or a sink's is its port's, that of a timer family comes after them. */
typedef struct bm_bundle_ports {
    bm_inlet *inlets;
    bm_outbox outbox;
    size_t n_sources, n_sinks, n_timers;
} bm_bundle_ports;

/* What the ports of one bundle are made from. */
typedef struct bm_port_needs {
    const bm_plan *plan;
    bm_links *links;
    const char *instruction_id;
    const char *stream_id;       /* ProcessBundleRequest.data_stream_id, or "" */
    const pb_Elements *elements; /* all input when it is in the request, else NULL */
    bool may_embed;              /* output may go into the response */
} bm_port_needs;

/* Both are to be disconnected and freed also after a failure. */
beam_status bm_ports_connect(bm_bundle_ports *ports, const bm_port_needs *needs,
                             bm_arena *arena, beam_error *err);
/* Puts the embedded input, if there is one, and tells the inbox what to wait for. */
beam_status bm_ports_bind(const bm_bundle_ports *ports, const bm_port_needs *needs,
                          bm_inbox *inbox, pthread_mutex_t *lock, beam_error *err);
void bm_ports_disconnect(bm_bundle_ports *ports);

#endif
