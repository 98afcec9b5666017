/* SPDX-License-Identifier: Apache-2.0 */
/* transforms.h - the DoFns of this directory, which every program knows. */
#ifndef BM_TRANSFORMS_H
#define BM_TRANSFORMS_H

#include "beam/dofn.h"

extern const beam_dofn *const bm_transform_dofns[];
extern const size_t bm_transform_dofns_count;

/* Of a step whose user counter says how often an assertion was found to hold. */
#define BM_ASSERTIONS_COUNTER "beam.assertions"

extern const beam_dofn bm_assert_actual_fn, bm_assert_windowed_fn, bm_assert_expected_fn,
    bm_assert_pair_fn, bm_assert_windowed_pair_fn, bm_assert_check_fn, bm_assert_all_fn;
extern const beam_dofn bm_kafka_record_fn;
extern const beam_dofn bm_text_read_fn, bm_text_write_fn, bm_text_key_fn,
    bm_text_no_line_fn, bm_extract_words_fn;

#endif
