/* SPDX-License-Identifier: Apache-2.0 */
/* The Go SDK's tests of ParDo. */
#include "go.h"

/* -- several outputs -------------------------------------------------------------------- */
enum { SECOND, THIRD };
static const beam_output_spec emit_3_outputs[] = { [SECOND] = { "second", BEAM_INT64 },
                                                   [THIRD] = { "third", BEAM_INT64 } };

static beam_status emit_3(beam_ctx *c, beam_value in)
{
    int64_t n = beam_as_int64(in);
    BEAM_TRY(beam_emit(c, beam_int64(n + 1)));
    BEAM_TRY(beam_emit_to(c, SECOND, beam_int64(n + 2)));
    return beam_emit_to(c, THIRD, beam_int64(n + 3));
}
static const beam_dofn emit_3_fn = { .name = "go.emit_3",
                                     .in = BEAM_INT64,
                                     .out = BEAM_INT64,
                                     .outputs = BEAM_TABLE(emit_3_outputs),
                                     .process = emit_3 };

static void par_do_multi_output(beam_pipeline *p)
{
    beam_pcoll *first = beam_par_do(INTS(p, "In", 1), "Emit3", &emit_3_fn);
    beam_assert_that(first, "First", .lines = "2");
    beam_assert_that(beam_output(first, SECOND), "Second", .lines = "3");
    beam_assert_that(beam_output(first, THIRD), "Third", .lines = "4");
}

static const suite_test tests[] = {
    TEST("TestParDoMultiOutput", "-", par_do_multi_output),
};
SUITE_TABLE(go_pardo, "go", tests);
