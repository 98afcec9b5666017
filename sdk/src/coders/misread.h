/* SPDX-License-Identifier: Apache-2.0 */
/* coders/misread.h - accessors of beam/value.h that were given what is not of their type. */
#ifndef BM_MISREAD_H
#define BM_MISREAD_H

#include "beam/row.h"
#include "coders/coder.h"

typedef struct bm_misread {
    beam_value value;
    const char *call; /* the accessor's name */
    size_t index;     /* of beam_list_at() */
    bool is_index;
} bm_misread;

/* Who is told of what is misread on this thread. */
typedef struct bm_misread_listener {
    void (*tell)(void *self, const bm_misread *what); /* NULL: nobody */
    void *self;
} bm_misread_listener;
/* Returns the one before, to be put back. */
bm_misread_listener bm_misread_listen(bm_misread_listener listener);

/* Where it is in the element, which has the values of `coder`; both may be NULL. */
typedef struct bm_misread_place {
    const beam_field *field;   /* whose value it is; NULL: not known, or one of several */
    const beam_schema *schema; /* of the row that it is, or NULL */
} bm_misread_place;
bm_misread_place bm_misread_find(const bm_misread *what, const bm_coder *coder,
                                 const beam_value *element);

#endif
