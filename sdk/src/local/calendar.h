/* SPDX-License-Identifier: Apache-2.0 */
/* local/calendar.h - things by time: the earliest first, and of one time in the order in
 * which they were entered. Much of one time is cheap: what is kept in order are times, not
 * things. One thread at a time. */
#ifndef BM_LOCAL_CALENDAR_H
#define BM_LOCAL_CALENDAR_H

#include <stddef.h>

#include "base/arena.h"

typedef struct bm_date bm_date;

/* A part of the thing that is entered; zeroed: not entered. */
typedef struct bm_calendar_entry {
    bm_date *date;
    struct bm_calendar_entry *prev, *next;
} bm_calendar_entry;

typedef struct bm_calendar {
    bm_date **heap; /* by time */
    size_t n, cap;
    bm_date **buckets; /* by hash of the time */
    size_t n_buckets;  /* a power of two, or 0 */
    bm_date *recent;   /* of the last entry, or NULL */
} bm_calendar; /* zeroed: empty */

/* Frees the calendar's own memory, not the entries. */
void bm_calendar_free(bm_calendar *calendar);
/* Enters at `time`, away from where it was; at the same time it stays in its place. */
void bm_calendar_set(bm_calendar *calendar, bm_calendar_entry *entry, beam_millis time);
void bm_calendar_clear(bm_calendar *calendar, bm_calendar_entry *entry);
/* INT64_MAX: empty. */
beam_millis bm_calendar_first_time(const bm_calendar *calendar);
/* The first entry if its time is `time` or before, else NULL. */
bm_calendar_entry *bm_calendar_due(const bm_calendar *calendar, beam_millis time);

/* The thing that an entry is a part of. */
#define BM_ENTERED(entry, type, member) \
    ((type *)(void *)((char *)(entry) - offsetof(type, member)))

#endif
