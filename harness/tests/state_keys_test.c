/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker asks the runner's state for, key by key as it is on the wire, and what
 * cache tokens and the promises of a request spare it. */
#include <stdio.h>

#include "beam_urns.h"
#include "test_bundle.h"
#include "test_fns.h"

/* -- DoFns: commands are the elements' values ------------------------------------------------ */
enum { BAG, MAP, LIST };
static const beam_state_spec states[] = {
    [BAG] = BEAM_BAG_STATE("bag", BEAM_STRING),
    [MAP] = BEAM_MULTIMAP_STATE("map", BEAM_STRING, BEAM_STRING),
    [LIST] = BEAM_ORDERED_LIST_STATE("list", BEAM_STRING),
};

static beam_value string(const char *text)
{
    return beam_string(beam_span_of(text));
}

/* Emits "command: all of the iterator", KVs as "k=v". */
static beam_status say(beam_ctx *c, const char *command, beam_iter *values)
{
    const char *text = beam_format(c, "%s:", command).ptr;
    for (beam_value v; beam_next(values, &v);)
        if (v.kind == BEAM_KIND_KV)
            text = beam_format(c, "%s " BEAM_SPAN_FMT "=" BEAM_SPAN_FMT, text,
                               BEAM_SPAN_ARG(beam_as_span(beam_key(v))),
                               BEAM_SPAN_ARG(beam_as_span(beam_val(v))))
                       .ptr;
        else
            text = beam_format(c, "%s " BEAM_SPAN_FMT, text,
                               BEAM_SPAN_ARG(beam_as_span(v)))
                       .ptr;
    return beam_emit(c, string(text));
}

static bool is(const char *command, const char *which)
{
    return strcmp(command, which) == 0;
}

static beam_status use_state(beam_ctx *c, beam_value in)
{
    const char *command = beam_cstr(c, beam_as_span(beam_val(in)));
    if (is(command, "bag+")) return beam_state_add(c, BAG, string("x"));
    if (is(command, "bag?")) return say(c, command, beam_state_iter(c, BAG));
    if (is(command, "bag-")) return beam_state_clear(c, BAG);
    if (is(command, "map+")) return beam_state_put(c, MAP, string("m"), string("y"));
    if (is(command, "map@"))
        return say(c, command, beam_state_lookup(c, MAP, string("m")));
    if (is(command, "map#")) return say(c, command, beam_state_keys(c, MAP));
    if (is(command, "map/")) return beam_state_remove(c, MAP, string("m"));
    if (is(command, "map-")) return beam_state_clear(c, MAP);
    if (is(command, "list+")) return beam_state_insert(c, LIST, 7, string("z"));
    if (is(command, "list@")) return say(c, command, beam_state_range(c, LIST, 3, 9));
    if (is(command, "list/")) return beam_state_clear_range(c, LIST, 3, 9);
    return beam_fail(c, BEAM_EUSER, "no command %s", command);
}
static const beam_dofn state_fn = { .name = "test.state",
                                    .in = BEAM_KV(BEAM_STRING, BEAM_STRING),
                                    .out = BEAM_STRING,
                                    .states = BEAM_TABLE(states),
                                    .process = use_state };

static const beam_side_spec all_spec[] = {
    { .tag = "side", .kind = BEAM_SIDE_ITERABLE, .type = BEAM_STRING }
};
static beam_status use_all(beam_ctx *c, beam_value in)
{
    (void)in;
    return say(c, "all", beam_side_iter(c, 0));
}
static const beam_dofn all_fn = { .name = "test.all",
                                  .in = BEAM_KV(BEAM_STRING, BEAM_STRING),
                                  .out = BEAM_STRING,
                                  .sides = BEAM_TABLE(all_spec),
                                  .process = use_all };

static const beam_side_spec map_spec[] = { { .tag = "side",
                                             .kind = BEAM_SIDE_MULTIMAP,
                                             .type = BEAM_KV(BEAM_STRING,
                                                             BEAM_STRING) } };
static beam_status use_map(beam_ctx *c, beam_value in)
{
    const char *command = beam_cstr(c, beam_as_span(beam_val(in)));
    return say(c, command,
               is(command, "at")     ? beam_side_lookup(c, 0, string("s"))
               : is(command, "keys") ? beam_side_keys(c, 0)
                                     : beam_side_iter(c, 0));
}
static const beam_dofn map_fn = { .name = "test.map",
                                  .in = BEAM_KV(BEAM_STRING, BEAM_STRING),
                                  .out = BEAM_STRING,
                                  .sides = BEAM_TABLE(map_spec),
                                  .process = use_map };

static const beam_dofn *const fns[] = { &state_fn, &all_fn, &map_fn };
static const beam_harness_opts opts = { .functions.dofns = BEAM_TABLE(fns) };

#define PAIRS "kv<string_utf8,string_utf8>"
static const test_bundle bundles[] = {
    { .fn = "test.state", .in = PAIRS, .out = "string_utf8", .has_state = true },
    { .fn = "test.all", .in = PAIRS, .out = "string_utf8", .side = "string_utf8" },
    { .fn = "test.map", .in = PAIRS, .out = "string_utf8", .side = PAIRS },
};

/* -- running ----------------------------------------------------------------------------------- */
static fake_runner *start(const char *capability)
{
    fake_runner *r = fake_runner_new();
    if (capability) fake_add_capability(r, capability);
    for (size_t i = 0; i < BEAM_COUNT(bundles); i++)
        test_add_descriptor(r, bundles[i].fn, &bundles[i]);
    fake_connect(r, &opts);
    return r;
}

/* Sends one element of the key "k" for each word of the commands. */
static void send(fake_runner *r, const fake_promises *promises, const char *id,
                 const char *fn, const char *commands)
{
    bm_writer w = { 0 };
    for (const char *at = commands; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        test_put_text(&w, "k");
        bm_write_prefixed(&w, (beam_span){ at, n });
        at += n;
    }
    fake_process_bundle_promising(r, promises, id, fn);
    fake_send_data(r, id, "source", bm_written(&w), true);
    bm_writer_free(&w);
}

static const char *output(fake_runner *r, const char *id)
{
    return test_texts(fake_arena(r), fake_await_output(r, id, "sink").data);
}

/* -- what came ------------------------------------------------------------------------------------ */
static char lines[2000];

static void put(const char *text)
{
    ck_assert_uint_lt(strlen(lines) + strlen(text), sizeof lines);
    strcat(lines, text);
}

static void put_view(const char *before, upb_StringView view)
{
    put(before);
    for (size_t i = 0; i < view.size; i++) {
        char one[5];
        snprintf(one, sizeof one, view.data[i] < ' ' ? "\\%d" : "%c", view.data[i]);
        put(one);
    }
}

#define PUT_USER_STATE(Type, field)                                                     \
    do {                                                                                \
        const pb_StateKey_##Type *part_ = pb_StateKey_##field(key);                     \
        put_view(" " #field " ", pb_StateKey_##Type##_transform_id(part_));             \
        put_view("/", pb_StateKey_##Type##_user_state_id(part_));                       \
        put_view(" key ", pb_StateKey_##Type##_key(part_));                             \
        ck_assert_uint_eq(pb_StateKey_##Type##_window(part_).size, 0); /* the global */ \
    } while (0)
#define PUT_SIDE_INPUT(Type, field)                                                     \
    do {                                                                                \
        const pb_StateKey_##Type *part_ = pb_StateKey_##field(key);                     \
        put_view(" " #field " ", pb_StateKey_##Type##_transform_id(part_));             \
        put_view("/", pb_StateKey_##Type##_side_input_id(part_));                       \
        ck_assert_uint_eq(pb_StateKey_##Type##_window(part_).size, 0); /* the global */ \
    } while (0)

static void put_range(const pb_StateKey_OrderedListUserState *list)
{
    char range[60];
    const pb_OrderedListRange *pb = pb_StateKey_OrderedListUserState_range(list);
    snprintf(range, sizeof range, " range %lld..%lld",
             (long long)pb_OrderedListRange_start(pb),
             (long long)pb_OrderedListRange_end(pb));
    put(range);
}

static void put_key(const pb_StateKey *key)
{
    switch (pb_StateKey_type_case(key)) {
    case pb_StateKey_type_bag_user_state:
        PUT_USER_STATE(BagUserState, bag_user_state);
        break;
    case pb_StateKey_type_multimap_keys_user_state:
        PUT_USER_STATE(MultimapKeysUserState, multimap_keys_user_state);
        break;
    case pb_StateKey_type_multimap_user_state:
        PUT_USER_STATE(MultimapUserState, multimap_user_state);
        put_view(" at ", pb_StateKey_MultimapUserState_map_key(
                             pb_StateKey_multimap_user_state(key)));
        break;
    case pb_StateKey_type_ordered_list_user_state:
        PUT_USER_STATE(OrderedListUserState, ordered_list_user_state);
        put_range(pb_StateKey_ordered_list_user_state(key));
        break;
    case pb_StateKey_type_iterable_side_input:
        PUT_SIDE_INPUT(IterableSideInput, iterable_side_input);
        break;
    case pb_StateKey_type_multimap_side_input:
        PUT_SIDE_INPUT(MultimapSideInput, multimap_side_input);
        put_view(" at ",
                 pb_StateKey_MultimapSideInput_key(pb_StateKey_multimap_side_input(key)));
        break;
    case pb_StateKey_type_multimap_keys_side_input:
        PUT_SIDE_INPUT(MultimapKeysSideInput, multimap_keys_side_input);
        break;
    case pb_StateKey_type_multimap_keys_values_side_input:
        PUT_SIDE_INPUT(MultimapKeysValuesSideInput, multimap_keys_values_side_input);
        break;
    default: put(" ?");
    }
}

/* Those of a bundle, a line each: "get bag_user_state fn/bag key \1k", the data of an append
 * at the end. */
static const char *requests(fake_runner *r, const char *id)
{
    lines[0] = '\0';
    for (size_t i = 0; i < fake_state_requests(r); i++) {
        fake_state_request one = fake_state_request_at(r, i);
        if (strcmp(one.bundle, id)) continue;
        put(one.what == 'g' ? "get" : one.what == 'a' ? "append" : "clear");
        put_key(pb_StateKey_parse(one.key.ptr, one.key.len, fake_arena(r)));
        if (one.what == 'a')
            put_view(" data ",
                     upb_StringView_FromDataAndSize(one.data.ptr, one.data.len));
        put("\n");
    }
    return lines;
}

static const fake_promises none;

/* What the commands ask for, and what they say. */
static void expect(fake_runner *r, const fake_promises *promises, const char *fn,
                   const char *commands, const char *asked, const char *said)
{
    static int n;
    char id[20];
    snprintf(id, sizeof id, "b%d", n++);
    send(r, promises, id, fn, commands);
    fake_expect_ok(r, id);
    ck_assert_str_eq(output(r, id), said);
    ck_assert_str_eq(requests(r, id), asked);
}

/* -- tests ---------------------------------------------------------------------------------------- */
START_TEST(st_06_bags)
{
    fake_runner *r = start(NULL);
    expect(r, &none, "test.state", "bag+ bag+",
           "append bag_user_state fn/bag key \\1k data \\1x\\1x\n", "");
    expect(r, &none, "test.state", "bag?", "get bag_user_state fn/bag key \\1k\n",
           "bag?: x x");
    expect(r, &none, "test.state", "bag-", "clear bag_user_state fn/bag key \\1k\n", "");
    expect(r, &none, "test.state", "bag?", "get bag_user_state fn/bag key \\1k\n",
           "bag?:");
    fake_runner_free(r);
}
END_TEST

START_TEST(st_07_st_09_multimaps)
{
    fake_runner *r = start(NULL);
    expect(r, &none, "test.state", "map+",
           "append multimap_user_state fn/map key \\1k at \\1m data \\1y\n", "");
    expect(r, &none, "test.state", "map@",
           "get multimap_user_state fn/map key \\1k at \\1m\n", "map@: y");
    expect(r, &none, "test.state", "map#",
           "get multimap_keys_user_state fn/map key \\1k\n", "map#:");
    expect(r, &none, "test.state", "map/",
           "clear multimap_user_state fn/map key \\1k at \\1m\n", "");
    expect(r, &none, "test.state", "map-",
           "clear multimap_keys_user_state fn/map key \\1k\n", "");
    fake_runner_free(r);
}
END_TEST

START_TEST(st_10_ordered_lists)
{
    fake_runner *r = start(NULL);
    expect(r, &none, "test.state", "list+",
           "append ordered_list_user_state fn/list key \\1k range 0..0 data \\7\\1z\n",
           "");
    expect(r, &none, "test.state", "list@",
           "get ordered_list_user_state fn/list key \\1k range 3..9\n", "list@:");
    expect(r, &none, "test.state", "list/",
           "clear ordered_list_user_state fn/list key \\1k range 3..9\n", "");
    fake_runner_free(r);
}
END_TEST

START_TEST(st_02_to_st_04_side_inputs)
{
    fake_runner *r = start(NULL);
    expect(r, &none, "test.all", "all", "get iterable_side_input fn/side\n", "all:");
    expect(r, &none, "test.map", "at", "get multimap_side_input fn/side at \\1s\n",
           "at:");
    expect(r, &none, "test.map", "keys", "get multimap_keys_side_input fn/side\n",
           "keys:");
    expect(r, &none, "test.map", "both", "get multimap_keys_side_input fn/side\n",
           "both:");
    fake_runner_free(r);
}
END_TEST

START_TEST(st_05_where_the_runner_has_it)
{
    fake_runner *r = start(BEAM_URN_PROTOCOL_MULTIMAP_KEYS_VALUES_SIDE_INPUT);
    expect(r, &none, "test.map", "both", "get multimap_keys_values_side_input fn/side\n",
           "both:");
    fake_runner_free(r);
}
END_TEST

START_TEST(cp_08_what_a_token_vouches_for_is_not_asked_again)
{
    fake_runner *r = start(NULL);
    const fake_promises first = { .state_token = "t1", .side_token = "s1" };
    const fake_promises second = { .state_token = "t2", .side_token = "s2" };
    expect(r, &first, "test.state", "bag?", "get bag_user_state fn/bag key \\1k\n",
           "bag?:");
    expect(r, &first, "test.state", "bag? bag+",
           "append bag_user_state fn/bag key \\1k data \\1x\n", "bag?:");
    expect(r, &first, "test.state", "bag?", "", "bag?: x");
    expect(r, &second, "test.state", "bag?", "get bag_user_state fn/bag key \\1k\n",
           "bag?: x");
    expect(r, &none, "test.state", "bag?", "get bag_user_state fn/bag key \\1k\n",
           "bag?: x");
    expect(r, &first, "test.all", "all", "get iterable_side_input fn/side\n", "all:");
    expect(r, &first, "test.all", "all", "", "all:");
    expect(r, &second, "test.all", "all", "get iterable_side_input fn/side\n", "all:");
    fake_runner_free(r);
}
END_TEST

START_TEST(cp_08_a_token_of_an_unknown_kind_vouches_for_nothing)
{
    fake_runner *r = start(NULL);
    const fake_promises promises = { .other_token = "t" };
    for (int i = 0; i < 2; i++)
        expect(r, &promises, "test.state", "bag?", "get bag_user_state fn/bag key \\1k\n",
               "bag?:");
    fake_runner_free(r);
}
END_TEST

/* The runner takes back what the bundle wrote; the token may stay. */
START_TEST(cp_08_a_failed_bundle_leaves_nothing_in_the_cache)
{
    fake_runner *r = start(NULL);
    const fake_promises promises = { .state_token = "t" };
    expect(r, &promises, "test.state", "bag?", "get bag_user_state fn/bag key \\1k\n",
           "bag?:");
    fake_fail_state(r, fake_state_request_at(r, 0).key, "no more state");
    send(r, &promises, "failed", "test.state", "bag+");
    fake_expect_error(r, "failed", "no more state");
    send(r, &promises, "again", "test.state", "bag?");
    fake_expect_error(r, "again", "no more state"); /* so it was asked for */
    fake_runner_free(r);
}
END_TEST

START_TEST(cp_09_without_state_none_is_read)
{
    fake_runner *r = start(NULL);
    const fake_promises promises = { .no_state = true };
    expect(r, &promises, "test.state", "bag? map@ list@ bag+",
           "append bag_user_state fn/bag key \\1k data \\1x\n", "bag?: map@: list@:");
    fake_runner_free(r);
}
END_TEST

START_TEST(cp_10_state_that_nobody_will_read_is_not_written)
{
    fake_runner *r = start(NULL);
    const fake_promises promises = { .only_bundle = true };
    expect(r, &promises, "test.state", "bag+ map+ list+ bag?",
           "get bag_user_state fn/bag key \\1k\n", "bag?: x");
    const fake_promises both = { .only_bundle = true, .no_state = true };
    expect(r, &both, "test.state", "bag+ bag?", "", "bag?: x");
    fake_runner_free(r);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        st_06_bags,
        st_07_st_09_multimaps,
        st_10_ordered_lists,
        st_02_to_st_04_side_inputs,
        st_05_where_the_runner_has_it,
        cp_08_what_a_token_vouches_for_is_not_asked_again,
        cp_08_a_token_of_an_unknown_kind_vouches_for_nothing,
        cp_08_a_failed_bundle_leaves_nothing_in_the_cache,
        cp_09_without_state_none_is_read,
        cp_10_state_that_nobody_will_read_is_not_written,
    };
    return fake_run_tests("state_keys", tests, BEAM_COUNT(tests));
}
