/* SPDX-License-Identifier: Apache-2.0 */
/* Coders from specs: components, payloads, and pipelines that are broken. */
#include <stdio.h>

#include "codec.h"
#include "schema_proto.h"

static const struct {
    const char *id, *urn;
    beam_span payload;
    const char *components[3];
} specs[] = {
    { "bytes", "beam:coder:bytes:v1", { 0 }, { 0 } },
    { "string", "beam:coder:string_utf8:v1", { 0 }, { 0 } },
    { "bool", "beam:coder:bool:v1", { 0 }, { 0 } },
    { "varint", "beam:coder:varint:v1", { 0 }, { 0 } },
    { "double", "beam:coder:double:v1", { 0 }, { 0 } },
    { "kv", "beam:coder:kv:v1", { 0 }, { "string", "varint" } },
    { "iterable", "beam:coder:iterable:v1", { 0 }, { "kv" } },
    { "state", "beam:coder:state_backed_iterable:v1", { 0 }, { "kv" } },
    { "prefix", "beam:coder:length_prefix:v1", { 0 }, { "other" } },
    { "nullable", "beam:coder:nullable:v1", { 0 }, { "kv" } },
    { "interval", "beam:coder:interval_window:v1", { 0 }, { 0 } },
    { "global", "beam:coder:global_window:v1", { 0 }, { 0 } },
    { "custom", "beam:coder:custom_window:v1", { 0 }, { "prefix" } },
    { "windowed", "beam:coder:windowed_value:v1", { 0 }, { "kv", "global" } },
    { "timer", "beam:coder:timer:v1", { 0 }, { "string", "custom" } },
    { "sharded", "beam:coder:sharded_key:v1", { 0 }, { "string" } },
    { "row", "beam:coder:row:v1", { "\n\x07\n\x01i\x1a\x02\x10\x03", 9 }, { 0 } },
    { "struct", BM_URN_STRUCT_CODER, { "pair", 4 }, { 0 } },
    { "sealed", BM_URN_SEALED_CODER, { 0 }, { "nullable" } },
    { "sealed nothing", BM_URN_SEALED_CODER, { 0 }, { 0 } },
    { "no struct", BM_URN_STRUCT_CODER, { "lost", 4 }, { 0 } },
    { "other", "acme:coder:v1", { 0 }, { "nowhere" } },
    { "param",
      "beam:coder:param_windowed_value:v1",
      { "\x80\0\0\0\0\0\0\x05\0\0\0\x01\x0f\0", 14 },
      { "varint", "global" } },
    { "bad param",
      "beam:coder:param_windowed_value:v1",
      { "\x80", 1 },
      { "varint", "global" } },
    { "bad row",
      "beam:coder:row:v1",
      { "\n\x09\n\x01i\x1a\x02\x10\x03(\x05\x20\x01", 13 },
      { 0 } },
    { "short kv", "beam:coder:kv:v1", { 0 }, { "string" } },
    { "long bytes", "beam:coder:bytes:v1", { 0 }, { "string" } },
    { "lost", "beam:coder:iterable:v1", { 0 }, { "nowhere" } },
    { "loop", "beam:coder:iterable:v1", { 0 }, { "loop 2" } },
    { "loop 2", "beam:coder:nullable:v1", { 0 }, { "loop" } },
};

static bool find(void *self, const char *id, bm_coder_spec *out)
{
    int *n_looked_up = self;
    ++*n_looked_up;
    for (size_t i = 0; i < BEAM_COUNT(specs); i++) {
        if (strcmp(id, specs[i].id)) continue;
        *out = (bm_coder_spec){ specs[i].urn, specs[i].payload, specs[i].components, 0 };
        while (specs[i].components[out->n_components]) out->n_components++;
        return true;
    }
    return false;
}

/* "0 W" is bytes; "N W" holds "N-1 W", twice if W is 2. */
static bool find_nested(void *self, const char *id, bm_coder_spec *out)
{
    (void)self;
    int n, width;
    ck_assert_int_eq(sscanf(id, "%d %d", &n, &width), 2);
    *out = (bm_coder_spec){ .urn = "beam:coder:bytes:v1" };
    if (!n) return true;
    const char **ids = BM_NEW_ARRAY(&test_arena, const char *, 2);
    ids[0] = ids[1] = bm_format(&test_arena, "%d %d", n - 1, width);
    out->urn = width == 2 ? "beam:coder:kv:v1" : "beam:coder:nullable:v1";
    out->component_ids = ids;
    out->n_components = (size_t)width;
    return true;
}

static const beam_struct_coder pair_coder = { .name = "pair", .size = 8 };

static const beam_struct_coder *find_struct(void *self, beam_span name)
{
    (void)self;
    return beam_span_equal(name, BYTES("pair")) ? &pair_coder : NULL;
}

static bm_coder_set set;
static int n_looked_up;

static const bm_coder *get(const char *id)
{
    const bm_coder *coder;
    beam_error err = { 0 };
    beam_status status = bm_coder_set_get(&set, id, &coder, &err);
    ck_assert_msg(status == BEAM_OK, "%s: %s", id, err.message);
    return coder;
}

static void expect_failure(const char *id, const char *part)
{
    for (int i = 0; i < 2; i++) {
        const bm_coder *coder;
        beam_error err = { 0 };
        ck_assert_int_eq(bm_coder_set_get(&set, id, &coder, &err), BEAM_ECODER);
        ck_assert_msg(strstr(err.message, part), "%s", err.message);
    }
}

static void init(void)
{
    n_looked_up = 0;
    bm_coder_set_init(&set, &test_arena,
                      &(bm_coder_source){ &n_looked_up, find, schema_from_proto,
                                          find_struct });
}

START_TEST(all_kinds)
{
    static const struct {
        const char *id;
        bm_coder_kind kind;
    } cases[] = { { "bytes", BM_CODER_BYTES },
                  { "string", BM_CODER_STRING },
                  { "bool", BM_CODER_BOOL },
                  { "varint", BM_CODER_VARINT },
                  { "double", BM_CODER_DOUBLE },
                  { "kv", BM_CODER_KV },
                  { "iterable", BM_CODER_ITERABLE },
                  { "state", BM_CODER_STATE_BACKED_ITERABLE },
                  { "prefix", BM_CODER_LENGTH_PREFIX },
                  { "nullable", BM_CODER_NULLABLE },
                  { "interval", BM_CODER_INTERVAL_WINDOW },
                  { "global", BM_CODER_GLOBAL_WINDOW },
                  { "custom", BM_CODER_CUSTOM_WINDOW },
                  { "windowed", BM_CODER_WINDOWED_VALUE },
                  { "timer", BM_CODER_TIMER },
                  { "sharded", BM_CODER_SHARDED_KEY },
                  { "row", BM_CODER_ROW },
                  { "struct", BM_CODER_STRUCT },
                  { "sealed", BM_CODER_NULLABLE },
                  { "other", BM_CODER_OPAQUE },
                  { "param", BM_CODER_PARAM_WINDOWED_VALUE } };
    init();
    for (size_t i = 0; i < BEAM_COUNT(cases); i++)
        ck_assert_int_eq(get(cases[i].id)->kind, cases[i].kind);
    ck_assert_ptr_eq(get("kv")->arg[0], get("string"));
    ck_assert_ptr_eq(get("sealed"), get("nullable"));
    ck_assert_ptr_eq(get("windowed")->arg[0], get("kv"));
    ck_assert_str_eq(get("other")->urn, "acme:coder:v1");
    ck_assert_ptr_eq(get("struct")->struct_coder, &pair_coder);
    ck_assert_uint_eq(get("row")->schema->fields.n, 1);
    ck_assert_int_eq(get("param")->param->timestamp, 5);
    ck_assert_ptr_eq(get("param")->param->windows, &bm_global_windows);
    ck_assert_int_eq(n_looked_up, (int)BEAM_COUNT(cases));
}
END_TEST

START_TEST(broken_pipelines)
{
    init();
    expect_failure("nowhere", "no coder with the id \"nowhere\"");
    expect_failure("lost", "no coder with the id \"nowhere\"");
    expect_failure("short kv", "1 component coders instead of 2");
    expect_failure("long bytes", "1 component coders instead of 0");
    expect_failure("loop", "component of itself");
    expect_failure("loop 2", "component of itself");
    expect_failure("bad param", "payload");
    expect_failure("bad row", "encoding positions");
    expect_failure("sealed nothing", "0 component coders instead of 1");
    expect_failure("no struct", "\"lost\"");
}
END_TEST

/* Neither the stack nor the time of 2^60 steps is there. */
START_TEST(nesting_has_a_limit)
{
    bm_coder_set_init(&set, &test_arena, &(bm_coder_source){ .coder = find_nested });
    ck_assert_uint_eq(get("500 1")->n_within, 500);
    expect_failure("100000 1", "nested too much");
    ck_assert_uint_eq(get("8 2")->n_within, 510);
    expect_failure("60 2", "nested too much");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { all_kinds, broken_pipelines, nesting_has_a_limit };
    return RUN_TESTS("coder_set", tests);
}
