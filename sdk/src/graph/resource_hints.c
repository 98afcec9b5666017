/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of resource hints. */
#include "graph/resource_hints.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* -- values ----------------------------------------------------------------------------- */
static const struct unit {
    const char *name;
    double bytes;
} units[] = {
    { "", 1 },         { "B", 1 },        { "KB", 1e3 },     { "MB", 1e6 },
    { "GB", 1e9 },     { "TB", 1e12 },    { "PB", 1e15 },    { "KiB", 0x1p10 },
    { "MiB", 0x1p20 }, { "GiB", 0x1p30 }, { "TiB", 0x1p40 }, { "PiB", 0x1p50 },
};

/* "4GB", "1.5 GiB", "4000000000"; NULL: it is none. */
static const char *ram_of(bm_arena *arena, const char *text)
{
    size_t digits = strspn(text, "0123456789.");
    char *end;
    double bytes = strtod(text, &end);
    if (!digits || end != text + digits) return NULL;
    end += strspn(end, " ");
    for (size_t i = 0; i < BEAM_COUNT(units); i++) {
        if (strcmp(end, units[i].name) != 0) continue;
        bytes = round(bytes * units[i].bytes);
        if (bytes < 1 || bytes >= 0x1p63) return NULL;
        return bm_format(arena, "%" PRId64, (int64_t)bytes);
    }
    return NULL;
}

/* A whole number from 1 on. */
static const char *count_of(bm_arena *arena, beam_span text)
{
    char *digits = bm_cstr(arena, text);
    if (!*digits || digits[strspn(digits, "0123456789")]) return NULL;
    errno = 0;
    long long n = strtoll(digits, NULL, 10);
    return errno || n < 1 ? NULL : bm_format(arena, "%lld", n);
}

/* "type:<type>;count:<n>;<options>" */
static const char *accelerator_of(bm_arena *arena, const char *text)
{
    for (const char *at = text; *at; at++)
        if (*at <= ' ' || *at >= 0x7f) return NULL;
    if (strncmp(text, "type:", 5) != 0) return NULL;
    const char *count = strchr(text, ';');
    if (!count || count == text + 5 || strncmp(count, ";count:", 7) != 0) return NULL;
    count += 7;
    return count_of(arena, (beam_span){ count, strcspn(count, ";") })
               ? bm_strdup(arena, text)
               : NULL;
}

static const char *value_of(bm_arena *arena, bm_resource_hint hint, const char *text)
{
    switch (hint) {
    case BM_HINT_ACCELERATOR: return accelerator_of(arena, text);
    case BM_HINT_MIN_RAM: return ram_of(arena, text);
    default: return count_of(arena, beam_span_of(text));
    }
}

/* -- hints ------------------------------------------------------------------------------ */
static const struct {
    const char *name, *expects;
} hints_known[BM_N_HINTS] = {
    [BM_HINT_ACCELERATOR] = { "accelerator", "type:<type>;count:<number>;<options>" },
    [BM_HINT_MIN_RAM] = { "min_ram", "a size, such as 4GB or 512MiB" },
    [BM_HINT_CPU_COUNT] = { "cpu_count", "a whole number from 1 on" },
    [BM_HINT_MAX_BUNDLES] = { "max_active_bundles_per_worker",
                              "a whole number from 1 on" },
};

static bm_resource_hint hint_named(beam_span name)
{
    int i = 0;
    while (i < BM_N_HINTS && !beam_span_equal(name, beam_span_of(hints_known[i].name)))
        i++;
    return (bm_resource_hint)i;
}

beam_status bm_resource_hint_take(bm_arena *arena, const char *text, const char *where,
                                  bm_resource_hints *hints, beam_error *err)
{
    size_t length = strcspn(text, "=");
    bm_resource_hint hint = hint_named((beam_span){ text, length });
    if (hint == BM_N_HINTS)
        return bm_error(
            err, BEAM_EINVAL,
            "%s: '%s' is no resource hint: there are min_ram, cpu_count, "
            "accelerator and max_active_bundles_per_worker, each as NAME=VALUE",
            where, text);
    const char *value = text[length] ? value_of(arena, hint, text + length + 1) : NULL;
    if (!value)
        return bm_error(err, BEAM_EINVAL, "%s: %s must be %s, not '%s'", where,
                        hints_known[hint].name, hints_known[hint].expects,
                        text[length] ? text + length + 1 : "");
    hints->values[hint] = value;
    return BEAM_OK;
}

static const char *merged(bm_resource_hint hint, const char *outer, const char *inner)
{
    if (!outer || !inner || hint == BM_HINT_ACCELERATOR) return inner ? inner : outer;
    bool inner_is_larger = strtoll(inner, NULL, 10) > strtoll(outer, NULL, 10);
    return inner_is_larger == (hint != BM_HINT_MAX_BUNDLES) ? inner : outer;
}

bm_resource_hints bm_resource_hints_merge(const bm_resource_hints *pipeline,
                                          const bm_resource_hints *step)
{
    bm_resource_hints all;
    for (int i = 0; i < BM_N_HINTS; i++)
        all.values[i] = merged((bm_resource_hint)i, pipeline->values[i], step->values[i]);
    return all;
}
