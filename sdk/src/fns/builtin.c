/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of built-in functions. Constants. */
#include "fns/builtin.h"

const beam_dofn *const bm_builtin_dofns[] = {
    &bm_create_fn,           &bm_periodic_fn,
    &bm_decode_fn,           &bm_keys_fn,
    &bm_values_fn,           &bm_swap_fn,
    &bm_pair_with_one_fn,    &bm_pair_with_void_fn,
    &bm_co_tag_fn,           &bm_co_untag_fn,
    &bm_reshuffle_by_key_fn, &bm_reshuffle_from_key_fn,
    &bm_reshuffle_spread_fn, &bm_reshuffle_unspread_fn,
    &bm_empty_group_fn,      &bm_mark_fn,
    &bm_choose_fn,           &bm_stamp_fn,
    &bm_unstamp_fn,          &bm_first_pane_fn,
    &bm_wait_fn,             &bm_fanout_spread_fn,
    &bm_fanout_gather_fn,              &bm_count_failed_fn,
    &bm_count_any_fn,        &bm_check_failures_fn,
    &bm_explode_fn,          &bm_batch_fn,
    &bm_shard_fn,            &bm_pass_fn,
};
const size_t bm_builtin_dofns_count = BEAM_COUNT(bm_builtin_dofns);

const beam_combine *const bm_builtin_combines[] = {
    &beam_sum_int64, &beam_sum_double, &beam_min_int64,  &beam_min_double,
    &beam_max_int64, &beam_max_double, &beam_mean_int64, &beam_mean_double,
    &beam_count,     &bm_top_combine,
    &bm_fanout_parts_combine, &bm_fanout_whole_combine,  &bm_count_pairs,
    &bm_sample_combine, &bm_quantiles_combine,
};
const size_t bm_builtin_combines_count = BEAM_COUNT(bm_builtin_combines);
