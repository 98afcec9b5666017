/* SPDX-License-Identifier: Apache-2.0 */
#include <beam/beam.hpp>

struct same {
    beam_status process(beam_ctx *c, beam_value in)
    {
        return beam_emit(c, in);
    }
};
static const beam_dofn same_fn = beam::dofn<same>("package.same", BEAM_INT64, BEAM_INT64);

int main()
{
    beam_dofn_tester *t = beam::dofn_tester(&same_fn);
    beam_tester_add(t, beam_int64(1), 0);
    beam_status status = beam_tester_run(t);
    beam_dofn_tester_free(t);
    return status != BEAM_OK;
}
