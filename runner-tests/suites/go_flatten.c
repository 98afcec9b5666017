/* SPDX-License-Identifier: Apache-2.0 */
/* The Go SDK's tests of Flatten. */
#include "go.h"

static void flatten(beam_pipeline *p)
{
    beam_pcoll *inputs[] = { INTS(p, "A", 1, 2, 3), INTS(p, "B", 4, 5, 6),
                             INTS(p, "C", 7, 8, 9) };
    beam_assert_that(beam_flatten(p, "Flatten", inputs, 3), "All",
                     .lines = "1\n2\n3\n4\n5\n6\n7\n8\n9");
}

static void flatten_dup(beam_pipeline *p)
{
    beam_pcoll *a = INTS(p, "A", 1, 2, 3), *b = INTS(p, "B", 4, 5, 6);
    beam_assert_that(beam_flatten(p, "Flatten", (beam_pcoll *[]){ a, b, a }, 3), "All",
                     .lines = "1\n1\n2\n2\n3\n3\n4\n5\n6");
}

static const suite_test tests[] = {
    TEST("TestFlatten", "-", flatten),
    TEST("TestFlattenDup", "-", flatten_dup),
};
SUITE_TABLE(go_flatten, "go", tests);
