/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: the input is the size of a schema (two bytes), the schema of a row coder, and a
 * row. A plan whose elements are such rows is built, or an error with a sentence; what it
 * makes of the row must be the same when it is put in again. corpus/schema has schemas and
 * rows to start from. */
#include <stdlib.h>

#include "beam/testing.h"
#include "describe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
    if (!(condition)) abort()

/* Reads the row, whatever it is, and encodes it. */
static beam_status process(beam_ctx *c, beam_value in)
{
    beam_text(c, in, true);
    return beam_emit(c, in);
}
static const beam_dofn row_fn = {
    .name = "fuzz.row", .in = BEAM_ANY, .out = BEAM_ANY, .process = process
};

static void ignore(void *self, const bm_log_entry *entry)
{
    (void)self, (void)entry;
}
static const bm_log no_log = { ignore, NULL, BEAM_LOG_CRITICAL };

static beam_span describe(upb_Arena *upb, beam_span schema)
{
    static const beam_span none = { "", 0 };
    maker m = describe_begin(upb);
    add_coder(&m, "row", BEAM_URN_CODER_ROW, schema, NULL, NULL);
    add_coder(&m, "element", BEAM_URN_CODER_WINDOWED_VALUE, none, "row", "window");
    add_pcoll(&m, "rows", "row");
    add_pcoll(&m, "same", "row");
    beam_span port = port_of(&m, "element");
    add_transform(&m, "source", BEAM_URN_RUNNER_SOURCE, port, NULL, "rows");
    add_transform(&m, "row", BEAM_URN_TRANSFORM_PARDO,
                  par_do_bytes(&m, new_par_do(&m, row_fn.name)), "rows", "same");
    add_transform(&m, "sink", BEAM_URN_RUNNER_SINK, port, "same", NULL);
    return described(&m);
}

/* -- a bundle ------------------------------------------------------------------------------ */
typedef struct world {
    beam_span in;
    bm_writer out;
    bool given;
} world;

static beam_status read_input(void *self, bm_segment *out, beam_error *err)
{
    (void)err;
    world *w = self;
    *out = (bm_segment){ .source = w->given ? -1 : 0, .data = w->in };
    w->given = true;
    return BEAM_OK;
}

static beam_status write_output(void *self, int sink, bm_writer *data, bool last,
                                beam_error *err)
{
    (void)sink, (void)last, (void)err;
    bm_write_bytes(&((world *)self)->out, data->data, data->len);
    data->len = 0;
    return BEAM_OK;
}

static beam_status run(beam_span descriptor, const bm_registry *registry, world *w)
{
    bm_plan *plan = NULL;
    beam_error err = { .status = BEAM_OK };
    const bm_bundle_io io = { .self = w, .read = read_input, .write = write_output };
    beam_status status = bm_plan_new(descriptor, registry, &no_log, &plan, &err);
    if (status == BEAM_OK) status = bm_plan_run(plan, "instruction", &io, &err);
    CHECK(status == BEAM_OK || err.message[0]);
    bm_plan_free(plan);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const beam_dofn *const dofns[] = { &row_fn };
    if (size < 2) return 0;
    size_t n = (size_t)data[0] << 8 | data[1];
    if (n > size - 2) n = size - 2;
    const beam_functions functions = { .dofns = BEAM_TABLE(dofns) };
    beam_error err = { .status = BEAM_OK };
    bm_registry registry;
    CHECK(bm_registry_init(&registry, &functions, &err) == BEAM_OK);
    upb_Arena *upb = upb_Arena_New();
    beam_span descriptor = describe(upb, (beam_span){ (const char *)data + 2, n });
    bm_writer element = { 0 };
    bm_write_bytes(&element, element_header, ELEMENT_HEADER);
    bm_write_bytes(&element, data + 2 + n, size - 2 - n);
    world first = { .in = bm_written(&element) };
    if (run(descriptor, &registry, &first) == BEAM_OK) {
        world second = { .in = bm_written(&first.out) };
        CHECK(run(descriptor, &registry, &second) == BEAM_OK);
        CHECK(beam_span_equal(bm_written(&first.out), bm_written(&second.out)));
        bm_writer_free(&second.out);
    }
    bm_writer_free(&first.out);
    bm_writer_free(&element);
    upb_Arena_Free(upb);
    bm_registry_free(&registry);
    return 0;
}
