/* SPDX-License-Identifier: Apache-2.0 */
/* Expansion services: calling them, starting Java's, running what they expand. */
#include "job/expansion.h"

#include <stdlib.h>

#include "base/error.h"
#include "beam_urns.h"
#include "job/process_pool.h"

#define EXPAND "/org.apache.beam.model.expansion.v1.ExpansionService/Expand"

enum { CONNECT_TIMEOUT_MS = 10000, EXPAND_TIMEOUT_MS = 120000 };

struct bm_expansion {
    bm_session *session;
    bm_expansion_opts opts;
    bm_arena arena;
    bm_map channels; /* address -> bm_channel * */
    bm_artifacts artifacts;
    bm_service service; /* the one that we started */
    bm_process_pool *java_processes;
    bm_worker_pool *java_pool;
};

bm_expansion *bm_expansion_new(bm_session *session, const bm_expansion_opts *opts)
{
    bm_expansion *e = bm_xcalloc(1, sizeof *e);
    e->session = session;
    e->opts = *opts;
    bm_arena_init(&e->arena, 0);
    bm_map_init(&e->channels, &e->arena);
    bm_artifacts_init(&e->artifacts, &e->arena);
    return e;
}

const bm_artifacts *bm_expansion_artifacts(const bm_expansion *e)
{
    return &e->artifacts;
}

bool bm_expansion_has_workers(const bm_expansion *e)
{
    return e->java_pool != NULL;
}

void bm_expansion_stop_service(bm_expansion *e)
{
    bm_service_stop(&e->service);
}

void bm_expansion_free(bm_expansion *e)
{
    if (!e) return;
    BM_MAP_EACH(&e->channels, entry) bm_channel_free(entry->value);
    bm_expansion_stop_service(e);
    bm_worker_pool_free(e->java_pool);
    bm_process_pool_free(e->java_processes);
    bm_arena_free(&e->arena);
    free(e);
}

/* -- Java's workers ------------------------------------------------------------------------ */
/* On the pool's thread. */
static beam_status java_worker_command(void *self, bm_arena *arena,
                                       const bm_worker_request *request,
                                       const char *const **argv, const char **log_path,
                                       beam_error *err)
{
    bm_expansion *e = self;
    if (!request->provision_endpoint)
        return bm_error(err, BEAM_EUNSUPPORTED,
                        "the runner names no provision endpoint, which a "
                        "Java worker needs");
    const char *name = bm_format(arena, "java-worker-%s", request->id);
    BEAM_TRY(bm_session_log_path(e->session, arena, name, log_path, err));
    return bm_java_worker_argv(e->session, arena, request->id,
                               request->provision_endpoint, argv, err);
}

/* A JVM takes seconds to get ready: the first worker does so while the job is being made.
 * What a worker lacks is better said now, too. */
static beam_status start_spare_worker(bm_expansion *e, beam_error *err)
{
    bm_spare_worker spare;
    const char *folder;
    BEAM_TRY(bm_session_scratch(e->session, "handover", &folder, err));
    spare.handover = bm_format(&e->arena, "%s/java-worker", folder);
    BEAM_TRY(
        bm_session_log_path(e->session, &e->arena, "java-worker", &spare.log_path, err));
    BEAM_TRY(bm_java_spare_argv(e->session, &e->arena, spare.handover, &spare.argv, err));
    bm_process_pool_spare(e->java_processes, &spare);
    return BEAM_OK;
}

static beam_status start_java_pool(bm_expansion *e, beam_error *err)
{
    if (e->java_pool) return BEAM_OK;
    e->java_processes = bm_process_pool_new(&e->session->log, "Java worker",
                                            java_worker_command, e);
    BEAM_TRY(start_spare_worker(e, err));
    e->java_pool = bm_worker_pool_new(e->session->rpc, e->session->host, 0,
                                      &bm_process_pool_ops, e->java_processes, err);
    return e->java_pool ? BEAM_OK : err ? err->status : BEAM_EIO;
}

/* -- expanding --------------------------------------------------------------------------------- */
static beam_status start_service(bm_expansion *e, beam_error *err)
{
    if (e->service.child) return BEAM_OK;
    BEAM_TRY(start_java_pool(e, err));
    bm_log_write(&e->session->log, BEAM_LOG_INFO, "starting Java's expansion service");
    bm_java_opts opts = { .pool_address = bm_worker_pool_address(e->java_pool),
                          .use_deprecated_read = e->opts.use_deprecated_read };
    BEAM_TRY(bm_expansion_service_start(e->session, &opts, &e->service, err));
    return bm_service_wait(e->session, &e->service, err);
}

/* The address to use for a transform that names `address` (or NULL). */
static beam_status find_service(bm_expansion *e, const char *address, const char **out,
                                beam_error *err)
{
    *out = address ? address : e->opts.default_address;
    if (*out) return BEAM_OK;
    BEAM_TRY(start_service(e, err));
    *out = e->service.address;
    return BEAM_OK;
}

static beam_status find_channel(bm_expansion *e, const char *address, bm_channel **out,
                                beam_error *err)
{
    *out = bm_map_get(&e->channels, beam_span_of(address));
    if (*out) return BEAM_OK;
    bm_channel *channel = bm_channel_new(e->session->rpc, address, NULL);
    if (bm_channel_wait(channel, CONNECT_TIMEOUT_MS, NULL)) {
        bm_channel_free(channel);
        return bm_error(
            err, BEAM_ERPC,
            "no expansion service answers at %s: start it, or leave --expansion_service "
            "out to have Java's started for you",
            address);
    }
    bm_map_put_copy(&e->channels, beam_span_of(address), channel);
    *out = channel;
    return BEAM_OK;
}

static beam_status expand(void *self, const char *address, beam_span request,
                          bm_arena *arena, beam_span *response, beam_error *err)
{
    bm_expansion *e = self;
    bm_channel *channel;
    BEAM_TRY(find_service(e, address, &address, err));
    BEAM_TRY(find_channel(e, address, &channel, err));
    beam_status status = bm_call(channel, EXPAND, request, EXPAND_TIMEOUT_MS, arena,
                                 response, err);
    if (status && e->service.child && bm_child_wait(e->service.child, 500))
        bm_service_epitaph(&e->service, err);
    return status;
}

/* -- environments ---------------------------------------------------------------------------------- */
/* Docker images of Beam's Java SDK, alone or among other choices. */
static bool is_java_image(const bm_environment *env)
{
    if (strcmp(env->urn, BEAM_URN_ENV_DOCKER) && strcmp(env->urn, BEAM_URN_ENV_ANYOF))
        return false;
    return memmem(env->payload.ptr, env->payload.len, "java", 4) != NULL;
}

static beam_status environment(void *self, const char *address, bm_arena *arena,
                               bm_environment *env, beam_error *err)
{
    bm_expansion *e = self;
    bool ours = !address && !e->opts.default_address;
    if (!e->opts.environment_urn && (ours || is_java_image(env))) {
        /* Its class path has the jars, so none of them are staged. */
        BEAM_TRY(start_java_pool(e, err));
        env->urn = BEAM_URN_ENV_EXTERNAL;
        env->payload = bm_external_payload(arena, bm_worker_pool_address(e->java_pool));
        env->n_artifacts = 0;
        return BEAM_OK;
    }
    bm_channel *channel;
    BEAM_TRY(find_service(e, address, &address, err));
    BEAM_TRY(find_channel(e, address, &channel, err));
    BEAM_TRY(bm_artifacts_resolve(&e->artifacts, channel, address, env, err));
    if (e->opts.environment_urn) {
        env->urn = e->opts.environment_urn;
        env->payload = e->opts.environment_payload;
    }
    return BEAM_OK;
}

void bm_expansion_expander(bm_expansion *e, bm_expander *out)
{
    *out = (bm_expander){ e, expand, environment };
}
