/* SPDX-License-Identifier: Apache-2.0 */
/* instructions.h - what the worker knows of each bundle, by its instruction id: data that
 * came before its request, the running bundle, and for a bounded time how it ended. */
#ifndef BM_INSTRUCTIONS_H
#define BM_INSTRUCTIONS_H

#include "inbox.h"

/* Instructions whose data waits for their request; that of others is dropped. */
enum { BM_MOST_PARKED = 10000 };

typedef enum bm_instruction_state {
    BM_PARKED,  /* data has come, the request has not */
    BM_DROPPED, /* the same, but too many were parked: its data is lost */
    BM_RUNNING,
    BM_FINISHED,
    BM_FAILED
} bm_instruction_state;

typedef struct bm_instruction {
    struct bm_instruction *next_in_bucket, *next_ended;
    uint64_t hash;
    bm_instruction_state state;
    bm_inbox *inbox; /* NULL when dropped or ended */
    struct bm_plan_slot *slot; /* while it runs a plan: for progress and splits */
    size_t n_holders; /* threads that use the slot: it is not given back before */
    bool in_split;    /* one of them splits */
    int thread;       /* that runs it, the kernel's id; 0: none yet */
    int64_t since_ms; /* when it began to run, by the monotonic clock */
    struct bm_pulse {
        const char *transform; /* whose user code was last seen running, or NULL */
        uint64_t count;        /* bm_plan_pulse */
        int64_t since_ms;      /* when both were first seen so */
        bool told;             /* that it takes long */
    } pulse; /* taken by the thread that watches */
    char *error;     /* when failed */
    size_t id_len;
    char id[];       /* NUL-terminated */
} bm_instruction;

typedef struct bm_instructions {
    pthread_mutex_t lock; /* guards all of this, the inboxes, and links' n_holders */
    pthread_cond_t released; /* a bundle has lost its last holder, or a split is over */
    pthread_cond_t watcher; /* of the one thread that watches running bundles */
    bool watcher_sleeps;    /* nothing ran: it wants to know of the next bundle */
    bm_instruction **buckets;
    size_t n_buckets, n;
    bm_instruction *ended, **last_ended; /* oldest first */
    size_t n_ended, n_running, n_parked, n_dropped;
    uint64_t *tombs; /* hashes of ids that ended before those; NULL: none yet */
    char *closed; /* why nothing new is taken on */
} bm_instructions;

void bm_instructions_init(bm_instructions *table);
void bm_instructions_free(bm_instructions *table); /* nothing runs any more */

/* Begins a bundle, also one whose data has come already. NULL when its data was dropped, the
 * id is in use or was used a short time ago, or the table is closed; the reason is in err. */
bm_instruction *bm_instructions_begin(bm_instructions *table, beam_span id, beam_error *err);
/* The thread that runs it from now on. */
void bm_instructions_run(bm_instructions *table, bm_instruction *instruction, int thread);
/* Ends it: its inbox goes, late data for it is dropped. error NULL: it succeeded. The
 * instruction must not be touched afterwards. */
void bm_instructions_end(bm_instructions *table, bm_instruction *instruction,
                         const char *error);

/* Makes the bundle's plan known; NULL: no longer, and waits for those who still use it. */
void bm_instructions_show(bm_instructions *table, bm_instruction *instruction,
                          struct bm_plan_slot *slot);
/* A use of a running bundle's slot, begun with the lock held. */
void bm_instruction_hold(bm_instruction *instruction);
void bm_instructions_let_go(bm_instructions *table, bm_instruction *instruction);
/* Around what only one holder at a time may do; waits for its turn. */
void bm_instructions_begin_split(bm_instructions *table, bm_instruction *instruction);
void bm_instructions_end_split(bm_instructions *table, bm_instruction *instruction);

/* With the lock held: NULL when the id is unknown. */
bm_instruction *bm_instructions_find(bm_instructions *table, beam_span id);
/* With the lock held: queues or parks the entry, or drops it when the bundle has ended. When
 * too many are parked it drops the entry and remembers of which bundle it was, which then
 * cannot begin; false when that is too much, too. */
bool bm_instructions_deliver(bm_instructions *table, bm_link *link, const bm_entry *entry);

/* Breaks the inboxes that read from the link. */
void bm_instructions_link_lost(bm_instructions *table, bm_link *link, const char *reason);
/* Takes on nothing new, and breaks the inboxes whose data has not all come. */
void bm_instructions_close(bm_instructions *table, const char *reason);

#endif
