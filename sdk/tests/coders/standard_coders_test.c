/* SPDX-License-Identifier: Apache-2.0 */
/* Beam's standard_coders.yaml: every example of every document, decoded and compared with
 * the value given there, encoded again, cut short at every byte, and skipped. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "coders/element.h"
#include "schema_proto.h"

/* -- YAML nodes --------------------------------------------------------------------------- */
typedef struct document {
    yaml_document_t *yaml;
    bm_arena *arena;
} document;

static yaml_node_t *node_at(const document *doc, int index)
{
    return yaml_document_get_node(doc->yaml, index);
}

static beam_span text_of(const yaml_node_t *node)
{
    ck_assert_msg(node && node->type == YAML_SCALAR_NODE, "a scalar was expected");
    return (beam_span){ (const char *)node->data.scalar.value, node->data.scalar.length };
}

static bool is_text(const yaml_node_t *node, const char *text)
{
    return node->type == YAML_SCALAR_NODE &&
           beam_span_equal(text_of(node), beam_span_of(text));
}

static yaml_node_t *member(const document *doc, const yaml_node_t *map, const char *key)
{
    ck_assert_msg(map->type == YAML_MAPPING_NODE, "a mapping was expected for %s", key);
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start;
         p < map->data.mapping.pairs.top; p++)
        if (is_text(node_at(doc, p->key), key)) return node_at(doc, p->value);
    return NULL;
}

static int64_t integer_of(const yaml_node_t *node)
{
    char *end;
    ck_assert(node != NULL);
    long long n = strtoll((const char *)node->data.scalar.value, &end, 10);
    ck_assert_msg(!*end, "%s is not an integer", (const char *)node->data.scalar.value);
    return n;
}

static int64_t integer_member(const document *doc, const yaml_node_t *map,
                              const char *key)
{
    return integer_of(member(doc, map, key));
}

static bool bool_of(const yaml_node_t *node)
{
    ck_assert(is_text(node, "true") || is_text(node, "false"));
    return is_text(node, "true");
}

static bool is_null(const yaml_node_t *node)
{
    return is_text(node, "null") && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static size_t n_items(const yaml_node_t *sequence)
{
    ck_assert(sequence->type == YAML_SEQUENCE_NODE);
    return (size_t)(sequence->data.sequence.items.top -
                    sequence->data.sequence.items.start);
}

static yaml_node_t *item_at(const document *doc, const yaml_node_t *sequence, size_t i)
{
    return node_at(doc, sequence->data.sequence.items.start[i]);
}

/* The bytes that a text stands for: one per code point. */
static beam_span bytes_of(const document *doc, const yaml_node_t *node)
{
    beam_span text = text_of(node);
    char *bytes = bm_alloc(doc->arena, text.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; n++) {
        unsigned char lead = (unsigned char)text.ptr[i++];
        if (lead >= 0x80) {
            ck_assert_msg(lead == 0xc2 || lead == 0xc3, "a byte was expected");
            lead = (unsigned char)((lead & 3) << 6 | (text.ptr[i++] & 0x3f));
        }
        bytes[n] = (char)lead;
    }
    return (beam_span){ bytes, n };
}

/* -- coders of YAML; an id is the number of a node ---------------------------------------- */
static bool find_spec(void *self, const char *id, bm_coder_spec *out)
{
    const document *doc = self;
    yaml_node_t *node = node_at(doc, atoi(id));
    yaml_node_t *payload = member(doc, node, "payload");
    yaml_node_t *components = member(doc, node, "components");
    *out = (bm_coder_spec){ .urn = bm_cstr(doc->arena,
                                           text_of(member(doc, node, "urn"))) };
    if (payload) out->payload = bytes_of(doc, payload);
    if (!components) return true;
    out->n_components = n_items(components);
    const char **ids = BM_NEW_ARRAY(doc->arena, const char *, out->n_components);
    for (size_t i = 0; i < out->n_components; i++)
        ids[i] = bm_format(doc->arena, "%d", components->data.sequence.items.start[i]);
    out->component_ids = ids;
    return true;
}

static const bm_coder *coder_of(document *doc, int node)
{
    bm_coder_source source = { doc, find_spec, schema_from_proto, NULL };
    bm_coder_set set;
    bm_coder_set_init(&set, doc->arena, &source);
    const bm_coder *coder;
    beam_error err = { 0 };
    beam_status status = bm_coder_set_get(&set, bm_format(doc->arena, "%d", node), &coder,
                                          &err);
    ck_assert_msg(status == BEAM_OK, "%s", err.message);
    return coder;
}

/* The pages of a state: one byte each, so that items are cut wherever they can be. */
typedef struct test_state {
    const document *doc;
    const yaml_node_t *tokens;
} test_state;

static beam_status page(void *self, beam_span state_token, beam_span continuation_token,
                        bm_writer *out, bm_writer *next_token)
{
    const test_state *state = self;
    const char *name = bm_cstr(state->doc->arena, state_token);
    beam_span bytes = bytes_of(state->doc, member(state->doc, state->tokens, name));
    size_t at = 0;
    if (continuation_token.len) at = (unsigned char)continuation_token.ptr[0];
    if (at < bytes.len) bm_write_u8(out, (uint8_t)bytes.ptr[at++]);
    if (at < bytes.len) bm_write_u8(next_token, (uint8_t)at);
    return BEAM_OK;
}

/* -- comparing ------------------------------------------------------------------------------ */
static void expect(const document *doc, const bm_coder *coder, const yaml_node_t *node,
                   beam_value value);

static void expect_span(beam_span want, beam_span got)
{
    ck_assert_uint_eq(got.len, want.len);
    ck_assert(beam_span_equal(got, want));
}

static double number_of(const yaml_node_t *node)
{
    char *end;
    double number = strtod((const char *)node->data.scalar.value, &end);
    ck_assert(!*end);
    return number;
}

static void expect_number(double want, beam_value value)
{
    ck_assert_int_eq(value.kind, BEAM_KIND_DOUBLE);
    double got = beam_as_double(value);
    if (isnan(want))
        ck_assert(isnan(got));
    else
        ck_assert_msg(!memcmp(&want, &got, sizeof got), "%.17g is not %.17g", got, want);
}

static void expect_items(const document *doc, const bm_coder *item,
                         const yaml_node_t *node, beam_value value)
{
    beam_iter *iter = beam_as_iter(value);
    ck_assert(iter != NULL);
    for (size_t i = 0; i < n_items(node); i++) {
        beam_value v;
        ck_assert(beam_next(iter, &v));
        expect(doc, item, item_at(doc, node, i), v);
    }
    beam_value none;
    ck_assert(!beam_next(iter, &none));
    ck_assert_int_eq(iter->failed, BEAM_OK);
    if (iter->known_size >= 0) ck_assert_uint_eq((size_t)iter->known_size, n_items(node));
}

static void expect_window(const document *doc, const bm_coder *coder,
                          const yaml_node_t *node, const beam_window *window)
{
    if (node->type == YAML_SCALAR_NODE) {
        ck_assert(is_text(node, "global") || is_text(node, ""));
        ck_assert(bm_window_is_global(window));
        ck_assert(bm_window_equal(window, &bm_global_windows.at[0]));
        return;
    }
    if (coder->kind == BM_CODER_CUSTOM_WINDOW) {
        beam_window inner;
        bm_reader in = bm_reader_of(window->custom);
        ck_assert_int_eq(bm_window_decode(coder->arg[0], &in, doc->arena, &inner),
                         BEAM_OK);
        expect_window(doc, coder->arg[0], member(doc, node, "window"), &inner);
        ck_assert_int_eq(beam_window_max_timestamp(*window),
                         beam_window_max_timestamp(inner));
        return;
    }
    int64_t end = integer_member(doc, node, "end");
    ck_assert_int_eq(window->end, end);
    ck_assert_int_eq(window->start, end - integer_member(doc, node, "span"));
    ck_assert(!bm_window_is_global(window));
}

static void expect_windows(const document *doc, const bm_coder *coder,
                           const yaml_node_t *node, const bm_windows *windows)
{
    ck_assert_uint_eq(windows->n, n_items(node));
    for (size_t i = 0; i < windows->n; i++)
        expect_window(doc, coder, item_at(doc, node, i), &windows->at[i]);
}

static void expect_pane(const document *doc, const yaml_node_t *node,
                        const beam_pane *pane)
{
    static const char *const timings[] = { "EARLY", "ON_TIME", "LATE", "UNKNOWN" };
    ck_assert_int_eq(pane->is_first, bool_of(member(doc, node, "is_first")));
    ck_assert_int_eq(pane->is_last, bool_of(member(doc, node, "is_last")));
    ck_assert(is_text(member(doc, node, "timing"), timings[pane->timing]));
    ck_assert_int_eq(pane->index, integer_member(doc, node, "index"));
    ck_assert_int_eq(pane->on_time_index, integer_member(doc, node, "on_time_index"));
}

static void expect_element(const document *doc, const bm_coder *coder,
                           const yaml_node_t *node, const bm_element *element)
{
    expect(doc, coder->arg[0], member(doc, node, "value"), element->value);
    ck_assert_int_eq(element->timestamp, integer_member(doc, node, "timestamp"));
    expect_windows(doc, coder->arg[1], member(doc, node, "windows"), element->windows);
    expect_pane(doc, member(doc, node, "pane"), element->pane);
}

static void expect_timer(const document *doc, const bm_coder *coder,
                         const yaml_node_t *node, const bm_timer *timer)
{
    expect(doc, coder->arg[0], member(doc, node, "userKey"), timer->key);
    expect_span(text_of(member(doc, node, "dynamicTimerTag")), timer->tag);
    expect_windows(doc, coder->arg[1], member(doc, node, "windows"), timer->windows);
    ck_assert_int_eq(timer->clear, bool_of(member(doc, node, "clearBit")));
    if (timer->clear) return;
    ck_assert_int_eq(timer->fire, integer_member(doc, node, "fireTimestamp"));
    ck_assert_int_eq(timer->hold, integer_member(doc, node, "holdTimestamp"));
    expect_pane(doc, member(doc, node, "pane"), timer->pane);
}

static void expect_field(const document *doc, const beam_field *field,
                         const yaml_node_t *node, beam_value value);

static void expect_row(const document *doc, const beam_schema *schema,
                       const yaml_node_t *node, beam_value value)
{
    ck_assert_int_eq(value.kind, BEAM_KIND_ROW);
    ck_assert_uint_eq(beam_list_size(value), schema->fields.n);
    for (size_t i = 0; i < schema->fields.n; i++) {
        const beam_field *field = &schema->fields.at[i];
        ck_assert_int_eq(beam_schema_index(schema, field->name), (int)i);
        expect_field(doc, field, member(doc, node, field->name), beam_list_at(value, i));
    }
}

static void expect_map(const document *doc, const beam_field *field,
                       const yaml_node_t *node, beam_value value)
{
    ck_assert_int_eq(value.kind, BEAM_KIND_MAP);
    yaml_node_pair_t *pairs = node->data.mapping.pairs.start;
    ck_assert_int_eq((int64_t)beam_list_size(value),
                     node->data.mapping.pairs.top - pairs);
    for (size_t i = 0; i < beam_list_size(value); i++) {
        beam_value item = beam_list_at(value, i);
        expect_field(doc, field->key, node_at(doc, pairs[i].key), beam_key(item));
        expect_field(doc, field->of, node_at(doc, pairs[i].value), beam_val(item));
    }
}

static void expect_logical(const document *doc, const beam_field *field,
                           const yaml_node_t *node, beam_value value)
{
    if (!strcmp(field->logical, BEAM_LOGICAL_MILLIS_INSTANT)) {
        /* the file gives the representation, in which the sign bit is flipped */
        ck_assert_int_eq(beam_as_int64(value), integer_of(node) ^ INT64_MIN);
    } else if (!strcmp(field->logical, BEAM_LOGICAL_MICROS_INSTANT)) {
        ck_assert_int_eq(beam_as_int64(value),
                         integer_member(doc, node, "seconds") * 1000000 +
                             integer_member(doc, node, "micros"));
    } else if (!strcmp(field->logical, BEAM_LOGICAL_DECIMAL)) {
        ck_assert_int_eq(value.kind, BEAM_KIND_STRING);
        expect_span(text_of(node), beam_as_span(value));
    } else {
        expect_field(doc, field->of, node, value);
    }
}

static void expect_field(const document *doc, const beam_field *field,
                         const yaml_node_t *node, beam_value value)
{
    if (is_null(node)) {
        ck_assert(field->nullable && beam_is_null(value));
        return;
    }
    switch (field->kind) {
    case BEAM_FIELD_INT32:
    case BEAM_FIELD_INT64:
        ck_assert_int_eq(value.kind, BEAM_KIND_INT64);
        ck_assert_int_eq(beam_as_int64(value), integer_of(node));
        break;
    case BEAM_FIELD_FLOAT: expect_number((double)(float)number_of(node), value); break;
    case BEAM_FIELD_DOUBLE: expect_number(number_of(node), value); break;
    case BEAM_FIELD_STRING:
        ck_assert_int_eq(value.kind, BEAM_KIND_STRING);
        expect_span(text_of(node), beam_as_span(value));
        break;
    case BEAM_FIELD_BOOLEAN: ck_assert_int_eq(beam_as_bool(value), bool_of(node)); break;
    case BEAM_FIELD_BYTES:
        ck_assert_int_eq(value.kind, BEAM_KIND_BYTES);
        expect_span(bytes_of(doc, node), beam_as_span(value));
        break;
    case BEAM_FIELD_ARRAY:
        ck_assert_int_eq(value.kind, BEAM_KIND_LIST);
        ck_assert_uint_eq(beam_list_size(value), n_items(node));
        for (size_t i = 0; i < n_items(node); i++)
            expect_field(doc, field->of, item_at(doc, node, i), beam_list_at(value, i));
        break;
    case BEAM_FIELD_MAP: expect_map(doc, field, node, value); break;
    case BEAM_FIELD_ROW: expect_row(doc, field->row, node, value); break;
    case BEAM_FIELD_LOGICAL: expect_logical(doc, field, node, value); break;
    default: ck_abort_msg("a kind of field that the file did not have");
    }
}

static void expect(const document *doc, const bm_coder *coder, const yaml_node_t *node,
                   beam_value value)
{
    switch (coder->kind) {
    case BM_CODER_BYTES:
        ck_assert_int_eq(value.kind, BEAM_KIND_BYTES);
        expect_span(bytes_of(doc, node), beam_as_span(value));
        break;
    case BM_CODER_STRING:
        ck_assert_int_eq(value.kind, BEAM_KIND_STRING);
        expect_span(text_of(node), beam_as_span(value));
        break;
    case BM_CODER_BOOL:
        ck_assert_int_eq(value.kind, BEAM_KIND_BOOL);
        ck_assert_int_eq(beam_as_bool(value), bool_of(node));
        break;
    case BM_CODER_VARINT:
        ck_assert_int_eq(value.kind, BEAM_KIND_INT64);
        ck_assert_int_eq(beam_as_int64(value), integer_of(node));
        break;
    case BM_CODER_DOUBLE: expect_number(number_of(node), value); break;
    case BM_CODER_KV:
        expect(doc, coder->arg[0], member(doc, node, "key"), beam_key(value));
        expect(doc, coder->arg[1], member(doc, node, "value"), beam_val(value));
        break;
    case BM_CODER_ITERABLE:
    case BM_CODER_STATE_BACKED_ITERABLE:
        expect_items(doc, coder->arg[0], node, value);
        expect_items(doc, coder->arg[0], node, value); /* again from the start */
        break;
    case BM_CODER_NULLABLE:
        if (is_null(node))
            ck_assert(beam_is_null(value));
        else
            expect(doc, coder->arg[0], node, value);
        break;
    case BM_CODER_INTERVAL_WINDOW:
    case BM_CODER_GLOBAL_WINDOW:
    case BM_CODER_CUSTOM_WINDOW:
        ck_assert_int_eq(value.kind, BEAM_KIND_WINDOW);
        expect_window(doc, coder, node, value.as.ptr);
        break;
    case BM_CODER_WINDOWED_VALUE:
    case BM_CODER_PARAM_WINDOWED_VALUE:
        ck_assert_int_eq(value.kind, BEAM_KIND_WINDOWED);
        expect_element(doc, coder, node, value.as.ptr);
        break;
    case BM_CODER_TIMER:
        ck_assert_int_eq(value.kind, BEAM_KIND_TIMER);
        expect_timer(doc, coder, node, value.as.ptr);
        break;
    case BM_CODER_SHARDED_KEY:
        ck_assert_int_eq(value.kind, BEAM_KIND_SHARDED_KEY);
        expect_span(bytes_of(doc, member(doc, node, "shardId")), value.as.kv[0].as.span);
        expect(doc, coder->arg[0], member(doc, node, "key"), value.as.kv[1]);
        break;
    case BM_CODER_ROW: expect_row(doc, coder->schema, node, value); break;
    default: ck_abort_msg("a coder that the file did not have");
    }
}

/* -- one example ---------------------------------------------------------------------------- */
typedef struct example {
    document *doc;
    const bm_coder *coder;
    const yaml_node_t *value;
    beam_span bytes;
    bm_decoding decoding;
    bool deterministic, nested;
} example;

/* Bytes that end where malloc's block does. */
static bm_reader reader_of_copy(beam_span bytes, char **block)
{
    *block = malloc(bytes.len + 1);
    if (bytes.len) memcpy(*block, bytes.ptr, bytes.len);
    *block = realloc(*block, bytes.len ? bytes.len : 1);
    return bm_reader_of((beam_span){ *block, bytes.len });
}

static void check_encoding(const example *e, beam_value value)
{
    bm_writer out = { 0 };
    ck_assert_int_eq(bm_encode(e->coder, e->nested, value, &out), BEAM_OK);
    if (e->deterministic) {
        expect_span(e->bytes, bm_written(&out));
    } else {
        bm_reader in = bm_reader_of(bm_written(&out));
        beam_value again;
        ck_assert_int_eq(bm_decode_with(e->coder, e->nested, &in, &e->decoding, &again),
                         BEAM_OK);
        ck_assert_uint_eq(bm_left(&in), 0);
        expect(e->doc, e->coder, e->value, again);
    }
    bm_writer_free(&out);
}

static void check_copy(const example *e, beam_value value)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    beam_value copy;
    ck_assert_int_eq(bm_value_copy(&arena, value, &copy), BEAM_OK);
    expect(e->doc, e->coder, e->value, copy);
    if (value.kind != BEAM_KIND_TIMER) ck_assert_int_eq(bm_value_compare(value, copy), 0);
    check_encoding(e, copy);
    ck_assert(strlen(bm_value_text(&arena, copy, 20)) <= 20);
    bm_arena_free(&arena);
}

static void check_whole(const example *e)
{
    char *block;
    bm_reader in = reader_of_copy(e->bytes, &block), skipped = in;
    beam_value value;
    ck_assert_int_eq(bm_decode_with(e->coder, e->nested, &in, &e->decoding, &value),
                     BEAM_OK);
    ck_assert_uint_eq(bm_left(&in), 0);
    ck_assert_int_eq(bm_skip(e->coder, e->nested, &skipped), BEAM_OK);
    ck_assert_uint_eq(bm_left(&skipped), 0);
    expect(e->doc, e->coder, e->value, value);
    check_encoding(e, value);
    check_copy(e, value);
    free(block);
}

static void check_cut(const example *e, size_t n)
{
    char *block;
    bm_reader in = reader_of_copy((beam_span){ e->bytes.ptr, n }, &block), skipped = in;
    beam_value value;
    beam_status status = bm_decode_with(e->coder, true, &in, &e->decoding, &value);
    ck_assert_msg(status == BEAM_ESHORT || status == BEAM_ECODER,
                  "%zu of %zu bytes give %s", n, e->bytes.len, beam_status_text(status));
    ck_assert_int_eq(bm_skip(e->coder, true, &skipped), status);
    free(block);
}

/* As the elements of a stream. */
static void check_stream(const example *e)
{
    if (e->coder->kind != BM_CODER_WINDOWED_VALUE &&
        e->coder->kind != BM_CODER_PARAM_WINDOWED_VALUE)
        return;
    bm_element_decoder decoder;
    bm_element_decoder_init(&decoder, e->coder);
    for (int i = 0; i < 4; i++) {
        if (i == 3) bm_element_decoder_reset(&decoder);
        bm_reader in = bm_reader_of(e->bytes);
        bm_element element, copy;
        ck_assert_int_eq(bm_element_decode(&decoder, &in, &e->decoding, &element),
                         BEAM_OK);
        ck_assert_uint_eq(bm_left(&in), 0);
        expect_element(e->doc, e->coder, e->value, &element);
        ck_assert_int_eq(bm_element_copy(e->doc->arena, &element, &copy), BEAM_OK);
        expect_element(e->doc, e->coder, e->value, &copy);
        bm_writer out = { 0 };
        ck_assert_int_eq(bm_element_encode(e->coder, &copy, &out), BEAM_OK);
        expect_span(e->bytes, bm_written(&out));
        bm_writer_free(&out);
    }
    bm_element_decoder_free(&decoder);
}

/* In how many contexts. */
static int check_example(example *e, const char *nested)
{
    int n = 0;
    for (int context = 0; context < 2; context++) {
        e->nested = context;
        if (nested && strcmp(nested, context ? "true" : "false")) continue;
        check_whole(e);
        n++;
        if (!e->nested) continue;
        for (size_t cut = 0; cut < e->bytes.len; cut++) check_cut(e, cut);
        check_stream(e);
    }
    return n;
}

/* -- the file ------------------------------------------------------------------------------- */
typedef struct totals {
    int documents, examples, runs, expected_runs;
} test_totals;

static void check_document(yaml_document_t *yaml, test_totals *totals)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    document doc = { yaml, &arena };
    const yaml_node_t *root = yaml_document_get_root_node(yaml);
    const yaml_node_t *spec = member(&doc, root, "coder");
    const yaml_node_t *examples = member(&doc, root, "examples");
    const yaml_node_t *nested = member(&doc, root, "nested");
    const yaml_node_t *random = member(&doc, spec, "non_deterministic");
    test_state state = { &doc, member(&doc, spec, "state") };
    bm_pager pager = { &state, page };
    const bm_coder *coder = coder_of(&doc, (int)(spec - yaml->nodes.start) + 1);
    yaml_node_pair_t *pair = examples->data.mapping.pairs.start;
    for (; pair < examples->data.mapping.pairs.top; pair++) {
        bm_mark mark = bm_arena_mark(&arena);
        example e = { .doc = &doc,
                      .coder = coder,
                      .value = node_at(&doc, pair->value),
                      .bytes = bytes_of(&doc, node_at(&doc, pair->key)),
                      .decoding = { .arena = &arena, .pager = &pager },
                      .deterministic = !random || !bool_of(random) };
        totals->runs += check_example(&e, nested ? (const char *)nested->data.scalar.value
                                                 : NULL);
        totals->examples++;
        totals->expected_runs += nested ? 1 : 2;
        bm_arena_rewind(&arena, mark);
    }
    totals->documents++;
    bm_arena_free(&arena);
}

/* Lines of the file that can only be the start of an example. */
static int count_examples(FILE *file)
{
    char *line = NULL;
    size_t cap = 0;
    int n = 0;
    while (getline(&line, &cap, file) > 0) {
        size_t at = strspn(line, " ");
        n += line[at] == '"' && at <= 4 && (strstr(line, "\":") || strstr(line, "\" :"));
    }
    free(line);
    rewind(file);
    return n;
}

START_TEST(every_example)
{
    FILE *file = fopen(BEAM_STANDARD_CODERS_YAML, "rb");
    ck_assert_msg(file, "%s is missing", BEAM_STANDARD_CODERS_YAML);
    int expected = count_examples(file);
    yaml_parser_t parser;
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_file(&parser, file);
    test_totals totals = { 0, 0, 0, 0 };
    for (bool more = true; more;) {
        yaml_document_t yaml;
        ck_assert_msg(yaml_parser_load(&parser, &yaml), "line %zu: %s",
                      parser.problem_mark.line + 1, parser.problem);
        more = yaml_document_get_root_node(&yaml) != NULL;
        if (more) check_document(&yaml, &totals);
        yaml_document_delete(&yaml);
    }
    yaml_parser_delete(&parser);
    fclose(file);
    printf("standard_coders.yaml: %d documents, %d examples, %d examples x contexts\n",
           totals.documents, totals.examples, totals.runs);
    ck_assert_int_eq(totals.examples, expected);
    ck_assert_int_eq(totals.runs, totals.expected_runs);
    ck_assert_int_ge(totals.documents, 42);
    ck_assert_int_ge(totals.examples, 110);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("standard_coders");
    TCase *tests = tcase_create("standard_coders");
    tcase_add_test(tests, every_example);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
