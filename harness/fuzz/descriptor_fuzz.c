/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: the input is a ProcessBundleDescriptor. It becomes a plan or an error with a
 * message; a plan then runs a bundle of noise. corpus/descriptor has descriptors to start
 * from. */
#include <stdlib.h>

#include "exec/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
    if (!(condition)) abort()

static beam_status pass(beam_ctx *c, beam_value in)
{
    return beam_emit(c, in);
}
static const beam_dofn pass_fn = {
    .name = "test.pass", .in = BEAM_ANY, .out = BEAM_ANY, .process = pass
};

static beam_status text(beam_ctx *c, beam_value in)
{
    return beam_emit(c, in);
}
static const beam_dofn text_fn = {
    .name = "test.fail", .in = BEAM_STRING, .out = BEAM_STRING, .process = text
};

/* Reads an iterable twice. */
static beam_status twice(beam_ctx *c, beam_value in)
{
    for (int i = 0; i < 2; i++)
        for (beam_value v; beam_next(beam_as_iter(beam_val(in)), &v);)
            ;
    return beam_emit(c, beam_key(in));
}
static const beam_dofn twice_fn = { .name = "test.twice",
                                    .in = BEAM_KV(BEAM_STRING,
                                                  BEAM_ITERABLE(BEAM_STRING)),
                                    .out = BEAM_STRING,
                                    .process = twice };

typedef struct world {
    bool given;
    int gets;
} world;

/* Two elements of the global window and the text "a", then noise. */
static const char input[] = "\x80\0\0\0\0\0\0\0\0\0\0\1\x0f\1a"
                            "\x80\0\0\0\0\0\0\0\0\0\0\1\x0f\1b\xff\xff\xff\xff\0\1t";

static beam_status read_input(void *self, bm_segment *out, beam_error *err)
{
    (void)err;
    world *w = self;
    *out = (bm_segment){ .source = w->given ? -1 : 0 };
    out->data = (beam_span){ input, sizeof input - 1 };
    w->given = true;
    return BEAM_OK;
}

static beam_status write_output(void *self, int sink, bm_writer *data, bool last,
                                beam_error *err)
{
    (void)self, (void)sink, (void)last, (void)err;
    data->len = 0;
    return BEAM_OK;
}

static beam_status get_state(void *self, const bm_state_key *key, beam_span token,
                             bm_writer *data, bm_writer *next, beam_error *err)
{
    (void)key, (void)token, (void)err;
    world *w = self;
    bm_write_bytes(data, "\1a\1b", 4);
    if (w->gets++ < 3) bm_write_u8(next, 1);
    return BEAM_OK;
}

static void ignore(void *self, const bm_log_entry *entry)
{
    (void)self, (void)entry;
}
static const bm_log no_log = { ignore, NULL, BEAM_LOG_CRITICAL };

static void run(bm_plan *plan)
{
    size_t n;
    bm_arena arena;
    bm_monitoring_info *infos;
    bm_arena_init(&arena, 0);
    bm_plan_sources(plan, &n);
    world w = { .given = n == 0 };
    bm_plan_sinks(plan, &n);
    const bm_bundle_io io = { .self = &w,
                              .read = read_input,
                              .write = write_output,
                              .state_get = get_state };
    beam_error err = { .status = BEAM_OK };
    beam_status status = bm_plan_run(plan, "instruction", &io, &err);
    CHECK(status == BEAM_OK || err.message[0]);
    bm_plan_metrics(plan, &arena, &infos);
    bm_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const beam_dofn *const dofns[] = { &pass_fn, &text_fn, &twice_fn };
    bm_registry registry;
    beam_error err = { .status = BEAM_OK };
    const beam_functions functions = { .dofns = BEAM_TABLE(dofns) };
    CHECK(bm_registry_init(&registry, &functions, &err) == BEAM_OK);
    bm_plan *plan = NULL;
    beam_span bytes = { (const char *)data, size };
    if (bm_plan_new(bytes, &registry, &no_log, &plan, &err) == BEAM_OK)
        run(plan);
    else
        CHECK(err.message[0]);
    bm_plan_free(plan);
    bm_registry_free(&registry);
    return 0;
}
