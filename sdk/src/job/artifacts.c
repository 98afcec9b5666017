/* SPDX-License-Identifier: Apache-2.0 */
/* Resolving and staging artifacts; see beam_artifact_api.proto. */
#include "job/artifacts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/sha256.h"
#include "base/writer.h"
#include "beam_urns.h"
#include "job/blocking_stream.h"
#include "model/beam_artifact_api.pb-c.h"
#include "proto/model.h"

#define STAGING "/org.apache.beam.model.job_management.v1.ArtifactStagingService/"
#define RETRIEVAL "/org.apache.beam.model.job_management.v1.ArtifactRetrievalService/"

enum { CALL_TIMEOUT_MS = 60000, CHUNK = 1 << 20 };

void bm_artifacts_init(bm_artifacts *artifacts, bm_arena *arena)
{
    *artifacts = (bm_artifacts){ .arena = arena };
    bm_map_init(&artifacts->sources, arena);
}

static beam_span source_key(bm_arena *arena, const char *urn, beam_span payload)
{
    size_t n = strlen(urn) + 1;
    char *key = bm_alloc(arena, n + payload.len);
    memcpy(key, urn, n);
    if (payload.len) memcpy(key + n, payload.ptr, payload.len);
    return (beam_span){ key, n + payload.len };
}

beam_status bm_artifact_of_file(bm_arena *arena, const char *path,
                                const char *staged_name, bm_artifact *out,
                                beam_error *err)
{
    char hex[65];
    BEAM_TRY(bm_sha256_file(path, hex, err));
    Pb__ArtifactFilePayload file = PB__ARTIFACT_FILE_PAYLOAD__INIT;
    file.path = bm_pb_text(path);
    file.sha256 = hex;
    Pb__ArtifactStagingToRolePayload role = PB__ARTIFACT_STAGING_TO_ROLE_PAYLOAD__INIT;
    role.staged_name = bm_pb_text(staged_name);
    *out = (bm_artifact){ BEAM_URN_ARTIFACT_TYPE_FILE, bm_pb_pack(arena, &file.base),
                          BEAM_URN_ARTIFACT_ROLE_STAGING_TO,
                          bm_pb_pack(arena, &role.base) };
    return BEAM_OK;
}

/* -- resolving --------------------------------------------------------------------------- */
static Pb__ArtifactInformation *to_pb(bm_arena *arena, const bm_artifact *a)
{
    bm_pb_artifact *pb = bm_pb_artifact_new(arena);
    pb->type_urn = bm_pb_text(a->type_urn);
    pb->type_payload = bm_pb_bytes(a->type_payload);
    pb->role_urn = bm_pb_text(a->role_urn);
    pb->role_payload = bm_pb_bytes(a->role_payload);
    return pb;
}

static bm_artifact from_pb(const Pb__ArtifactInformation *pb)
{
    return (bm_artifact){ pb->type_urn, bm_pb_span(pb->type_payload), pb->role_urn,
                          bm_pb_span(pb->role_payload) };
}

beam_status bm_artifacts_resolve(bm_artifacts *artifacts, bm_channel *channel,
                                 const char *address, bm_environment *env,
                                 beam_error *err)
{
    bm_arena *arena = artifacts->arena;
    if (!env->n_artifacts) return BEAM_OK;
    Pb__ResolveArtifactsRequest request = PB__RESOLVE_ARTIFACTS_REQUEST__INIT;
    char *preferred[] = { BEAM_URN_ARTIFACT_TYPE_FILE };
    request.n_preferred_urns = 1;
    request.preferred_urns = preferred;
    request.artifacts = BM_NEW_ARRAY(arena, Pb__ArtifactInformation *, env->n_artifacts);
    for (; request.n_artifacts < env->n_artifacts; request.n_artifacts++)
        request.artifacts[request.n_artifacts] =
            to_pb(arena, &env->artifacts[request.n_artifacts]);

    beam_span bytes;
    BEAM_TRY(bm_call(channel, RETRIEVAL "ResolveArtifacts",
                     bm_pb_pack(arena, &request.base), CALL_TIMEOUT_MS, arena, &bytes,
                     err));
    Pb__ResolveArtifactsResponse *response = (Pb__ResolveArtifactsResponse *)
        bm_pb_unpack(arena, &pb__resolve_artifacts_response__descriptor, bytes,
                     BM_PB_MAX_DEPTH);
    if (!response)
        return bm_error(err, BEAM_ERPC,
                        "the expansion service at %s answers with broken bytes", address);
    bm_artifact *found = BM_NEW_ARRAY(arena, bm_artifact, response->n_replacements + 1);
    for (size_t i = 0; i < response->n_replacements; i++) {
        found[i] = from_pb(response->replacements[i]);
        bm_map_put(&artifacts->sources,
                   source_key(arena, found[i].type_urn, found[i].type_payload),
                   (void *)(uintptr_t)address);
    }
    env->artifacts = found;
    env->n_artifacts = response->n_replacements;
    artifacts->n_staged += env->n_artifacts;
    return BEAM_OK;
}

/* -- staging --------------------------------------------------------------------------------- */
typedef struct staging {
    const bm_artifacts *artifacts;
    bm_session *session;
    bm_blocking_stream *stream;
    const char *token;
    bm_arena arena; /* of one request */
} staging;

static bool send_response(staging *s, Pb__ArtifactResponseWrapper *wrapper)
{
    wrapper->staging_token = bm_pb_text(s->token);
    return bm_blocking_stream_send(s->stream, bm_pb_pack(&s->arena, &wrapper->base));
}

/* They are what they are: nothing is resolved here. */
static void answer_resolve(staging *s, const Pb__ResolveArtifactsRequest *request)
{
    Pb__ResolveArtifactsResponse response = PB__RESOLVE_ARTIFACTS_RESPONSE__INIT;
    response.n_replacements = request->n_artifacts;
    response.replacements = request->artifacts;
    Pb__ArtifactResponseWrapper wrapper = PB__ARTIFACT_RESPONSE_WRAPPER__INIT;
    wrapper.is_last = true;
    wrapper.response_case =
        PB__ARTIFACT_RESPONSE_WRAPPER__RESPONSE_RESOLVE_ARTIFACT_RESPONSE;
    wrapper.resolve_artifact_response = &response;
    send_response(s, &wrapper);
}

static bool send_chunk(staging *s, beam_span bytes, bool is_last)
{
    bm_mark mark = bm_arena_mark(&s->arena);
    Pb__GetArtifactResponse chunk = PB__GET_ARTIFACT_RESPONSE__INIT;
    chunk.data = bm_pb_bytes(bytes);
    Pb__ArtifactResponseWrapper wrapper = PB__ARTIFACT_RESPONSE_WRAPPER__INIT;
    wrapper.is_last = is_last;
    wrapper.response_case = PB__ARTIFACT_RESPONSE_WRAPPER__RESPONSE_GET_ARTIFACT_RESPONSE;
    wrapper.get_artifact_response = &chunk;
    bool sent = send_response(s, &wrapper);
    bm_arena_rewind(&s->arena, mark);
    return sent;
}

static beam_status send_file(staging *s, const char *path, beam_error *err)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        return bm_error(err, BEAM_EIO, "cannot stage %s: %s", path, strerror(errno));
    char *buffer = bm_alloc(&s->arena, CHUNK);
    size_t n;
    while ((n = fread(buffer, 1, CHUNK, file)) &&
           send_chunk(s, (beam_span){ buffer, n }, false))
        continue;
    bool failed = ferror(file);
    fclose(file);
    if (failed) return bm_error(err, BEAM_EIO, "cannot read %s while staging it", path);
    send_chunk(s, (beam_span){ NULL, 0 }, true);
    return BEAM_OK;
}

static beam_status forward(staging *s, bm_blocking_stream *from, const char *address,
                           beam_error *err)
{
    for (;;) {
        beam_span bytes;
        switch (bm_blocking_stream_next(from, CALL_TIMEOUT_MS, &s->arena, &bytes)) {
        case BM_NOTHING_YET:
            return bm_error(err, BEAM_ETIMEOUT,
                            "the expansion service at %s does not send a file "
                            "that the job needs",
                            address);
        case BM_STREAM_OVER:
            BEAM_TRY(bm_blocking_stream_status(from, err));
            send_chunk(s, (beam_span){ NULL, 0 }, true);
            return BEAM_OK;
        case BM_ARRIVED: break;
        }
        Pb__GetArtifactResponse *chunk = (Pb__GetArtifactResponse *)
            bm_pb_unpack(&s->arena, &pb__get_artifact_response__descriptor, bytes,
                         BM_PB_MAX_DEPTH);
        if (!chunk)
            return bm_error(err, BEAM_ERPC,
                            "broken bytes from the expansion service at %s", address);
        if (!send_chunk(s, bm_pb_span(chunk->data), false)) return BEAM_OK;
        bm_arena_reset(&s->arena);
    }
}

static beam_status send_from_expansion(staging *s,
                                       const Pb__ArtifactInformation *artifact,
                                       const char *address, beam_error *err)
{
    Pb__GetArtifactRequest request = PB__GET_ARTIFACT_REQUEST__INIT;
    request.artifact = (Pb__ArtifactInformation *)(uintptr_t)artifact;
    bm_channel *channel = bm_channel_new(s->session->rpc, address, NULL);
    bm_blocking_stream *from = bm_blocking_stream_open(channel, RETRIEVAL "GetArtifact");
    bm_blocking_stream_send(from, bm_pb_pack(&s->arena, &request.base));
    bm_blocking_stream_half_close(from);
    beam_status status = forward(s, from, address, err);
    bm_blocking_stream_free(from);
    bm_channel_free(channel);
    return status;
}

static beam_status answer_get(staging *s, const Pb__GetArtifactRequest *request,
                              beam_error *err)
{
    const Pb__ArtifactInformation *artifact = request->artifact;
    if (!artifact)
        return bm_error(err, BEAM_ERPC, "the job service asks for no artifact");
    beam_span payload = bm_pb_span(artifact->type_payload);
    const char *address = bm_map_get(&s->artifacts->sources,
                                     source_key(&s->arena, artifact->type_urn, payload));
    if (address) return send_from_expansion(s, artifact, address, err);
    if (!strcmp(artifact->type_urn, BEAM_URN_ARTIFACT_TYPE_FILE)) {
        Pb__ArtifactFilePayload *file = (Pb__ArtifactFilePayload *)
            bm_pb_unpack(&s->arena, &pb__artifact_file_payload__descriptor, payload,
                         BM_PB_MAX_DEPTH);
        if (file) return send_file(s, file->path, err);
    }
    return bm_error(err, BEAM_EUNSUPPORTED,
                    "the job service asks for an artifact of type %s, "
                    "which cannot be staged",
                    artifact->type_urn);
}

static beam_status answer_request(staging *s, beam_span bytes, beam_error *err)
{
    Pb__ArtifactRequestWrapper *request = (Pb__ArtifactRequestWrapper *)
        bm_pb_unpack(&s->arena, &pb__artifact_request_wrapper__descriptor, bytes,
                     BM_PB_MAX_DEPTH);
    if (!request)
        return bm_error(err, BEAM_ERPC, "broken bytes from the artifact staging service");
    switch (request->request_case) {
    case PB__ARTIFACT_REQUEST_WRAPPER__REQUEST_RESOLVE_ARTIFACT:
        answer_resolve(s, request->resolve_artifact);
        return BEAM_OK;
    case PB__ARTIFACT_REQUEST_WRAPPER__REQUEST_GET_ARTIFACT:
        return answer_get(s, request->get_artifact, err);
    default:
        return bm_error(err, BEAM_EUNSUPPORTED,
                        "unknown question of the artifact staging service");
    }
}

static beam_status answer_all(staging *s, const char *endpoint, beam_error *err)
{
    Pb__ArtifactResponseWrapper hello = PB__ARTIFACT_RESPONSE_WRAPPER__INIT;
    send_response(s, &hello);
    for (;;) {
        beam_span bytes;
        bm_arena_reset(&s->arena);
        switch (bm_blocking_stream_next(s->stream, CALL_TIMEOUT_MS, &s->arena, &bytes)) {
        case BM_NOTHING_YET:
            return bm_error(err, BEAM_ETIMEOUT,
                            "the artifact staging service at %s is silent", endpoint);
        case BM_STREAM_OVER: return bm_blocking_stream_status(s->stream, err);
        case BM_ARRIVED: BEAM_TRY(answer_request(s, bytes, err)); break;
        }
    }
}

beam_status bm_artifacts_stage(const bm_artifacts *artifacts, bm_session *session,
                               const char *endpoint, const char *token, beam_error *err)
{
    bm_channel *channel = bm_channel_new(session->rpc, endpoint, NULL);
    staging s = { .artifacts = artifacts, .session = session, .token = token };
    bm_arena_init(&s.arena, 0);
    s.stream = bm_blocking_stream_open(channel,
                                       STAGING "ReverseArtifactRetrievalService");
    beam_status status = answer_all(&s, endpoint, err);
    bm_blocking_stream_free(s.stream);
    bm_arena_free(&s.arena);
    bm_channel_free(channel);
    return status;
}
