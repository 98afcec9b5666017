/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing of command lines. The main thread. */
#include "program/flags.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/error.h"

void bm_flags_init(bm_flags *flags, bm_arena *arena)
{
    *flags =
        (bm_flags){ .arena = arena, .given = json_object(), .unknown = json_object() };
}

void bm_flags_free(bm_flags *flags)
{
    json_decref(flags->given);
    json_decref(flags->unknown);
}

/* -- values ------------------------------------------------------------------------------ */
static bool parse_int(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    *out = v;
    return *text && !*end && !errno;
}

static bool parse_double(const char *text, double *out)
{
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    return *text && !*end && !errno;
}

static bool parse_bool(const char *text, bool *out)
{
    static const char *const words[] = { "false", "true", "no", "yes", "0", "1" };
    for (size_t i = 0; i < BEAM_COUNT(words); i++) {
        if (strcasecmp(text, words[i])) continue;
        *out = i % 2;
        return true;
    }
    return false;
}

static void add_texts(bm_arena *arena, bm_texts *texts, const char *value)
{
    while (*value) {
        size_t n = strcspn(value, ",");
        if (n) {
            const char **at = BM_NEW_ARRAY(arena, const char *, texts->n + 1);
            if (texts->n) memcpy(at, texts->at, texts->n * sizeof *at);
            at[texts->n] = bm_cstr(arena, (beam_span){ value, n });
            *texts = (bm_texts){ at, texts->n + 1 };
        }
        value += n + (value[n] == ',');
    }
}

static const char *wanted(beam_flag_kind kind)
{
    switch (kind) {
    case BEAM_FLAG_INT: return "a whole number";
    case BEAM_FLAG_DOUBLE: return "a number";
    case BEAM_FLAG_BOOL: return "true or false";
    default: return "a text";
    }
}

static bool set_value(bm_arena *arena, const beam_flag *flag, void *values,
                      const char *text)
{
    void *at = (char *)values + flag->offset;
    switch (flag->kind) {
    case BEAM_FLAG_INT: return parse_int(text, at);
    case BEAM_FLAG_DOUBLE: return parse_double(text, at);
    case BEAM_FLAG_BOOL: return parse_bool(text, at);
    case BEAM_FLAG_TEXT: *(const char **)at = bm_strdup(arena, text); return true;
    default: add_texts(arena, at, text); return true;
    }
}

static json_t *to_json(const beam_flag *flag, const void *values)
{
    const void *at = (const char *)values + flag->offset;
    switch (flag->kind) {
    case BEAM_FLAG_INT: return json_integer(*(const int64_t *)at);
    case BEAM_FLAG_DOUBLE: return json_real(*(const double *)at);
    case BEAM_FLAG_BOOL: return json_boolean(*(const bool *)at);
    case BEAM_FLAG_TEXT: return json_string(*(const char *const *)at);
    default: break;
    }
    const bm_texts *texts = at;
    json_t *list = json_array();
    for (size_t i = 0; i < texts->n; i++)
        json_array_append_new(list, json_string(texts->at[i]));
    return list;
}

beam_status bm_flags_add(bm_flags *flags, const char *title, const beam_flag *table,
                         size_t n, void *values, beam_error *err)
{
    if (flags->n_groups == BM_MAX_FLAG_GROUPS)
        return bm_error(err, BEAM_EINVAL, "too many groups of flags");
    flags->groups[flags->n_groups++] = (bm_flag_group){ title, table, n, values };
    for (size_t i = 0; i < n; i++) {
        if (!table[i].initial ||
            set_value(flags->arena, &table[i], values, table[i].initial))
            continue;
        return bm_error(err, BEAM_EINVAL,
                        "the program's default of --%s, '%s', is not %s", table[i].name,
                        table[i].initial, wanted(table[i].kind));
    }
    return BEAM_OK;
}

/* -- unknown flags -------------------------------------------------------------------------- */
/* Levenshtein distance, or more than `limit` when it is that. */
static int distance(const char *a, const char *b, int limit)
{
    enum { MAX = 48 };
    size_t n = strlen(a), m = strlen(b);
    if (n >= MAX || m >= MAX) return limit + 1;
    int row[MAX + 1];
    for (size_t j = 0; j <= m; j++) row[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[m];
}

/* The known flag that was probably meant: at most two letters off, one in short names. */
static const char *meant(const bm_flags *flags, const char *name)
{
    const char *best = NULL;
    int best_distance = 3;
    for (size_t g = 0; g < flags->n_groups; g++)
        for (size_t i = 0; i < flags->groups[g].n; i++) {
            const char *known = flags->groups[g].flags[i].name;
            int limit = strlen(known) < 5 ? 1 : 2, d = distance(name, known, limit);
            if (d > limit || d >= best_distance) continue;
            best = known;
            best_distance = d;
        }
    return best;
}

/* As the type that the text looks like, since only the runner knows the real one. */
static json_t *guess(const char *text)
{
    int64_t whole;
    double real;
    if (!strcmp(text, "true")) return json_true();
    if (!strcmp(text, "false")) return json_false();
    if (parse_int(text, &whole)) return json_integer(whole);
    if (parse_double(text, &real)) {
        json_t *json = json_real(real);
        if (json) return json;
    }
    if (*text == '{' || *text == '[') {
        json_t *json = json_loads(text, 0, NULL);
        if (json) return json;
    }
    return json_string(text);
}

static beam_status keep_unknown(bm_flags *flags, const char *name, const char *value,
                                beam_error *err)
{
    const char *known = meant(flags, name);
    if (known)
        return bm_error(err, BEAM_EUSAGE, "there is no flag --%s; did you mean --%s?",
                        name, known);
    json_t *json = value ? guess(value) : json_true();
    if (!json)
        return bm_error(err, BEAM_EUSAGE, "the value of --%s is not UTF-8 text", name);
    json_t *earlier = json_object_get(flags->unknown, name);
    if (!earlier) {
        json_object_set_new(flags->unknown, name, json);
    } else if (json_is_array(earlier)) {
        json_array_append_new(earlier, json);
    } else {
        json_t *list = json_array();
        json_array_append(list, earlier);
        json_array_append_new(list, json);
        json_object_set_new(flags->unknown, name, list);
    }
    return BEAM_OK;
}

/* -- parsing ------------------------------------------------------------------------------------- */
static const beam_flag *find(const bm_flags *flags, const char *name)
{
    for (size_t g = 0; g < flags->n_groups; g++)
        for (size_t i = 0; i < flags->groups[g].n; i++)
            if (!strcmp(flags->groups[g].flags[i].name, name))
                return &flags->groups[g].flags[i];
    return NULL;
}

/* A program may have a flag of a standard flag's name: both get the value. */
static beam_status set_all(bm_flags *flags, const char *name, const char *value,
                           beam_error *err)
{
    for (size_t g = 0; g < flags->n_groups; g++) {
        const bm_flag_group *group = &flags->groups[g];
        for (size_t i = 0; i < group->n; i++) {
            const beam_flag *flag = &group->flags[i];
            if (strcmp(flag->name, name)) continue;
            if (!set_value(flags->arena, flag, group->values, value))
                return bm_error(err, BEAM_EUSAGE, "--%s needs %s, not '%s'", name,
                                wanted(flag->kind), value);
            json_t *json = to_json(flag, group->values);
            if (!json)
                return bm_error(err, BEAM_EUSAGE, "the value of --%s is not UTF-8 text",
                                name);
            json_object_set_new(flags->given, name, json);
        }
    }
    return BEAM_OK;
}

/* --noname or --no_name of a BOOL. */
static const beam_flag *find_negated(const bm_flags *flags, const char *name)
{
    if (strncmp(name, "no", 2)) return NULL;
    const beam_flag *flag = find(flags, name + 2);
    if (!flag && name[2] == '_') flag = find(flags, name + 3);
    return flag && flag->kind == BEAM_FLAG_BOOL ? flag : NULL;
}

/* Takes argv[*at] and, for "--name value", the one after it. */
static beam_status parse_one(bm_flags *flags, int argc, char **argv, int *at,
                             beam_error *err)
{
    const char *arg = argv[*at];
    if (strncmp(arg, "--", 2) || !arg[2] || arg[2] == '=')
        return bm_error(err, BEAM_EUSAGE,
                        "unexpected argument '%s': flags are written --name=value", arg);
    const char *equals = strchr(arg, '=');
    size_t n = equals ? (size_t)(equals - arg) - 2 : strlen(arg) - 2;
    char *name = bm_cstr(flags->arena, (beam_span){ arg + 2, n });
    for (char *c = name; *c; c++)
        if (*c == '-') *c = '_';
    const char *value = equals ? equals + 1 : NULL;

    const beam_flag *flag = find(flags, name);
    if (!flag && !value && find_negated(flags, name))
        return set_all(flags, find_negated(flags, name)->name, "false", err);
    if (!flag) return keep_unknown(flags, name, value, err);
    if (!value && flag->kind == BEAM_FLAG_BOOL) value = "true";
    if (!value && *at + 1 < argc && strncmp(argv[*at + 1], "--", 2)) value = argv[++*at];
    if (!value)
        return bm_error(err, BEAM_EUSAGE, "--%s needs a value: %s", name,
                        wanted(flag->kind));
    return set_all(flags, name, value, err);
}

beam_status bm_flags_parse(bm_flags *flags, int argc, char **argv, beam_error *err)
{
    for (int at = 1; at < argc; at++) BEAM_TRY(parse_one(flags, argc, argv, &at, err));
    return BEAM_OK;
}

bool bm_flags_was_given(const bm_flags *flags, const char *name)
{
    return json_object_get(flags->given, name) != NULL;
}
