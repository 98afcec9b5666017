/* SPDX-License-Identifier: Apache-2.0 */
/* ArtifactRetrievalService of beam_artifact_api.proto, the client. Its artifacts are named
 * by what they are; the retrieval token belongs to the legacy service, which only knows
 * jobs whose environments name no dependencies. The thread that starts the worker; the
 * rpc thread hands over one message at a time. */
#include "staged_files.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/map.h"
#include "base/sha256.h"
#include "beam_urns.h"
#include "model/beam_artifact_api.upb.h"
#include "model/beam_runner_api.upb.h"
#include "pb.h"

#define SERVICE "/org.apache.beam.model.job_management.v1.ArtifactRetrievalService/"

enum { CONNECT_MS = 20000, PHASE_MS = 5 * 60 * 1000, MAX_NAME = 200 };

typedef struct fetch {
    const bm_staging_opts *opts;
    bm_arena *arena;
    upb_Arena *pb;
    bm_channel *channel;
    int64_t deadline;
    const char *dir;
    bm_map by_name; /* staged so far: name -> sha256 */
} fetch;

static int left_ms(const fetch *f)
{
    int64_t left = f->deadline - bm_monotonic_ms();
    return left > 1 ? (int)left : 1;
}

/* -- the folder --------------------------------------------------------------- */

static void remove_dir(void *path)
{
    DIR *dir = opendir(path);
    if (!dir) return;
    for (struct dirent *file; (file = readdir(dir));)
        if (strcmp(file->d_name, ".") && strcmp(file->d_name, ".."))
            unlinkat(dirfd(dir), file->d_name, 0);
    closedir(dir);
    rmdir(path);
}

static beam_status make_dir(const char *path, beam_error *err)
{
    if (!mkdir(path, 0777) || errno == EEXIST) return BEAM_OK;
    return bm_error(
        err, BEAM_EIO,
        "cannot make the folder %s for staged files: %s; give another one with "
        "--semi_persist_dir",
        path, strerror(errno));
}

static beam_status open_dir(fetch *f, beam_error *err)
{
    if (f->opts->semi_persist_dir) {
        BEAM_TRY(make_dir(f->opts->semi_persist_dir, err));
        f->dir = bm_format(f->arena, "%s/staged", f->opts->semi_persist_dir);
        return make_dir(f->dir, err);
    }
    const char *tmp = getenv("TMPDIR");
    char *path = bm_format(f->arena, "%s/beam-staged-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(path))
        return bm_error(err, BEAM_EIO,
                        "cannot make a temporary folder %s for staged "
                        "files: %s; give one with --semi_persist_dir",
                        path, strerror(errno));
    bm_arena_defer(f->arena, remove_dir, path);
    f->dir = path;
    return BEAM_OK;
}

/* A staged name is a path in the folder, by the protocol; here it is one file in it. */
static char *safe_name(fetch *f, upb_StringView staged)
{
    if (!staged.size || staged.size > MAX_NAME || staged.data[0] == '.') return NULL;
    char *name = bm_cstr(f->arena, bm_span_of_pb(staged));
    for (size_t i = 0; i < staged.size; i++)
        if (name[i] == '/' || (unsigned char)name[i] < ' ') name[i] = '_';
    return name;
}

/* -- one file: messages ------------------------------------------------------------ */

/* One message on its way from the rpc thread, which reads no further until it is taken. */
typedef struct mailbox {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bm_message *message;
    bool ended;
    beam_status status;
    char text[256];
} mailbox;

static void on_message(void *self, bm_stream *stream, bm_message *message)
{
    mailbox *box = self;
    bm_stream_pause(stream);
    pthread_mutex_lock(&box->lock);
    box->message = message;
    pthread_cond_signal(&box->changed);
    pthread_mutex_unlock(&box->lock);
}

static void on_end(void *self, bm_stream *stream, beam_status status, const char *text)
{
    (void)stream;
    mailbox *box = self;
    pthread_mutex_lock(&box->lock);
    box->ended = true;
    box->status = status;
    snprintf(box->text, sizeof box->text, "%s", text ? text : "");
    pthread_cond_signal(&box->changed);
    pthread_mutex_unlock(&box->lock);
}

static const bm_stream_handler handler = { on_message, NULL, on_end };

/* *out is NULL at the end. */
static beam_status next_message(fetch *f, mailbox *box, bm_stream *stream,
                                bm_message **out, beam_error *err)
{
    struct timespec until = bm_after_ms(left_ms(f));
    int rc = 0;
    pthread_mutex_lock(&box->lock);
    while (!box->message && !box->ended && !rc)
        rc = pthread_cond_timedwait(&box->changed, &box->lock, &until);
    *out = box->message;
    box->message = NULL;
    bool ended = box->ended;
    pthread_mutex_unlock(&box->lock);
    if (*out) {
        bm_stream_resume(stream);
        return BEAM_OK;
    }
    if (!ended) return bm_error(err, BEAM_ETIMEOUT, "it takes too long");
    if (box->status != BEAM_OK) return bm_error(err, box->status, "%s", box->text);
    return BEAM_OK;
}

static beam_status write_chunk(const bm_message *message, FILE *file, bm_sha256 *sha,
                               beam_error *err)
{
    bm_arena scratch;
    bm_arena_init(&scratch, 0);
    upb_Arena *pb = bm_pb_arena_new();
    beam_span bytes = bm_message_flat(message, &scratch);
    beam_status status = BEAM_OK;
    const pb_GetArtifactResponse *chunk =
        pb_GetArtifactResponse_parse_ex(bytes.ptr, bytes.len, NULL,
                                        kUpb_DecodeOption_AliasString, pb);
    if (!chunk) {
        status = bm_error(err, BEAM_ERPC, "what it sends is no GetArtifactResponse");
    } else {
        upb_StringView data = pb_GetArtifactResponse_data(chunk);
        bm_sha256_add(sha, data.data, data.size);
        if (fwrite(data.data, 1, data.size, file) != data.size)
            status = bm_error(err, BEAM_EIO, "cannot write the file: %s",
                              strerror(errno));
    }
    upb_Arena_Free(pb);
    bm_arena_free(&scratch);
    return status;
}

static beam_status receive(fetch *f, mailbox *box, bm_stream *stream, FILE *file,
                           bm_sha256 *sha, beam_error *err)
{
    for (;;) {
        bm_message *message;
        BEAM_TRY(next_message(f, box, stream, &message, err));
        if (!message) return BEAM_OK;
        beam_status status = write_chunk(message, file, sha, err);
        bm_message_free(message);
        BEAM_TRY(status);
    }
}

static beam_status download(fetch *f, const pb_ArtifactInformation *artifact, FILE *file,
                            char hex[65], beam_error *err)
{
    pb_GetArtifactRequest *request = pb_GetArtifactRequest_new(f->pb);
    pb_GetArtifactRequest_set_artifact(request,
                                       (pb_ArtifactInformation *)(uintptr_t)artifact);
    size_t n;
    char *bytes = pb_GetArtifactRequest_serialize(request, f->pb, &n);
    mailbox box = { .message = NULL };
    pthread_mutex_init(&box.lock, NULL);
    bm_cond_init(&box.changed);
    bm_sha256 sha;
    bm_sha256_init(&sha);
    bm_stream *stream = bm_stream_open(f->channel, SERVICE "GetArtifact", NULL, &handler,
                                       &box);
    bm_stream_write(stream, bm_pb_message(bytes, n));
    bm_stream_half_close(stream);
    beam_status status = receive(f, &box, stream, file, &sha, err);
    bm_stream_free(stream);
    if (box.message) bm_message_free(box.message);
    pthread_cond_destroy(&box.changed);
    pthread_mutex_destroy(&box.lock);
    bm_sha256_hex(&sha, hex);
    return status;
}

/* -- one file: on disk --------------------------------------------------------------- */

static beam_status check_hash(const char *wanted, const char *hex, beam_error *err)
{
    if (!*wanted || !strcasecmp(wanted, hex)) return BEAM_OK;
    return bm_error(err, BEAM_EIO,
                    "its sha256 is %s instead of %s: it was changed or cut", hex, wanted);
}

/* Under a temporary name first, as workers may share the folder. */
static beam_status store(fetch *f, const pb_ArtifactInformation *artifact,
                         const char *path, const char *sha256, beam_error *err)
{
    char *part = bm_format(f->arena, "%s.XXXXXX", path);
    int fd = mkstemp(part);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!file) {
        int reason = errno;
        if (fd >= 0) {
            close(fd);
            unlink(part);
        }
        return bm_error(err, BEAM_EIO, "cannot write %s: %s", part, strerror(reason));
    }
    char hex[65];
    beam_status status = download(f, artifact, file, hex, err);
    if (fclose(file) && status == BEAM_OK)
        status = bm_error(err, BEAM_EIO, "cannot write %s: %s", part, strerror(errno));
    if (status == BEAM_OK) status = check_hash(sha256, hex, err);
    if (status == BEAM_OK && (chmod(part, 0755) || rename(part, path)))
        status = bm_error(err, BEAM_EIO, "cannot make %s: %s", path, strerror(errno));
    if (status != BEAM_OK) unlink(part);
    return status;
}

static bool is_there(const char *path, const char *sha256)
{
    char hex[65];
    return *sha256 && !access(path, R_OK) && bm_sha256_file(path, hex, NULL) == BEAM_OK &&
           !strcasecmp(hex, sha256);
}

static bool is_urn(upb_StringView view, const char *urn)
{
    return view.size == strlen(urn) && !memcmp(view.data, urn, view.size);
}

/* "" when the artifact does not say. */
static const char *wanted_sha256(fetch *f, const pb_ArtifactInformation *artifact)
{
    upb_StringView urn = pb_ArtifactInformation_type_urn(artifact);
    upb_StringView payload = pb_ArtifactInformation_type_payload(artifact);
    upb_StringView sha = { "", 0 };
    if (is_urn(urn, BEAM_URN_ARTIFACT_TYPE_FILE)) {
        pb_ArtifactFilePayload *file = pb_ArtifactFilePayload_parse(payload.data,
                                                                    payload.size, f->pb);
        if (file) sha = pb_ArtifactFilePayload_sha256(file);
    } else if (is_urn(urn, BEAM_URN_ARTIFACT_TYPE_URL)) {
        pb_ArtifactUrlPayload *url = pb_ArtifactUrlPayload_parse(payload.data,
                                                                 payload.size, f->pb);
        if (url) sha = pb_ArtifactUrlPayload_sha256(url);
    }
    return bm_cstr(f->arena, bm_span_of_pb(sha));
}

static beam_status fetch_one(fetch *f, const pb_ArtifactInformation *artifact,
                             beam_error *err)
{
    upb_StringView payload = pb_ArtifactInformation_role_payload(artifact);
    pb_ArtifactStagingToRolePayload *role =
        pb_ArtifactStagingToRolePayload_parse(payload.data, payload.size, f->pb);
    upb_StringView staged = { "", 0 };
    if (role) staged = pb_ArtifactStagingToRolePayload_staged_name(role);
    char *name = safe_name(f, staged);
    if (!name)
        return bm_error(err, BEAM_EINVAL,
                        "fetching staged files from %s: '%.*s' cannot be "
                        "the name of a staged file; stage it under another one",
                        f->opts->endpoint, (int)(staged.size < 100 ? staged.size : 100),
                        staged.data);
    const char *sha256 = wanted_sha256(f, artifact);
    const char *other = bm_map_get(&f->by_name, beam_span_of(name));
    if (other && *sha256 && !strcasecmp(other, sha256)) return BEAM_OK;
    if (other)
        return bm_error(err, BEAM_EINVAL,
                        "fetching staged files from %s: two files have the "
                        "name %s; stage one under another name",
                        f->opts->endpoint, name);
    bm_map_put(&f->by_name, beam_span_of(name), (void *)(uintptr_t)sha256);

    char *path = bm_format(f->arena, "%s/%s", f->dir, name);
    if (is_there(path, sha256)) {
        bm_log_write(f->opts->log, BEAM_LOG_DEBUG, "%s is there already", path);
        return BEAM_OK;
    }
    beam_error cause;
    beam_status status = store(f, artifact, path, sha256, &cause);
    if (status != BEAM_OK)
        return bm_error(err, status,
                        "fetching the staged file %s from the artifact service "
                        "at %s: %s",
                        name, f->opts->endpoint, cause.message);
    bm_log_write(f->opts->log, BEAM_LOG_DEBUG, "fetched %s", path);
    return BEAM_OK;
}

/* -- all of them ------------------------------------------------------------------------- */

static bool is_to_be_staged(const pb_ArtifactInformation *artifact)
{
    return is_urn(pb_ArtifactInformation_role_urn(artifact),
                  BEAM_URN_ARTIFACT_ROLE_STAGING_TO);
}

/* A request for what the artifacts really are; NULL when none of them is to be staged. */
static char *resolve_request(fetch *f, const pb_ProvisionInfo *info, size_t *n_bytes)
{
    pb_ResolveArtifactsRequest *request = pb_ResolveArtifactsRequest_new(f->pb);
    size_t n, n_staged = 0;
    const pb_ArtifactInformation *const *all = pb_ProvisionInfo_dependencies(info, &n);
    for (size_t i = 0; i < n; i++) {
        if (!is_to_be_staged(all[i])) continue;
        pb_ArtifactInformation *copy = pb_ResolveArtifactsRequest_add_artifacts(request,
                                                                                f->pb);
        pb_ArtifactInformation_set_type_urn(copy,
                                            pb_ArtifactInformation_type_urn(all[i]));
        pb_ArtifactInformation_set_type_payload(copy, pb_ArtifactInformation_type_payload(
                                                          all[i]));
        pb_ArtifactInformation_set_role_urn(copy,
                                            pb_ArtifactInformation_role_urn(all[i]));
        pb_ArtifactInformation_set_role_payload(copy, pb_ArtifactInformation_role_payload(
                                                          all[i]));
        n_staged++;
    }
    if (!n_staged) return NULL;
    pb_ResolveArtifactsRequest_add_preferred_urns(request,
                                                  bm_pb_text(BEAM_URN_ARTIFACT_TYPE_FILE),
                                                  f->pb);
    return pb_ResolveArtifactsRequest_serialize(request, f->pb, n_bytes);
}

static beam_status resolve(fetch *f, beam_span request, pb_ResolveArtifactsResponse **out,
                           beam_error *err)
{
    beam_error cause;
    beam_span bytes;
    beam_status status = bm_channel_wait(f->channel, CONNECT_MS, &cause);
    if (status == BEAM_OK)
        status = bm_call(f->channel, SERVICE "ResolveArtifacts", request, left_ms(f),
                         f->arena, &bytes, &cause);
    if (status != BEAM_OK)
        return bm_error(err, status,
                        "fetching staged files, the artifact service at %s does "
                        "not say what they are: %s",
                        f->opts->endpoint, cause.message);
    *out = pb_ResolveArtifactsResponse_parse(bytes.ptr, bytes.len, f->pb);
    if (*out) return BEAM_OK;
    return bm_error(err, BEAM_ERPC,
                    "fetching staged files: what the artifact service at %s "
                    "answers is no ResolveArtifactsResponse",
                    f->opts->endpoint);
}

static beam_status fetch_all(fetch *f, beam_span request, beam_error *err)
{
    pb_ResolveArtifactsResponse *resolved;
    BEAM_TRY(open_dir(f, err));
    BEAM_TRY(resolve(f, request, &resolved, err));
    size_t n;
    const pb_ArtifactInformation *const *all =
        pb_ResolveArtifactsResponse_replacements(resolved, &n);
    bm_map_init(&f->by_name, f->arena);
    for (size_t i = 0; i < n; i++)
        if (is_to_be_staged(all[i])) BEAM_TRY(fetch_one(f, all[i], err));
    return BEAM_OK;
}

beam_status bm_staged_files_fetch(bm_rpc *rpc, const pb_ProvisionInfo *info,
                                  const bm_staging_opts *opts, bm_arena *arena,
                                  const char **dir, beam_error *err)
{
    *dir = NULL;
    fetch f = { .opts = opts,
                .arena = arena,
                .pb = bm_pb_arena_new(),
                .deadline = bm_monotonic_ms() + PHASE_MS };
    beam_span request;
    request.ptr = resolve_request(&f, info, &request.len);
    beam_status status = BEAM_OK;
    if (request.ptr && !opts->endpoint) {
        status = bm_error(err, BEAM_EINVAL,
                          "the job has staged files but no address to fetch "
                          "them from; give one with --artifact_endpoint");
    } else if (request.ptr) {
        f.channel = bm_channel_new(rpc, opts->endpoint, opts->worker_id);
        status = fetch_all(&f, request, err);
        bm_channel_free(f.channel);
        *dir = status == BEAM_OK ? f.dir : NULL;
    }
    upb_Arena_Free(f.pb);
    return status;
}
