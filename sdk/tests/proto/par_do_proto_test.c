/* SPDX-License-Identifier: Apache-2.0 */
/* ParDoPayload: states, timers, and what they require of the runner. */
#include "fns/fn_spec.h"
#include "proto/builder.h"
#include "proto_test.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

static beam_status process(beam_ctx *c, beam_value in)
{
    return BEAM_OK;
}
static beam_status on_timer(beam_ctx *c, const beam_timer *timer)
{
    return BEAM_OK;
}
static beam_status on_expiration(beam_ctx *c, beam_value key)
{
    return BEAM_OK;
}

static const beam_state_spec states[] = {
    BEAM_VALUE_STATE("value", BEAM_INT64),
    BEAM_BAG_STATE("bag", BEAM_ANY),
    BEAM_COMBINING_STATE("sum", &beam_sum_int64),
    BEAM_SET_STATE("set", BEAM_STRING),
    BEAM_MAP_STATE("map", BEAM_STRING, BEAM_INT64),
    BEAM_MULTIMAP_STATE("multimap", BEAM_STRING, BEAM_INT64),
    BEAM_ORDERED_LIST_STATE("list", BEAM_STRING),
};
static const beam_timer_spec timers[] = { { "event", BEAM_EVENT_TIME },
                                          { "processing", BEAM_PROCESSING_TIME } };
#define KEYED(variable, ...)                        \
    static const beam_dofn variable = {             \
        .name = "t.fn",                             \
        .in = BEAM_KV(BEAM_STRING, BEAM_DOUBLE),    \
        .states = BEAM_TABLE(states),               \
        .timers = BEAM_TABLE(timers),               \
        .process = process,                         \
        .on_timer = on_timer,                       \
        __VA_ARGS__                                 \
    }
KEYED(plain_fn, .self_size = 0);
KEYED(full_fn, .on_window_expiration = on_expiration,
      .flags = BEAM_TIME_SORTED_INPUT | BEAM_STABLE_INPUT);

static bm_arena arena;
static bm_pb_pipeline *m;

/* The payload of a ParDo over fixed windows. */
static const bm_pb_par_do *payload_of(const beam_dofn *fn, bool has_all_protocols)
{
    beam_pipeline *p = beam_pipeline_new();
    p->has_multimap_state = p->has_ordered_list_state = has_all_protocols;
    beam_pcoll *in = beam_create(p, "In", fn->in, NULL, 0);
    beam_par_do(beam_window_into(in, "Windows", beam_fixed(1000)), "Do", fn);
    m = proto_of(p, NULL, &arena);
    beam_pipeline_free(p);
    const bm_pb_par_do *payload = (const bm_pb_par_do *)bm_pb_unpack(
        &arena, &pb__par_do_payload__descriptor,
        bm_pb_span(transform_of(m, "Do")->spec->payload), 20);
    ck_assert_ptr_nonnull(payload);
    return payload;
}

static const char *state_text(const Pb__StateSpec *s)
{
    const char *coders = "?";
    switch (s->spec_case) {
    case PB__STATE_SPEC__SPEC_READ_MODIFY_WRITE_SPEC:
        coders = bm_format(&arena, "value %s", s->read_modify_write_spec->coder_id);
        break;
    case PB__STATE_SPEC__SPEC_BAG_SPEC:
        coders = bm_format(&arena, "bag %s", s->bag_spec->element_coder_id);
        break;
    case PB__STATE_SPEC__SPEC_COMBINING_SPEC:
        coders = bm_format(&arena, "combining %s %s", s->combining_spec->accumulator_coder_id,
                           s->combining_spec->combine_fn->urn);
        break;
    case PB__STATE_SPEC__SPEC_MULTIMAP_SPEC:
        coders = bm_format(&arena, "multimap %s %s", s->multimap_spec->key_coder_id,
                           s->multimap_spec->value_coder_id);
        break;
    case PB__STATE_SPEC__SPEC_ORDERED_LIST_SPEC:
        coders = bm_format(&arena, "list %s", s->ordered_list_spec->element_coder_id);
        break;
    default: break;
    }
    const char *urn = s->protocol->urn + strlen("beam:user_state:");
    return bm_format(&arena, "%s, %s", coders, urn);
}

static const char *states_text(const bm_pb_par_do *payload)
{
    const char *text = "";
    for (size_t i = 0; i < payload->n_state_specs; i++)
        text = bm_format(&arena, "%s%s: %s\n", text, payload->state_specs[i]->key,
                         state_text(payload->state_specs[i]->value));
    return text;
}

static const char *timers_text(const bm_pb_par_do *payload)
{
    const char *text = "";
    for (size_t i = 0; i < payload->n_timer_family_specs; i++) {
        const Pb__TimerFamilySpec *t = payload->timer_family_specs[i]->value;
        text = bm_format(&arena, "%s%s: %d %s\n", text, payload->timer_family_specs[i]->key,
                         (int)t->time_domain, t->timer_family_coder_id);
    }
    return text;
}

static const char *requirements(void)
{
    const char *text = "";
    for (size_t i = 0; i < m->n_requirements; i++)
        text = bm_format(&arena, "%s%s\n", text, m->requirements[i]);
    return text;
}

START_TEST(bags_do_for_every_kind)
{
    const bm_pb_par_do *payload = payload_of(&plain_fn, false);
    ck_assert_str_eq(states_text(payload),
                     "value: value varint, bag:v1\n"
                     "bag: bag double, bag:v1\n"
                     "sum: combining varint " BM_URN_COMBINE_FN ", bag:v1\n"
                     "set: bag kv<string,bool>, bag:v1\n"
                     "map: bag kv<string,nullable<varint>>, bag:v1\n"
                     "multimap: bag kv<string,nullable<varint>>, bag:v1\n"
                     "list: bag kv<varint,kv<varint,nullable<string>>>, bag:v1\n");
    ck_assert_str_eq(timers_text(payload), "event: 1 timer<string,interval_window>\n"
                                           "processing: 2 timer<string,interval_window>\n");
    ck_assert_str_eq(requirements(), "beam:requirement:pardo:stateful:v1\n");
    ck_assert(!payload->requires_time_sorted_input && !payload->requires_stable_input);
}
END_TEST

START_TEST(a_runner_may_have_protocols_for_maps_and_lists)
{
    const bm_pb_par_do *payload = payload_of(&plain_fn, true);
    ck_assert_ptr_nonnull(strstr(states_text(payload),
                                 "set: multimap string bool, multimap:v1\n"
                                 "map: multimap string varint, multimap:v1\n"
                                 "multimap: multimap string varint, multimap:v1\n"
                                 "list: list length_prefix<string>, ordered_list:v1\n"));
}
END_TEST

START_TEST(the_worker_sorts_and_tells_the_end_of_windows)
{
    const bm_pb_par_do *payload = payload_of(&full_fn, false);
    ck_assert_ptr_nonnull(strstr(states_text(payload),
                                 BM_SORTED_STATE ": bag windowed<double,interval_window>"));
    ck_assert_ptr_nonnull(strstr(timers_text(payload), BM_EXPIRATION_FAMILY ": 1 "));
    ck_assert_ptr_nonnull(strstr(timers_text(payload), BM_SORTED_FAMILY ": 1 "));
    ck_assert_str_eq(payload->on_window_expiration_timer_family_spec, "");
    ck_assert(!payload->requires_time_sorted_input && payload->requires_stable_input);
    ck_assert_str_eq(requirements(), "beam:requirement:pardo:stateful:v1\n"
                                     "beam:requirement:pardo:stable_input:v1\n");
}
END_TEST

static void set_up(void)
{
    bm_arena_init(&arena, 0);
}
static void tear_down(void)
{
    bm_arena_free(&arena);
}

int main(void)
{
    Suite *suite = suite_create("par_do_proto");
    TCase *tests = tcase_create("par_do_proto");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, bags_do_for_every_kind);
    tcase_add_test(tests, a_runner_may_have_protocols_for_maps_and_lists);
    tcase_add_test(tests, the_worker_sorts_and_tells_the_end_of_windows);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
