/* SPDX-License-Identifier: Apache-2.0 */
/* Java's WindowTest, WindowingTest and TestStreamTest. */
#include "java.h"

/* -- windows and the counts of words in them ------------------------------------------------- */
static beam_pcoll *words(beam_pipeline *p)
{
    return TIMED_STRINGS(p, "In", { "a", 1 }, { "b", 2 }, { "b", 3 }, { "c", 11 }, { "d", 11 });
}
static void assert_counts(beam_pcoll *in, beam_window_fn windows, const char *lines)
{
    beam_pcoll *counts = beam_count_per_element(beam_window_into(in, "Windows", windows),
                                                "Count");
    beam_assert_that(counts, "Out", .lines = lines, .show = BEAM_SHOW_WINDOW);
}
static void partitioning(beam_pipeline *p)
{
    assert_counts(words(p), beam_fixed(10),
                  "[0, 10) a: 1\n[0, 10) b: 2\n[10, 20) c: 1\n[10, 20) d: 1");
}
static void non_partitioning(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_STRINGS(p, "In", { "a", 1 }, { "a", 7 }, { "b", 8 });
    assert_counts(in, beam_sliding(10, 5),
                  "[-5, 5) a: 1\n[0, 10) a: 2\n[0, 10) b: 1\n[5, 15) a: 1\n[5, 15) b: 1");
}
static void merging(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_STRINGS(p, "In", { "a", 1 }, { "a", 5 }, { "a", 20 });
    assert_counts(in, beam_sessions(10), "[1, 15) a: 2\n[20, 30) a: 1");
}
/* Windows stay through a Flatten. */
static void preservation(beam_pipeline *p)
{
    beam_pcoll *a = TIMED_STRINGS(p, "A", { "a", 1 }, { "b", 11 });
    beam_pcoll *b = TIMED_STRINGS(p, "B", { "a", 2 }, { "c", 12 });
    a = beam_window_into(a, "WindowsA", beam_fixed(5));
    b = beam_window_into(b, "WindowsB", beam_fixed(5));
    beam_pcoll *both = beam_flatten(p, "Both", (beam_pcoll *[]){ a, b }, 2);
    beam_assert_that(beam_count_per_element(both, "Count"), "Out",
                     .lines = "[0, 5) a: 2\n[10, 15) b: 1\n[10, 15) c: 1",
                     .show = BEAM_SHOW_WINDOW);
}

/* Settings alone (a trigger) leave the windows of the elements as they are. */
static void no_reassignment(beam_pipeline *p)
{
    beam_pcoll *in = beam_window_into(words(p), "First", beam_fixed(10));
    in = beam_window_into(in, "Settings", beam_fixed(10), .allowed_lateness = 1000,
                          .accumulation = BEAM_ACCUMULATING);
    beam_assert_that(in, "Out",
                     .lines = "[0, 10) a @1\n[0, 10) b @2\n[0, 10) b @3\n[10, 20) c @11\n"
                              "[10, 20) d @11",
                     .show = BEAM_SHOW_WINDOW | BEAM_SHOW_TIMESTAMP);
}

static void assert_group_time(beam_pipeline *p, beam_timestamp_combiner combiner,
                              const char *lines)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "k", 0, 0 }, { "k", 1, 10 });
    in = beam_window_into(in, "Windows", beam_fixed(beam_minutes(10)),
                          .timestamp_combiner = combiner);
    beam_assert_that(beam_group_by_key(in, "Group"), "Out", .lines = lines,
                     .show = BEAM_SHOW_TIMESTAMP);
}
static void combiner_default(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "k", 0, 0 }, { "k", 1, 10 });
    in = beam_window_into(in, "Windows", beam_fixed(beam_minutes(10)));
    beam_assert_that(beam_group_by_key(in, "Group"), "Out", .lines = "k: [0, 1] @599999",
                     .show = BEAM_SHOW_TIMESTAMP);
}
static void combiner_end_of_window(beam_pipeline *p)
{
    assert_group_time(p, BEAM_AT_END_OF_WINDOW, "k: [0, 1] @599999");
}

/* -- TestStream ---------------------------------------------------------------------------------- */
static beam_test_stream *ints(beam_pipeline *p)
{
    return beam_test_stream_begin(p, "Stream", BEAM_INT64);
}
static void add(beam_test_stream *ts, int64_t value, beam_millis at)
{
    beam_test_stream_add(ts, beam_int64(value), at);
}

static void late_accumulating(beam_pipeline *p)
{
    beam_test_stream *ts = ints(p);
    beam_test_stream_watermark(ts, 0);
    add(ts, 1, beam_minutes(1));
    add(ts, 2, beam_minutes(3));
    beam_test_stream_watermark(ts, beam_minutes(6));
    add(ts, 5, 0); /* late, but not too late */
    beam_test_stream_watermark(ts, beam_minutes(20));
    beam_pcoll *in = beam_window_into(
        beam_test_stream_end(ts), "Windows", beam_fixed(beam_minutes(5)),
        .trigger = BEAM_AFTER_END_OF_WINDOW(NULL, BEAM_AFTER_COUNT(1)),
        .accumulation = BEAM_ACCUMULATING, .allowed_lateness = beam_minutes(10));
    beam_pcoll *sums = beam_combine_globally(in, "Sum", &beam_sum_int64);
    beam_assert_that(sums, "OnTime", .lines = "3", .panes = BEAM_PANES_ON_TIME);
    beam_assert_that(sums, "Late", .lines = "8", .panes = BEAM_PANES_LATE);
}

static void discarding(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_STRING);
    add_string(ts, "firstPane", 0);
    beam_test_stream_watermark(ts, beam_minutes(100));
    add_string(ts, "alsoFirst", beam_minutes(50)); /* of a window that is open still */
    beam_test_stream_watermark(ts, beam_minutes(1000));
    beam_pcoll *in = beam_window_into(beam_test_stream_end(ts), "Windows",
                                      beam_fixed(beam_minutes(1000)),
                                      .trigger = BEAM_AFTER_END_OF_WINDOW(NULL, NULL));
    beam_pcoll *counts = beam_count_per_element(in, "Count");
    beam_assert_that(counts, "Out", .lines = "firstPane: 1\nalsoFirst: 1",
                     .panes = BEAM_PANES_ON_TIME);
}

/* Its window is over before it comes: it is dropped. */
static void first_late(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_STRING);
    beam_test_stream_watermark(ts, beam_hours(2));
    add_string(ts, "late", beam_minutes(3));
    beam_pcoll *in = beam_window_into(beam_test_stream_end(ts), "Windows",
                                      beam_fixed(beam_minutes(10)),
                                      .allowed_lateness = 0);
    beam_assert_that(beam_count_per_element(in, "Count"), "Out", .empty = true);
}

static void almost_infinity(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_STRING);
    add_string(ts, "foo", BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP);
    add_string(ts, "bar", BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP);
    beam_pcoll *in = beam_window_into(beam_test_stream_end(ts), "Windows",
                                      beam_fixed(beam_minutes(6)));
    beam_assert_that(beam_count_per_element(in, "Count"), "Out", .lines = "foo: 1\nbar: 1");
}

static void processing_time_trigger(beam_pipeline *p)
{
    beam_test_stream *ts = ints(p);
    add(ts, 1, 0);
    add(ts, 2, 0);
    beam_test_stream_processing_time(ts, beam_minutes(12));
    add(ts, 4, 0);
    beam_test_stream_processing_time(ts, beam_minutes(6));
    beam_pcoll *in = beam_window_into(
        beam_test_stream_end(ts), "Windows", beam_fixed(beam_minutes(15)),
        .trigger = BEAM_AFTER_END_OF_WINDOW(
            BEAM_REPEAT(BEAM_AFTER_PROCESSING_TIME(beam_minutes(5))), NULL),
        .accumulation = BEAM_ACCUMULATING);
    beam_pcoll *sums = beam_combine_globally(in, "Sum", &beam_sum_int64);
    beam_assert_that(sums, "Early", .lines = "3\n7", .panes = BEAM_PANES_EARLY);
}

static void early_panes(beam_pipeline *p)
{
    beam_test_stream *ts = ints(p);
    for (int i = 0; i < 3; i++) {
        beam_test_stream_processing_time(ts, beam_minutes(6));
        add(ts, i, beam_minutes(1));
    }
    beam_test_stream_processing_time(ts, beam_minutes(6));
    beam_pcoll *in = beam_window_into(
        beam_test_stream_end(ts), "Windows", beam_fixed(beam_minutes(30)),
        .trigger = BEAM_AFTER_END_OF_WINDOW(
            BEAM_REPEAT(BEAM_AFTER_PROCESSING_TIME(beam_minutes(5))), NULL),
        .accumulation = BEAM_ACCUMULATING);
    beam_pcoll *counts = beam_combine_globally(in, "Count", &beam_count);
    beam_assert_that(counts, "Early", .lines = "1\n2\n3", .panes = BEAM_PANES_EARLY);
    beam_assert_that(counts, "OnTime", .lines = "3", .panes = BEAM_PANES_ON_TIME);
}

/* Two groupings, each in windows of its own. */
static void multi_stage(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_STRING);
    add_string(ts, "before", 0);
    beam_test_stream_watermark(ts, 0);
    add_string(ts, "after", 10);
    beam_test_stream_watermark(ts, 20);
    beam_pcoll *in = beam_window_into(beam_test_stream_end(ts), "First", beam_fixed(5));
    beam_pcoll *counts = beam_count_per_element(in, "Count");
    counts = beam_window_into(beam_values(counts, "Values"), "Second", beam_fixed(100));
    beam_assert_that(beam_combine_globally(counts, "Sum", &beam_sum_int64), "Out",
                     .lines = "2");
}

#define STREAM(name, build) \
    TEST("TestStreamTest." name, "UsesTestStream", build, .needs = NEEDS_TEST_STREAM)
#define CLOCK(name, build)                                                 \
    TEST("TestStreamTest." name, "UsesTestStreamWithProcessingTime", build, \
         .needs = NEEDS_TEST_STREAM | NEEDS_PROCESSING_TIME)
static const suite_test tests[] = {
    TEST("WindowingTest.testPartitioningWindowing", "-", partitioning),
    TEST("WindowingTest.testNonPartitioningWindowing", "-", non_partitioning),
    TEST("WindowingTest.testMergingWindowing", "-", merging),
    TEST("WindowingTest.testWindowPreservation", "-", preservation),
    TEST("WindowTest.testNoWindowFnDoesNotReassignWindows", "-", no_reassignment),
    TEST("WindowTest.testTimestampCombinerDefault", "-", combiner_default),
    TEST("WindowTest.testTimestampCombinerEndOfWindow", "-", combiner_end_of_window),
    STREAM("testLateDataAccumulating", late_accumulating),
    STREAM("testDiscardingMode", discarding),
    STREAM("testFirstElementLate", first_late),
    STREAM("testElementsAtAlmostPositiveInfinity", almost_infinity),
    CLOCK("testProcessingTimeTrigger", processing_time_trigger),
    CLOCK("testEarlyPanesOfWindow", early_panes),
    TEST("TestStreamTest.testMultiStage", "UsesTestStreamWithMultipleStages", multi_stage,
         .needs = NEEDS_TEST_STREAM),
};
SUITE_TABLE(java_window, "java", tests);
