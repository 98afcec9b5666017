/* SPDX-License-Identifier: Apache-2.0 */
/* The table of instructions and their inboxes, without streams: parking, ending, reading. */
#include "instructions.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fake_runner.h"

/* Two sources, and a timer family of one more transform. */
static const bm_inlet inlets[] = { { "a", NULL, NULL },
                                   { "b", NULL, NULL },
                                   { "t", "family", NULL } };

/* `family` NULL: data. */
static bool put_for(bm_instructions *table, const char *id, const char *transform,
                    const char *family, const char *data, bool is_last)
{
    bm_piece piece = { NULL, beam_span_of(data) };
    bm_entry entry = { .instruction_id = beam_span_of(id),
                       .transform_id = beam_span_of(transform),
                       .pieces = &piece,
                       .n_pieces = *data != '\0',
                       .is_last = is_last };
    if (family) entry.timer_family_id = beam_span_of(family);
    pthread_mutex_lock(&table->lock);
    bool bounded = bm_instructions_deliver(table, NULL, &entry);
    pthread_mutex_unlock(&table->lock);
    return bounded;
}

static bool put(bm_instructions *table, const char *id, const char *transform,
                const char *data, bool is_last)
{
    return put_for(table, id, transform, NULL, data, is_last);
}

static bm_instruction *begin(bm_instructions *table, const char *id)
{
    beam_error err = { .status = BEAM_OK };
    return bm_instructions_begin(table, beam_span_of(id), &err);
}

/* With the first n inlets. */
static bm_instruction *begin_bound(bm_instructions *table, const char *id, size_t n)
{
    beam_error err = { .status = BEAM_OK };
    bm_instruction *one = begin(table, id);
    ck_assert_ptr_nonnull(one);
    ck_assert_int_eq(bm_inbox_bind(one->inbox, &table->lock, inlets, n, &err), BEAM_OK);
    return one;
}

static void expect_chunk(bm_instructions *table, bm_instruction *one, int inlet,
                         const char *data)
{
    bm_chunk chunk;
    beam_error err = { .status = BEAM_OK };
    ck_assert_int_eq(bm_inbox_read(one->inbox, NULL, &table->lock, 0, &chunk, &err), BEAM_OK);
    ck_assert_ptr_nonnull(chunk.input);
    ck_assert_int_eq(chunk.input->inlet, inlet);
    ck_assert(beam_span_equal(chunk.bytes, beam_span_of(data)));
}

static beam_status read_end(bm_instructions *table, bm_instruction *one, beam_error *err)
{
    bm_chunk chunk = { .input = NULL };
    beam_status status = bm_inbox_read(one->inbox, NULL, &table->lock, 0, &chunk, err);
    ck_assert_ptr_null(chunk.input);
    return status;
}

static bm_instruction_state state_of(bm_instructions *table, const char *id)
{
    pthread_mutex_lock(&table->lock);
    const bm_instruction *one = bm_instructions_find(table, beam_span_of(id));
    bm_instruction_state state = one ? one->state : (bm_instruction_state)-1;
    pthread_mutex_unlock(&table->lock);
    return state;
}

START_TEST(data_is_read_in_order_from_all_sources)
{
    bm_instructions table;
    bm_instructions_init(&table);
    put(&table, "1", "a", "x", false);
    ck_assert_int_eq(state_of(&table, "1"), BM_PARKED);
    bm_instruction *one = begin_bound(&table, "1", 2);
    put(&table, "1", "b", "y", true);
    put(&table, "1", "a", "z", true);
    expect_chunk(&table, one, 0, "x");
    expect_chunk(&table, one, 1, "y");
    expect_chunk(&table, one, 0, "z");
    beam_error err;
    ck_assert_int_eq(read_end(&table, one, &err), BEAM_OK);
    bm_instructions_end(&table, one, NULL);
    ck_assert_int_eq(state_of(&table, "1"), BM_FINISHED);
    bm_instructions_free(&table);
}
END_TEST

START_TEST(reading_waits_as_long_as_told)
{
    bm_instructions table;
    bm_instructions_init(&table);
    bm_instruction *one = begin_bound(&table, "1", 2);
    put(&table, "1", "a", "", true);
    int64_t before_ms = bm_monotonic_ms();
    bm_chunk chunk;
    beam_error err;
    ck_assert_int_eq(bm_inbox_read(one->inbox, NULL, &table.lock, 50, &chunk, &err),
                     BEAM_ETIMEOUT);
    ck_assert_int_ge(bm_monotonic_ms() - before_ms, 49);
    put(&table, "1", "b", "x", true);
    expect_chunk(&table, one, 1, "x");
    ck_assert_int_eq(read_end(&table, one, &err), BEAM_OK);
    bm_instructions_end(&table, one, NULL);
    bm_instructions_free(&table);
}
END_TEST

START_TEST(a_broken_inbox_gives_what_it_has)
{
    bm_instructions table;
    bm_instructions_init(&table);
    bm_instruction *one = begin_bound(&table, "1", 1);
    put(&table, "1", "a", "x", false);
    bm_instructions_close(&table, "it is late");
    expect_chunk(&table, one, 0, "x");
    beam_error err = { .status = BEAM_OK };
    ck_assert_int_eq(read_end(&table, one, &err), BEAM_ERPC);
    ck_assert_ptr_nonnull(strstr(err.message, "it is late"));
    bm_instructions_end(&table, one, err.message);
    ck_assert_ptr_null(begin(&table, "2"));
    bm_instructions_free(&table);
}
END_TEST

START_TEST(a_complete_inbox_cannot_be_broken)
{
    bm_instructions table;
    bm_instructions_init(&table);
    bm_instruction *one = begin_bound(&table, "1", 1);
    put(&table, "1", "a", "x", true);
    bm_instructions_close(&table, "it is late");
    expect_chunk(&table, one, 0, "x");
    beam_error err;
    ck_assert_int_eq(read_end(&table, one, &err), BEAM_OK);
    bm_instructions_end(&table, one, NULL);
    bm_instructions_free(&table);
}
END_TEST

START_TEST(wrong_data_is_an_error)
{
    bm_instructions table;
    bm_instructions_init(&table);
    beam_error err = { .status = BEAM_OK };
    bm_instruction *late = begin_bound(&table, "late", 1);
    put(&table, "late", "a", "", true);
    put(&table, "late", "a", "", true); /* an end may come twice */
    put(&table, "late", "a", "x", false);
    ck_assert_int_eq(read_end(&table, late, &err), BEAM_ERPC);
    bm_instruction *unknown = begin_bound(&table, "unknown", 1);
    put(&table, "unknown", "c", "x", false);
    ck_assert_int_eq(read_end(&table, unknown, &err), BEAM_ERPC);
    put(&table, "before", "c", "x", false);
    bm_instruction *before = begin(&table, "before");
    ck_assert_int_eq(bm_inbox_bind(before->inbox, &table.lock, inlets, 2, &err), BEAM_ERPC);
    bm_instructions_end(&table, late, "e");
    bm_instructions_end(&table, unknown, "e");
    bm_instructions_end(&table, before, "e");
    bm_instructions_free(&table);
}
END_TEST

/* A bundle may get its link just before the link is lost, and bind its inputs after. */
START_TEST(a_link_lost_before_binding_breaks_the_input)
{
    bm_instructions table;
    bm_instructions_init(&table);
    bm_links links = { .handler = NULL };
    pthread_mutex_init(&links.lock, NULL);
    bm_link *link = calloc(1, sizeof *link + 1);
    link->owner = &links;
    const bm_inlet inlet = { "a", NULL, link };
    beam_error err = { .status = BEAM_OK };
    bm_instruction *complete = begin(&table, "complete"), *open = begin(&table, "open");
    put(&table, "complete", "a", "x", true);
    link->lost = true;
    strcpy(link->reason, "the stream has gone");
    bm_instructions_link_lost(&table, link, link->reason);
    ck_assert_int_eq(bm_inbox_bind(complete->inbox, &table.lock, &inlet, 1, &err), BEAM_OK);
    ck_assert_int_eq(bm_inbox_bind(open->inbox, &table.lock, &inlet, 1, &err), BEAM_OK);
    expect_chunk(&table, complete, 0, "x");
    ck_assert_int_eq(read_end(&table, complete, &err), BEAM_OK);
    ck_assert_int_eq(read_end(&table, open, &err), BEAM_ERPC);
    ck_assert_ptr_nonnull(strstr(err.message, "the stream has gone"));
    bm_instructions_end(&table, complete, NULL);
    bm_instructions_end(&table, open, "e");
    bm_instructions_free(&table);
    pthread_mutex_destroy(&links.lock);
    free(link);
}
END_TEST

/* DP-03: also long after. */
START_TEST(dp_03_late_data_is_dropped_for_long)
{
    enum { BUNDLES = 5000 };
    bm_instructions table;
    bm_instructions_init(&table);
    char id[20];
    for (int i = 0; i < BUNDLES; i++) {
        snprintf(id, sizeof id, "b%d", i);
        bm_instructions_end(&table, begin(&table, id), NULL);
    }
    int kept = 0;
    for (int i = 0; i < BUNDLES; i++) {
        snprintf(id, sizeof id, "b%d", i);
        put(&table, id, "a", "late", true);
        kept += state_of(&table, id) == BM_PARKED;
    }
    ck_assert_int_lt(kept, BUNDLES / 4); /* an older one may have lost its place */
    ck_assert_int_eq(state_of(&table, "b4999"), BM_FINISHED);
    put(&table, "new", "a", "early", true);
    ck_assert_int_eq(state_of(&table, "new"), BM_PARKED);
    bm_instructions_free(&table);
}
END_TEST

/* DP-05: each declared (transform, family) is an input like a source. */
START_TEST(dp_05_timer_families_are_awaited)
{
    bm_instructions table;
    bm_instructions_init(&table);
    beam_error err = { .status = BEAM_OK };
    put_for(&table, "1", "t", "family", "early", false);
    bm_instruction *one = begin_bound(&table, "1", 3);
    put(&table, "1", "a", "x", true);
    put(&table, "1", "b", "", true);
    expect_chunk(&table, one, 2, "early");
    expect_chunk(&table, one, 0, "x");
    ck_assert_int_eq(read_end(&table, one, &err), BEAM_ETIMEOUT);
    put_for(&table, "1", "t", "family", "late", true);
    expect_chunk(&table, one, 2, "late");
    ck_assert_int_eq(read_end(&table, one, &err), BEAM_OK);
    bm_instructions_end(&table, one, NULL);
    bm_instructions_free(&table);
}
END_TEST

START_TEST(dp_05_timers_of_no_family_break_the_input)
{
    bm_instructions table;
    bm_instructions_init(&table);
    beam_error err = { .status = BEAM_OK };
    bm_instruction *after = begin_bound(&table, "after", 3);
    put_for(&table, "after", "t", "other", "x", false);
    ck_assert_int_eq(read_end(&table, after, &err), BEAM_ERPC);
    ck_assert_ptr_nonnull(strstr(err.message, "timers of family 'other' for transform"));
    put_for(&table, "before", "a", "family", "", true);
    bm_instruction *before = begin(&table, "before");
    ck_assert_int_eq(bm_inbox_bind(before->inbox, &table.lock, inlets, 3, &err), BEAM_ERPC);
    ck_assert_ptr_nonnull(strstr(err.message, "timers of family 'family' for transform"));
    bm_instructions_end(&table, after, "e");
    bm_instructions_end(&table, before, "e");
    bm_instructions_free(&table);
}
END_TEST

START_TEST(ids_are_not_used_twice)
{
    bm_instructions table;
    bm_instructions_init(&table);
    bm_instruction *one = begin(&table, "1");
    ck_assert_ptr_null(begin(&table, "1"));
    bm_instructions_end(&table, one, "failed");
    ck_assert_int_eq(state_of(&table, "1"), BM_FAILED);
    ck_assert_ptr_null(begin(&table, "1"));
    put(&table, "1", "a", "late", false); /* dropped */
    bm_instructions_free(&table);
}
END_TEST

START_TEST(dp_03_a_bundle_whose_data_was_dropped_cannot_begin)
{
    bm_instructions table;
    bm_instructions_init(&table);
    char id[20];
    for (int i = 0; i <= BM_MOST_PARKED; i++) {
        snprintf(id, sizeof id, "%d", i);
        put(&table, id, "a", "x", true);
    }
    ck_assert_int_eq(state_of(&table, id), BM_DROPPED);
    beam_error err = { .status = BEAM_OK };
    ck_assert_ptr_null(bm_instructions_begin(&table, beam_span_of(id), &err));
    ck_assert_ptr_nonnull(strstr(err.message, "The data of bundle '10000' came before"));
    ck_assert_int_eq(state_of(&table, id), BM_FAILED);
    ck_assert_uint_eq(table.n_dropped, 0);
    ck_assert_ptr_null(begin(&table, id));
    bm_instruction *one = begin_bound(&table, "0", 1); /* there is room for one more again */
    expect_chunk(&table, one, 0, "x");
    bm_instructions_end(&table, one, NULL);
    put(&table, "new", "a", "x", true);
    ck_assert_int_eq(state_of(&table, "new"), BM_PARKED);
    bm_instructions_free(&table);
}
END_TEST

START_TEST(what_is_remembered_is_bounded)
{
    bm_instructions table;
    bm_instructions_init(&table);
    char id[20];
    for (int i = 0; i < 30000; i++) {
        snprintf(id, sizeof id, "run-%d", i);
        bm_instructions_end(&table, begin(&table, id), i % 2 ? "error" : NULL);
        snprintf(id, sizeof id, "parked-%d", i);
        ck_assert(put(&table, id, "a", "x", false));
    }
    ck_assert(!put(&table, "parked-30000", "a", "x", false));
    ck_assert(put(&table, "parked-29999", "a", "x", false));
    ck_assert_uint_le(table.n, 31000);
    ck_assert_int_eq(state_of(&table, "run-29999"), BM_FAILED);
    ck_assert(state_of(&table, "run-0") == (bm_instruction_state)-1);
    bm_instructions_free(&table);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        data_is_read_in_order_from_all_sources,
        reading_waits_as_long_as_told,
        a_broken_inbox_gives_what_it_has,
        a_complete_inbox_cannot_be_broken,
        wrong_data_is_an_error,
        a_link_lost_before_binding_breaks_the_input,
        dp_03_late_data_is_dropped_for_long,
        dp_05_timer_families_are_awaited,
        dp_05_timers_of_no_family_break_the_input,
        ids_are_not_used_twice,
        dp_03_a_bundle_whose_data_was_dropped_cannot_begin,
        what_is_remembered_is_bounded,
    };
    return fake_run_tests("instructions", tests, BEAM_COUNT(tests));
}
