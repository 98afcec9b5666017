/* SPDX-License-Identifier: Apache-2.0 */
/* Splittable DoFns and bundle finalization in the proto. */
#include "beam/splittable.h"

#include "beam_urns.h"
#include "proto_test.h"

static bm_arena arena;
static beam_pipeline *p;

static void set_up(void)
{
    bm_arena_init(&arena, 0);
    p = beam_pipeline_new();
}

static void tear_down(void)
{
    beam_pipeline_free(p);
    bm_arena_free(&arena);
}

static beam_status pass(beam_ctx *c, beam_value in)
{
    return beam_emit(c, in);
}
static beam_value initial(beam_ctx *c, beam_value in)
{
    (void)c;
    return in;
}

static const beam_sdf offsets = { .tracker = &beam_offset_tracker, .initial = initial,
                                  .unbounded = true };
static const beam_sdf piece = { .tracker = &beam_unsplittable_tracker, .initial = initial };
static const beam_dofn offsets_fn = { .name = "test.offsets", .in = BEAM_BYTES,
                                      .out = BEAM_BYTES, .process = pass, .sdf = &offsets };
static const beam_dofn piece_fn = { .name = "test.piece", .in = BEAM_BYTES,
                                    .out = BEAM_BYTES, .process = pass, .sdf = &piece };
static const beam_dofn final_fn = { .name = "test.final", .in = BEAM_BYTES,
                                    .out = BEAM_BYTES, .process = pass,
                                    .flags = BEAM_FINALIZES };
static const beam_dofn plain_fn = { .name = "test.plain", .in = BEAM_BYTES,
                                    .out = BEAM_BYTES, .process = pass };

static bm_pb_par_do *payload_of(const bm_pb_pipeline *m, const char *id)
{
    const ProtobufCBinaryData *bytes = &transform_of(m, id)->spec->payload;
    return (bm_pb_par_do *)bm_pb_unpack(&arena, &pb__par_do_payload__descriptor,
                                        (beam_span){ (const char *)bytes->data, bytes->len },
                                        1000);
}

static bool requires(const bm_pb_pipeline *m, const char *urn)
{
    for (size_t i = 0; i < m->n_requirements; i++)
        if (!strcmp(m->requirements[i], urn)) return true;
    return false;
}

START_TEST(a_restriction_travels_with_its_watermark)
{
    beam_par_do(beam_impulse(p, "Impulse"), "Read", &offsets_fn);
    bm_pb_pipeline *m = proto_of(p, NULL, &arena);
    check_whole(m);
    ck_assert_str_eq(payload_of(m, "Read")->restriction_coder_id,
                     "kv<kv<varint,varint>,varint>");
    ck_assert_ptr_nonnull(coder_of(m, "kv<kv<varint,varint>,varint>"));
    ck_assert(!payload_of(m, "Read")->requests_finalization);
    ck_assert(requires(m, BEAM_URN_REQUIREMENT_PARDO_SPLITTABLE_DOFN));
    ck_assert(!requires(m, BEAM_URN_REQUIREMENT_PARDO_FINALIZATION));
    ck_assert_int_eq(pcoll_of(m, "Impulse.out")->is_bounded, PB__IS_BOUNDED__ENUM__BOUNDED);
    ck_assert_int_eq(pcoll_of(m, "Read.out")->is_bounded, PB__IS_BOUNDED__ENUM__UNBOUNDED);
}
END_TEST

START_TEST(finalization_is_requested)
{
    beam_par_do(beam_impulse(p, "Impulse"), "Final", &final_fn);
    bm_pb_pipeline *m = proto_of(p, NULL, &arena);
    ck_assert(payload_of(m, "Final")->requests_finalization);
    ck_assert_str_eq(payload_of(m, "Final")->restriction_coder_id, "");
    ck_assert(requires(m, BEAM_URN_REQUIREMENT_PARDO_FINALIZATION));
    ck_assert(!requires(m, BEAM_URN_REQUIREMENT_PARDO_SPLITTABLE_DOFN));
}
END_TEST

START_TEST(other_pardos_require_nothing)
{
    beam_par_do(beam_impulse(p, "Impulse"), "Plain", &plain_fn);
    ck_assert_uint_eq(proto_of(p, NULL, &arena)->n_requirements, 0);
}
END_TEST

/* Java's runners name the coder of KV<element, restriction> after the element's. */
START_TEST(other_restrictions_have_other_input_coders)
{
    beam_par_do(beam_impulse(p, "I1"), "One", &offsets_fn);
    beam_par_do(beam_impulse(p, "I2"), "Same", &offsets_fn);
    beam_par_do(beam_impulse(p, "I3"), "Other", &piece_fn);
    beam_par_do(beam_impulse(p, "I4"), "Plain", &plain_fn);
    bm_pb_pipeline *m = proto_of(p, NULL, &arena);
    check_whole(m);
    ck_assert_str_eq(pcoll_of(m, "I1.out")->coder_id, "bytes");
    ck_assert_str_eq(pcoll_of(m, "I2.out")->coder_id, "bytes");
    ck_assert_str_eq(pcoll_of(m, "I3.out")->coder_id, "bytes (splittable 2)");
    ck_assert_str_eq(pcoll_of(m, "I4.out")->coder_id, "bytes");
    ck_assert_str_eq(coder_of(m, "bytes (splittable 2)")->spec->urn, BEAM_URN_CODER_BYTES);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("proto/splittable");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_add_test(all, a_restriction_travels_with_its_watermark);
    tcase_add_test(all, finalization_is_requested);
    tcase_add_test(all, other_pardos_require_nothing);
    tcase_add_test(all, other_restrictions_have_other_input_coders);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
