/* SPDX-License-Identifier: Apache-2.0 */
/* beam:logical_type:decimal:v1: a varint scale and a length-prefixed big integer (two's
 * complement, big endian), which is 10^scale times the number. As text it looks like
 * Java's BigDecimal.toString, which keeps both. Any thread. */
#include <stdio.h>

#include "coders/coder_impl.h"

enum {
    MAX_BYTES = 4096, /* more are not supported: converting takes quadratic time */
    MAX_WORDS = MAX_BYTES / 4 + 1,
    MAX_DIGITS = 9865, /* of MAX_BYTES */
    DIGITS_ROOM = 9900,
    CHUNK_DIGITS = 9,
    CHUNK = 1000000000
};

/* A natural number: n words, the least first, the last one not 0. */
typedef struct natural {
    uint32_t at[MAX_WORDS];
    size_t n;
} natural;

static void times_plus(natural *x, uint32_t factor, uint32_t term)
{
    uint64_t carry = term;
    for (size_t i = 0; i < x->n; i++) {
        carry += (uint64_t)x->at[i] * factor;
        x->at[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry) x->at[x->n++] = (uint32_t)carry;
}

/* Divides by CHUNK; the remainder. */
static uint32_t divide(natural *x)
{
    uint64_t rest = 0;
    for (size_t i = x->n; i-- > 0;) {
        rest = rest << 32 | x->at[i];
        x->at[i] = (uint32_t)(rest / CHUNK);
        rest %= CHUNK;
    }
    while (x->n && !x->at[x->n - 1]) x->n--;
    return (uint32_t)rest;
}

/* The absolute value of a big integer. */
static void read_integer(beam_span bytes, natural *x, bool *negative)
{
    *negative = bytes.ptr[0] & 0x80;
    uint32_t carry = *negative;
    memset(x, 0, sizeof *x);
    for (size_t i = 0; i < bytes.len; i++) {
        uint32_t byte = (uint8_t)bytes.ptr[bytes.len - 1 - i];
        if (*negative) byte = (byte ^ 0xff) + carry;
        carry = byte >> 8;
        x->at[i / 4] |= (byte & 0xff) << i % 4 * 8;
    }
    x->at[bytes.len / 4] |= carry << bytes.len % 4 * 8;
    x->n = MAX_WORDS;
    while (x->n && !x->at[x->n - 1]) x->n--;
}

static uint8_t byte_of(const natural *x, size_t i)
{
    uint32_t word = i / 4 < x->n ? x->at[i / 4] : 0;
    return (uint8_t)(word >> i % 4 * 8);
}

/* In as few bytes as hold the number and its sign. */
static beam_status write_integer(const natural *x, bool negative, bm_writer *out)
{
    uint8_t bytes[MAX_WORDS * 4 + 1];
    unsigned carry = negative;
    for (size_t i = 0; i < sizeof bytes; i++) {
        unsigned byte = byte_of(x, i);
        if (negative) byte = (byte ^ 0xff) + carry;
        carry = byte >> 8;
        bytes[i] = (uint8_t)byte;
    }
    size_t n = sizeof bytes;
    uint8_t sign = bytes[n - 1];
    while (n > 1 && bytes[n - 1] == sign && (bytes[n - 2] & 0x80) == (sign & 0x80)) n--;
    if (n > MAX_BYTES) return BEAM_ETYPE;
    bm_write_varint(out, n);
    while (n-- > 0) bm_write_u8(out, bytes[n]);
    return BEAM_OK;
}

/* Digits without leading zeros, "0" for zero; how many. */
static size_t to_digits(natural *x, char digits[DIGITS_ROOM])
{
    char reversed[DIGITS_ROOM];
    size_t n = 0;
    while (x->n) {
        uint32_t chunk = divide(x);
        for (int i = 0; i < CHUNK_DIGITS; i++, chunk /= 10)
            reversed[n++] = (char)('0' + chunk % 10);
    }
    while (n && reversed[n - 1] == '0') n--;
    if (!n) reversed[n++] = '0';
    for (size_t i = 0; i < n; i++) digits[i] = reversed[n - 1 - i];
    return n;
}

static beam_span to_text(bm_arena *arena, bool negative, const char *digits, size_t n,
                         int64_t scale)
{
    const char *sign = negative ? "-" : "";
    int64_t exponent = (int64_t)n - 1 - scale;
    char *text;
    if (scale == 0) {
        text = bm_format(arena, "%s%.*s", sign, (int)n, digits);
    } else if (scale < 0 || exponent < -6) {
        text = bm_format(arena, "%s%c%s%.*sE%+lld", sign, digits[0], n > 1 ? "." : "",
                         (int)n - 1, digits + 1, (long long)exponent);
    } else if (scale < (int64_t)n) {
        int whole = (int)((int64_t)n - scale);
        text = bm_format(arena, "%s%.*s.%.*s", sign, whole, digits, (int)scale,
                         digits + whole);
    } else {
        text = bm_format(arena, "%s0.%.*s%.*s", sign, (int)(scale - (int64_t)n), "000000",
                         (int)n, digits);
    }
    return beam_span_of(text);
}

/* As a varint of 32 bits. */
static beam_status read_scale(bm_reader *in, int64_t *scale)
{
    uint64_t raw;
    BEAM_TRY(bm_read_varint(in, &raw));
    if (raw > UINT32_MAX) return BEAM_ECODER;
    *scale = (int32_t)(uint32_t)raw;
    return BEAM_OK;
}

static beam_status read_parts(bm_reader *in, int64_t *scale, beam_span *integer)
{
    BEAM_TRY(read_scale(in, scale));
    BEAM_TRY(bm_read_prefixed(in, integer));
    if (!integer->len) return BEAM_ECODER;
    return integer->len > MAX_BYTES ? BEAM_EUNSUPPORTED : BEAM_OK;
}

beam_status bm_decimal_skip(bm_reader *in)
{
    int64_t scale;
    beam_span integer;
    return read_parts(in, &scale, &integer);
}

beam_status bm_decimal_decode(bm_reader *in, bm_arena *arena, beam_value *out)
{
    int64_t scale;
    beam_span integer;
    BEAM_TRY(read_parts(in, &scale, &integer));
    natural x;
    bool negative;
    read_integer(integer, &x, &negative);
    char digits[DIGITS_ROOM];
    size_t n = to_digits(&x, digits);
    out->kind = BEAM_KIND_STRING;
    out->as.span = to_text(arena, negative, digits, n, scale);
    return BEAM_OK;
}

/* -- from text ---------------------------------------------------------------------------- */
typedef struct parsed {
    natural x;
    bool negative;
    int64_t scale;
} parsed;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool parse_exponent(const char *at, const char *end, int64_t *exponent)
{
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    if (at == end || end - at > 10) return false;
    for (*exponent = 0; at < end; at++) {
        if (!is_digit(*at)) return false;
        *exponent = *exponent * 10 + (*at - '0');
    }
    if (negative) *exponent = -*exponent;
    return true;
}

/* [sign] digits [. digits] [E [sign] digits] */
static bool parse(beam_span text, parsed *out)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    *out = (parsed){ .negative = at < end && *at == '-' };
    if (at < end && (*at == '-' || *at == '+')) at++;
    size_t n = 0;
    bool after_point = false;
    for (; at < end && (is_digit(*at) || (*at == '.' && !after_point)); at++) {
        if (*at == '.') {
            after_point = true;
            continue;
        }
        times_plus(&out->x, 10, (uint32_t)(*at - '0'));
        out->scale += after_point;
        if (++n > MAX_DIGITS) return false;
    }
    int64_t exponent = 0;
    if (at < end && (*at == 'e' || *at == 'E')) {
        if (!parse_exponent(at + 1, end, &exponent)) return false;
        at = end;
    }
    out->scale -= exponent;
    return n && at == end && out->scale >= INT32_MIN && out->scale <= INT32_MAX;
}

beam_status bm_decimal_encode(beam_span text, bm_writer *out)
{
    parsed number;
    if (!text.len || !parse(text, &number)) return BEAM_ETYPE;
    bm_write_varint(out, (uint32_t)number.scale);
    return write_integer(&number.x, number.negative && number.x.n, out);
}
