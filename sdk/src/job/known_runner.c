/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a job service what it is; the table of what runners lack. Any thread. */
#include "job/known_runner.h"

#include "base/error.h"
#include "beam/splittable.h"
#include "model/beam_job_api.pb-c.h"
#include "proto/model.h"

enum { DESCRIBE_TIMEOUT_MS = 10000 };

/* -- which one -------------------------------------------------------------------------- */
static bool is_flink_option(const char *name)
{
    return !strcmp(name, "flink_master") || !strcmp(name, "flinkMaster");
}

static bm_known_runner flink(const bm_job_mode *mode)
{
    if (!mode->streaming) return BM_FLINK_BATCH;
    return mode->checkpoints ? BM_FLINK_CHECKPOINTS : BM_FLINK_STREAMING;
}

bm_known_runner bm_runner_of_options(beam_span response, const bm_job_mode *mode)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    const Pb__DescribePipelineOptionsResponse *m = (const Pb__DescribePipelineOptionsResponse *)
        bm_pb_unpack(&arena, &pb__describe_pipeline_options_response__descriptor, response,
                     BM_PB_MAX_DEPTH);
    bm_known_runner runner = m && !m->n_options ? BM_PRISM : BM_UNKNOWN_RUNNER;
    for (size_t i = 0; m && i < m->n_options; i++)
        if (is_flink_option(m->options[i]->name))
            runner = flink(mode);
    bm_arena_free(&arena);
    return runner;
}

bm_known_runner bm_job_runner(bm_session *session, const char *job_endpoint,
                              const bm_job_mode *mode)
{
    bm_arena arena;
    beam_span response, nothing = { "", 0 };
    bm_arena_init(&arena, 0);
    bm_channel *channel = bm_channel_new(session->rpc, job_endpoint, NULL);
    beam_status status = bm_call(
        channel, "/org.apache.beam.model.job_management.v1.JobService/DescribePipelineOptions",
        nothing, DESCRIBE_TIMEOUT_MS, &arena, &response, NULL);
    bm_known_runner runner =
        status == BEAM_OK ? bm_runner_of_options(response, mode) : BM_UNKNOWN_RUNNER;
    bm_channel_free(channel);
    bm_arena_free(&arena);
    return runner;
}

const char *bm_runner_text(bm_known_runner runner)
{
    static const char *const texts[] = {
        [BM_UNKNOWN_RUNNER] = "this runner",
        [BM_FLINK_BATCH] = "Flink in batch mode",
        [BM_FLINK_STREAMING] = "Flink in streaming mode (--streaming)",
        [BM_FLINK_CHECKPOINTS] =
            ("Flink in streaming mode with checkpoints (--streaming "
             "--checkpointing_interval=MS)"),
        [BM_PRISM] = "Prism",
        [BM_LOCAL] = "the local runner (--runner=local)",
    };
    return texts[runner];
}

/* -- what they lack ------------------------------------------------------------------------ */
static bool finalizes(const bm_step *step)
{
    return step->dofn && step->dofn->flags & BEAM_FINALIZES;
}

static bool is_unbounded_sdf(const bm_step *step)
{
    return step->dofn && step->dofn->sdf && step->dofn->sdf->unbounded;
}

static bool is_test_stream(const bm_step *step)
{
    return step->kind == BM_STEP_TEST_STREAM;
}

static bool sets_clock(const bm_step *step)
{
    const bm_test_event *event = is_test_stream(step) ? step->test_events : NULL;
    while (event && event->kind != BM_TEST_PROCESSING_TIME) event = event->next;
    return event;
}

static bool is_second_test_stream(const bm_step *step)
{
    if (!is_test_stream(step)) return false;
    const bm_step *first = step->pipeline->first;
    while (!is_test_stream(first)) first = first->next;
    return first != step;
}

static const beam_custom_windows *window_fn(const bm_step *step)
{
    return step->kind == BM_STEP_WINDOW_INTO ? step->windowing->opts.fn.custom : NULL;
}

static bool merges_windows(const bm_step *step)
{
    return window_fn(step) && window_fn(step)->merge;
}

static bool has_custom_windows(const bm_step *step)
{
    return window_fn(step) && window_fn(step)->custom_windows;
}

static bool is_synchronized(const beam_trigger *trigger)
{
    if (!trigger) return false;
    if (trigger->kind == BEAM_TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME) return true;
    for (size_t i = 0; i < BEAM_COUNT(trigger->arg); i++)
        if (is_synchronized(trigger->arg[i])) return true;
    return false;
}

/* By the program's own will; that a grouping after another one has it is fine. */
static bool wants_synchronized_time(const bm_step *step)
{
    return step->kind == BM_STEP_WINDOW_INTO && is_synchronized(step->windowing->opts.trigger);
}

/* Java's OnceTriggers are the others. */
static bool fires_again(const beam_trigger *trigger)
{
    switch (trigger ? trigger->kind : BEAM_TRIGGER_NEVER) {
    case BEAM_TRIGGER_AFTER_END_OF_WINDOW: return trigger->arg[0] || trigger->arg[1];
    case BEAM_TRIGGER_DEFAULT:
    case BEAM_TRIGGER_ALWAYS:
    case BEAM_TRIGGER_REPEAT:
    case BEAM_TRIGGER_OR_FINALLY:
    case BEAM_TRIGGER_AFTER_EACH: return true;
    default: return false;
    }
}

/* As early or late firings, where a Repeat is left out, or as the end of an 'or finally'. */
static bool fires_again_inside(const beam_trigger *trigger)
{
    if (!trigger) return false;
    if (trigger->kind == BEAM_TRIGGER_OR_FINALLY && fires_again(trigger->arg[1])) return true;
    for (size_t i = 0; i < BEAM_COUNT(trigger->arg); i++) {
        const beam_trigger *arg = trigger->arg[i];
        if (trigger->kind == BEAM_TRIGGER_AFTER_END_OF_WINDOW) {
            while (arg && arg->kind == BEAM_TRIGGER_REPEAT) arg = arg->arg[0];
            if (fires_again(arg)) return true;
        }
        if (fires_again_inside(arg)) return true;
    }
    return false;
}

static bool wants_firings_again(const bm_step *step)
{
    return step->kind == BM_STEP_WINDOW_INTO &&
           fires_again_inside(step->windowing->opts.trigger);
}

static bool drops_elements(const bm_step *step)
{
    if (step->kind != BM_STEP_GROUP_BY_KEY) return false;
    const bm_windowing *windowing = step->inputs[0]->windowing;
    return windowing && bm_windowing_may_lose(windowing);
}

static bool is_of_another_sdk(const bm_step *step)
{
    return step->kind == BM_STEP_EXTERNAL;
}

#define ON(runner) (1u << (runner))
enum { FLINK = ON(BM_FLINK_BATCH) | ON(BM_FLINK_STREAMING) | ON(BM_FLINK_CHECKPOINTS) };

static const struct lack {
    bool (*needed_by)(const bm_step *step);
    const char *what;
    unsigned missing; /* where */
} lacks[] = {
    { finalizes, "bundle finalization", ON(BM_FLINK_BATCH) | ON(BM_FLINK_STREAMING) },
    { is_unbounded_sdf, "an unbounded splittable DoFn", ON(BM_FLINK_BATCH) },
    { is_test_stream, "a TestStream", ON(BM_FLINK_BATCH) },
    { sets_clock, "a TestStream that sets the processing-time clock", FLINK },
    { is_second_test_stream, "a second TestStream", FLINK | ON(BM_PRISM) | ON(BM_LOCAL) },
    { merges_windows, "a merging WindowFn of the program", FLINK | ON(BM_PRISM) },
    { has_custom_windows, "a WindowFn with windows of its own", FLINK | ON(BM_PRISM) },
    { wants_synchronized_time, "a trigger on synchronized processing time", ON(BM_PRISM) },
    { wants_firings_again,
      "a trigger that fires more than once as an early or late one or at the end of 'or finally'",
      FLINK },
    { is_of_another_sdk, "a transform of another SDK", ON(BM_LOCAL) },
};

static const char *runners_that_have(bm_arena *arena, const struct lack *lack)
{
    const char *list = NULL;
    for (int i = BM_UNKNOWN_RUNNER + 1; i < BM_KNOWN_RUNNERS; i++) {
        const char *text = bm_runner_text((bm_known_runner)i);
        bool told = i == BM_FLINK_CHECKPOINTS && !(lack->missing & ON(BM_FLINK_STREAMING));
        if (!told && !(lack->missing & ON(i)))
            list = list ? bm_format(arena, "%s, %s", list, text) : text;
    }
    return list ? bm_format(arena, "; it runs on %s", list)
                : " (nor does any other that this SDK knows)";
}

static beam_status refuse(bm_known_runner runner, const bm_step *step, const struct lack *lack,
                          beam_error *err)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    beam_status status = bm_error(err, BEAM_EUNSUPPORTED, "%s: %s cannot run %s%s",
                                  step->unique_name, bm_runner_text(runner), lack->what,
                                  runners_that_have(&arena, lack));
    bm_arena_free(&arena);
    return status;
}

beam_status bm_runner_check(bm_known_runner runner, const beam_pipeline *p, beam_error *err)
{
    if (runner == BM_UNKNOWN_RUNNER) return BEAM_OK;
    for (const bm_step *step = p->first; step; step = step->next)
        for (size_t i = 0; i < BEAM_COUNT(lacks); i++)
            if (lacks[i].missing & ON(runner) && lacks[i].needed_by(step))
                return refuse(runner, step, &lacks[i], err);
    return BEAM_OK;
}

/* -- what they do in another way ------------------------------------------------------------ */
static const struct difference {
    bool (*met_by)(const bm_step *step);
    const char *what;
    unsigned where;
} differences[] = {
    { drops_elements,
      "Prism gives what comes after the trigger's last firing in a pane of its own at the end of "
      "the window, where other runners drop it",
      ON(BM_PRISM) },
};

void bm_runner_warn(bm_known_runner runner, const beam_pipeline *p, const bm_log *log)
{
    for (const bm_step *step = p->first; step; step = step->next)
        for (size_t i = 0; i < BEAM_COUNT(differences); i++)
            if (differences[i].where & ON(runner) && differences[i].met_by(step))
                bm_log_write(log, BEAM_LOG_WARN, "%s: %s", step->unique_name, differences[i].what);
}
