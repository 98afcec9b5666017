/* SPDX-License-Identifier: Apache-2.0 */
/* See keyed.h. Commands are words: the state's first letter, and
 *     v? v=5 v- v0                      VALUE: read, write, clear, is it empty
 *     b? b+x b- b0                      BAG
 *     c? c+5 c- c0                      COMBINING, a sum, which cannot be saved at -13
 *     s? s+x s/x s:x s- s0              SET: iterate, add, remove, contains
 *     m? m#  m=x,5 m/x m:x m@x m- m0    MAP: iterate, keys, put, remove, contains, get
 *     u? u#  u=x,5 u/x u:x u@x u- u0    MULTIMAP; @ looks up
 *     l? l+7,x l@2,9 l/2,9 l- l0        ORDERED_LIST: iterate, insert, range, clear range
 *     e=5 e=5,tag e- e-tag p=5 p-       timers: event and processing time, set, clear
 *     h=5,9 n=5                         event time with a hold, without one
 *     !                                 emit "!" */
#include "keyed.h"

#include <stdlib.h>

#include "beam_urns.h"
#include "model/beam_fn_api.upb.h"
#include "model/beam_runner_api.upb.h"
#include "fns/fn_spec.h"

/* -- the DoFn ---------------------------------------------------------------------------- */
static void add_int64(beam_ctx *c, void *acc, beam_value in)
{
    (void)c;
    *(int64_t *)acc += beam_as_int64(in);
}
static void merge_int64(beam_ctx *c, void *acc, const void *other)
{
    (void)c;
    *(int64_t *)acc += *(const int64_t *)other;
}
static beam_value extract_int64(beam_ctx *c, const void *acc)
{
    (void)c;
    return beam_int64(*(const int64_t *)acc);
}
static beam_value save_int64(beam_ctx *c, const void *acc)
{
    int64_t sum = *(const int64_t *)acc;
    (void)c;
    return sum == -13 ? beam_string(beam_span_of("no number")) : beam_int64(sum);
}
static void load_int64(beam_ctx *c, void *acc, beam_value saved)
{
    (void)c;
    *(int64_t *)acc = beam_as_int64(saved);
}
static const beam_combine sum_fn = { .name = "test.sum",
                                     .in = BEAM_INT64,
                                     .acc = BEAM_INT64,
                                     .out = BEAM_INT64,
                                     .acc_size = sizeof(int64_t),
                                     .add = add_int64,
                                     .merge = merge_int64,
                                     .extract = extract_int64,
                                     .save = save_int64,
                                     .load = load_int64 };

enum { V, B, C, S, M, U, L };
static const beam_state_spec states[] = {
    [V] = BEAM_VALUE_STATE("v", BEAM_INT64),
    [B] = BEAM_BAG_STATE("b", BEAM_STRING),
    [C] = BEAM_COMBINING_STATE("c", &sum_fn),
    [S] = BEAM_SET_STATE("s", BEAM_STRING),
    [M] = BEAM_MAP_STATE("m", BEAM_STRING, BEAM_INT64),
    [U] = BEAM_MULTIMAP_STATE("u", BEAM_STRING, BEAM_INT64),
    [L] = BEAM_ORDERED_LIST_STATE("l", BEAM_STRING),
};
static const beam_timer_spec timers[] = { { "e", BEAM_EVENT_TIME },
                                          { "p", BEAM_PROCESSING_TIME } };

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *text_of(beam_ctx *c, beam_value v)
{
    switch (v.kind) {
    case BEAM_KIND_NONE: return beam_cstr(c, beam_span_of("none"));
    case BEAM_KIND_INT64: return beam_cstr(c, beam_format(c, "%lld", (long long)v.as.int64));
    case BEAM_KIND_KV:
        return beam_cstr(c, beam_format(c, "%s:%s", text_of(c, beam_key(v)),
                                        text_of(c, beam_val(v))));
    default: return beam_cstr(c, beam_as_span(v));
    }
}

/* "[a b]", sorted unless the state has an order. */
static const char *all_of(beam_ctx *c, beam_iter *it, bool sorted)
{
    static _Thread_local char *items[1 << 16];
    size_t n = 0;
    for (beam_value v; n < BEAM_COUNT(items) && beam_next(it, &v);) items[n++] = text_of(c, v);
    if (!sorted) qsort(items, n, sizeof *items, by_text);
    const char *text = "[";
    for (size_t i = 0; i < n; i++)
        text = beam_format(c, "%s%s%s", text, i ? " " : "", items[i]).ptr;
    return beam_format(c, "%s]", text).ptr;
}

static beam_status say(beam_ctx *c, beam_value key, const char *command, const char *result)
{
    return beam_emit(c, beam_string(beam_format(c, BEAM_SPAN_FMT " %s %s",
                                                BEAM_SPAN_ARG(beam_as_span(key)), command,
                                                result)));
}

static beam_value string(const char *text)
{
    return beam_string(beam_span_of(text));
}

static beam_status set_timer(beam_ctx *c, int timer, char op, const char *arg)
{
    if (op == '-') return beam_timer_clear(c, timer, beam_span_of(arg));
    const char *comma = strchr(arg, ',');
    beam_timer_opts opts = { .tag = beam_span_of(comma ? comma + 1 : "") };
    return beam_timer_set_with(c, timer, atoll(arg), &opts);
}

static beam_status set_hold(beam_ctx *c, char state, const char *arg)
{
    const char *comma = strchr(arg, ',');
    beam_timer_opts opts = { .has_output_timestamp = state == 'h',
                             .output_timestamp = comma ? atoll(comma + 1) : 0,
                             .no_output_timestamp = state == 'n' };
    return beam_timer_set_with(c, 0, atoll(arg), &opts);
}

/* The part before the comma; *rest is what comes after. */
static beam_value first_of(beam_ctx *c, const char *arg, const char **rest)
{
    const char *comma = strchr(arg, ',');
    *rest = comma ? comma + 1 : "";
    size_t n = comma ? (size_t)(comma - arg) : strlen(arg);
    return string(beam_cstr(c, (beam_span){ arg, n }));
}

static beam_status query(beam_ctx *c, beam_value key, const char *command, int state, char op,
                         const char *arg)
{
    const char *rest;
    beam_value first = first_of(c, arg, &rest);
    const char *result = "?";
    switch (op) {
    case '0': result = beam_state_is_empty(c, state) ? "true" : "false"; break;
    case ':': result = beam_state_contains(c, state, first) ? "true" : "false"; break;
    case '#': result = all_of(c, beam_state_keys(c, state), false); break;
    case '?':
        result = state == V || state == C ? text_of(c, beam_state_read(c, state))
                                          : all_of(c, beam_state_iter(c, state), state == L);
        break;
    case '@':
        result = state == M   ? text_of(c, beam_state_get(c, state, first))
                 : state == U ? all_of(c, beam_state_lookup(c, state, first), false)
                              : all_of(c, beam_state_range(c, state, atoll(arg), atoll(rest)),
                                       true);
        break;
    }
    return say(c, key, command, result);
}

static beam_status carry_out(beam_ctx *c, beam_value key, const char *command)
{
    static const char letters[] = "vbcsmul";
    const char *letter = strchr(letters, command[0]), *rest;
    char op = command[0] == '!' ? '\0' : command[1];
    const char *arg = op ? command + 2 : "";
    if (command[0] == '!') return say(c, key, command, "");
    if (command[0] == 'e' || command[0] == 'p') return set_timer(c, command[0] == 'p', op, arg);
    if (command[0] == 'h' || command[0] == 'n') return set_hold(c, command[0], arg);
    if (!letter) return beam_fail(c, BEAM_EINVAL, "no command %s", command);
    int state = (int)(letter - letters);
    beam_value first = first_of(c, arg, &rest);
    switch (op) {
    case '-': return beam_state_clear(c, state);
    case '+':
        if (state == L) return beam_state_insert(c, L, atoll(arg), string(rest));
        return beam_state_add(c, state, state == C ? beam_int64(atoll(arg)) : first);
    case '=':
        if (state == V) return beam_state_write(c, V, beam_int64(atoll(arg)));
        return beam_state_put(c, state, first, beam_int64(atoll(rest)));
    case '/':
        if (state == L) return beam_state_clear_range(c, L, atoll(arg), atoll(rest));
        return beam_state_remove(c, state, first);
    default: return query(c, key, command, state, op, arg);
    }
}

static beam_status carry_out_all(beam_ctx *c, beam_value key, char *commands)
{
    char *save;
    for (char *command = strtok_r(commands, " ", &save); command;
         command = strtok_r(NULL, " ", &save))
        BEAM_TRY(carry_out(c, key, command));
    return BEAM_OK;
}

static beam_status process(beam_ctx *c, beam_value in)
{
    return carry_out_all(c, beam_key(in), beam_cstr(c, beam_as_span(beam_val(in))));
}

/* The commands of a timer are its tag, with '_' for ' '; first it says that it fires. */
static beam_status on_timer(beam_ctx *c, const beam_timer *timer)
{
    char *commands = beam_cstr(c, timer->tag);
    const char *result = beam_format(c, "at %lld, out %lld", (long long)timer->fire_at,
                                     (long long)beam_timestamp(c)).ptr;
    BEAM_TRY(say(c, timer->key, beam_format(c, "%s(%s)", timers[timer->timer].family,
                                            commands).ptr, result));
    for (char *at = commands; *at; at++)
        if (*at == '_') *at = ' ';
    return strpbrk(commands, "+=-?@!") ? carry_out_all(c, timer->key, commands) : BEAM_OK;
}

static beam_status on_window_expiration(beam_ctx *c, beam_value key)
{
    return say(c, key, "ends",
               beam_format(c, "%s at %lld", all_of(c, beam_state_iter(c, B), false),
                           (long long)beam_timestamp(c)).ptr);
}

#define KEYED_FN(variable, fn_name, ...)      \
    static const beam_dofn variable = {       \
        .name = (fn_name),                    \
        .in = BEAM_KV(BEAM_STRING, BEAM_STRING), \
        .out = BEAM_STRING,                   \
        .states = BEAM_TABLE(states),         \
        .timers = BEAM_TABLE(timers),         \
        .process = process,                   \
        .on_timer = on_timer,                 \
        __VA_ARGS__                           \
    }
KEYED_FN(keyed_fn, "test.keyed");
KEYED_FN(expiring_fn, "test.expiring", .on_window_expiration = on_window_expiration);
static const beam_dofn *const fns[] = { &keyed_fn, &expiring_fn };

/* -- the store ------------------------------------------------------------------------------- */
static bool is_native_kind(bm_state_kind kind)
{
    return kind != BM_STATE_BAG_USER_STATE;
}

static beam_span place_of(keyed *k, const bm_state_key *key, bool with_map_key)
{
    bm_writer w = { 0 };
    bm_write_prefixed(&w, beam_span_of(key->id));
    bm_write_prefixed(&w, key->window);
    bm_write_prefixed(&w, key->key);
    if (with_map_key) bm_write_prefixed(&w, key->map_key);
    beam_span place = bm_span_copy(&k->f.arena, bm_written(&w));
    bm_writer_free(&w);
    return place;
}

static bm_writer *bytes_at(keyed *k, beam_span place)
{
    bm_writer *bytes = bm_map_get(&k->store, place);
    if (!bytes) {
        bytes = BM_NEW(&k->f.arena, bm_writer);
        bm_map_put(&k->store, place, bytes);
    }
    return bytes;
}

static void trace(keyed *k, const char *what, const bm_state_key *key)
{
    if (k->is_quiet) return;
    const char *line = bm_format(&k->f.arena, "%s %s " BEAM_SPAN_FMT "\n", what, key->id,
                                 (int)(key->key.len ? key->key.len - 1 : 0), key->key.ptr + 1);
    bm_write_bytes(&k->trace, line, strlen(line));
}

/* Does the entry belong to the state and key? Its map key is in *map_key then. */
static bool is_in(const bm_map_entry *entry, beam_span place, beam_span *map_key)
{
    if (entry->key.len <= place.len || memcmp(entry->key.ptr, place.ptr, place.len)) return false;
    bm_reader in = bm_reader_of((beam_span){ entry->key.ptr + place.len,
                                             entry->key.len - place.len });
    return bm_read_prefixed(&in, map_key) == BEAM_OK;
}

static void get_keys(keyed *k, const bm_state_key *key, bm_writer *out)
{
    beam_span place = place_of(k, key, false), map_key;
    BM_MAP_EACH(&k->store, entry)
        if (is_in(entry, place, &map_key) && ((bm_writer *)entry->value)->len)
            bm_write_bytes(out, map_key.ptr, map_key.len);
}

/* Items of an ordered list in the range, or with `others` those that are not. */
static void get_range(keyed *k, const bm_state_key *key, bool others, bm_writer *out)
{
    bm_reader in = bm_reader_of(bm_written(bytes_at(k, place_of(k, key, false))));
    typedef struct { int64_t at; beam_span bytes; } part;
    part *parts = NULL;
    size_t n = 0;
    while (bm_left(&in)) {
        const uint8_t *start = in.at;
        uint64_t at;
        beam_span value;
        ck_assert_int_eq(bm_read_varint(&in, &at), BEAM_OK);
        ck_assert_int_eq(bm_read_prefixed(&in, &value), BEAM_OK);
        bool is_inside = (int64_t)at >= key->range_start && (int64_t)at < key->range_end;
        if (is_inside == others) continue;
        parts = realloc(parts, (n + 1) * sizeof *parts);
        parts[n++] = (part){ (int64_t)at, { (const char *)start, (size_t)(in.at - start) } };
    }
    for (size_t i = 1; i < n; i++) /* stable */
        for (size_t j = i; j && parts[j - 1].at > parts[j].at; j--) {
            part swapped = parts[j];
            parts[j] = parts[j - 1];
            parts[j - 1] = swapped;
        }
    for (size_t i = 0; i < n; i++) bm_write_bytes(out, parts[i].bytes.ptr, parts[i].bytes.len);
    free(parts);
}

static void get_all(keyed *k, const bm_state_key *key, bm_writer *out)
{
    if (key->kind == BM_STATE_MULTIMAP_KEYS_USER_STATE) {
        get_keys(k, key, out);
    } else if (key->kind == BM_STATE_ORDERED_LIST_USER_STATE) {
        get_range(k, key, false, out);
    } else {
        const bm_writer *bytes = bytes_at(k, place_of(k, key, is_native_kind(key->kind)));
        bm_write_bytes(out, bytes->data, bytes->len);
    }
}

static beam_status io_get(void *self, const bm_state_key *key, beam_span token, bm_writer *data,
                          bm_writer *next, beam_error *err)
{
    keyed *k = self;
    k->n_gets++;
    trace(k, "get", key);
    if (k->gets_fail) {
        strcpy(err->message, "the state is gone");
        return BEAM_ERPC;
    }
    bm_writer all = { 0 };
    get_all(k, key, &all);
    size_t from = token.len ? (size_t)atol(bm_cstr(&k->f.arena, token)) : 0;
    size_t n = all.len - from;
    if (k->page_bytes && n > k->page_bytes) {
        n = k->page_bytes;
        const char *text = bm_format(&k->f.arena, "%zu", from + n);
        bm_write_bytes(next, text, strlen(text));
    }
    if (n) bm_write_bytes(data, all.data + from, n);
    bm_writer_free(&all);
    return BEAM_OK;
}

/* Read when it is asked for, as a runner would. */
typedef struct asked {
    bm_writer data, next;
    beam_error err;
    beam_status status;
} asked;

static void *io_ask(void *self, const bm_state_key *key)
{
    keyed *k = self;
    asked *a = BM_NEW(&k->f.arena, asked);
    a->status = io_get(self, key, (beam_span){ NULL, 0 }, &a->data, &a->next, &a->err);
    k->n_asked++;
    return a;
}

static beam_status io_take(void *self, void *from, bm_writer *data, bm_writer *next,
                           beam_error *err)
{
    asked *a = from;
    ((keyed *)self)->n_asked--;
    if (data) {
        bm_write_bytes(data, a->data.data, a->data.len);
        bm_write_bytes(next, a->next.data, a->next.len);
        *err = a->err;
    }
    bm_writer_free(&a->data);
    bm_writer_free(&a->next);
    return a->status;
}

static beam_status io_append(void *self, const bm_state_key *key, beam_span data,
                             beam_error *err)
{
    (void)err;
    keyed *k = self;
    k->n_writes++;
    trace(k, "append", key);
    bool by_map_key = key->kind == BM_STATE_MULTIMAP_USER_STATE;
    bm_write_bytes(bytes_at(k, place_of(k, key, by_map_key)), data.ptr, data.len);
    return BEAM_OK;
}

static beam_status io_clear(void *self, const bm_state_key *key, beam_error *err)
{
    (void)err;
    keyed *k = self;
    k->n_writes++;
    trace(k, "clear", key);
    beam_span place = place_of(k, key, key->kind == BM_STATE_MULTIMAP_USER_STATE), map_key;
    if (key->kind == BM_STATE_MULTIMAP_KEYS_USER_STATE) {
        BM_MAP_EACH(&k->store, entry)
            if (is_in(entry, place, &map_key)) ((bm_writer *)entry->value)->len = 0;
    } else if (key->kind == BM_STATE_ORDERED_LIST_USER_STATE) {
        bm_writer kept = { 0 };
        get_range(k, key, true, &kept);
        bytes_at(k, place)->len = 0;
        bm_write_bytes(bytes_at(k, place), kept.data, kept.len);
        bm_writer_free(&kept);
    } else {
        bytes_at(k, place)->len = 0;
    }
    return BEAM_OK;
}

/* -- timers ------------------------------------------------------------------------------------- */
static beam_status io_write_timers(void *self, int port, bm_writer *data, bool last,
                                   beam_error *err)
{
    (void)err;
    keyed *k = self;
    bm_write_bytes(&k->timers_out[port], data->data, data->len);
    data->len = 0;
    k->timer_lasts[port] += last;
    return BEAM_OK;
}

/* Elements first, then timers, a few bytes at a time. */
static beam_status io_read(void *self, bm_segment *out, beam_error *err)
{
    keyed *k = self;
    BEAM_TRY(k->read(self, out, err));
    if (out->source >= 0) return BEAM_OK;
    size_t n_ports;
    const bm_timer_port *ports = bm_plan_timers(k->f.plan, &n_ports);
    for (size_t i = 0; i < n_ports; i++) {
        const bm_writer *in = &k->timers_in[i];
        if (!in->len) continue;
        size_t left = in->len - k->next_timers, n = left < 7 ? left : 7;
        char *copy = malloc(n);
        memcpy(copy, in->data + k->next_timers, n);
        bm_arena_defer(&k->f.arena, free, copy);
        *out = (bm_segment){ .source = -1,
                             .timer_family = ports[i].family,
                             .timer_port = (int)i,
                             .transform_id = ports[i].transform_id,
                             .data = { copy, n } };
        k->next_timers += n;
        if (n == left) {
            k->timers_in[i].len = 0;
            k->next_timers = 0;
        }
        return BEAM_OK;
    }
    return BEAM_OK;
}

static void complete(fixture *f, bm_bundle_io *io)
{
    keyed *k = (keyed *)f;
    k->read = io->read;
    io->read = io_read;
    io->write_timers = io_write_timers;
    io->state_get = io_get;
    io->state_ask = k->reads_ahead ? io_ask : NULL;
    io->state_take = io_take;
    io->state_append = io_append;
    io->state_clear = io_clear;
    io->has_no_state = k->has_no_state;
    io->only_bundle_for_keys = k->only_bundle_for_keys;
}

/* -- the descriptor -------------------------------------------------------------------------------- */
static upb_StringView view(const char *text)
{
    return upb_StringView_FromString(text);
}

static const char *coder_id(keyed *k, const char *text)
{
    fixture_coder(&k->f, text);
    return text;
}

static void add_state(keyed *k, pb_ParDoPayload *pb, const char *id, const char *bag_coder,
                      const char *native_key, const char *native_value)
{
    fixture *f = &k->f;
    pb_StateSpec *state = pb_StateSpec_new(f->upb);
    bool native = k->native && native_value;
    const char *protocol = !native      ? BEAM_URN_USER_STATE_BAG
                           : native_key ? BEAM_URN_USER_STATE_MULTIMAP
                                        : BEAM_URN_USER_STATE_ORDERED_LIST;
    pb_FunctionSpec_set_urn(pb_StateSpec_mutable_protocol(state, f->upb), view(protocol));
    if (!native) {
        pb_BagStateSpec_set_element_coder_id(pb_StateSpec_mutable_bag_spec(state, f->upb),
                                             view(coder_id(k, bag_coder)));
    } else if (native_key) {
        pb_MultimapStateSpec *map = pb_StateSpec_mutable_multimap_spec(state, f->upb);
        pb_MultimapStateSpec_set_key_coder_id(map, view(coder_id(k, native_key)));
        pb_MultimapStateSpec_set_value_coder_id(map, view(coder_id(k, native_value)));
    } else {
        pb_OrderedListStateSpec_set_element_coder_id(
            pb_StateSpec_mutable_ordered_list_spec(state, f->upb),
            view(coder_id(k, native_value)));
    }
    pb_ParDoPayload_state_specs_set(pb, view(id), state, f->upb);
}

static void add_timer(keyed *k, pb_ParDoPayload *pb, const char *family, int domain,
                      const char *coder)
{
    pb_TimerFamilySpec *timer = pb_TimerFamilySpec_new(k->f.upb);
    pb_TimerFamilySpec_set_time_domain(timer, domain);
    pb_TimerFamilySpec_set_timer_family_coder_id(timer, view(coder_id(k, coder)));
    pb_ParDoPayload_timer_family_specs_set(pb, view(family), timer, k->f.upb);
}

static beam_span payload(keyed *k, const char *fn, unsigned attempts, const char *timer_coder)
{
    fixture *f = &k->f;
    beam_span plain = fixture_catching_payload(f, fn, attempts);
    pb_ParDoPayload *pb = pb_ParDoPayload_parse(plain.ptr, plain.len, f->upb);
    add_state(k, pb, "v", "varint", NULL, NULL);
    add_state(k, pb, "b", "string_utf8", NULL, NULL);
    add_state(k, pb, "c", "varint", NULL, NULL);
    add_state(k, pb, "s", "kv<string_utf8,bool>", "string_utf8", "bool");
    add_state(k, pb, "m", "kv<string_utf8,nullable<varint>>", "string_utf8", "varint");
    add_state(k, pb, "u", "kv<string_utf8,nullable<varint>>", "string_utf8", "varint");
    add_state(k, pb, "l", "kv<varint,kv<varint,nullable<string_utf8>>>", NULL, "string_utf8");
    add_timer(k, pb, "e", pb_TimeDomain_EVENT_TIME, timer_coder);
    add_timer(k, pb, "p", pb_TimeDomain_PROCESSING_TIME, timer_coder);
    if (strcmp(fn, "test.expiring") == 0)
        add_timer(k, pb, BM_EXPIRATION_FAMILY, pb_TimeDomain_EVENT_TIME, timer_coder);
    beam_span bytes;
    bytes.ptr = pb_ParDoPayload_serialize(pb, f->upb, &bytes.len);
    return bytes;
}

static const test_window_fn fixed_windows = { BEAM_URN_WINDOW_FN_FIXED_WINDOWS, 10, 0, 0 };

static void init(keyed *k, const char *fn, unsigned attempts, const char *window,
                 beam_millis lateness)
{
    fixture *f = &k->f;
    fixture_init(f, fns, BEAM_COUNT(fns), NULL, 0);
    bm_map_init(&k->store, &f->arena);
    bool global = strcmp(window, "global_window") == 0;
    fixture_pcoll(f, "p1", "kv<string_utf8,string_utf8>");
    fixture_windowing(f, "p1",
                      global ? (test_window_fn){ BEAM_URN_WINDOW_FN_GLOBAL_WINDOWS, 0, 0, 0 }
                             : fixed_windows,
                      window);
    if (lateness) fixture_lateness(f, "p1", lateness);
    fixture_pcoll(f, "p2", "string_utf8");
    fixture_source(f, "a", "p1", "kv<string_utf8,string_utf8>", window);
    const char *timer = bm_format(&f->arena, "timer<string_utf8,%s>", window);
    fixture_pcoll(f, "bad", "failure");
    fixture_transform(f, "b", BEAM_URN_TRANSFORM_PARDO, payload(k, fn, attempts, timer), "in=p1",
                      attempts ? "beam.failures=bad out=p2" : "out=p2");
    fixture_sink(f, "c", "p2", "string_utf8", window);
    f->io.complete = complete;
    fixture_build(f);
}

void keyed_init_fn(keyed *k, const beam_dofn *const *dofns, size_t n_dofns, const char *fn,
                   const beam_state_spec *specs, size_t n_specs)
{
    fixture *f = &k->f;
    fixture_init(f, dofns, n_dofns, NULL, 0);
    bm_map_init(&k->store, &f->arena);
    fixture_pcoll(f, "p1", "kv<string_utf8,string_utf8>");
    fixture_windowing(f, "p1",
                      (test_window_fn){ BEAM_URN_WINDOW_FN_GLOBAL_WINDOWS, 0, 0, 0 },
                      "global_window");
    fixture_source(f, "a", "p1", "kv<string_utf8,string_utf8>", "global_window");
    beam_span plain = fixture_fn_payload(f, BM_URN_DOFN, fn, "");
    pb_ParDoPayload *pb = pb_ParDoPayload_parse(plain.ptr, plain.len, f->upb);
    for (size_t i = 0; i < n_specs; i++) add_state(k, pb, specs[i].tag, "varint", NULL, NULL);
    beam_span bytes;
    bytes.ptr = pb_ParDoPayload_serialize(pb, f->upb, &bytes.len);
    fixture_transform(f, "b", BEAM_URN_TRANSFORM_PARDO, bytes, "in=p1", "");
    f->io.complete = complete;
    fixture_build(f);
}

void keyed_init(keyed *k, bool native)
{
    *k = (keyed){ .native = native };
    init(k, "test.keyed", 0, "global_window", 0);
}

void keyed_init_catching(keyed *k, bool native, unsigned attempts)
{
    *k = (keyed){ .native = native };
    init(k, "test.keyed", attempts, "global_window", 0);
}

void keyed_init_in_windows(keyed *k, beam_millis lateness)
{
    *k = (keyed){ .native = false };
    init(k, "test.expiring", 0, "interval_window", lateness);
}

void keyed_free(keyed *k)
{
    BM_MAP_EACH(&k->store, entry) bm_writer_free(entry->value);
    bm_writer_free(&k->trace);
    for (int i = 0; i < 4; i++) {
        bm_writer_free(&k->timers_in[i]);
        bm_writer_free(&k->timers_out[i]);
    }
    fixture_free(&k->f);
}

/* -- bundles ------------------------------------------------------------------------------------------ */
static beam_window window_of(const keyed *k, beam_millis t)
{
    if (k->f.in_coder[0]->arg[1]->kind == BM_CODER_GLOBAL_WINDOW) return bm_global_windows.at[0];
    return (beam_window){ t / 10 * 10, t / 10 * 10 + 10, { NULL, 0 } };
}

void keyed_put_at(keyed *k, const char *key, const char *commands, beam_millis timestamp)
{
    beam_window w = window_of(k, timestamp);
    fixture_put_in(&k->f, 0, fixture_kv(&k->f, text_value(key), text_value(commands)), timestamp,
                   &w, 1);
}

void keyed_put(keyed *k, const char *key, const char *commands)
{
    keyed_put_at(k, key, commands, 0);
}

static int port_of(keyed *k, const char *family)
{
    size_t n;
    const bm_timer_port *ports = bm_plan_timers(k->f.plan, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(ports[i].family, family) == 0) return (int)i;
    ck_abort_msg("no family %s", family);
    return -1;
}

static const bm_coder *timer_coder(keyed *k)
{
    bool global = k->f.in_coder[0]->arg[1]->kind == BM_CODER_GLOBAL_WINDOW;
    return fixture_coder(&k->f, global ? "timer<string_utf8,global_window>"
                                       : "timer<string_utf8,interval_window>");
}

void keyed_fire(keyed *k, const char *family, const char *key, const char *tag,
                beam_millis fire, beam_millis hold)
{
    beam_window w = window_of(k, fire);
    bm_windows *one = bm_alloc(&k->f.arena, sizeof *one + sizeof w);
    one->n = 1;
    one->at[0] = w;
    bm_timer timer = { .key = text_value(key),
                       .tag = beam_span_of(tag),
                       .windows = one,
                       .fire = fire,
                       .hold = hold,
                       .pane = &bm_no_firing };
    ck_assert_int_eq(bm_timer_encode(timer_coder(k), &timer, &k->timers_in[port_of(k, family)]),
                     BEAM_OK);
}

beam_status keyed_try(keyed *k)
{
    k->trace.len = 0;
    k->n_gets = k->n_writes = 0;
    for (int i = 0; i < 4; i++) k->timers_out[i].len = 0, k->timer_lasts[i] = 0;
    beam_status status = fixture_run_in(&k->f, 0);
    k->f.in[0].len = 0;
    return status;
}

void keyed_run(keyed *k)
{
    beam_status status = keyed_try(k);
    ck_assert_msg(status == BEAM_OK, "%s", k->f.err.message);
    size_t n;
    bm_plan_timers(k->f.plan, &n);
    for (size_t i = 0; i < n; i++) ck_assert_int_eq(k->timer_lasts[i], 1);
}

const char *keyed_output(keyed *k)
{
    return fixture_output(&k->f, 0);
}

static const char *timer_text(keyed *k, const char *family, const bm_timer *t)
{
    bm_arena *arena = &k->f.arena;
    const char *text = bm_format(arena, "%s " BEAM_SPAN_FMT "%s" BEAM_SPAN_FMT, family,
                                 BEAM_SPAN_ARG(t->key.as.span), t->tag.len ? " " : "",
                                 BEAM_SPAN_ARG(t->tag));
    if (!bm_window_is_global(&t->windows->at[0]))
        text = bm_format(arena, "%s [%lld, %lld)", text, (long long)t->windows->at[0].start,
                         (long long)t->windows->at[0].end);
    if (t->clear) return bm_format(arena, "%s clear\n", text);
    if (t->hold > BEAM_MAX_TIMESTAMP)
        return bm_format(arena, "%s at %lld, no hold\n", text, (long long)t->fire);
    return bm_format(arena, "%s at %lld, hold %lld\n", text, (long long)t->fire,
                     (long long)t->hold);
}

const char *keyed_timers(keyed *k)
{
    size_t n;
    const bm_timer_port *ports = bm_plan_timers(k->f.plan, &n);
    const char *text = "";
    for (size_t i = 0; i < n; i++) {
        bm_reader in = bm_reader_of(bm_written(&k->timers_out[i]));
        for (bm_timer t; bm_left(&in);) {
            ck_assert_int_eq(bm_timer_decode(timer_coder(k), &in, &k->f.arena, &t), BEAM_OK);
            text = bm_format(&k->f.arena, "%s%s", text, timer_text(k, ports[i].family, &t));
        }
    }
    return text;
}

const char *keyed_trace(keyed *k)
{
    return bm_cstr(&k->f.arena, bm_written(&k->trace));
}

static bm_writer *stored_at(keyed *k, const char *state, const char *key)
{
    bm_writer encoded = { 0 };
    bm_write_prefixed(&encoded, beam_span_of(key));
    bm_state_key place = { .kind = BM_STATE_BAG_USER_STATE, .id = state };
    place.key = bm_written(&encoded);
    bm_writer *bytes = bytes_at(k, place_of(k, &place, false));
    bm_writer_free(&encoded);
    return bytes;
}

beam_span keyed_stored(keyed *k, const char *state, const char *key)
{
    return bm_written(stored_at(k, state, key));
}

void keyed_break(keyed *k, const char *state, const char *key, beam_span bytes)
{
    bm_write_bytes(stored_at(k, state, key), bytes.ptr, bytes.len);
}
