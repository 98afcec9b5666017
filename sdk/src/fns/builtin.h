/* SPDX-License-Identifier: Apache-2.0 */
/* fns/builtin.h - the functions that the SDK's own transforms are made of. Their names
 * start with "beam." and every registry holds them. Types that hold BEAM_ANY are made
 * whole by graph/, step by step. */
#ifndef BM_BUILTIN_H
#define BM_BUILTIN_H

#include "beam/dofn.h"

extern const beam_dofn *const bm_builtin_dofns[];
extern const size_t bm_builtin_dofns_count;
extern const beam_combine *const bm_builtin_combines[];
extern const size_t bm_builtin_combines_count;

/* BYTES -> T, each of the encoded elements in the config (the encoding is bm_create_encode's
 * in fns/create.h). */
extern const beam_dofn bm_create_fn;

/* BYTES -> T: the element that the bytes are, encoded nested with the settled coder (see
 * fns/create.h). */
extern const beam_dofn bm_decode_fn;

extern const beam_dofn bm_pass_fn;           /* T -> T, the same */
extern const beam_dofn bm_keys_fn;           /* KV<K, V> -> K */
extern const beam_dofn bm_values_fn;         /* KV<K, V> -> V */
extern const beam_dofn bm_swap_fn;           /* KV<K, V> -> KV<V, K> */
extern const beam_dofn bm_pair_with_one_fn;  /* T -> KV<T, INT64>, the value is 1 */
extern const beam_dofn bm_pair_with_void_fn; /* T -> KV<BYTES, T>, the key is empty */

/* CoGroupByKey of n inputs. Config: varints input and n.
 *   tag:   KV<K, V> -> KV<K, KV<INT64 input, slots>>, where slots is
 *          KV<NULLABLE<V0>, KV<NULLABLE<V1>, ...>> with all but slot `input` null
 *   untag: KV<K, ITERABLE<KV<INT64, slots>>> -> KV<K, KV<ITERABLE<V0>, ...>> */
extern const beam_dofn bm_co_tag_fn, bm_co_untag_fn;

/* Reshuffle: timestamp and window travel as bytes beside the value.
 *   by_key: KV<K, V> -> KV<K, KV<BYTES, V>>;       from_key back, after GroupByKey
 *   spread: T -> KV<INT64 random, KV<BYTES, T>>;   unspread back, after GroupByKey */
extern const beam_dofn bm_reshuffle_by_key_fn, bm_reshuffle_from_key_fn,
    bm_reshuffle_spread_fn, bm_reshuffle_unspread_fn;

/* CombineGlobally's result for no input.
 *   empty_group: BYTES -> KV<BYTES, ITERABLE<T>>, one key without values
 *   mark:        KV<BYTES, T> -> KV<BYTES, KV<BOOL, T>>; config "1": it is the default
 *   choose:      KV<BYTES, ITERABLE<KV<BOOL, T>>> -> T, not the default if there is another */
extern const beam_dofn bm_empty_group_fn, bm_mark_fn, bm_choose_fn;

/* The threshold on failed elements, on counts KV<INT64 failed, INT64 all>. */
extern const beam_dofn bm_count_failed_fn, bm_count_any_fn;
extern const beam_combine bm_count_pairs;
extern const beam_dofn bm_check_failures_fn; /* config: the largest share, a double */

extern const beam_dofn bm_explode_fn; /* ITERABLE<T> -> T, each of the values */

/* GroupIntoBatches.
 *   batch: KV<K, V> -> KV<K, ITERABLE<V>>; config: varints elements, bytes, waiting ms
 *   shard: KV<K, V> -> KV<KV<K, BYTES>, V> */
extern const beam_dofn bm_batch_fn, bm_shard_fn;

/* Latest: KV<K, V> -> KV<K, KV<INT64 timestamp, V>>, and back from the ITERABLE of a top.
 * Distinct: KV<T, INT64> -> T, once a window. Wait: T -> T, with side input "signal". */
extern const beam_dofn bm_stamp_fn, bm_unstamp_fn, bm_first_pane_fn, bm_wait_fn;

/* CombinePerKey in two steps; see fanout.c. Config of the CombineFns: a bm_fn_spec.
 *   spread: KV<K, V> -> KV<KV<K, INT64>, V>, config varint n;   gather: the key back */
extern const beam_combine bm_fanout_parts_combine, bm_fanout_whole_combine;
extern const beam_dofn bm_fanout_spread_fn, bm_fanout_gather_fn;

/* n values chosen at random, and n quantiles. Config: varint n. */
extern const beam_combine bm_sample_combine, bm_quantiles_combine;

/* PeriodicImpulse: BYTES -> INT64, splittable. Config: bm_periodic_encode's. */
extern const beam_dofn bm_periodic_fn;

/* The n largest or smallest values. Config: varints n and beam_order. */
extern const beam_combine bm_top_combine;

#endif
