/* SPDX-License-Identifier: Apache-2.0 */
/* The slow paths of a bm_owner_lock, and membarrier(2). Any thread, as owner_lock.h says. */
#include "exec/owner_lock.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

bool bm_membarrier_register(void)
{
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

void bm_membarrier(void)
{
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

void bm_owner_lock_init(bm_owner_lock *lock)
{
    *lock = (bm_owner_lock){ .has_membarrier = bm_membarrier_register() };
    pthread_mutex_init(&lock->mutex, NULL);
    pthread_cond_init(&lock->released, NULL);
}

void bm_owner_lock_free(bm_owner_lock *lock)
{
    pthread_cond_destroy(&lock->released);
    pthread_mutex_destroy(&lock->mutex);
}

void bm_owner_lock_take(bm_owner_lock *lock)
{
    pthread_mutex_lock(&lock->mutex);
    atomic_fetch_add(&lock->wanted, 1);
    if (lock->has_membarrier) bm_membarrier();
    while (atomic_load_explicit(&lock->held, memory_order_acquire))
        pthread_cond_wait(&lock->released, &lock->mutex);
}

void bm_owner_lock_give(bm_owner_lock *lock)
{
    atomic_fetch_sub(&lock->wanted, 1);
    pthread_mutex_unlock(&lock->mutex);
}

/* Steps back and comes by way of the mutex, for which the others may be waiting. */
void bm_owner_enter_slowly(bm_owner_lock *lock)
{
    pthread_mutex_lock(&lock->mutex);
    atomic_store_explicit(&lock->held, false, memory_order_release);
    pthread_cond_broadcast(&lock->released);
    lock->by_mutex = true;
}

void bm_owner_leave_slowly(bm_owner_lock *lock)
{
    if (!lock->by_mutex) {
        pthread_mutex_lock(&lock->mutex);
        pthread_cond_broadcast(&lock->released);
    }
    lock->by_mutex = false;
    pthread_mutex_unlock(&lock->mutex);
}
