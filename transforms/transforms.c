/* SPDX-License-Identifier: Apache-2.0 */
/* The table of this directory's DoFns. */
#include "transforms.h"

const beam_dofn *const bm_transform_dofns[] = {
    &bm_assert_actual_fn,
    &bm_assert_windowed_fn,
    &bm_assert_expected_fn,
    &bm_assert_pair_fn,
    &bm_assert_windowed_pair_fn,
    &bm_assert_check_fn,
    &bm_assert_all_fn,
    &bm_kafka_record_fn,
    &bm_text_read_fn,
    &bm_text_write_fn,
    &bm_text_key_fn,
    &bm_text_no_line_fn,
    &bm_extract_words_fn,
};
const size_t bm_transform_dofns_count = BEAM_COUNT(bm_transform_dofns);
