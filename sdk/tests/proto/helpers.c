/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of proto/ share. */
#include "base/map.h"
#include "proto_test.h"

static beam_status canned_expand(void *self, const char *address, beam_span request,
                                 bm_arena *arena, beam_span *response, beam_error *err)
{
    (void)err;
    canned *c = self;
    c->calls++;
    c->address = address;
    c->request = (bm_pb_expansion_request *)bm_pb_unpack(
        arena, &pb__expansion_request__descriptor, request, 1000);
    ck_assert_ptr_nonnull(c->request);
    *response = c->response;
    return BEAM_OK;
}

static beam_status canned_environment(void *self, const char *address, bm_arena *arena,
                                      bm_environment *env, beam_error *err)
{
    (void)address;
    (void)arena;
    (void)err;
    canned *c = self;
    c->environments++;
    env->urn = "beam:env:external:v1";
    env->payload = beam_span_of("settled");
    env->n_artifacts = 0;
    return BEAM_OK;
}

bm_expander canned_expander(canned *c)
{
    return (bm_expander){ c, canned_expand, canned_environment };
}

static beam_status to_bytes(beam_pipeline *p, const bm_expander *expander,
                            bm_arena *arena, beam_span *bytes, beam_error *err)
{
    bm_environment env = { .urn = "beam:env:external:v1",
                           .payload = bm_external_payload(arena, "localhost:5555") };
    return bm_pipeline_to_proto(p, &env, expander, arena, bytes, err);
}

bm_pb_pipeline *proto_of(beam_pipeline *p, const bm_expander *expander, bm_arena *arena)
{
    beam_error err = { BEAM_OK, "" };
    beam_span bytes = { NULL, 0 };
    ck_assert_msg(to_bytes(p, expander, arena, &bytes, &err) == BEAM_OK, "%s",
                  err.message);
    bm_pb_pipeline *m = (bm_pb_pipeline *)bm_pb_unpack(arena, &pb__pipeline__descriptor,
                                                       bytes, 1000);
    ck_assert_ptr_nonnull(m);
    check_whole(m);
    return m;
}

const char *failure_of(beam_pipeline *p, const bm_expander *expander, bm_arena *arena)
{
    beam_error err = { BEAM_OK, "" };
    beam_span bytes = { NULL, 0 };
    beam_status status = to_bytes(p, expander, arena, &bytes, &err);
    ck_assert_int_ne(status, BEAM_OK);
    ck_assert_int_eq(err.status, status);
    return bm_strdup(arena, err.message);
}

#define FIND(m, list, id)                                                                \
    for (size_t i_ = 0; i_ < (m)->components->n_##list; i_++)                            \
        if (!strcmp((m)->components->list[i_]->key, (id)))                               \
            return (m)->components->list[i_]->value;                                     \
    return NULL

bm_pb_transform *transform_of(const bm_pb_pipeline *m, const char *id)
{
    FIND(m, transforms, id);
}

bm_pb_pcoll *pcoll_of(const bm_pb_pipeline *m, const char *id)
{
    FIND(m, pcollections, id);
}

bm_pb_coder *coder_of(const bm_pb_pipeline *m, const char *id)
{
    FIND(m, coders, id);
}

bm_pb_windowing *windowing_of(const bm_pb_pipeline *m, const char *id)
{
    FIND(m, windowing_strategies, id);
}

bm_pb_environment *environment_of(const bm_pb_pipeline *m, const char *id)
{
    FIND(m, environments, id);
}

const char *input_of(const bm_pb_transform *t, const char *tag)
{
    for (size_t i = 0; i < t->n_inputs; i++)
        if (!strcmp(t->inputs[i]->key, tag)) return t->inputs[i]->value;
    return NULL;
}

const char *output_of(const bm_pb_transform *t, const char *tag)
{
    for (size_t i = 0; i < t->n_outputs; i++)
        if (!strcmp(t->outputs[i]->key, tag)) return t->outputs[i]->value;
    return NULL;
}

static void check_transform(const bm_pb_pipeline *m, const char *id,
                            const bm_pb_transform *t)
{
    ck_assert_msg(t->n_subtransforms || (t->spec && *t->spec->urn), "%s: no URN", id);
    for (size_t i = 0; i < t->n_subtransforms; i++)
        ck_assert_msg(transform_of(m, t->subtransforms[i]) != NULL, "%s in %s",
                      t->subtransforms[i], id);
    for (size_t i = 0; i < t->n_inputs; i++)
        ck_assert_msg(pcoll_of(m, t->inputs[i]->value) != NULL, "%s of %s",
                      t->inputs[i]->value, id);
    for (size_t i = 0; i < t->n_outputs; i++)
        ck_assert_msg(pcoll_of(m, t->outputs[i]->value) != NULL, "%s of %s",
                      t->outputs[i]->value, id);
    ck_assert_msg(!*t->environment_id || environment_of(m, t->environment_id), "%s of %s",
                  t->environment_id, id);
}

static void check_name(bm_map *names, const char *name)
{
    ck_assert_str_ne(name, "");
    ck_assert_msg(!bm_map_get(names, beam_span_of(name)), "two of name %s", name);
    bm_map_put(names, beam_span_of(name), names);
}

void check_whole(const bm_pb_pipeline *m)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_map transform_names, pcoll_names;
    bm_map_init(&transform_names, &arena);
    bm_map_init(&pcoll_names, &arena);
    const bm_pb_components *c = m->components;
    for (size_t i = 0; i < m->n_root_transform_ids; i++)
        ck_assert_ptr_nonnull(transform_of(m, m->root_transform_ids[i]));
    for (size_t i = 0; i < c->n_transforms; i++) {
        check_name(&transform_names, c->transforms[i]->value->unique_name);
        check_transform(m, c->transforms[i]->key, c->transforms[i]->value);
    }
    for (size_t i = 0; i < c->n_pcollections; i++) {
        const bm_pb_pcoll *p = c->pcollections[i]->value;
        check_name(&pcoll_names, p->unique_name);
        ck_assert_msg(coder_of(m, p->coder_id) != NULL, "coder %s", p->coder_id);
        ck_assert_ptr_nonnull(windowing_of(m, p->windowing_strategy_id));
        ck_assert_int_ne(p->is_bounded, PB__IS_BOUNDED__ENUM__UNSPECIFIED);
    }
    for (size_t i = 0; i < c->n_coders; i++)
        for (size_t j = 0; j < c->coders[i]->value->n_component_coder_ids; j++)
            ck_assert_ptr_nonnull(
                coder_of(m, c->coders[i]->value->component_coder_ids[j]));
    for (size_t i = 0; i < c->n_windowing_strategies; i++) {
        const bm_pb_windowing *w = c->windowing_strategies[i]->value;
        ck_assert_ptr_nonnull(coder_of(m, w->window_coder_id));
        ck_assert_ptr_nonnull(environment_of(m, w->environment_id));
    }
    bm_arena_free(&arena);
}

static const char *short_urn(bm_arena *arena, const bm_pb_transform *t)
{
    if (!t->spec || !*t->spec->urn) return "-";
    const char *urn = t->spec->urn;
    const char *prefix = "beam:transform:";
    if (!strncmp(urn, prefix, strlen(prefix))) urn += strlen(prefix);
    return bm_cstr(arena, (beam_span){ urn, strlen(urn) });
}

static const char *transform_text(bm_arena *arena, const char *id,
                                  const bm_pb_transform *t)
{
    const char *text = bm_format(arena, "%s: %s", id, short_urn(arena, t));
    if (*t->environment_id) text = bm_format(arena, "%s @%s", text, t->environment_id);
    for (size_t i = 0; i < t->n_inputs; i++)
        text = bm_format(arena, "%s <%s=%s", text, t->inputs[i]->key,
                         t->inputs[i]->value);
    for (size_t i = 0; i < t->n_outputs; i++)
        text = bm_format(arena, "%s >%s=%s", text, t->outputs[i]->key,
                         t->outputs[i]->value);
    for (size_t i = 0; i < t->n_subtransforms; i++)
        text = bm_format(arena, "%s [%s]", text, t->subtransforms[i]);
    return text;
}

const char *text_of(bm_arena *arena, const bm_pb_pipeline *m)
{
    const char *text = "";
    const bm_pb_components *c = m->components;
    for (size_t i = 0; i < m->n_root_transform_ids; i++)
        text = bm_format(arena, "%sroot %s\n", text, m->root_transform_ids[i]);
    for (size_t i = 0; i < c->n_transforms; i++)
        text = bm_format(
            arena, "%s%s\n", text,
            transform_text(arena, c->transforms[i]->key, c->transforms[i]->value));
    for (size_t i = 0; i < c->n_pcollections; i++) {
        const bm_pb_pcoll *p = c->pcollections[i]->value;
        text = bm_format(arena, "%s%s = %s, %s%s\n", text, c->pcollections[i]->key,
                         p->coder_id, p->windowing_strategy_id,
                         p->is_bounded == PB__IS_BOUNDED__ENUM__BOUNDED ? ""
                                                                        : ", unbounded");
    }
    return text;
}

int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
