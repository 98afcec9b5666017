/* SPDX-License-Identifier: Apache-2.0 */
/* Java's PerKeyOrderingTest: elements of a key keep their order, in a bundle and through
 * a shuffle. */
#include "java.h"

enum { KEYS = 10, VALUES = 18 };
/* In no order that a sort would give. */
static const int64_t sequence[VALUES] = { 3,  -8, 123456789, 0, 7,  -1, -5, 8, 2,
                                          -7, 6,  -3,        1, -6, 5,  -2, 4, -4 };

#define STRING_INT BEAM_KV(BEAM_STRING, BEAM_INT64)
enum { AT };
static const beam_state_spec at_state[] = { [AT] = BEAM_VALUE_STATE("at", BEAM_INT64) };

/* One "true" a key after the whole sequence, or one "false" where it is not in order. */
static beam_status verify(beam_ctx *c, beam_value in)
{
    int64_t at = beam_as_int64(beam_state_read(c, AT));
    if (at < 0) return BEAM_OK;
    if (at >= VALUES)
        return beam_fail(c, BEAM_EUSER, "more than %d elements of a key", VALUES);
    bool right = beam_as_int64(beam_val(in)) == sequence[at];
    BEAM_TRY(beam_state_write(c, AT, beam_int64(right ? at + 1 : -1)));
    if (right && at + 1 < VALUES) return BEAM_OK;
    return beam_emit_kv(c, beam_key(in), beam_bool(right));
}
static const beam_dofn verify_fn = { .name = "java.verify_order",
                                     .in = STRING_INT,
                                     .out = BEAM_KV(BEAM_STRING, BEAM_BOOL),
                                     .states = BEAM_TABLE(at_state),
                                     .process = verify };

/* -- all from one call --------------------------------------------------------------- */
static beam_status emit_keys(beam_ctx *c, beam_value in)
{
    (void)in;
    for (int i = 1; i <= KEYS; i++)
        BEAM_TRY(beam_emit_kv(c, beam_string(beam_format(c, "k%d", i)), beam_int64(0)));
    return BEAM_OK;
}
static const beam_dofn emit_keys_fn = { .name = "java.emit_ordered_keys",
                                        .in = BEAM_ANY,
                                        .out = STRING_INT,
                                        .process = emit_keys };
static beam_status emit_sequence(beam_ctx *c, beam_value in)
{
    for (int i = 0; i < VALUES; i++)
        BEAM_TRY(beam_emit_kv(c, beam_key(in), beam_int64(sequence[i])));
    return BEAM_OK;
}
static const beam_dofn emit_sequence_fn = { .name = "java.emit_sequence",
                                            .in = STRING_INT,
                                            .out = STRING_INT,
                                            .process = emit_sequence };

static void assert_ordered(beam_pcoll *in)
{
    beam_assert_that(beam_par_do(in, "Verify", &verify_fn), "Out",
                     .lines =
                         "k1: true\nk2: true\nk3: true\nk4: true\nk5: true\nk6: true\n"
                         "k7: true\nk8: true\nk9: true\nk10: true");
}
static beam_pcoll *sequences(beam_pipeline *p)
{
    beam_pcoll *keys = beam_par_do(beam_impulse(p, "Impulse"), "Keys", &emit_keys_fn);
    keys = beam_reshuffle(keys, "ShuffleKeys");
    return beam_par_do(keys, "Sequence", &emit_sequence_fn);
}
static void single_call(beam_pipeline *p)
{
    assert_ordered(sequences(p));
}
static void single_call_shuffled(beam_pipeline *p)
{
    assert_ordered(beam_reshuffle(sequences(p), "Shuffle"));
}

/* -- one from each call, of an unbounded source -------------------------------------- */
static beam_status emit_next(beam_ctx *c, beam_value in)
{
    int64_t at = beam_as_int64(beam_state_read(c, AT));
    if (at >= VALUES) return BEAM_OK;
    BEAM_TRY(beam_state_write(c, AT, beam_int64(at + 1)));
    return beam_emit_kv(c, beam_key(in), beam_int64(sequence[at]));
}
static const beam_dofn emit_next_fn = { .name = "java.emit_next",
                                        .in = STRING_INT,
                                        .out = STRING_INT,
                                        .states = BEAM_TABLE(at_state),
                                        .process = emit_next };

static beam_pcoll *periodic_keys(beam_pipeline *p)
{
    beam_pcoll *ticks = beam_periodic_impulse(p, "Ticks", 0, beam_seconds(VALUES),
                                              beam_seconds(1));
    return beam_par_do(ticks, "Keys", &emit_keys_fn);
}
static void stateful(beam_pipeline *p)
{
    assert_ordered(beam_par_do(periodic_keys(p), "Sequence", &emit_next_fn));
}
static void stateful_shuffled(beam_pipeline *p)
{
    beam_pcoll *keys = beam_reshuffle(periodic_keys(p), "ShuffleKeys");
    beam_pcoll *out = beam_par_do(keys, "Sequence", &emit_next_fn);
    assert_ordered(beam_reshuffle(out, "Shuffle"));
}

#define O(name) "PerKeyOrderingTest." name
#define IN_BUNDLE "UsesPerKeyOrderInBundle,UsesStatefulParDo"
#define DELIVERY "UsesPerKeyOrderedDelivery,UsesStatefulParDo"
static const suite_test tests[] = {
    TEST(O("testSingleCallOrderingWithoutShuffle"), IN_BUNDLE, single_call,
         .needs = NEEDS_STATE),
    TEST(O("testSingleCallOrderingWithShuffle"), DELIVERY, single_call_shuffled,
         .needs = NEEDS_STATE),
    TEST(O("testMultipleStatefulOrderingWithoutShuffle"), IN_BUNDLE, stateful,
         .needs = NEEDS_STATE | NEEDS_SDF | NEEDS_UNBOUNDED),
    TEST(O("testMultipleStatefulOrderingWithShuffle"), DELIVERY, stateful_shuffled,
         .needs = NEEDS_STATE | NEEDS_SDF | NEEDS_UNBOUNDED),
};
SUITE_TABLE(java_ordering, "java", tests);
