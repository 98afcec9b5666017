/* SPDX-License-Identifier: Apache-2.0 */
/* --worker_pool: serves StartWorker for --environment_type=EXTERNAL with one child per
 * worker, each this very program as a worker. The main thread waits for a signal. */
#include <semaphore.h>
#include <stdlib.h>

#include "base/error.h"
#include "job/process_pool.h"
#include "job/session.h"
#include "program/console.h"
#include "program/modes.h"
#include "program/signals.h"

/* On the pool's thread. Workers write to our stderr what their logging stream does not
 * take. */
static beam_status worker_command(void *self, bm_arena *arena, const bm_worker_request *r,
                                  const char *const **argv, const char **log_path,
                                  beam_error *err)
{
    const bm_invocation *in = self;
    const struct {
        const char *flag, *value;
    } flags[] = {
        { "id", r->id },
        { "provision_endpoint", r->provision_endpoint },
        { "control_endpoint", r->control_endpoint },
        { "logging_endpoint", r->logging_endpoint },
        { "artifact_endpoint", r->artifact_endpoint },
        { "semi_persist_dir", in->standard->semi_persist_dir },
        { "log_level", in->standard->log_level },
    };
    (void)log_path;
    if (!r->provision_endpoint && !r->control_endpoint)
        return bm_error(err, BEAM_EINVAL,
                        "StartWorker names neither a control endpoint nor a "
                        "provision endpoint");
    const char **list = BM_NEW_ARRAY(arena, const char *, BEAM_COUNT(flags) + 3);
    size_t n = 0;
    list[n++] = "/proc/self/exe";
    list[n++] = "--worker";
    for (size_t i = 0; i < BEAM_COUNT(flags); i++)
        if (flags[i].value)
            list[n++] = bm_format(arena, "--%s=%s", flags[i].flag, flags[i].value);
    *argv = list;
    return BEAM_OK;
}

static void on_signal(void *self)
{
    sem_post(self);
}

static beam_status serve(const bm_invocation *in, bm_session *session, sem_t *end,
                         beam_error *err)
{
    const bm_standard *s = in->standard;
    bm_process_pool *processes = bm_process_pool_new(&session->log, "worker",
                                                     worker_command,
                                                     (void *)(uintptr_t)in);
    bm_worker_pool *pool = bm_worker_pool_new(session->rpc, s->loopback_host,
                                              (int)s->worker_pool_port,
                                              &bm_process_pool_ops, processes, err);
    if (pool) {
        bm_log_write(&session->log, BEAM_LOG_INFO, "worker pool at %s",
                     bm_worker_pool_address(pool));
        while (sem_wait(end)) continue;
    }
    bm_worker_pool_free(pool);
    bm_process_pool_free(processes);
    return pool ? BEAM_OK : BEAM_EIO;
}

int bm_run_worker_pool(const bm_invocation *in)
{
    bm_console console;
    bm_console_init(&console, in->program->name, in->standard->severity);
    bm_log log = bm_console_log(&console);
    bm_session session = { 0 };
    sem_t end;
    sem_init(&end, 0, 0);
    bm_signals *signals;
    beam_error err;
    const bm_signal_handler handler = { .on_first = on_signal, .self = &end };
    beam_status status = bm_signals_start(&handler, BM_EXIT_CANCELLED, &signals, &err);
    if (!status) status = bm_session_init(&session, in->program->name, &log, &err);
    if (!status) status = serve(in, &session, &end, &err);
    bm_signals_free(signals);
    bm_session_free(&session);
    bm_console_free(&console);
    sem_destroy(&end);
    return status ? bm_report(in, &err) : BM_EXIT_DONE;
}
