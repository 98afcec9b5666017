/* SPDX-License-Identifier: Apache-2.0 */
/* Flags to environments. */
#include "program/environment.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/error.h"

static beam_status this_binary(bm_arena *arena, const char **path, beam_error *err)
{
    char *real = realpath("/proc/self/exe", NULL);
    if (!real)
        return bm_error(err, BEAM_EIO, "cannot tell where this program's file is: %s",
                        strerror(errno));
    *path = bm_strdup(arena, real);
    free(real);
    return BEAM_OK;
}

static beam_status process_of_json(bm_arena *arena, const json_t *json, const char *flag,
                                   bm_environment *out, beam_error *err)
{
    const char *command = json_string_value(json_object_get(json, "command"));
    json_t *env = json_object_get(json, "env");
    if (!command || (env && !json_is_object(env)))
        return bm_error(
            err, BEAM_EUSAGE,
            "--%s of a PROCESS environment must be {\"command\": TEXT, \"env\": "
            "{NAME: TEXT, ...}}",
            flag);
    size_t n = 0;
    const char **pairs = BM_NEW_ARRAY(arena, const char *, 2 * json_object_size(env) + 1);
    const char *key;
    json_t *value;
    json_object_foreach(env, key, value)
    {
        if (!json_is_string(value))
            return bm_error(err, BEAM_EUSAGE,
                            "--%s: the value of \"%s\" in \"env\" is no text", flag, key);
        pairs[2 * n] = bm_strdup(arena, key);
        pairs[2 * n++ + 1] = bm_strdup(arena, json_string_value(value));
    }
    out->payload = bm_process_payload(arena, bm_strdup(arena, command), pairs, n);
    return BEAM_OK;
}

static beam_status process(bm_arena *arena, const char *config, const char *flag,
                           bm_environment *out, beam_error *err)
{
    out->urn = "beam:env:process:v1";
    if (!config || *config != '{') {
        if (!config) BEAM_TRY(this_binary(arena, &config, err));
        if (access(config, X_OK))
            return bm_error(err, BEAM_EUSAGE, "--%s: %s cannot be run: %s", flag, config,
                            strerror(errno));
        out->payload = bm_process_payload(arena, config, NULL, 0);
        return BEAM_OK;
    }
    json_error_t json_err;
    json_t *json = json_loads(config, 0, &json_err);
    if (!json)
        return bm_error(err, BEAM_EUSAGE, "--%s is no JSON: %s, at letter %d", flag,
                        json_err.text, json_err.position);
    beam_status status = process_of_json(arena, json, flag, out, err);
    json_decref(json);
    return status;
}

beam_status bm_environment_parse(bm_arena *arena, const char *type, const char *config,
                                 const char *flag, bm_environment *out, beam_error *err)
{
    *out = (bm_environment){ 0 };
    if (!strcasecmp(type, "PROCESS")) return process(arena, config, flag, out, err);
    if (!strcasecmp(type, "EXTERNAL")) {
        out->urn = "beam:env:external:v1";
        out->payload = bm_external_payload(arena, config);
    } else {
        out->urn = "beam:env:docker:v1";
        out->payload = bm_docker_payload(arena, config);
    }
    return BEAM_OK;
}
