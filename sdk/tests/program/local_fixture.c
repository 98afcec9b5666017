/* SPDX-License-Identifier: Apache-2.0 */
/* The worker runs in this process, so that what DoFns see can be noted here. */
#include "local_fixture.h"

#include <pthread.h>

#include "coders/coder.h"
#include "job/metrics.h"
#include "program/functions.h"

beam_pipeline *p;
bm_local_job job;
bm_local_faults faults;
bm_local_result result;
beam_error err;

static bm_arena arena;
static bm_rpc *rpc;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the notes */
static bm_arena notes_arena;
static char *notes[100000];
static size_t n_notes;

static beam_status collect(beam_ctx *c, beam_value in)
{
    (void)c;
    pthread_mutex_lock(&lock);
    if (n_notes < BEAM_COUNT(notes))
        notes[n_notes++] = bm_value_text(&notes_arena, in, 200);
    pthread_mutex_unlock(&lock);
    return BEAM_OK;
}

const beam_dofn collect_fn = { .name = "test.collect",
                               .in = BEAM_ANY,
                               .process = collect };

void setup_local(void)
{
    bm_arena_init(&arena, 0);
    bm_arena_init(&notes_arena, 0);
    n_notes = 0;
    p = beam_pipeline_new();
    rpc = bm_rpc_new();
    faults = (bm_local_faults){ .data_bytes = 0 };
    job = (bm_local_job){ .log_level = BEAM_LOG_WARN,
                          .opts = { .log = bm_log_stderr, .faults = &faults } };
}

void teardown_local(void)
{
    beam_pipeline_free(p);
    bm_rpc_free(rpc);
    bm_arena_free(&notes_arena);
    bm_arena_free(&arena);
}

beam_status run_local(void)
{
    const beam_error *failure = beam_pipeline_error(p);
    ck_assert_msg(!failure, "%s", failure ? failure->message : "");
    job.functions = bm_pipeline_functions(p, &arena);
    return bm_run_locally(rpc, p, &job, &arena, &result, &err);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

const char *collected(void)
{
    qsort(notes, n_notes, sizeof *notes, by_text);
    char *text = bm_strdup(&arena, "");
    for (size_t i = 0; i < n_notes; i++)
        text = bm_format(&arena, "%s%s%s", text, i ? " " : "", notes[i]);
    return text;
}

int64_t counter(const char *name)
{
    bm_metrics all = bm_metrics_parse(&arena, result.metrics);
    int64_t sum = 0;
    for (size_t i = 0; i < all.n; i++)
        if (all.at[i].value.kind == BM_COUNTER && !strcmp(all.at[i].name, name))
            sum += all.at[i].value.whole;
    return sum;
}

int run_suite(const char *name, const TTest *const *tests, size_t n)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, setup_local, teardown_local);
    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < n; i++) tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
