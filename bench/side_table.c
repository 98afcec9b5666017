/* SPDX-License-Identifier: Apache-2.0 */
/* A side input that is made up as it is asked for, so that the driver holds none of it:
 * entry i is KV<side_key(i), value_bytes bytes>, or a value of the only key. rpc thread. */
#include <stdio.h>
#include <stdlib.h>

#include "fnbench.h"

enum { PAGE_BYTES = 1 << 20 };

typedef enum part { KEY = 1, VALUE = 2, COUNT = 4 } part;

beam_span side_key(size_t i, char text[32])
{
    return (beam_span){ text, (size_t)snprintf(text, 32, "key-%08zu", i) };
}

static void put_value(const side_table *t, bm_writer *out)
{
    bm_write_varint(out, t->value_bytes);
    for (size_t i = 0; i < t->value_bytes; i++) bm_write_u8(out, 'v');
}

static void put_entry(const side_table *t, size_t i, unsigned parts, bm_writer *out)
{
    char text[32];
    if (parts & KEY) bm_write_prefixed(out, side_key(i, text));
    if (parts & COUNT) bm_write_be32(out, 1);
    if (parts & VALUE) put_value(t, out);
}

static size_t from_token(upb_StringView token)
{
    size_t from = 0;
    if (token.size == sizeof from) memcpy(&from, token.data, sizeof from);
    return from;
}

static upb_StringView copy(const void *bytes, size_t n, upb_Arena *upb)
{
    return upb_StringView_FromDataAndSize(n ? memcpy(upb_Arena_Malloc(upb, n), bytes, n)
                                            : "",
                                          n);
}

/* Entries [0, n), a page of them from where the token says. */
static void put_page(const side_table *t, size_t n, unsigned parts, upb_StringView token,
                     pb_StateGetResponse *out, upb_Arena *upb)
{
    size_t i = from_token(token);
    bm_writer page = { 0 };
    if (i == 0 && parts == (KEY | COUNT | VALUE) && t->one_key) {
        char text[32];
        bm_write_prefixed(&page, side_key(0, text));
        bm_write_be32(&page, (uint32_t)n);
    }
    if (t->one_key) parts &= VALUE;
    for (; i < n && page.len < PAGE_BYTES; i++) put_entry(t, i, parts, &page);
    pb_StateGetResponse_set_data(out, copy(page.data, page.len, upb));
    if (i < n) pb_StateGetResponse_set_continuation_token(out, copy(&i, sizeof i, upb));
    bm_writer_free(&page);
}

/* How many values an encoded key has. */
static size_t values_of(const side_table *t, upb_StringView key)
{
    char text[32];
    if (t->one_key) return t->entries;
    if (key.size < 5 || key.size > sizeof text) return 0;
    memcpy(text, key.data + 1, key.size - 1);
    text[key.size - 1] = '\0';
    return strtoul(text + 4, NULL, 10) < t->entries;
}

bool side_table_get(const side_table *t, const pb_StateKey *key, upb_StringView token,
                    pb_StateGetResponse *out, upb_Arena *upb)
{
    if (pb_StateKey_has_multimap_side_input(key)) {
        upb_StringView of = pb_StateKey_MultimapSideInput_key(
            pb_StateKey_multimap_side_input(key));
        put_page(t, values_of(t, of), VALUE, token, out, upb);
    } else if (pb_StateKey_has_multimap_keys_side_input(key)) {
        if (t->one_key) {
            side_table keys = { .entries = 1 };
            put_page(&keys, 1, KEY, token, out, upb);
        } else {
            put_page(t, t->entries, KEY, token, out, upb);
        }
    } else if (pb_StateKey_has_multimap_keys_values_side_input(key)) {
        put_page(t, t->entries, KEY | COUNT | VALUE, token, out, upb);
    } else if (pb_StateKey_has_iterable_side_input(key)) {
        put_page(t, t->entries, KEY | VALUE, token, out, upb);
    } else {
        return false;
    }
    return true;
}
