/* SPDX-License-Identifier: Apache-2.0 */
/* proto/model.h - Beam's messages as protobuf-c has them, under short names, made in
 * arenas.
 *
 * bm_pb_x_new(arena) gives an initialised message. Strings and bytes in it are borrowed:
 * they must live until the message is packed. Any thread, as its arena. */
#ifndef BM_MODEL_H
#define BM_MODEL_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "model/beam_expansion_api.pb-c.h"
#include "model/beam_runner_api.pb-c.h"
#include "model/external_transforms.pb-c.h"
#include "model/schema.pb-c.h"
#include "model/standard_window_fns.pb-c.h"

/* X(short name, message, message in snake case) */
#define BM_PB_MESSAGES(X)                                                                \
    X(pipeline, Pb__Pipeline, pb__pipeline)                                              \
    X(components, Pb__Components, pb__components)                                        \
    X(transform_entry, Pb__Components__TransformsEntry,                                  \
      pb__components__transforms_entry)                                                  \
    X(pcoll_entry, Pb__Components__PcollectionsEntry,                                    \
      pb__components__pcollections_entry)                                                \
    X(windowing_entry, Pb__Components__WindowingStrategiesEntry,                         \
      pb__components__windowing_strategies_entry)                                        \
    X(environment_entry, Pb__Components__EnvironmentsEntry,                              \
      pb__components__environments_entry)                                                \
    X(trigger_end, Pb__Trigger__AfterEndOfWindow, pb__trigger__after_end_of_window)      \
    X(trigger_time, Pb__Trigger__AfterProcessingTime,                                    \
      pb__trigger__after_processing_time)                                                \
    X(trigger_sync, Pb__Trigger__AfterSynchronizedProcessingTime,                        \
      pb__trigger__after_synchronized_processing_time)                                   \
    X(time_align, Pb__TimestampTransform__AlignTo, pb__timestamp_transform__align_to)    \
    X(external_config, Pb__ExternalConfigurationPayload,                                 \
      pb__external_configuration_payload)                                                \
    X(coder_entry, Pb__Components__CodersEntry, pb__components__coders_entry)            \
    X(transform, Pb__PTransform, pb__ptransform)                                         \
    X(input_entry, Pb__PTransform__InputsEntry, pb__ptransform__inputs_entry)            \
    X(output_entry, Pb__PTransform__OutputsEntry, pb__ptransform__outputs_entry)         \
    X(pcoll, Pb__PCollection, pb__pcollection)                                           \
    X(windowing, Pb__WindowingStrategy, pb__windowing_strategy)                          \
    X(coder, Pb__Coder, pb__coder)                                                       \
    X(environment, Pb__Environment, pb__environment)                                     \
    X(hint_entry, Pb__Environment__ResourceHintsEntry,                                   \
      pb__environment__resource_hints_entry)                                             \
    X(artifact, Pb__ArtifactInformation, pb__artifact_information)                       \
    X(function_spec, Pb__FunctionSpec, pb__function_spec)                                \
    X(display_data, Pb__DisplayData, pb__display_data)                                   \
    X(labelled, Pb__LabelledPayload, pb__labelled_payload)                               \
    X(par_do, Pb__ParDoPayload, pb__par_do_payload)                                      \
    X(side_input, Pb__SideInput, pb__side_input)                                         \
    X(side_input_entry, Pb__ParDoPayload__SideInputsEntry,                               \
      pb__par_do_payload__side_inputs_entry)                                             \
    X(state_entry, Pb__ParDoPayload__StateSpecsEntry,                                    \
      pb__par_do_payload__state_specs_entry)                                             \
    X(timer_entry, Pb__ParDoPayload__TimerFamilySpecsEntry,                              \
      pb__par_do_payload__timer_family_specs_entry)                                      \
    X(state, Pb__StateSpec, pb__state_spec)                                              \
    X(state_value, Pb__ReadModifyWriteStateSpec, pb__read_modify_write_state_spec)       \
    X(state_bag, Pb__BagStateSpec, pb__bag_state_spec)                                   \
    X(state_combining, Pb__CombiningStateSpec, pb__combining_state_spec)                 \
    X(state_map, Pb__MapStateSpec, pb__map_state_spec)                                   \
    X(state_multimap, Pb__MultimapStateSpec, pb__multimap_state_spec)                    \
    X(state_set, Pb__SetStateSpec, pb__set_state_spec)                                   \
    X(state_list, Pb__OrderedListStateSpec, pb__ordered_list_state_spec)                 \
    X(timer_family, Pb__TimerFamilySpec, pb__timer_family_spec)                          \
    X(combine, Pb__CombinePayload, pb__combine_payload)                                  \
    X(window_into, Pb__WindowIntoPayload, pb__window_into_payload)                       \
    X(fixed_windows, Pb__FixedWindowsPayload, pb__fixed_windows_payload)                 \
    X(sliding_windows, Pb__SlidingWindowsPayload, pb__sliding_windows_payload)           \
    X(session_windows, Pb__SessionWindowsPayload, pb__session_windows_payload)           \
    X(test_stream, Pb__TestStreamPayload, pb__test_stream_payload)                       \
    X(test_event, Pb__TestStreamPayload__Event, pb__test_stream_payload__event)          \
    X(test_watermark, Pb__TestStreamPayload__Event__AdvanceWatermark,                    \
      pb__test_stream_payload__event__advance_watermark)                                 \
    X(test_clock, Pb__TestStreamPayload__Event__AdvanceProcessingTime,                   \
      pb__test_stream_payload__event__advance_processing_time)                           \
    X(test_elements, Pb__TestStreamPayload__Event__AddElements,                          \
      pb__test_stream_payload__event__add_elements)                                      \
    X(test_element, Pb__TestStreamPayload__TimestampedElement,                           \
      pb__test_stream_payload__timestamped_element)                                      \
    X(trigger, Pb__Trigger, pb__trigger)                                                 \
    X(trigger_all, Pb__Trigger__AfterAll, pb__trigger__after_all)                        \
    X(trigger_any, Pb__Trigger__AfterAny, pb__trigger__after_any)                        \
    X(trigger_each, Pb__Trigger__AfterEach, pb__trigger__after_each)                     \
    X(trigger_default, Pb__Trigger__Default, pb__trigger__default)                       \
    X(trigger_count, Pb__Trigger__ElementCount, pb__trigger__element_count)              \
    X(trigger_never, Pb__Trigger__Never, pb__trigger__never)                             \
    X(trigger_always, Pb__Trigger__Always, pb__trigger__always)                          \
    X(trigger_or, Pb__Trigger__OrFinally, pb__trigger__or_finally)                       \
    X(trigger_repeat, Pb__Trigger__Repeat, pb__trigger__repeat)                          \
    X(time_transform, Pb__TimestampTransform, pb__timestamp_transform)                   \
    X(time_delay, Pb__TimestampTransform__Delay, pb__timestamp_transform__delay)         \
    X(schema, Pb__Schema, pb__schema)                                                    \
    X(field, Pb__Field, pb__field)                                                       \
    X(field_type, Pb__FieldType, pb__field_type)                                         \
    X(array_type, Pb__ArrayType, pb__array_type)                                         \
    X(iterable_type, Pb__IterableType, pb__iterable_type)                                \
    X(map_type, Pb__MapType, pb__map_type)                                               \
    X(row_type, Pb__RowType, pb__row_type)                                               \
    X(logical_type, Pb__LogicalType, pb__logical_type)                                   \
    X(field_value, Pb__FieldValue, pb__field_value)                                      \
    X(atomic_value, Pb__AtomicTypeValue, pb__atomic_type_value)                          \
    X(class_lookup, Pb__JavaClassLookupPayload, pb__java_class_lookup_payload)           \
    X(docker, Pb__DockerPayload, pb__docker_payload)                                     \
    X(process, Pb__ProcessPayload, pb__process_payload)                                  \
    X(process_env, Pb__ProcessPayload__EnvEntry, pb__process_payload__env_entry)         \
    X(external, Pb__ExternalPayload, pb__external_payload)                               \
    X(endpoint, Pb__ApiServiceDescriptor, pb__api_service_descriptor)                    \
    X(expansion_request, Pb__ExpansionRequest, pb__expansion_request)                    \
    X(expansion_response, Pb__ExpansionResponse, pb__expansion_response)                 \
    X(duration, Google__Protobuf__Duration, google__protobuf__duration)                  \
    X(timestamp, Google__Protobuf__Timestamp, google__protobuf__timestamp)

#define BM_PB_DECLARE_(name, Message, message)                                           \
    typedef Message bm_pb_##name;                                                        \
    static inline bm_pb_##name *bm_pb_##name##_new(bm_arena *arena)                      \
    {                                                                                    \
        bm_pb_##name *m = (bm_pb_##name *)bm_alloc(arena, sizeof *m);                    \
        message##__init(m);                                                              \
        return m;                                                                        \
    }
BM_PB_MESSAGES(BM_PB_DECLARE_)
#undef BM_PB_DECLARE_

/* A growing array of pointers: the repeated field of a message. */
typedef struct bm_list {
    void **at;
    size_t n, cap;
} bm_list;
void bm_list_add(bm_arena *arena, bm_list *list, void *item);
/* Sets a message's repeated field `f` and its count `n_f`. */
#define BM_PB_REPEATED(message, f, list)                                                 \
    do {                                                                                 \
        (message)->n_##f = (list)->n;                                                    \
        (message)->f = (void *)(list)->at;                                               \
    } while (0)

/* The message as bytes in the arena. */
beam_span bm_pb_pack(bm_arena *arena, const ProtobufCMessage *message);
#define BM_PB_PACK(arena, message) bm_pb_pack((arena), &(message)->base)
/* NULL when the bytes are not such a message, or nest deeper than `max_depth` messages
 * (protobuf-c recurses without a limit). Everything is in the arena. */
ProtobufCMessage *bm_pb_unpack(bm_arena *arena, const ProtobufCMessageDescriptor *type,
                               beam_span bytes, int max_depth);
#define BM_PB_MAX_DEPTH 64

static inline ProtobufCBinaryData bm_pb_bytes(beam_span s)
{
    /* protobuf-c only reads what it packs. */
    return (ProtobufCBinaryData) { s.len, (uint8_t *)(uintptr_t)s.ptr };
}
static inline beam_span bm_pb_span(ProtobufCBinaryData b)
{
    return (beam_span){ (const char *)b.data, b.len };
}
/* A borrowed string; NULL gives the empty one. */
static inline char *bm_pb_text(const char *text)
{
    return (char *)(uintptr_t)(text ? text : "");
}
bm_pb_function_spec *bm_pb_spec(bm_arena *arena, const char *urn, beam_span payload);

#endif
