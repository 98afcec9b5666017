/* SPDX-License-Identifier: Apache-2.0 */
/* base/url: the parts of an address, and what is none. */
#include "base/url.h"

#include "run_tests.h"

static const struct {
    const char *text, *host;
    bool tls;
    int port;
    size_t origin, length;
} good[] = {
    { "http://a", "a", false, 80, 8, 8 },
    { "https://a.b-c.example", "a.b-c.example", true, 443, 21, 21 },
    { "HTTP://a:8080/", "a", false, 8080, 13, 13 },
    { "http://a/v1/x//", "a", false, 80, 8, 13 },
    { "https://[::1]:65535/v1", "::1", true, 65535, 19, 22 },
    { "http://[::1]", "::1", false, 80, 12, 12 },
};

START_TEST(parts)
{
    for (size_t i = 0; i < BEAM_COUNT(good); i++) {
        bm_url url;
        ck_assert(bm_url_read(good[i].text, &url));
        ck_assert(beam_span_equal(url.host, beam_span_of(good[i].host)));
        ck_assert_int_eq(url.tls, good[i].tls);
        ck_assert_int_eq(url.port, good[i].port);
        ck_assert_uint_eq(url.origin, good[i].origin);
        ck_assert_uint_eq(url.length, good[i].length);
    }
}
END_TEST

static const char *const bad[] = {
    "",           "a:1",           "http:/a",       "http://",         "http:///x",
    "ftp://a",    "http://:80",    "http://a:",     "http://a:0",      "http://a:65536",
    "http://a:x", "http://a:80x/", "http://a:+1",   "http://[::1",     "http://[]:1",
    "http://a b", "http://u@a",    "http://a/?q=1", "http://a/#x",     "http://\xc3\xa4",
    "http://a\n", "http://[a]b",   "http://a:-1",   "http://u:p@a:80", "http://a\\b",
};

START_TEST(none)
{
    bm_url url;
    for (size_t i = 0; i < BEAM_COUNT(bad); i++)
        ck_assert_msg(!bm_url_read(bad[i], &url), "%s", bad[i]);
}
END_TEST

static const struct {
    const char *url, *text;
    bool is_at;
} others[] = {
    { "http://a/v1", "http://a/x?y#z", true },
    { "http://a/v1", "HTTP://A?http://b", true },
    { "http://a/v1", "http://a:80/", true },
    { "https://a:443", "https://a", true },
    { "http://[::1]:81", "http://[::1]:81/@", true },
    { "http://a", "https://a/", false },
    { "http://a", "http://a:81/", false },
    { "http://a", "http://ab/", false },
    { "http://a", "http://a@b/", false },
    { "http://a", "http://a\\@b/", false },
    { "http://a", "http://b?http://a/", false },
    { "http://a", "//a/", false },
    { "http://a", "", false },
};

START_TEST(at_the_same_place)
{
    for (size_t i = 0; i < BEAM_COUNT(others); i++) {
        bm_url url;
        ck_assert(bm_url_read(others[i].url, &url));
        ck_assert_msg(bm_url_is_at(&url, others[i].text) == others[i].is_at, "%s",
                      others[i].text);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { parts, none, at_the_same_place };
    return RUN_TESTS("url", tests);
}
