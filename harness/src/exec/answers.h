/* SPDX-License-Identifier: Apache-2.0 */
/* exec/answers.h - answers of a service, kept by their requests: so many, the latest used.
 * Bundle thread. */
#ifndef BM_ANSWERS_H
#define BM_ANSWERS_H

#include "beam/value.h"

typedef struct bm_answers bm_answers;

/* ttl_ms 0: an answer is good for ever. */
bm_answers *bm_answers_new(size_t most, int64_t ttl_ms);
void bm_answers_free(bm_answers *answers); /* NULL is fine */
/* The answer lives until the next one is kept. */
bool bm_answers_find(bm_answers *answers, beam_span request, int64_t now_ms,
                     beam_span *answer);
/* Copies both, or neither if they are large. */
void bm_answers_keep(bm_answers *answers, beam_span request, beam_span answer,
                     int64_t now_ms);

#endif
