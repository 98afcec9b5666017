/* SPDX-License-Identifier: Apache-2.0 */
/* exec/services.h - what all bundles of a worker share about the services that its steps call:
 * how many calls may be made, and when it was last told that some are made again. One a worker.
 * Any thread. */
#ifndef BM_SERVICES_H
#define BM_SERVICES_H

#include "exec/plan.h"

/* The service of one step. */
typedef struct bm_service bm_service;

/* `people`: a log that they see, unlike the runner's; NULL: they see the runner's. */
bm_services *bm_services_new(const bm_log *people);
const bm_log *bm_services_people(const bm_services *services);
void bm_services_free(bm_services *services); /* NULL is fine */
/* By the id of a transform; lives as long as `services`. */
bm_service *bm_services_of(bm_services *services, const char *transform_id);

/* May a call be made, when there are to be one in interval_ns? Then it is counted, and the answer
 * is 0; otherwise so many nanoseconds to wait before asking again. A caller that comes up to 10 ms
 * late may catch up. */
int64_t bm_service_take_turn(bm_service *service, int64_t interval_ns, int64_t now_ns);

/* A call is to be made again. Is it time to tell it, once a minute at most? Then so many there were
 * since the last time, with this one; otherwise 0. */
uint64_t bm_service_retries(bm_service *service, int64_t now_ms);

#endif
