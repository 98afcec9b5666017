/* SPDX-License-Identifier: Apache-2.0 */
/* GET /jobs/overview and PATCH /jobs/ID of Flink's REST API. Any thread. */
#include "job/flink_jobs.h"

#include <jansson.h>
#include <time.h>

#include "base/error.h"
#include "http/request.h"

enum { TIMEOUT_MS = 5000, ENDING_TRIES = 150, ENDING_PAUSE_MS = 200 };

static bool is_over(const char *state)
{
    return !strcmp(state, "CANCELED") || !strcmp(state, "FINISHED") ||
           !strcmp(state, "FAILED");
}

/* What is not of the expected shape is passed over. */
static void collect(json_t *root, const char *name, bm_arena *arena, bm_flink_jobs *out)
{
    json_t *jobs = json_object_get(root, "jobs"), *job;
    const char **ids = BM_NEW_ARRAY(arena, const char *, json_array_size(jobs) + 1);
    size_t i;
    json_array_foreach(jobs, i, job)
    {
        const char *id = json_string_value(json_object_get(job, "jid"));
        const char *its_name = json_string_value(json_object_get(job, "name"));
        const char *state = json_string_value(json_object_get(job, "state"));
        if (id && its_name && state && !strcmp(its_name, name) && !is_over(state))
            ids[out->n++] = bm_strdup(arena, id);
    }
    out->ids = ids;
}

beam_status bm_flink_jobs_list(const char *master, const char *name, bm_arena *arena,
                               bm_flink_jobs *out, beam_error *err)
{
    beam_span body;
    *out = (bm_flink_jobs){ .master = master };
    const char *url = bm_format(arena, "http://%s/jobs/overview", master);
    BEAM_TRY(bm_http_get(url, TIMEOUT_MS, arena, &body, err));
    json_t *root = json_loadb(body.ptr, body.len, 0, NULL);
    if (!root)
        return bm_error(err, BEAM_EIO, "%s answered something that is not JSON", url);
    collect(root, name, arena, out);
    json_decref(root);
    return BEAM_OK;
}

static bool holds(const bm_flink_jobs *jobs, const char *id)
{
    for (size_t i = 0; i < jobs->n; i++)
        if (!strcmp(jobs->ids[i], id)) return true;
    return false;
}

static beam_status cancel_round(const bm_flink_jobs *before, const char *name, bool first,
                                bm_arena *arena, size_t *left, beam_error *err)
{
    bm_flink_jobs now;
    *left = 0;
    BEAM_TRY(bm_flink_jobs_list(before->master, name, arena, &now, err));
    for (size_t i = 0; i < now.n; i++) {
        if (holds(before, now.ids[i])) continue;
        ++*left;
        if (!first) continue;
        BEAM_TRY(bm_http_send("PATCH",
                              bm_format(arena, "http://%s/jobs/%s?mode=cancel",
                                        before->master, now.ids[i]),
                              TIMEOUT_MS, err));
    }
    return BEAM_OK;
}

beam_status bm_flink_jobs_cancel_new(const bm_flink_jobs *before, const char *name,
                                     beam_error *err)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    size_t left = 1;
    beam_status status = BEAM_OK;
    for (int i = 0; i < ENDING_TRIES && left && status == BEAM_OK; i++) {
        if (i) nanosleep(&(struct timespec){ 0, ENDING_PAUSE_MS * 1000000L }, NULL);
        bm_arena_reset(&arena);
        status = cancel_round(before, name, i == 0, &arena, &left, err);
    }
    bm_arena_free(&arena);
    if (status == BEAM_OK && left)
        return bm_error(err, BEAM_ETIMEOUT, "job %s is still not over; look at http://%s",
                        name, before->master);
    return status;
}
