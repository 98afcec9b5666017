/* SPDX-License-Identifier: Apache-2.0 */
/* What is fed to the transforms, and what must come out. Everything follows from an
 * element's number, so that each run and each SDK gets the same. */
#include <stdio.h>
#include <stdlib.h>

#include "fnbench.h"

enum { WORDS = 2000 };

/* splitmix64: small, and good enough to make text. */
static uint64_t next(uint64_t *seed)
{
    uint64_t x = *seed += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static beam_value pair(bm_arena *arena, const char *key, int64_t value)
{
    beam_value *kv = BM_NEW_ARRAY(arena, beam_value, 2);
    kv[0] = beam_string(beam_span_of(bm_strdup(arena, key)));
    kv[1] = beam_int64(value);
    return beam_kv(kv);
}

static int64_t time_is_number(size_t i)
{
    return (int64_t)i;
}

static void as_input(const workload *w, size_t n, void (*emit)(void *, beam_value), void *self)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    for (size_t i = 0; i < n; i++) {
        emit(self, w->input(w, i, &arena));
        bm_arena_reset(&arena);
    }
    bm_arena_free(&arena);
}

/* -- identity ------------------------------------------------------------------------------ */
static beam_value identity_input(const workload *w, size_t i, bm_arena *arena)
{
    (void)w;
    char key[32];
    snprintf(key, sizeof key, "key-%06zu", i % 100000);
    return pair(arena, key, (int64_t)(i % 1000));
}

/* -- tokenize ------------------------------------------------------------------------------- */
static size_t put_word(char *at, uint64_t number)
{
    uint64_t seed = number * 7 + 1;
    size_t n = 2 + next(&seed) % 9;
    for (size_t i = 0; i < n; i++) at[i] = (char)('a' + next(&seed) % 26);
    return n;
}

/* A line of 55 to 70 bytes; calls emit for its words. */
static beam_span line(size_t number, bm_arena *arena, void (*emit)(void *, beam_value),
                      void *self)
{
    static const char *const gaps[] = { " ", " ", " ", ", ", " - ", ". ", " 42 " };
    uint64_t seed = number;
    char *text = bm_alloc(arena, 96);
    size_t n = 0;
    while (n < 55) {
        if (n) n += (size_t)sprintf(text + n, "%s", gaps[next(&seed) % BEAM_COUNT(gaps)]);
        size_t size = put_word(text + n, next(&seed) % WORDS);
        if (emit) {
            const beam_value kv[2] = { beam_string((beam_span){ text + n, size }),
                                       beam_int64(1) };
            emit(self, beam_kv(kv));
        }
        n += size;
    }
    return (beam_span){ text, n };
}

static beam_value tokenize_input(const workload *w, size_t i, bm_arena *arena)
{
    (void)w;
    return beam_string(line(i, arena, NULL, NULL));
}

static void words(const workload *w, size_t n, void (*emit)(void *, beam_value), void *self)
{
    (void)w;
    bm_arena arena;
    bm_arena_init(&arena, 0);
    for (size_t i = 0; i < n; i++) {
        line(i, &arena, emit, self);
        bm_arena_reset(&arena);
    }
    bm_arena_free(&arena);
}

/* -- sum: a window of 20 s -------------------------------------------------------- */
static beam_value sum_input(const workload *w, size_t i, bm_arena *arena)
{
    char key[32];
    snprintf(key, sizeof key, "k%05zu", i * 7919 % w->keys);
    return pair(arena, key, (int64_t)i);
}

static int64_t five_a_ms(size_t i)
{
    return (int64_t)(i / 5);
}

/* -- state: each hundredth value of a key gives the sum of the hundred -------------------------- */
static int64_t state_value(size_t i)
{
    return (int64_t)(i % 50);
}

static void state_key(const workload *w, size_t i, char *key, size_t size)
{
    snprintf(key, size, "user-%03zu", i % w->keys);
}

static beam_value state_input(const workload *w, size_t i, bm_arena *arena)
{
    char key[32];
    state_key(w, i, key, sizeof key);
    return pair(arena, key, state_value(i));
}

static void state_outputs(const workload *w, size_t n, void (*emit)(void *, beam_value),
                          void *self)
{
    int64_t *sums = bm_xcalloc(w->keys, sizeof *sums);
    for (size_t i = 0; i < n; i++) {
        sums[i % w->keys] += state_value(i);
        if (i / w->keys % 100 != 99) continue;
        char key[32];
        state_key(w, i, key, sizeof key);
        const beam_value kv[2] = { beam_string(beam_span_of(key)),
                                   beam_int64(sums[i % w->keys]) };
        emit(self, beam_kv(kv));
        sums[i % w->keys] = 0;
    }
    free(sums);
}

/* -- side inputs: how many bytes of values were found ------------------------------------------- */
static beam_value side_input(const workload *w, size_t i, bm_arena *arena)
{
    char key[32];
    side_key(w->one_key ? 0 : i * 7919 % w->keys, key);
    return pair(arena, key, (int64_t)i);
}

static void found_bytes(const workload *w, size_t n, size_t bytes,
                        void (*emit)(void *, beam_value), void *self)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    for (size_t i = 0; i < n; i++) {
        const beam_value kv[2] = { beam_key(side_input(w, i, &arena)),
                                   beam_int64((int64_t)bytes) };
        emit(self, beam_kv(kv));
        bm_arena_reset(&arena);
    }
    bm_arena_free(&arena);
}

static void one_entry(const workload *w, size_t n, void (*emit)(void *, beam_value),
                      void *self)
{
    found_bytes(w, n, w->element_bytes, emit, self);
}

static void all_entries(const workload *w, size_t n, void (*emit)(void *, beam_value),
                        void *self)
{
    found_bytes(w, n, w->keys * w->element_bytes, emit, self);
}

/* -- large --------------------------------------------------------------------------------------- */
static beam_value large_input(const workload *w, size_t i, bm_arena *arena)
{
    uint64_t seed = i;
    char *bytes = bm_alloc(arena, w->element_bytes + 8);
    for (size_t at = 0; at < w->element_bytes; at += 8) {
        uint64_t noise = next(&seed);
        memcpy(bytes + at, &noise, 8);
    }
    return beam_bytes((beam_span){ bytes, w->element_bytes });
}

static const workload workloads[] = {
    { .name = "identity",
      .match = "BenchIdentity",
      .n = 100000,
      .input = identity_input,
      .time_ms = time_is_number,
      .outputs = as_input },
    { .name = "tokenize",
      .match = "BenchTokenize",
      .n = 20000,
      .input = tokenize_input,
      .time_ms = time_is_number,
      .outputs = words },
    { .name = "sum",
      .match = "BenchSum",
      .n = 100000,
      .keys = 10000,
      .input = sum_input,
      .time_ms = five_a_ms,
      .sums = true },
    { .name = "state",
      .match = "BenchState",
      .n = 100000,
      .keys = 100,
      .input = state_input,
      .time_ms = time_is_number,
      .outputs = state_outputs },
    { .name = "large",
      .match = "BenchLarge",
      .n = 200,
      .element_bytes = 100 << 10,
      .input = large_input,
      .time_ms = time_is_number,
      .outputs = as_input },
    { .name = "b1000",
      .match = "BenchIdentity",
      .n = 1000,
      .input = identity_input,
      .time_ms = time_is_number,
      .outputs = as_input },
    { .name = "tiny",
      .match = "BenchIdentity",
      .n = 1,
      .input = identity_input,
      .time_ms = time_is_number,
      .outputs = as_input },
    { .name = "submit",
      .match = "BenchIdentity",
      .n = 1,
      .input = identity_input,
      .time_ms = time_is_number,
      .outputs = as_input,
      .whole = true },
    { .name = "chain",
      .match = "BenchChain",
      .n = 100000,
      .input = identity_input,
      .time_ms = time_is_number,
      .outputs = as_input },
    { .name = "lookup",
      .match = "BenchLookup",
      .n = 10000,
      .keys = 1000,
      .element_bytes = 8,
      .input = side_input,
      .time_ms = time_is_number,
      .outputs = one_entry },
    { .name = "values",
      .match = "BenchValues",
      .n = 2,
      .keys = 1000,
      .element_bytes = 8,
      .input = side_input,
      .time_ms = time_is_number,
      .outputs = all_entries,
      .one_key = true },
    { .name = "pages",
      .match = "BenchPages",
      .n = 2,
      .keys = 1000,
      .element_bytes = 8,
      .input = side_input,
      .time_ms = time_is_number,
      .outputs = all_entries },
    { .name = "entries",
      .match = "BenchEntries",
      .n = 2,
      .keys = 1000,
      .element_bytes = 8,
      .input = side_input,
      .time_ms = time_is_number,
      .outputs = all_entries },
    { .name = "echo",
      .n = 200,
      .element_bytes = 100 << 10,
      .input = large_input,
      .time_ms = time_is_number,
      .is_echo = true },
};

const workload *workload_find(const char *name)
{
    for (size_t i = 0; i < BEAM_COUNT(workloads); i++)
        if (!strcmp(workloads[i].name, name)) return &workloads[i];
    return NULL;
}

void workload_names(char *out, size_t size)
{
    *out = '\0';
    for (size_t i = 0; i < BEAM_COUNT(workloads); i++) {
        size_t n = strlen(out);
        snprintf(out + n, size - n, "%s%s", i ? " " : "", workloads[i].name);
    }
}
