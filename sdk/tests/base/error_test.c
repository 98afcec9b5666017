/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and status texts. */
#include "base/error.h"

#include <string.h>

#include "run_tests.h"

START_TEST(messages)
{
    beam_error err = { 0 };
    ck_assert_int_eq(bm_error(&err, BEAM_EIO, "no %s", "disk"), BEAM_EIO);
    ck_assert_int_eq(err.status, BEAM_EIO);
    ck_assert_str_eq(err.message, "no disk");
    ck_assert_int_eq(bm_error(NULL, BEAM_EIO, "lost"), BEAM_EIO);
    char longer[3000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    bm_error(&err, BEAM_EIO, "%s", longer);
    ck_assert_uint_eq(strlen(err.message), sizeof err.message - 1);
}
END_TEST

START_TEST(texts)
{
    ck_assert_str_eq(beam_status_text(BEAM_OK), "success");
    ck_assert_str_eq(beam_status_text(BEAM_ESHORT), "more bytes are needed");
    ck_assert_str_eq(beam_status_text((beam_status)-99), "unknown status");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { messages, texts };
    return RUN_TESTS("error", tests);
}
