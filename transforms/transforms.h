/* SPDX-License-Identifier: Apache-2.0 */
/* transforms.h - the DoFns of this directory, which every program knows. */
#ifndef BM_TRANSFORMS_H
#define BM_TRANSFORMS_H

#include "beam/dofn.h"

extern const beam_dofn *const bm_transform_dofns[];
extern const size_t bm_transform_dofns_count;

extern const beam_dofn bm_text_read_fn, bm_text_write_fn, bm_text_key_fn, bm_extract_words_fn;

#endif
