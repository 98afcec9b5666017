/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: the input is what a DoFn does with its states and side inputs, and what the
 * runner holds under their keys:
 *
 *     flags, number of commands, commands, then for each key its size and its bytes
 *
 * Every kind of state is there, by protocols of its own or as bags (flags). Whatever the
 * runner holds, a bundle ends, with an error that has a sentence if it must; results do not
 * depend on how the bytes are cut into pages. corpus/state has inputs to start from. */
#include <stdlib.h>

#include "beam/testing.h"
#include "describe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
    if (!(condition)) abort()

enum { NATIVE = 1, KEYS_VALUES = 2, N_BLOBS = 8, MAX_COMMANDS = 32 };

/* -- the DoFn: each byte of its element is a command ------------------------------------- */
enum { V, B, C, S, M, U, L, N_STATES };
static const beam_state_spec states[] = {
    [V] = BEAM_VALUE_STATE("v", BEAM_INT64),
    [B] = BEAM_BAG_STATE("b", BEAM_STRING),
    [C] = BEAM_COMBINING_STATE("c", &beam_sum_int64),
    [S] = BEAM_SET_STATE("s", BEAM_STRING),
    [M] = BEAM_MAP_STATE("m", BEAM_STRING, BEAM_INT64),
    [U] = BEAM_MULTIMAP_STATE("u", BEAM_STRING, BEAM_INT64),
    [L] = BEAM_ORDERED_LIST_STATE("l", BEAM_STRING),
};
enum { SIDE_ALL, SIDE_LIST, SIDE_BY_KEY };
static const beam_side_spec sides[] = {
    [SIDE_ALL] = { .tag = "x", .kind = BEAM_SIDE_ITERABLE, .type = BEAM_STRING },
    [SIDE_LIST] = { .tag = "y", .kind = BEAM_SIDE_LIST, .type = BEAM_STRING },
    [SIDE_BY_KEY] = { .tag = "z",
                      .kind = BEAM_SIDE_MULTIMAP,
                      .type = BEAM_KV(BEAM_STRING, BEAM_STRING) },
};

static beam_status emit_all(beam_ctx *c, beam_iter *it)
{
    for (beam_value v; beam_next(it, &v);)
        BEAM_TRY(beam_emit(c, beam_string(beam_text(c, v, true))));
    return beam_emit(c, beam_string(beam_span_of(".")));
}

static beam_status emit_one(beam_ctx *c, beam_value v)
{
    return beam_emit(c, beam_string(beam_text(c, v, true)));
}

static beam_status emit_number(beam_ctx *c, int64_t n)
{
    return emit_one(c, beam_int64(n));
}

static beam_status read_side(beam_ctx *c, unsigned command, beam_value key)
{
    switch (command % 6) {
    case 0: return emit_all(c, beam_side_iter(c, SIDE_ALL));
    case 1: return emit_number(c, (int64_t)beam_side_size(c, SIDE_LIST));
    case 2: return emit_one(c, beam_side_at(c, SIDE_LIST, command / 6));
    case 3: return emit_all(c, beam_side_lookup(c, SIDE_BY_KEY, key));
    case 4: return emit_all(c, beam_side_keys(c, SIDE_BY_KEY));
    default: return emit_all(c, beam_side_iter(c, SIDE_BY_KEY));
    }
}

static beam_status change(beam_ctx *c, int state, beam_value key, int64_t n)
{
    switch (state) {
    case V: return beam_state_write(c, V, beam_int64(n));
    case C: return beam_state_add(c, C, beam_int64(n));
    case M:
    case U: return beam_state_put(c, state, key, beam_int64(n));
    case L: return beam_state_insert(c, L, n, key);
    default: return beam_state_add(c, state, key);
    }
}

static beam_status take_out(beam_ctx *c, int state, beam_value key, int64_t n)
{
    if (state == L) return beam_state_clear_range(c, L, n, n + 5);
    if (state == S || state == M || state == U) return beam_state_remove(c, state, key);
    return beam_state_clear(c, state);
}

/* By a part of the state, where it has parts. */
static beam_status read_part(beam_ctx *c, int state, beam_value key, int64_t n)
{
    switch (state) {
    case S: return emit_number(c, beam_state_contains(c, S, key));
    case M: return emit_one(c, beam_state_get(c, M, key));
    case U: return emit_all(c, beam_state_lookup(c, U, key));
    case L: return emit_all(c, beam_state_range(c, L, n, n + 5));
    default: return emit_number(c, beam_state_is_empty(c, state));
    }
}

static beam_status read_whole(beam_ctx *c, int state)
{
    if (state == V || state == C) return emit_one(c, beam_state_read(c, state));
    return emit_all(c, beam_state_iter(c, state));
}

static beam_status carry_out(beam_ctx *c, unsigned command)
{
    static const char *const keys[] = { "a", "b", "", "long" };
    beam_value key = beam_string(beam_span_of(keys[command / 8 % 4]));
    int64_t n = command / 32;
    int state = (int)(command % 8);
    if (state == N_STATES) return read_side(c, command / 8, key);
    switch (command / 8 % 8) {
    case 0: return change(c, state, key, n);
    case 1: return take_out(c, state, key, n);
    case 2: return read_part(c, state, key, n);
    case 3:
        return state == M || state == U ? emit_all(c, beam_state_keys(c, state))
                                        : read_part(c, state, key, n);
    case 4: return beam_state_clear(c, state);
    case 5: return emit_number(c, beam_state_is_empty(c, state));
    case 6: return read_part(c, state, key, n);
    default: return read_whole(c, state);
    }
}

static beam_status process(beam_ctx *c, beam_value in)
{
    beam_span commands = beam_as_span(beam_val(in));
    for (size_t i = 0; i < commands.len; i++)
        BEAM_TRY(carry_out(c, (uint8_t)commands.ptr[i]));
    return BEAM_OK;
}

static const beam_dofn state_fn = { .name = "fuzz.state",
                                    .in = BEAM_KV(BEAM_STRING, BEAM_BYTES),
                                    .out = BEAM_STRING,
                                    .states = BEAM_TABLE(states),
                                    .sides = BEAM_TABLE(sides),
                                    .process = process };

static void ignore(void *self, const bm_log_entry *entry)
{
    (void)self, (void)entry;
}
static const bm_log no_log = { ignore, NULL, BEAM_LOG_CRITICAL };

/* -- the descriptor ------------------------------------------------------------------------ */
static void add_state(maker *m, pb_ParDoPayload *pb, const char *id, const char *bag_coder,
                      const char *native_key, const char *native_value)
{
    pb_StateSpec *state = pb_StateSpec_new(m->upb);
    const char *protocol = !native_value ? BEAM_URN_USER_STATE_BAG
                           : native_key  ? BEAM_URN_USER_STATE_MULTIMAP
                                         : BEAM_URN_USER_STATE_ORDERED_LIST;
    pb_FunctionSpec_set_urn(pb_StateSpec_mutable_protocol(state, m->upb), view(protocol));
    if (!native_value) {
        pb_BagStateSpec_set_element_coder_id(pb_StateSpec_mutable_bag_spec(state, m->upb),
                                             view(bag_coder));
    } else if (native_key) {
        pb_MultimapStateSpec *map = pb_StateSpec_mutable_multimap_spec(state, m->upb);
        pb_MultimapStateSpec_set_key_coder_id(map, view(native_key));
        pb_MultimapStateSpec_set_value_coder_id(map, view(native_value));
    } else {
        pb_OrderedListStateSpec_set_element_coder_id(
            pb_StateSpec_mutable_ordered_list_spec(state, m->upb), view(native_value));
    }
    pb_ParDoPayload_state_specs_set(pb, view(id), state, m->upb);
}

static void add_states(maker *m, pb_ParDoPayload *pb, bool native)
{
    const char *text = native ? "text" : NULL, *number = native ? "number" : NULL;
    add_state(m, pb, "v", "number", NULL, NULL);
    add_state(m, pb, "b", "text", NULL, NULL);
    add_state(m, pb, "c", "number", NULL, NULL);
    add_state(m, pb, "s", "member", text, native ? "bool" : NULL);
    add_state(m, pb, "m", "entry", text, number);
    add_state(m, pb, "u", "entry", text, number);
    add_state(m, pb, "l", "item", NULL, text);
}

static void add_coders(maker *m)
{
    static const beam_span none = { "", 0 };
    add_coder(m, "text", BEAM_URN_CODER_STRING_UTF8, none, NULL, NULL);
    add_coder(m, "bytes", BEAM_URN_CODER_BYTES, none, NULL, NULL);
    add_coder(m, "number", BEAM_URN_CODER_VARINT, none, NULL, NULL);
    add_coder(m, "bool", BEAM_URN_CODER_BOOL, none, NULL, NULL);
    add_coder(m, "maybe number", BEAM_URN_CODER_NULLABLE, none, "number", NULL);
    add_coder(m, "maybe text", BEAM_URN_CODER_NULLABLE, none, "text", NULL);
    add_coder(m, "member", BEAM_URN_CODER_KV, none, "text", "bool");
    add_coder(m, "entry", BEAM_URN_CODER_KV, none, "text", "maybe number");
    add_coder(m, "numbered", BEAM_URN_CODER_KV, none, "number", "maybe text");
    add_coder(m, "item", BEAM_URN_CODER_KV, none, "number", "numbered");
    add_coder(m, "pair", BEAM_URN_CODER_KV, none, "text", "text");
    add_coder(m, "command", BEAM_URN_CODER_KV, none, "text", "bytes");
    add_coder(m, "element", BEAM_URN_CODER_WINDOWED_VALUE, none, "command", "window");
    add_coder(m, "result", BEAM_URN_CODER_WINDOWED_VALUE, none, "text", "window");
}

static void add_side(maker *m, pb_ParDoPayload *pb, pb_PTransform *t, const char *tag,
                     const char *coder, const char *pattern)
{
    pb_SideInput *side = pb_SideInput_new(m->upb);
    pb_FunctionSpec_set_urn(pb_SideInput_mutable_access_pattern(side, m->upb),
                            view(pattern));
    pb_ParDoPayload_side_inputs_set(pb, view(tag), side, m->upb);
    add_pcoll(m, tag, coder);
    pb_PTransform_inputs_set(t, view(tag), view(tag), m->upb);
}

static beam_span describe(upb_Arena *upb, bool native)
{
    maker m = describe_begin(upb);
    add_coders(&m);
    add_pcoll(&m, "commands", "command");
    add_pcoll(&m, "results", "text");
    add_transform(&m, "source", BEAM_URN_RUNNER_SOURCE, port_of(&m, "element"), NULL,
                  "commands");
    add_transform(&m, "sink", BEAM_URN_RUNNER_SINK, port_of(&m, "result"), "results", NULL);
    pb_ParDoPayload *pb = new_par_do(&m, state_fn.name);
    add_states(&m, pb, native);
    pb_PTransform *t = add_transform(&m, "state", BEAM_URN_TRANSFORM_PARDO,
                                     (beam_span){ "", 0 }, "commands", "results");
    add_side(&m, pb, t, "x", "text", BEAM_URN_SIDE_INPUT_ITERABLE);
    add_side(&m, pb, t, "y", "text", BEAM_URN_SIDE_INPUT_ITERABLE);
    add_side(&m, pb, t, "z", "pair", BEAM_URN_SIDE_INPUT_MULTIMAP);
    beam_span payload = par_do_bytes(&m, pb);
    pb_FunctionSpec_set_payload(pb_PTransform_mutable_spec(t, upb),
                                upb_StringView_FromDataAndSize(payload.ptr, payload.len));
    return described(&m);
}

/* -- the runner ---------------------------------------------------------------------------- */
typedef struct asked {
    struct asked *next;
    bm_writer data, token;
} asked;

typedef struct world {
    beam_span in, blobs[N_BLOBS];
    size_t page_bytes; /* 0: all at once */
    bm_writer out;
    bool given;
    asked *asked; /* reads that have begun; a bundle that fails leaves some */
} world;

static beam_status read_input(void *self, bm_segment *out, beam_error *err)
{
    (void)err;
    world *w = self;
    *out = (bm_segment){ .source = w->given ? -1 : 0, .data = w->in };
    w->given = true;
    return BEAM_OK;
}

static beam_status write_output(void *self, int sink, bm_writer *data, bool last,
                                beam_error *err)
{
    (void)sink, (void)last, (void)err;
    bm_write_bytes(&((world *)self)->out, data->data, data->len);
    data->len = 0;
    return BEAM_OK;
}

/* What is held depends on the key alone. */
static beam_span held(const world *w, const bm_state_key *key)
{
    unsigned hash = (unsigned)key->kind + (uint8_t)key->id[0];
    for (size_t i = 0; i < key->map_key.len; i++) hash += (uint8_t)key->map_key.ptr[i];
    if (key->kind == BM_STATE_MULTIMAP_SIDE_INPUT)
        for (size_t i = 0; i < key->key.len; i++) hash += (uint8_t)key->key.ptr[i];
    return w->blobs[hash % N_BLOBS];
}

static beam_status get_state(void *self, const bm_state_key *key, beam_span token,
                             bm_writer *data, bm_writer *next, beam_error *err)
{
    (void)err;
    const world *w = self;
    beam_span all = held(w, key);
    size_t at = 0;
    if (token.len) {
        CHECK(token.len == sizeof at);
        memcpy(&at, token.ptr, sizeof at);
    }
    CHECK(at <= all.len);
    size_t n = all.len - at;
    if (w->page_bytes && n > w->page_bytes) {
        n = w->page_bytes;
        bm_write_bytes(next, &(size_t){ at + n }, sizeof at);
    }
    if (n) bm_write_bytes(data, all.ptr + at, n);
    return BEAM_OK;
}

static void *ask_state(void *self, const bm_state_key *key)
{
    world *w = self;
    asked *a = calloc(1, sizeof *a);
    CHECK(a && get_state(self, key, (beam_span){ NULL, 0 }, &a->data, &a->token, NULL) == BEAM_OK);
    a->next = w->asked;
    w->asked = a;
    return a;
}

static void free_asked(world *w, asked *a)
{
    asked **at = &w->asked;
    while (*at != a) at = &(*at)->next;
    *at = a->next;
    bm_writer_free(&a->data);
    bm_writer_free(&a->token);
    free(a);
}

static beam_status take_state(void *self, void *from, bm_writer *data, bm_writer *next,
                              beam_error *err)
{
    (void)err;
    asked *a = from;
    if (data) {
        bm_write_bytes(data, a->data.data, a->data.len);
        bm_write_bytes(next, a->token.data, a->token.len);
    }
    free_asked(self, a);
    return BEAM_OK;
}

static beam_status append_state(void *self, const bm_state_key *key, beam_span data,
                                beam_error *err)
{
    (void)self, (void)key, (void)data, (void)err;
    return BEAM_OK;
}

static beam_status clear_state(void *self, const bm_state_key *key, beam_error *err)
{
    (void)self, (void)key, (void)err;
    return BEAM_OK;
}

static beam_status run(beam_span descriptor, const bm_registry *registry, world *w,
                       bool serves_keys_values)
{
    bm_plan *plan = NULL;
    beam_error err = { .status = BEAM_OK };
    beam_status status = bm_plan_new(descriptor, registry, &no_log, &plan, &err);
    CHECK(status == BEAM_OK);
    const bm_bundle_io io = { .self = w,
                              .read = read_input,
                              .write = write_output,
                              .state_get = get_state,
                              .state_ask = w->page_bytes ? ask_state : NULL,
                              .state_take = take_state,
                              .state_append = append_state,
                              .state_clear = clear_state,
                              .serves_keys_values = serves_keys_values };
    status = bm_plan_run(plan, "instruction", &io, &err);
    CHECK(status == BEAM_OK || err.message[0]);
    CHECK(status != BEAM_OK || !w->asked);
    while (w->asked) free_asked(w, w->asked);
    bm_plan_free(plan);
    return status;
}

/* -- the input ----------------------------------------------------------------------------- */
static void read_blobs(bm_reader *in, beam_span blobs[N_BLOBS])
{
    for (int i = 0; i < N_BLOBS; i++) {
        uint8_t n = 0;
        bm_read_u8(in, &n);
        if (n > bm_left(in)) n = (uint8_t)bm_left(in);
        blobs[i] = (beam_span){ (const char *)in->at, n };
        in->at += n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const beam_dofn *const dofns[] = { &state_fn };
    const beam_functions functions = { .dofns = BEAM_TABLE(dofns) };
    bm_reader in = bm_reader_of((beam_span){ (const char *)data, size });
    uint8_t flags = 0, n = 0;
    bm_read_u8(&in, &flags);
    bm_read_u8(&in, &n);
    n %= MAX_COMMANDS;
    if (n > bm_left(&in)) n = (uint8_t)bm_left(&in);

    bm_writer element = { 0 };
    bm_write_bytes(&element, element_header, ELEMENT_HEADER);
    bm_write_prefixed(&element, beam_span_of("key"));
    bm_write_prefixed(&element, (beam_span){ (const char *)in.at, n });
    in.at += n;
    world whole = { .in = bm_written(&element) };
    read_blobs(&in, whole.blobs);
    world paged = whole;
    paged.page_bytes = 1 + (flags >> 2) % 9u;

    beam_error err = { .status = BEAM_OK };
    bm_registry registry;
    CHECK(bm_registry_init(&registry, &functions, &err) == BEAM_OK);
    upb_Arena *upb = upb_Arena_New();
    beam_span descriptor = describe(upb, flags & NATIVE);
    bool both = flags & KEYS_VALUES;
    beam_status status = run(descriptor, &registry, &whole, both);
    /* Who reads less may not come to what is broken, and states that are never read are
     * read now and then. */
    if (run(descriptor, &registry, &paged, both) == BEAM_OK && status == BEAM_OK)
        CHECK(beam_span_equal(bm_written(&whole.out), bm_written(&paged.out)));
    bm_writer_free(&whole.out);
    bm_writer_free(&paged.out);
    bm_writer_free(&element);
    upb_Arena_Free(upb);
    bm_registry_free(&registry);
    return 0;
}
