/* SPDX-License-Identifier: Apache-2.0 */
/* Streams by address. Bundle threads open and release them, the rpc thread reads. */
#include "links.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

enum {
    CONNECT_MS = 30000, /* longer than gRPC tries, which then breaks the stream */
    POLL_MS = 100
};

void bm_links_init(bm_links *links, bm_rpc *rpc, const char *method, const char *worker_id,
                   const bm_link_handler *handler, void *self)
{
    *links = (bm_links){ .rpc = rpc, .method = method, .worker_id = worker_id,
                         .handler = handler, .self = self };
    pthread_mutex_init(&links->lock, NULL);
}

static void on_message(void *self, bm_stream *stream, bm_message *message)
{
    (void)stream;
    bm_link *link = self;
    if (!link->opened) { /* whoever opens it holds the lock until link->stream is set */
        pthread_mutex_lock(&link->owner->lock);
        link->opened = true;
        pthread_mutex_unlock(&link->owner->lock);
    }
    link->owner->handler->on_message(link->owner->self, link, message);
}

static void on_end(void *self, bm_stream *stream, beam_status status, const char *text)
{
    (void)stream;
    bm_link *link = self;
    bm_links *links = link->owner;
    pthread_mutex_lock(&links->lock);
    link->lost = true;
    link->broken = status != BEAM_OK;
    snprintf(link->reason, sizeof link->reason, "the stream to %s %s%.150s", link->url,
             status ? "broke: " : "was ended by the runner",
             status ? (text && *text ? text : beam_status_text(status)) : "");
    pthread_mutex_unlock(&links->lock);
    links->handler->on_lost(links->self, link, link->reason);
}

static const bm_stream_handler stream_handler = { on_message, NULL, on_end };

static void close_link(bm_link *link)
{
    bm_links *links = link->owner;
    bm_stream_free(link->stream);
    bm_channel_free(link->channel);
    if (links->handler->on_close) links->handler->on_close(links->self, link);
    free(link);
}

/* Takes lost links that nobody uses off the list. With the lock held. */
static bm_link *take_dead(bm_links *links)
{
    bm_link *dead = NULL;
    for (bm_link **at = &links->all; *at;) {
        bm_link *link = *at;
        if (!link->lost || link->refs) {
            at = &link->next;
            continue;
        }
        *at = link->next;
        link->next = dead;
        dead = link;
    }
    return dead;
}

static void close_all(bm_link *list)
{
    for (bm_link *next; list; list = next) {
        next = list->next;
        close_link(list);
    }
}

static bm_link *open_link(bm_links *links, const char *url, const char *stream_id)
{
    size_t n = strlen(url) + 1, n_id = strlen(stream_id) + 1;
    bm_link *link = bm_xcalloc(1, sizeof *link + n + n_id);
    memcpy(link->url, url, n);
    link->stream_id = memcpy(link->url + n, stream_id, n_id);
    const char *const metadata[] = { "data_stream_id", link->stream_id, NULL };
    link->owner = links;
    if (links->handler->on_open) links->handler->on_open(links->self, link);
    link->channel = bm_channel_new(links->rpc, url, links->worker_id);
    link->stream =
        bm_stream_open(link->channel, links->method, *stream_id ? metadata : NULL,
                       &stream_handler, link);
    link->next = links->all;
    links->all = link;
    return link;
}

bm_link *bm_links_get(bm_links *links, const char *url, const char *stream_id)
{
    pthread_mutex_lock(&links->lock);
    bm_link *dead = take_dead(links);
    bm_link *link = links->all;
    while (link
           && (link->lost || strcmp(link->url, url) || strcmp(link->stream_id, stream_id)))
        link = link->next;
    if (!link && !links->closed) link = open_link(links, url, stream_id);
    if (link) link->refs++;
    pthread_mutex_unlock(&links->lock);
    close_all(dead);
    return link;
}

void bm_link_release(bm_link *link)
{
    if (!link) return;
    pthread_mutex_lock(&link->owner->lock);
    link->refs--;
    pthread_mutex_unlock(&link->owner->lock);
}

/* `flag` is one of the link's. */
static bool is_set(bm_link *link, const bool *flag, char *reason)
{
    pthread_mutex_lock(&link->owner->lock);
    bool set = *flag;
    if (set) memcpy(reason, link->reason, sizeof link->reason);
    pthread_mutex_unlock(&link->owner->lock);
    return set;
}

bool bm_link_alive(bm_link *link, char *reason)
{
    return !is_set(link, &link->lost, reason);
}

static bool is_broken(bm_link *link, char *reason)
{
    return is_set(link, &link->broken, reason);
}

bool bm_link_reached(bm_link *link, char *reason)
{
    int64_t until_ms = bm_monotonic_ms() + CONNECT_MS;
    while (!atomic_load_explicit(&link->connected, memory_order_relaxed)) {
        if (is_broken(link, reason)) return false;
        if (bm_channel_wait(link->channel, POLL_MS, NULL) == BEAM_OK)
            atomic_store_explicit(&link->connected, true, memory_order_relaxed);
        else if (bm_monotonic_ms() > until_ms) {
            snprintf(reason, sizeof link->reason, "nothing answers at %.200s", link->url);
            return false;
        }
    }
    return !is_broken(link, reason);
}

void bm_links_cancel(bm_links *links)
{
    pthread_mutex_lock(&links->lock);
    links->closed = true;
    for (bm_link *link = links->all; link; link = link->next)
        if (!link->lost) bm_stream_cancel(link->stream);
    pthread_mutex_unlock(&links->lock);
}

void bm_links_half_close(bm_links *links)
{
    pthread_mutex_lock(&links->lock);
    for (bm_link *link = links->all; link; link = link->next)
        if (!link->lost) bm_stream_half_close(link->stream);
    pthread_mutex_unlock(&links->lock);
}

void bm_links_free(bm_links *links)
{
    pthread_mutex_lock(&links->lock);
    links->closed = true;
    bm_link *all = links->all;
    links->all = NULL;
    pthread_mutex_unlock(&links->lock);
    close_all(all);
    pthread_mutex_destroy(&links->lock);
}
