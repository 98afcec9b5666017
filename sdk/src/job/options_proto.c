/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to google.protobuf.Struct. */
#include "job/options_proto.h"

#include "google/protobuf/struct.pb-c.h"
#include "proto/model.h"

typedef Google__Protobuf__Struct pb_struct;
typedef Google__Protobuf__Value pb_value;

static pb_value *value_of(bm_arena *arena, const json_t *json, bool top);

static pb_struct *struct_of(bm_arena *arena, const json_t *object, bool top)
{
    pb_struct *s = BM_NEW(arena, pb_struct);
    google__protobuf__struct__init(s);
    s->fields = BM_NEW_ARRAY(arena, Google__Protobuf__Struct__FieldsEntry *,
                             json_object_size(object) + 1);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        Google__Protobuf__Struct__FieldsEntry *entry =
            BM_NEW(arena, Google__Protobuf__Struct__FieldsEntry);
        google__protobuf__struct__fields_entry__init(entry);
        entry->key = top ? bm_format(arena, "beam:option:%s:v1", key)
                         : bm_strdup(arena, key);
        entry->value = value_of(arena, value, top);
        s->fields[s->n_fields++] = entry;
    }
    return s;
}

static Google__Protobuf__ListValue *list_of(bm_arena *arena, const json_t *array)
{
    Google__Protobuf__ListValue *list = BM_NEW(arena, Google__Protobuf__ListValue);
    google__protobuf__list_value__init(list);
    list->values = BM_NEW_ARRAY(arena, pb_value *, json_array_size(array) + 1);
    for (size_t i = 0; i < json_array_size(array); i++)
        list->values[list->n_values++] = value_of(arena, json_array_get(array, i), false);
    return list;
}

static void set_text(pb_value *v, char *text)
{
    v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
    v->string_value = text;
}

static pb_value *value_of(bm_arena *arena, const json_t *json, bool top)
{
    pb_value *v = BM_NEW(arena, pb_value);
    google__protobuf__value__init(v);
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE;
        v->struct_value = struct_of(arena, json, false);
        break;
    case JSON_ARRAY:
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE;
        v->list_value = list_of(arena, json);
        break;
    case JSON_STRING: set_text(v, bm_strdup(arena, json_string_value(json))); break;
    case JSON_INTEGER:
        if (top) {
            set_text(v,
                     bm_format(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(json)));
            break;
        }
        /* fall through */
    case JSON_REAL:
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE;
        v->number_value = json_number_value(json);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE;
        v->bool_value = json_is_true(json);
        break;
    case JSON_NULL:
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE;
        v->null_value = GOOGLE__PROTOBUF__NULL_VALUE__NULL_VALUE;
        break;
    }
    return v;
}

beam_span bm_options_struct(bm_arena *arena, const json_t *options)
{
    return bm_pb_pack(arena, &struct_of(arena, options, true)->base);
}
