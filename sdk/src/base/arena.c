/* SPDX-License-Identifier: Apache-2.0 */
/* Bump allocation in a chain of blocks. Any thread, one at a time per arena. */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

struct bm_block {
    bm_block *next;
    size_t size;
    _Alignas(16) char bytes[];
};

struct bm_cleanup {
    bm_cleanup *next;
    void (*release)(void *object);
    void *object;
};

static void out_of_memory(size_t n)
{
    fprintf(stderr, "beam: out of memory asking for %zu bytes\n", n);
    abort();
}

void *bm_xmalloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    if (!p) out_of_memory(n);
    return p;
}

char *bm_xstrdup(const char *text)
{
    if (!text) return NULL;
    size_t n = strlen(text) + 1;
    return memcpy(bm_xmalloc(n), text, n);
}

void *bm_xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p) out_of_memory(n);
    return p;
}

void *bm_xrealloc(void *p, size_t n)
{
    void *grown = realloc(p, n ? n : 1);
    if (!grown) out_of_memory(n);
    return grown;
}

size_t bm_times(size_t n, size_t size)
{
    size_t product;
    if (__builtin_mul_overflow(n, size, &product)) out_of_memory(SIZE_MAX);
    return product;
}

void bm_arena_init(bm_arena *arena, size_t block_size)
{
    *arena = (bm_arena){ .block_size = block_size ? block_size : 4096 };
}

void bm_arena_defer(bm_arena *arena, void (*release)(void *object), void *object)
{
    bm_cleanup *cleanup = bm_alloc(arena, sizeof *cleanup);
    *cleanup = (bm_cleanup){ arena->cleanups, release, object };
    arena->cleanups = cleanup;
}

static void clean_up(bm_arena *arena, const bm_cleanup *down_to)
{
    while (arena->cleanups != down_to) {
        bm_cleanup *cleanup = arena->cleanups;
        arena->cleanups = cleanup->next;
        cleanup->release(cleanup->object);
    }
}

void bm_arena_free(bm_arena *arena)
{
    clean_up(arena, NULL);
    for (bm_block *b = arena->first, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    bm_arena_init(arena, arena->block_size);
}

static void use_block(bm_arena *arena, bm_block *block)
{
    arena->current = block;
    arena->at = block ? block->bytes : NULL;
    arena->end = block ? block->bytes + block->size : NULL;
}

void bm_arena_reset(bm_arena *arena)
{
    clean_up(arena, NULL);
    use_block(arena, arena->first);
}

void bm_arena_shrink(bm_arena *arena, size_t most)
{
    bm_arena_reset(arena);
    bm_block **link = &arena->first;
    for (size_t kept = 0; *link && (kept += (*link)->size) <= most;) link = &(*link)->next;
    for (bm_block *b = *link, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    *link = NULL;
    use_block(arena, arena->first);
}

void *bm_arena_grow(bm_arena *arena, size_t n)
{
    if (!n) return bm_alloc(arena, 1);
    size_t rounded = (n + 15) & ~(size_t)15;
    if (rounded < n) out_of_memory(n);
    bm_block **link = arena->current ? &arena->current->next : &arena->first;
    if (!*link || (*link)->size < rounded) {
        /* At least twice the block passed over: growing requests after resets must not
         * add up to a long chain of blocks. */
        size_t size = *link ? bm_times((*link)->size, 2) : arena->block_size;
        if (size < rounded) size = rounded;
        bm_block *block = bm_xmalloc(sizeof *block + size);
        block->size = size;
        block->next = *link;
        *link = block;
    }
    use_block(arena, *link);
    arena->at += rounded;
    return arena->current->bytes;
}

void bm_arena_rewind(bm_arena *arena, bm_mark mark)
{
    clean_up(arena, mark.cleanups);
    if (!mark.block) {
        bm_arena_reset(arena);
        return;
    }
    use_block(arena, mark.block);
    arena->at = mark.at;
}

char *bm_cstr(bm_arena *arena, beam_span span)
{
    char *copy = bm_alloc(arena, span.len + 1);
    if (span.len) memcpy(copy, span.ptr, span.len);
    copy[span.len] = '\0';
    return copy;
}

char *bm_strdup(bm_arena *arena, const char *text)
{
    return bm_cstr(arena, beam_span_of(text));
}

beam_span bm_span_copy(bm_arena *arena, beam_span span)
{
    return (beam_span){ bm_cstr(arena, span), span.len };
}

char *bm_vformat(bm_arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    size_t len = n < 0 ? 0 : (size_t)n;
    char *text = bm_alloc(arena, len + 1);
    vsnprintf(text, len + 1, format, again);
    va_end(again);
    return text;
}

char *bm_format(bm_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = bm_vformat(arena, format, args);
    va_end(args);
    return text;
}
