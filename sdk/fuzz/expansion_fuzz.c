/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: the input is what an expansion service answers to each of three external
 * transforms. The pipeline is then an error with a sentence, or one in which everything
 * that is referred to is there. corpus/expansion has answers to start from. */
#include <stdlib.h>

#include "graph/graph.h"
#include "proto/model.h"
#include "proto/to_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
    if (!(condition)) abort()

#define RECORD BEAM_KV(BEAM_NULLABLE(BEAM_BYTES), BEAM_NULLABLE(BEAM_BYTES))

static beam_status drop(beam_ctx *c, beam_value in)
{
    (void)c, (void)in;
    return BEAM_OK;
}
static const beam_dofn decode_fn = { .name = "fuzz.decode",
                                     .in = RECORD,
                                     .out = BEAM_KV(BEAM_BYTES, BEAM_BYTES),
                                     .process = drop };
static const beam_dofn records_fn = { .name = "fuzz.records",
                                      .in = BEAM_BYTES,
                                      .out = RECORD,
                                      .process = drop };

static beam_pcoll *read_records(beam_pipeline *p, const char *name)
{
    beam_pcoll *out[1];
    const beam_external_opts opts = { .urn = "test:read:v1",
                                      .output_tags = { "output" },
                                      .output_types = { RECORD } };
    beam_external(p, name, &opts, out);
    return out[0];
}

/* Two reads whose ids clash, and steps behind the first. */
static void build_reads(beam_pipeline *p)
{
    beam_pcoll *records = read_records(p, "Read");
    beam_group_by_key(beam_par_do(records, "Decode", &decode_fn), "Group");
    read_records(p, "Read2");
}

static void build_write(beam_pipeline *p)
{
    beam_pcoll *records = beam_par_do(beam_impulse(p, "Impulse"), "Records", &records_fn);
    const beam_external_opts opts = { .urn = "test:write:v1",
                                      .inputs = { records },
                                      .input_tags = { "input" } };
    beam_external(p, "Write", &opts, NULL);
}

/* -- the pipeline that came of it -------------------------------------------------- */
#define HAS(c, list, id)                                                                 \
    for (size_t i_ = 0; i_ < (c)->n_##list; i_++)                                        \
        if (!strcmp((c)->list[i_]->key, (id))) return true;                              \
    return false

static bool has_transform(const bm_pb_components *c, const char *id)
{
    HAS(c, transforms, id);
}
static bool has_pcoll(const bm_pb_components *c, const char *id)
{
    HAS(c, pcollections, id);
}
static bool has_coder(const bm_pb_components *c, const char *id)
{
    HAS(c, coders, id);
}
static bool has_windowing(const bm_pb_components *c, const char *id)
{
    HAS(c, windowing_strategies, id);
}
static bool has_environment(const bm_pb_components *c, const char *id)
{
    HAS(c, environments, id);
}

static void check_transform(const bm_pb_components *c, const bm_pb_transform *t)
{
    for (size_t i = 0; i < t->n_subtransforms; i++)
        CHECK(has_transform(c, t->subtransforms[i]));
    for (size_t i = 0; i < t->n_inputs; i++) CHECK(has_pcoll(c, t->inputs[i]->value));
    for (size_t i = 0; i < t->n_outputs; i++) CHECK(has_pcoll(c, t->outputs[i]->value));
    CHECK(!*t->environment_id || has_environment(c, t->environment_id));
}

static void check_whole(bm_arena *arena, beam_span bytes)
{
    const bm_pb_pipeline *m = (const bm_pb_pipeline *)bm_pb_unpack(
        arena, &pb__pipeline__descriptor, bytes, BM_PB_MAX_DEPTH);
    CHECK(m && m->components);
    const bm_pb_components *c = m->components;
    for (size_t i = 0; i < m->n_root_transform_ids; i++)
        CHECK(has_transform(c, m->root_transform_ids[i]));
    for (size_t i = 0; i < c->n_transforms; i++)
        check_transform(c, c->transforms[i]->value);
    for (size_t i = 0; i < c->n_pcollections; i++) {
        CHECK(has_coder(c, c->pcollections[i]->value->coder_id));
        CHECK(has_windowing(c, c->pcollections[i]->value->windowing_strategy_id));
    }
    for (size_t i = 0; i < c->n_windowing_strategies; i++)
        CHECK(has_coder(c, c->windowing_strategies[i]->value->window_coder_id));
    for (size_t i = 0; i < c->n_coders; i++)
        for (size_t j = 0; j < c->coders[i]->value->n_component_coder_ids; j++)
            CHECK(has_coder(c, c->coders[i]->value->component_coder_ids[j]));
}

static beam_status answer(void *self, const char *address, beam_span request,
                          bm_arena *arena, beam_span *response, beam_error *err)
{
    (void)address, (void)request, (void)arena, (void)err;
    *response = *(const beam_span *)self;
    return BEAM_OK;
}

static void run(void (*build)(beam_pipeline *p), beam_span response)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    beam_pipeline *p = beam_pipeline_new();
    build(p);
    CHECK(!beam_pipeline_error(p));
    const bm_expander expander = { .self = &response, .expand = answer };
    const bm_environment env = { .urn = "beam:env:external:v1" };
    beam_error err = { .status = BEAM_OK };
    beam_span bytes;
    if (bm_pipeline_to_proto(p, &env, &expander, &arena, &bytes, &err) == BEAM_OK)
        check_whole(&arena, bytes);
    else
        CHECK(err.status != BEAM_OK && err.message[0]);
    beam_pipeline_free(p);
    bm_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    beam_span response = { (const char *)data, size };
    run(build_reads, response);
    run(build_write, response);
    return 0;
}
