/* SPDX-License-Identifier: Apache-2.0 */
/* TestStreamPayload: events in their order, elements as runners want them. */
#include "beam/testing.h"
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

static const Pb__TestStreamPayload *payload(const char *transform)
{
    const bm_pb_transform *t = transform_of(proto_of(p, NULL, &arena), transform);
    ck_assert_str_eq(t->spec->urn, "beam:transform:teststream:v1");
    ck_assert_uint_eq(t->n_inputs, 0);
    ck_assert_str_eq(t->environment_id, "");
    const Pb__TestStreamPayload *m = (const Pb__TestStreamPayload *)
        bm_pb_unpack(&arena, &pb__test_stream_payload__descriptor,
                     bm_pb_span(t->spec->payload), BM_PB_MAX_DEPTH);
    ck_assert_ptr_nonnull(m);
    return m;
}

START_TEST(events)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_STRING);
    const beam_timestamped two[] = { { beam_string(beam_span_of("a")), 5 },
                                     { beam_string(beam_span_of("bc")), 7 } };
    beam_test_stream_add_all(ts, two, 2);
    beam_test_stream_watermark(ts, 10);
    beam_test_stream_processing_time(ts, 300);
    beam_pcoll *out = beam_test_stream_end(ts);
    ck_assert(!out->bounded);

    const Pb__TestStreamPayload *m = payload("Stream/Events");
    ck_assert_str_eq(m->coder_id, "string");
    ck_assert_uint_eq(m->n_events, 4);
    const Pb__TestStreamPayload__Event__AddElements *added = m->events[0]->element_event;
    ck_assert_uint_eq(added->n_elements, 2);
    /* The outer context: no length before the text. */
    ck_assert_uint_eq(added->elements[1]->encoded_element.len, 2);
    ck_assert_mem_eq(added->elements[1]->encoded_element.data, "bc", 2);
    ck_assert_int_eq(added->elements[1]->timestamp, 7);
    ck_assert_int_eq(m->events[1]->watermark_event->new_watermark, 10);
    ck_assert_int_eq(m->events[2]->processing_time_event->advance_duration, 300);
    ck_assert_int_eq(m->events[3]->watermark_event->new_watermark, BEAM_MAX_TIMESTAMP);
}
END_TEST

/* What a runner would have to wrap goes as bytes, and a step behind decodes it. */
START_TEST(types_that_runners_do_not_know)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_NULLABLE(BEAM_INT64));
    beam_test_stream_add(ts, beam_null(), 0);
    beam_pcoll *out = beam_test_stream_end(ts);
    ck_assert_int_eq(out->type->kind, BEAM_KIND_NULLABLE);
    const Pb__TestStreamPayload *m = payload("Stream/Events");
    ck_assert_str_eq(m->coder_id, "bytes");
    ck_assert_uint_eq(m->events[0]->element_event->elements[0]->encoded_element.len, 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("proto/test_stream_proto");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, events);
    tcase_add_test(tests, types_that_runners_do_not_know);
    suite_add_tcase(s, tests);
    return run_suite(s);
}
