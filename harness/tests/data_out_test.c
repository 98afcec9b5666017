/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox of a bundle, without a stream. */
#include "data_out.h"

#include "base/writer.h"
#include "fake_runner.h"

START_TEST(dp_06_a_message_has_a_hard_limit)
{
    bm_outlet outlet = { .address = { .instruction_id = { "b", 1 },
                                      .transform_id = { "sink", 4 } } };
    bm_outbox box = { .outlets = &outlet, .n = 1, .may_embed = true };
    beam_error err = { .status = BEAM_OK };
    uint8_t byte = 0;
    bm_writer data = { .data = &byte, .len = INT32_MAX, .cap = INT32_MAX }; /* as if */
    ck_assert_int_eq(bm_outbox_write(&box, 0, &data, true, &err), BEAM_EINVAL);
    ck_assert_ptr_nonnull(strstr(err.message, "Output of 'sink' has an element of about "
                                              "2147483647 bytes"));
    ck_assert(!outlet.held && !outlet.ended);
    bm_outbox_free(&box);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { dp_06_a_message_has_a_hard_limit };
    return fake_run_tests("data_out", tests, BEAM_COUNT(tests));
}
