/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of log entries as text. */
#include "base/log.h"

#include "run_tests.h"

static void expect(beam_value value, const char *text)
{
    const beam_log_field fields[] = { { "a", beam_bool(false) }, { "b_c-d", value } };
    const bm_log_entry entry = { .fields = fields, .n_fields = 2 };
    bm_writer out = { 0 };
    bm_log_fields_text(&entry, &out);
    bm_write_u8(&out, '\0');
    ck_assert_str_eq((const char *)out.data, text);
    bm_writer_free(&out);
}

START_TEST(fields)
{
    expect(beam_bool(true), " a=false b_c-d=true");
    expect(beam_int64(INT64_MIN), " a=false b_c-d=-9223372036854775808");
    expect(beam_double(0.1), " a=false b_c-d=0.1");
    expect(beam_double(1000000), " a=false b_c-d=1000000");
    expect(beam_string(beam_span_of("/tmp/x")), " a=false b_c-d=/tmp/x");
    expect(beam_string(beam_span_of("")), " a=false b_c-d=\"\"");
    expect(beam_string(beam_span_of("two words\n")), " a=false b_c-d=\"two words \"");
    expect(beam_string(beam_span_of("say \"a\\b\"")),
           " a=false b_c-d=\"say \\\"a\\\\b\\\"\"");
    expect(beam_string(beam_span_of("x=y")), " a=false b_c-d=\"x=y\"");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { fields };
    return RUN_TESTS("log", tests);
}
