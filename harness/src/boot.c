/* SPDX-License-Identifier: Apache-2.0 */
/* Provision, options, staged files: once, by the thread that starts the worker, before
 * anything else runs. See beam_provision_api.proto. */
#include "boot.h"

#include "base/error.h"
#include "base/log.h"
#include "beam_urns.h"
#include "boot_options.h"
#include "model/beam_provision_api.upb.h"
#include "model/endpoints.upb.h"
#include "pb.h"
#include "staged_files.h"

#define METHOD "/org.apache.beam.model.fn_execution.v1.ProvisionService/GetProvisionInfo"

/* Ample: many workers may start at once on a machine. */
enum { CONNECT_MS = 20000, CALL_MS = 60000 };

/* -- provision -------------------------------------------------------------------- */

static const char *endpoint(const char *given, const pb_ApiServiceDescriptor *told,
                            bm_arena *arena)
{
    if (given) return bm_strdup(arena, given);
    if (!told) return NULL;
    upb_StringView url = pb_ApiServiceDescriptor_url(told);
    return url.size ? bm_cstr(arena, bm_span_of_pb(url)) : NULL;
}

static void read_capabilities(const pb_ProvisionInfo *info, bm_boot *out)
{
    size_t n;
    upb_StringView const *all = pb_ProvisionInfo_runner_capabilities(info, &n);
    for (size_t i = 0; i < n; i++) {
        upb_StringView embeds = bm_pb_text(
            BEAM_URN_PROTOCOL_CONTROL_RESPONSE_ELEMENTS_EMBEDDING);
        upb_StringView short_ids = bm_pb_text(
            BEAM_URN_PROTOCOL_MONITORING_INFO_SHORT_IDS);
        upb_StringView keys_values = bm_pb_text(
            BEAM_URN_PROTOCOL_MULTIMAP_KEYS_VALUES_SIDE_INPUT);
        if (upb_StringView_IsEqual(all[i], keys_values)) out->serves_keys_values = true;
        if (upb_StringView_IsEqual(all[i], embeds)) out->embeds_elements = true;
        if (upb_StringView_IsEqual(all[i], short_ids)) out->takes_short_ids = true;
    }
}

static void read_siblings(const pb_ProvisionInfo *info, bm_arena *arena, bm_boot *out)
{
    upb_StringView const *ids = pb_ProvisionInfo_sibling_worker_ids(info, &out->n_siblings);
    out->sibling_ids = BM_NEW_ARRAY(arena, const char *, out->n_siblings);
    for (size_t i = 0; i < out->n_siblings; i++)
        out->sibling_ids[i] = bm_cstr(arena, bm_span_of_pb(ids[i]));
}

static void read_info(const pb_ProvisionInfo *info, const beam_harness_opts *opts,
                      bm_arena *arena, bm_boot *out)
{
    out->control_endpoint = endpoint(opts->control_endpoint,
                                     pb_ProvisionInfo_control_endpoint(info), arena);
    out->logging_endpoint = endpoint(opts->logging_endpoint,
                                     pb_ProvisionInfo_logging_endpoint(info), arena);
    out->artifact_endpoint = endpoint(opts->artifact_endpoint,
                                      pb_ProvisionInfo_artifact_endpoint(info), arena);
    out->status_endpoint = endpoint(NULL, pb_ProvisionInfo_status_endpoint(info), arena);
    read_capabilities(info, out);
    read_siblings(info, arena, out);
    out->log_level = BEAM_LOG_INFO;
    bm_boot_read_options(pb_ProvisionInfo_pipeline_options(info), arena, out);
    if (opts->log_level) out->log_level = opts->log_level;
}

static beam_status get_info(bm_rpc *rpc, const beam_harness_opts *opts, bm_arena *arena,
                            upb_Arena *pb, const pb_ProvisionInfo **out, beam_error *err)
{
    beam_error cause;
    beam_span bytes;
    bm_channel *channel = bm_channel_new(rpc, opts->provision_endpoint, opts->id);
    beam_status status = bm_channel_wait(channel, CONNECT_MS, &cause);
    if (status == BEAM_OK) /* GetProvisionInfoRequest has no fields */
        status = bm_call(channel, METHOD, (beam_span){ "", 0 }, CALL_MS, arena, &bytes,
                         &cause);
    bm_channel_free(channel);
    if (status != BEAM_OK)
        return bm_error(err, status,
                        "the worker gets no provision info from %s, see "
                        "--provision_endpoint: %s",
                        opts->provision_endpoint, cause.message);
    const pb_GetProvisionInfoResponse *response =
        pb_GetProvisionInfoResponse_parse(bytes.ptr, bytes.len, pb);
    *out = response ? pb_GetProvisionInfoResponse_info(response) : NULL;
    if (*out) return BEAM_OK;
    return bm_error(err, BEAM_ERPC,
                    "what answers at %s is no provision service, see "
                    "--provision_endpoint: its GetProvisionInfoResponse has no info",
                    opts->provision_endpoint);
}

static beam_status run(bm_rpc *rpc, const beam_harness_opts *opts, bm_arena *arena,
                       upb_Arena *pb, bm_boot *out, beam_error *err)
{
    const pb_ProvisionInfo *info = pb_ProvisionInfo_new(pb);
    if (opts->provision_endpoint) BEAM_TRY(get_info(rpc, opts, arena, pb, &info, err));
    read_info(info, opts, arena, out);
    if (!out->control_endpoint)
        return bm_error(err, BEAM_EINVAL,
                        "the worker does not know its runner: neither "
                        "--control_endpoint nor a provision service tells the address");
    bm_log log = bm_log_stderr;
    log.minimum = out->log_level;
    bm_log_write(&log, BEAM_LOG_DEBUG, "control at %s, log at %s, staged files at %s",
                 out->control_endpoint,
                 out->logging_endpoint ? out->logging_endpoint : "stderr",
                 out->artifact_endpoint ? out->artifact_endpoint : "no address");
    bm_staging_opts staging = { out->artifact_endpoint, opts->id, opts->semi_persist_dir,
                                &log };
    return bm_staged_files_fetch(rpc, info, &staging, arena, &out->staged_dir, err);
}

beam_status bm_boot_run(bm_rpc *rpc, const beam_harness_opts *opts, bm_arena *arena,
                        bm_boot *out, beam_error *err)
{
    *out = (bm_boot){ .control_endpoint = NULL };
    upb_Arena *pb = bm_pb_arena_new();
    beam_status status = run(rpc, opts, arena, pb, out, err);
    upb_Arena_Free(pb);
    return status;
}
