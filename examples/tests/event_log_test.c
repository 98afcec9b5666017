/* SPDX-License-Identifier: Apache-2.0 */
/* The quick way of reading a visit against the thorough one, and the calendar against
 * libc's. */
#define _GNU_SOURCE /* timegm */
#include <check.h>
#include <time.h>

#include "../event_log.h"
#include "beam/testing.h"

#define START                                                                                   \
    "{\"ip\":\"1.2.3.4\",\"id\":\"7\",\"user_agent\":\"A b/1 (X; Y)\",\"age_bracket\":\"55+\"," \
    "\"opted_into_marketing\":true,\"http_request\":\"GET x\",\"http_response\":200,"
#define PLACE "\"lat\":-12.5,\"lng\":1e2,"
#define FLAT_PLACE "\"lat\":-12.5,\"lng\":100,"
#define END \
    "\"file_size_bytes\":-42,\"event_datetime\":\"2026-02-28T23:59:59.120Z\",\"event_ts\":9}"

static bool is_equal(beam_value a, beam_value b)
{
    if (a.kind != b.kind) return false;
    switch (a.kind) {
    case BEAM_KIND_STRING: return beam_span_equal(beam_as_span(a), beam_as_span(b));
    case BEAM_KIND_BOOL: return beam_as_bool(a) == beam_as_bool(b);
    case BEAM_KIND_DOUBLE:
        return !(beam_as_double(a) < beam_as_double(b)) &&
               !(beam_as_double(a) > beam_as_double(b));
    default: return beam_as_int64(a) == beam_as_int64(b);
    }
}

/* Says which way could read the text. */
static beam_status both_ways(beam_ctx *c, beam_value in)
{
    beam_span text = beam_as_span(in);
    beam_value scanned[EVENT_N_FIELDS], parsed[EVENT_N_FIELDS];
    bool flat = event_log_scan(text, scanned);
    const char *wrong = event_log_parse(c, text, parsed);
    if (flat && wrong) return beam_fail(c, BEAM_EINVAL, "the scanner took it: %s", wrong);
    for (size_t i = 0; flat && i < EVENT_N_FIELDS; i++)
        if (!is_equal(scanned[i], parsed[i]))
            return beam_fail(c, BEAM_EINVAL, "%s differs", event_log_fields[i].name);
    return beam_emit(c, beam_string(beam_span_of(wrong  ? "bad"
                                                 : flat ? "flat"
                                                        : "whole")));
}

static const beam_dofn both_ways_fn = { .name = "event_log_test.both_ways",
                                        .in = BEAM_STRING,
                                        .out = BEAM_STRING,
                                        .process = both_ways };

static const struct {
    const char *json, *way;
} texts[] = {
    { START FLAT_PLACE END, "flat" },
    { " { \"x\" : 1 , "
      "\"lat\":0,\"lng\":-0.25,\"lat\":2,\"y\":\"\","
      "\"ip\":\"1\""
      " }",
      "bad" },
    { START "\"lat\":\"\",\"lng\":3.5," END, "flat" },
    { START "\"lat\":\"\",\"lng\":\"\",\"new\":\"field\"," END " \n", "flat" },
    { START PLACE END, "whole" },                             /* an exponent */
    { START "\"lng\":2," END, "whole" },                      /* no lat */
    { START FLAT_PLACE "\"id\":\"8\"," END, "flat" },         /* the last one counts */
    { START FLAT_PLACE "\"id\":\"\\u00e9\"," END, "whole" },  /* an escape */
    { START FLAT_PLACE "\"id\":\"\xc3\xa9\"," END, "whole" }, /* not ASCII */
    { START FLAT_PLACE "\"more\":{\"a\":[1,null]}," END, "whole" },
    { START FLAT_PLACE "\"id\":9," END, "bad" },
    { START FLAT_PLACE "\"event_ts\":1.0,\"a\":" END, "bad" },
    { START FLAT_PLACE "\"a\":01," END, "bad" },
    { START FLAT_PLACE "\"a\":tru," END, "bad" },
    { START FLAT_PLACE "\"a\":1.," END, "bad" },
    { START FLAT_PLACE "\"a\":-," END, "bad" },
    { START FLAT_PLACE "\"a\":99999999999999999999," END,
      "bad" }, /* too large an integer */
    { START FLAT_PLACE "," END, "bad" },
    { START FLAT_PLACE END "}", "bad" },
    { START FLAT_PLACE "\"event_datetime\":\"soon\"}", "bad" },
    { START FLAT_PLACE "\"id\":\"a\tb\"," END, "bad" },
    { START FLAT_PLACE, "bad" },
    { "{", "bad" },
    { "", "bad" },
    { "[]", "bad" },
};

START_TEST(both_ways_agree)
{
    beam_dofn_tester *t = beam_dofn_tester_new(&both_ways_fn);
    beam_tester_add(t, beam_string(beam_span_of(texts[_i].json)), 0);
    ck_assert_msg(beam_tester_run(t) == BEAM_OK, "%s: %s", texts[_i].json,
                  beam_tester_error(t));
    const char *lines = beam_tester_lines(t, -1);
    ck_assert_msg(!strncmp(lines, texts[_i].way, strlen(texts[_i].way)), "%s: %s",
                  texts[_i].json, lines);
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(the_calendar_is_libcs)
{
    for (time_t at = 0; at < 4102444800; at += 86399 * 7) {
        char text[40];
        struct tm parts;
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.5", gmtime_r(&at, &parts));
        beam_millis ms;
        ck_assert(event_time_parse(beam_span_of(text), &ms));
        ck_assert_int_eq(ms, (int64_t)at * 1000 + 500);
    }
}
END_TEST

START_TEST(what_is_no_time_is_refused)
{
    static const char *const bad[] = { "",
                                       "2026-03-01",
                                       "2026-13-01T00:00:00",
                                       "2026-03-01 00:00:00",
                                       "2026-03-01T00:00:00x",
                                       "2026-03-01T00:00:0",
                                       "x026-03-01T00:00:00" };
    beam_millis ms;
    ck_assert(!event_time_parse(beam_span_of(bad[_i]), &ms));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("event_log");
    TCase *tcase = tcase_create("visits");
    tcase_add_loop_test(tcase, both_ways_agree, 0, BEAM_COUNT(texts));
    tcase_add_test(tcase, the_calendar_is_libcs);
    tcase_add_loop_test(tcase, what_is_no_time_is_refused, 0, 7);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
