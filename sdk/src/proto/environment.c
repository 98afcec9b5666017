/* SPDX-License-Identifier: Apache-2.0 */
/* proto/environment.c - environments, their payloads, and what this SDK's worker can do.
 * One thread. */
#include "beam_urns.h"
#include "proto/builder.h"

const char *const bm_capabilities[] = {
    BEAM_URN_CODER_BYTES,
    BEAM_URN_CODER_STRING_UTF8,
    BEAM_URN_CODER_BOOL,
    BEAM_URN_CODER_VARINT,
    BEAM_URN_CODER_DOUBLE,
    BEAM_URN_CODER_KV,
    BEAM_URN_CODER_ITERABLE,
    BEAM_URN_CODER_STATE_BACKED_ITERABLE,
    BEAM_URN_CODER_LENGTH_PREFIX,
    BEAM_URN_CODER_NULLABLE,
    BEAM_URN_CODER_INTERVAL_WINDOW,
    BEAM_URN_CODER_GLOBAL_WINDOW,
    BEAM_URN_CODER_CUSTOM_WINDOW,
    BEAM_URN_CODER_WINDOWED_VALUE,
    BEAM_URN_CODER_PARAM_WINDOWED_VALUE,
    BEAM_URN_CODER_TIMER,
    BEAM_URN_CODER_SHARDED_KEY,
    BEAM_URN_CODER_ROW,
    BEAM_URN_TRANSFORM_SDF_TRUNCATE_SIZED_RESTRICTIONS,
    BEAM_URN_PROTOCOL_PROGRESS_REPORTING,
    BEAM_URN_PROTOCOL_WORKER_STATUS,
    BEAM_URN_PROTOCOL_MULTI_CORE_BUNDLE_PROCESSING,
    BEAM_URN_PROTOCOL_SIBLING_WORKERS,
    BEAM_URN_PROTOCOL_HARNESS_MONITORING_INFOS,
    BEAM_URN_PROTOCOL_CONTROL_REQUEST_ELEMENTS_EMBEDDING,
    BEAM_URN_PROTOCOL_STATE_CACHING,
    BEAM_URN_PROTOCOL_DATA_SAMPLING,
    BEAM_URN_PROTOCOL_SDK_CONSUMING_RECEIVED_DATA,
    BEAM_URN_PROTOCOL_ORDERED_LIST_STATE,
    BEAM_URN_PROTOCOL_ELEMENT_METADATA,
    BEAM_URN_PROTOCOL_MULTIMAP_STATE,
    "beam:protocol:named_data_streams:v1", /* since 2.77 */
    "beam:version:sdk_base:beam-c",
};
const size_t bm_capabilities_count = BEAM_COUNT(bm_capabilities);

beam_span bm_external_payload(bm_arena *arena, const char *pool_address)
{
    bm_pb_external *m = bm_pb_external_new(arena);
    m->endpoint = bm_pb_endpoint_new(arena);
    m->endpoint->url = bm_pb_text(pool_address);
    return BM_PB_PACK(arena, m);
}

beam_span bm_docker_payload(bm_arena *arena, const char *image)
{
    bm_pb_docker *m = bm_pb_docker_new(arena);
    m->container_image = bm_pb_text(image);
    return BM_PB_PACK(arena, m);
}

beam_span bm_process_payload(bm_arena *arena, const char *command, const char *const *env,
                             size_t n_env)
{
    bm_pb_process *m = bm_pb_process_new(arena);
    m->command = bm_pb_text(command);
    bm_list entries = { 0 };
    for (size_t i = 0; i < n_env; i++) {
        bm_pb_process_env *entry = bm_pb_process_env_new(arena);
        entry->key = bm_pb_text(env[2 * i]);
        entry->value = bm_pb_text(env[2 * i + 1]);
        bm_list_add(arena, &entries, entry);
    }
    BM_PB_REPEATED(m, env, &entries);
    return BM_PB_PACK(arena, m);
}

void bm_set_artifacts(bm_arena *arena, bm_pb_environment *m, const bm_environment *env)
{
    bm_list dependencies = { 0 };
    for (size_t i = 0; i < env->n_artifacts; i++) {
        const bm_artifact *artifact = &env->artifacts[i];
        bm_pb_artifact *a = bm_pb_artifact_new(arena);
        a->type_urn = bm_pb_text(artifact->type_urn);
        a->type_payload = bm_pb_bytes(artifact->type_payload);
        a->role_urn = bm_pb_text(artifact->role_urn);
        a->role_payload = bm_pb_bytes(artifact->role_payload);
        bm_list_add(arena, &dependencies, a);
    }
    BM_PB_REPEATED(m, dependencies, &dependencies);
}

void bm_set_resource_hints(bm_arena *arena, bm_pb_environment *m,
                           const bm_resource_hints *hints)
{
    static const char *const urns[BM_N_HINTS] = {
        [BM_HINT_ACCELERATOR] = BEAM_URN_RESOURCES_ACCELERATOR,
        [BM_HINT_MIN_RAM] = BEAM_URN_RESOURCES_MIN_RAM_BYTES,
        [BM_HINT_CPU_COUNT] = BEAM_URN_RESOURCES_CPU_COUNT,
        [BM_HINT_MAX_BUNDLES] = BEAM_URN_RESOURCES_MAX_ACTIVE_BUNDLES_PER_WORKER,
    };
    bm_list list = { 0 };
    for (size_t i = 0; i < BM_N_HINTS; i++) {
        if (!hints->values[i]) continue;
        bm_pb_hint_entry *entry = bm_pb_hint_entry_new(arena);
        entry->key = bm_pb_text(urns[i]);
        entry->value = bm_pb_bytes(beam_span_of(hints->values[i]));
        bm_list_add(arena, &list, entry);
    }
    BM_PB_REPEATED(m, resource_hints, &list);
}

bm_pb_environment *bm_environment_proto(bm_arena *arena, const bm_environment *env)
{
    bm_pb_environment *m = bm_pb_environment_new(arena);
    m->urn = bm_pb_text(env->urn);
    m->payload = bm_pb_bytes(env->payload);
    bm_list capabilities = { 0 };
    for (size_t i = 0; i < bm_capabilities_count; i++)
        bm_list_add(arena, &capabilities, bm_pb_text(bm_capabilities[i]));
    BM_PB_REPEATED(m, capabilities, &capabilities);
    bm_list display = { 0 };
    bm_list_add(arena, &display, bm_labelled(arena, "beam-c", "sdk", "SDK", "beam-c"));
    BM_PB_REPEATED(m, display_data, &display);
    bm_set_artifacts(arena, m, env);
    return m;
}
