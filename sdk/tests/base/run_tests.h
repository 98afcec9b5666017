/* SPDX-License-Identifier: Apache-2.0 */
/* The main() of a test program. */
#ifndef BM_TEST_RUN_TESTS_H
#define BM_TEST_RUN_TESTS_H

#include <check.h>

static inline int run_case(const char *name, TCase *tcase)
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

static inline int run_tests(const char *name, const TTest *const *tests, size_t n)
{
    TCase *tcase = tcase_create(name);
    for (size_t i = 0; i < n; i++) tcase_add_test(tcase, tests[i]);
    return run_case(name, tcase);
}
#define RUN_TESTS(name, tests) run_tests((name), (tests), sizeof(tests) / sizeof((tests)[0]))

#endif
