/* SPDX-License-Identifier: Apache-2.0 */
/* base/arena.h - memory with a named life: allocate bit by bit, free all at once.
 *
 * An arena is used by one thread at a time. Memory is 16-byte aligned. Running out of
 * memory ends the process with one line on stderr: no caller checks for NULL. */
#ifndef BM_ARENA_H
#define BM_ARENA_H

#include <stdarg.h>
#include <string.h>

#include "beam/value.h"

typedef struct bm_block bm_block;
typedef struct bm_cleanup bm_cleanup;

typedef struct bm_arena {
    bm_block *first, *current; /* chain of blocks; later ones are kept for reuse */
    char *at, *end;            /* free part of the current block */
    size_t block_size;
    bm_cleanup *cleanups; /* newest first; see bm_arena_defer */
} bm_arena;

/* A place to rewind to. */
typedef struct bm_mark {
    bm_block *block;
    char *at;
    bm_cleanup *cleanups;
} bm_mark;

/* block_size 0: 4 KiB. Allocates nothing yet. */
void bm_arena_init(bm_arena *arena, size_t block_size);
void bm_arena_free(bm_arena *arena);
/* Forgets all allocations but keeps the memory. */
void bm_arena_reset(bm_arena *arena);
/* The same, but keeps the first blocks only, about `most` bytes of them: for an arena that was
 * large once and is kept. */
void bm_arena_shrink(bm_arena *arena, size_t most);
void *bm_arena_grow(bm_arena *arena, size_t n); /* slow path of bm_alloc */

static inline void *bm_alloc(bm_arena *arena, size_t n)
{
    size_t rounded = (n + 15) & ~(size_t)15; /* 0 for 0, and when it is too much */
    if (rounded - 1 >= (size_t)(arena->end - arena->at)) return bm_arena_grow(arena, n);
    void *p = arena->at;
    arena->at += rounded;
    return p;
}

static inline void *bm_calloc(bm_arena *arena, size_t n)
{
    return memset(bm_alloc(arena, n), 0, n);
}

#define BM_NEW(arena, type) ((type *)bm_calloc((arena), sizeof(type)))
#define BM_NEW_ARRAY(arena, type, n) ((type *)bm_calloc((arena), bm_times((n), sizeof(type))))

static inline bm_mark bm_arena_mark(const bm_arena *arena)
{
    return (bm_mark){ arena->current, arena->at, arena->cleanups };
}
/* Frees everything allocated since the mark was taken. */
void bm_arena_rewind(bm_arena *arena, bm_mark mark);

/* Runs `release(object)` when the memory that the arena gives out now is freed again (by
 * free, reset or a rewind to before this call), newest first: for what an object in the
 * arena owns outside of it. */
void bm_arena_defer(bm_arena *arena, void (*release)(void *object), void *object);

char *bm_strdup(bm_arena *arena, const char *text);
/* NUL-terminated copy. */
char *bm_cstr(bm_arena *arena, beam_span span);
beam_span bm_span_copy(bm_arena *arena, beam_span span);
char *bm_format(bm_arena *arena, const char *format, ...) BEAM_PRINTF(2, 3);
char *bm_vformat(bm_arena *arena, const char *format, va_list args) BEAM_PRINTF(2, 0);

/* malloc and realloc that end the process instead of returning NULL. */
void *bm_xmalloc(size_t n);
void *bm_xcalloc(size_t n, size_t size);
void *bm_xrealloc(void *p, size_t n);
/* A malloc'd copy of a text; NULL of NULL. */
char *bm_xstrdup(const char *text);
/* n * size, ending the process on overflow. */
size_t bm_times(size_t n, size_t size);

#endif
