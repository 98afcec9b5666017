/* SPDX-License-Identifier: Apache-2.0 */
/* exec/owner_lock.h - a lock that one thread, its owner, takes over and over for the price
 * of two stores and a load, while others take it rarely and pay for it.
 *
 * The owner announces itself and then looks whether somebody wants the lock; the others
 * announce that they want it and then look whether the owner is in. To order these without
 * a fence in the owner, the others make the whole process pass one (membarrier(2)). Where
 * the kernel has none, it is a mutex. */
#ifndef BM_OWNER_LOCK_H
#define BM_OWNER_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct bm_owner_lock {
    _Atomic(bool) held;  /* by the owner, without the mutex */
    _Atomic(int) wanted; /* how many others have it or wait for it; changes under the mutex */
    bool by_mutex;       /* the owner holds the mutex */
    bool has_membarrier;
    pthread_mutex_t mutex;
    pthread_cond_t released;
} bm_owner_lock;

void bm_owner_lock_init(bm_owner_lock *lock);
void bm_owner_lock_free(bm_owner_lock *lock);

/* Any other thread. */
void bm_owner_lock_take(bm_owner_lock *lock);
void bm_owner_lock_give(bm_owner_lock *lock);

/* The owner. Not twice at a time. */
void bm_owner_enter_slowly(bm_owner_lock *lock);
void bm_owner_leave_slowly(bm_owner_lock *lock);

static inline void bm_owner_enter(bm_owner_lock *lock)
{
    if (__builtin_expect(lock->has_membarrier, 1)) {
        atomic_store_explicit(&lock->held, true, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst);
        if (__builtin_expect(!atomic_load_explicit(&lock->wanted, memory_order_acquire), 1))
            return;
    }
    bm_owner_enter_slowly(lock);
}

static inline void bm_owner_leave(bm_owner_lock *lock)
{
    if (__builtin_expect(!lock->by_mutex, 1)) {
        atomic_store_explicit(&lock->held, false, memory_order_release);
        atomic_signal_fence(memory_order_seq_cst);
        if (__builtin_expect(!atomic_load_explicit(&lock->wanted, memory_order_relaxed), 1))
            return;
    }
    bm_owner_leave_slowly(lock);
}

/* Makes all threads of the process pass a full fence; false: the kernel has no such call,
 * which a call of bm_membarrier_register() tells before. */
bool bm_membarrier_register(void);
void bm_membarrier(void);

#endif
