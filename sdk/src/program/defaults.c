/* SPDX-License-Identifier: Apache-2.0 */
/* See defaults.h. */
#include "program/defaults.h"

static void set_default(json_t *options, const char *name, json_t *value)
{
    if (json_object_get(options, name))
        json_decref(value);
    else
        json_object_set_new(options, name, value);
}

/* With checkpoints, Flink keeps finished sources open for ever unless told otherwise, and a
 * streaming job of bounded inputs would never end. */
static void help_bounded_streams_end(json_t *options)
{
    set_default(options, "shutdown_sources_after_idle_ms", json_integer(1000));
}

/* Flink's 1000 elements are too few for what a bundle costs: combining before a shuffle has
 * little to combine. Its second is too long to wait for the last elements of a bundle. And
 * elements, which nobody changes, need not be copied from step to step. */
static void help_streams_flow(json_t *options)
{
    set_default(options, "max_bundle_size", json_integer(10000));
    set_default(options, "max_bundle_time_mills", json_integer(200));
    set_default(options, "faster_copy", json_true());
}

/* Otherwise Flink keeps what a bundle gave back until after the checkpoint, while the
 * watermark moves on: it comes late, and windows are written twice. */
static void help_checkpoints_keep_time(json_t *options)
{
    set_default(options, "finish_bundle_before_checkpointing", json_true());
}

static bool is_streaming_flink(const bm_job_kind *kind)
{
    return kind->runner == BM_FLINK_STREAMING || kind->runner == BM_FLINK_CHECKPOINTS;
}

void bm_default_options(json_t *options, const bm_job_kind *kind)
{
    if (kind->checkpoints && kind->is_bounded) help_bounded_streams_end(options);
    if (!is_streaming_flink(kind)) return;
    help_streams_flow(options);
    help_checkpoints_keep_time(options);
}

/* An embedded Flink keeps checkpoints in memory, and refuses state of more than 5 MB; after
 * a checkpoint that failed the job starts again at the one before, and never gets on. */
bool bm_wants_checkpoint_files(const json_t *options, const bm_job_kind *kind)
{
    return is_streaming_flink(kind) && kind->is_embedded && kind->checkpoints &&
           !json_object_get(options, "state_backend");
}

void bm_keep_checkpoints_in(json_t *options, const char *folder)
{
    set_default(options, "state_backend", json_string("filesystem"));
    set_default(options, "state_backend_storage_path", json_sprintf("file://%s", folder));
}
