/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker sends, from the rpc thread to the runner's. */
#include <errno.h>
#include <time.h>

#include "local/local_impl.h"

void bm_local_inbox_init(bm_inbox *inbox)
{
    *inbox = (bm_inbox){ .first = NULL };
    inbox->last = &inbox->first;
    pthread_mutex_init(&inbox->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&inbox->arrived, &attr);
    pthread_condattr_destroy(&attr);
}

void bm_local_inbox_put(bm_inbox *inbox, bm_local_event *event)
{
    event->next = NULL;
    pthread_mutex_lock(&inbox->lock);
    *inbox->last = event;
    inbox->last = &event->next;
    pthread_cond_signal(&inbox->arrived);
    pthread_mutex_unlock(&inbox->lock);
}

static struct timespec after_ms(int64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t ns = at.tv_nsec + ms % 1000 * 1000000;
    at.tv_sec += (time_t)(ms / 1000 + ns / 1000000000);
    at.tv_nsec = (long)(ns % 1000000000);
    return at;
}

bm_local_event *bm_local_inbox_take(bm_inbox *inbox, int64_t timeout_ms)
{
    pthread_mutex_lock(&inbox->lock);
    if (!inbox->first && timeout_ms > 0) {
        struct timespec until = after_ms(timeout_ms);
        while (!inbox->first && pthread_cond_timedwait(&inbox->arrived, &inbox->lock,
                                                       &until) != ETIMEDOUT) {
        }
    }
    bm_local_event *event = inbox->first;
    if (event) {
        inbox->first = event->next;
        if (!inbox->first) inbox->last = &inbox->first;
    }
    pthread_mutex_unlock(&inbox->lock);
    return event;
}

void bm_local_event_free(bm_local_event *event)
{
    bm_message_free(event->message);
    free(event->text);
    free(event);
}

void bm_local_inbox_free(bm_inbox *inbox)
{
    for (bm_local_event *event; (event = bm_local_inbox_take(inbox, 0));)
        bm_local_event_free(event);
    pthread_cond_destroy(&inbox->arrived);
    pthread_mutex_destroy(&inbox->lock);
}
