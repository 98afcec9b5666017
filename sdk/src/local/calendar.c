/* SPDX-License-Identifier: Apache-2.0 */
/* A heap of times, each with a list of entries, and a hash table to find a time. One thread
 * at a time. */
#include "local/calendar.h"

#include <stdlib.h>

struct bm_date {
    beam_millis time;
    bm_calendar_entry *first, *last;
    size_t at; /* in the heap */
    bm_date *next_in_bucket;
};

enum { FIRST_BUCKETS = 16 };

void bm_calendar_free(bm_calendar *calendar)
{
    for (size_t i = 0; i < calendar->n; i++) free(calendar->heap[i]);
    free(calendar->heap);
    free(calendar->buckets);
    *calendar = (bm_calendar){ 0 };
}

/* -- times by hash -------------------------------------------------------------------- */
static bm_date **bucket_of(const bm_calendar *calendar, beam_millis time)
{
    uint64_t hash = (uint64_t)time * 0x9e3779b97f4a7c15u;
    return &calendar->buckets[(hash ^ hash >> 32) & (calendar->n_buckets - 1)];
}

static bm_date *find(const bm_calendar *calendar, beam_millis time)
{
    if (calendar->recent && calendar->recent->time == time) return calendar->recent;
    if (!calendar->n_buckets) return NULL;
    bm_date *date = *bucket_of(calendar, time);
    while (date && date->time != time) date = date->next_in_bucket;
    return date;
}

static void link_date(bm_calendar *calendar, bm_date *date)
{
    bm_date **bucket = bucket_of(calendar, date->time);
    date->next_in_bucket = *bucket;
    *bucket = date;
}

static void unlink_date(bm_calendar *calendar, bm_date *date)
{
    bm_date **at = bucket_of(calendar, date->time);
    while (*at != date) at = &(*at)->next_in_bucket;
    *at = date->next_in_bucket;
}

static void make_room(bm_calendar *calendar)
{
    if (calendar->n == calendar->cap) {
        calendar->cap = calendar->cap ? 2 * calendar->cap : FIRST_BUCKETS;
        calendar->heap = bm_xrealloc(calendar->heap,
                                     bm_times(calendar->cap, sizeof *calendar->heap));
    }
    if (calendar->n < calendar->n_buckets) return;
    free(calendar->buckets);
    calendar->n_buckets = calendar->cap;
    calendar->buckets = bm_xcalloc(calendar->n_buckets, sizeof *calendar->buckets);
    for (size_t i = 0; i < calendar->n; i++) link_date(calendar, calendar->heap[i]);
}

/* -- the heap ------------------------------------------------------------------------- */
static void place(bm_calendar *calendar, bm_date *date, size_t at)
{
    calendar->heap[at] = date;
    date->at = at;
}

static void sift_up(bm_calendar *calendar, bm_date *date, size_t at)
{
    for (; at; at = (at - 1) / 2) {
        bm_date *parent = calendar->heap[(at - 1) / 2];
        if (parent->time <= date->time) break;
        place(calendar, parent, at);
    }
    place(calendar, date, at);
}

static void sift_down(bm_calendar *calendar, bm_date *date, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < calendar->n; at = child) {
        if (child + 1 < calendar->n &&
            calendar->heap[child + 1]->time < calendar->heap[child]->time)
            child++;
        if (calendar->heap[child]->time >= date->time) break;
        place(calendar, calendar->heap[child], at);
    }
    place(calendar, date, at);
}

static bm_date *add_date(bm_calendar *calendar, beam_millis time)
{
    make_room(calendar);
    bm_date *date = bm_xcalloc(1, sizeof *date);
    date->time = time;
    link_date(calendar, date);
    sift_up(calendar, date, calendar->n++);
    return date;
}

static void remove_date(bm_calendar *calendar, bm_date *date)
{
    unlink_date(calendar, date);
    bm_date *last = calendar->heap[--calendar->n];
    if (last != date) {
        size_t at = date->at;
        bool goes_up = at && calendar->heap[(at - 1) / 2]->time > last->time;
        if (goes_up)
            sift_up(calendar, last, at);
        else
            sift_down(calendar, last, at);
    }
    if (calendar->recent == date) calendar->recent = NULL;
    free(date);
}

/* -- entries -------------------------------------------------------------------------- */
void bm_calendar_set(bm_calendar *calendar, bm_calendar_entry *entry, beam_millis time)
{
    if (entry->date && entry->date->time == time) return;
    bm_calendar_clear(calendar, entry);
    bm_date *date = find(calendar, time);
    if (!date) date = add_date(calendar, time);
    *entry = (bm_calendar_entry){ date, date->last, NULL };
    if (date->last)
        date->last->next = entry;
    else
        date->first = entry;
    date->last = entry;
    calendar->recent = date;
}

void bm_calendar_clear(bm_calendar *calendar, bm_calendar_entry *entry)
{
    bm_date *date = entry->date;
    if (!date) return;
    if (entry->prev)
        entry->prev->next = entry->next;
    else
        date->first = entry->next;
    if (entry->next)
        entry->next->prev = entry->prev;
    else
        date->last = entry->prev;
    *entry = (bm_calendar_entry){ 0 };
    if (!date->first) remove_date(calendar, date);
}

beam_millis bm_calendar_first_time(const bm_calendar *calendar)
{
    return calendar->n ? calendar->heap[0]->time : INT64_MAX;
}

bm_calendar_entry *bm_calendar_due(const bm_calendar *calendar, beam_millis time)
{
    if (!calendar->n || calendar->heap[0]->time > time) return NULL;
    return calendar->heap[0]->first;
}
