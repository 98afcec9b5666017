/* SPDX-License-Identifier: Apache-2.0 */
/* exec/answers: which answers are kept. */
#include "exec/answers.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "fixture.h"

static bool finds(bm_answers *a, const char *request, int64_t now, const char *answer)
{
    beam_span found;
    return bm_answers_find(a, beam_span_of(request), now, &found) &&
           beam_span_equal(found, beam_span_of(answer));
}

static void keep(bm_answers *a, const char *request, const char *answer, int64_t now)
{
    bm_answers_keep(a, beam_span_of(request), beam_span_of(answer), now);
}

START_TEST(the_latest_used)
{
    bm_answers *a = bm_answers_new(3, 0);
    ck_assert(!finds(a, "a", 0, ""));
    keep(a, "a", "1", 0);
    keep(a, "b", "2", 0);
    keep(a, "c", "", 0);
    ck_assert(finds(a, "a", 0, "1"));
    keep(a, "d", "4", 0); /* "b" goes */
    ck_assert(!finds(a, "b", 0, "2"));
    ck_assert(finds(a, "a", 0, "1") && finds(a, "c", 0, "") && finds(a, "d", 0, "4"));
    keep(a, "a", "new", 0); /* nothing goes */
    ck_assert(finds(a, "a", 0, "new") && finds(a, "c", 0, "") && finds(a, "d", 0, "4"));
    bm_answers_free(a);
}
END_TEST

START_TEST(age)
{
    bm_answers *a = bm_answers_new(2, 100);
    keep(a, "a", "1", 1000);
    ck_assert(finds(a, "a", 1099, "1"));
    ck_assert(!finds(a, "a", 1100, "1")); /* use does not make it young */
    ck_assert(!finds(a, "a", 1000, "1"));
    bm_answers_free(a);
}
END_TEST

START_TEST(many)
{
    bm_answers *a = bm_answers_new(1000, 0);
    char text[20];
    for (int i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, "%d", i);
        keep(a, text, text, 0);
    }
    for (int i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, "%d", i);
        ck_assert_int_eq(finds(a, text, 0, text), i >= 4000);
    }
    bm_answers_free(a);
}
END_TEST

START_TEST(large_ones_are_not_kept)
{
    bm_answers *a = bm_answers_new(10, 0);
    char *large = bm_xcalloc(1, 65537);
    beam_span found;
    bm_answers_keep(a, beam_span_of("a"), (beam_span){ large, 65536 }, 0);
    bm_answers_keep(a, (beam_span){ large, 65537 }, beam_span_of("1"), 0);
    ck_assert(!bm_answers_find(a, beam_span_of("a"), 0, &found));
    ck_assert(!bm_answers_find(a, (beam_span){ large, 65537 }, 0, &found));
    bm_answers_keep(a, beam_span_of("a"), (beam_span){ large, 65535 }, 0);
    ck_assert(bm_answers_find(a, beam_span_of("a"), 0, &found));
    ck_assert_uint_eq(found.len, 65535);
    free(large);
    bm_answers_free(a);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { the_latest_used, age, many, large_ones_are_not_kept };
    return run_tests("answers", tests, BEAM_COUNT(tests));
}
