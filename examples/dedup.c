/* SPDX-License-Identifier: Apache-2.0 */
/* dedup: lines that repeat within a time are dropped. Shows state and timers per key.
 *
 *     dedup --input=FILE --output=FILE [--remember_s=600]
 *
 * A line is "SECONDS TEXT", with the second at which it was written; of equal texts the first
 * passes, and others only once it is forgotten. */
#include <stdlib.h>
#include <string.h>

#include "beam/beam.h"

struct flags {
    const char *input, *output;
    int64_t remember_s;
};

#define PAIR BEAM_KV(BEAM_STRING, BEAM_STRING)

/* "12 hello" -> KV<"hello", "12 hello"> */
static beam_status key_by_text(beam_ctx *c, beam_value line)
{
    beam_span all = beam_as_span(line);
    const char *space = all.len ? memchr(all.ptr, ' ', all.len) : NULL;
    if (!space) {
        beam_counter_add(c, "lines_without_time", 1);
        return BEAM_OK;
    }
    beam_span text = { space + 1, all.len - (size_t)(space + 1 - all.ptr) };
    return beam_emit_kv(c, beam_string(text), line);
}
static const beam_dofn key_fn = {
    .name = "dedup.key", .in = BEAM_STRING, .out = PAIR, .process = key_by_text
};

static beam_millis time_of(beam_ctx *c, beam_value in)
{
    return beam_seconds(atoll(beam_cstr(c, beam_as_span(beam_val(in)))));
}
static const beam_dofn time_fn = {
    .name = "dedup.time", .in = PAIR, .out = PAIR, .timestamp = time_of
};

enum { SEEN };
static const beam_state_spec states[] = { [SEEN] = BEAM_VALUE_STATE("seen", BEAM_INT64) };
enum { FORGET };
static const beam_timer_spec timers[] = { [FORGET] = { "forget", BEAM_EVENT_TIME } };

/* Lines of a text come in the order of their times. */
static beam_status dedup(beam_ctx *c, beam_value in)
{
    beam_millis remember = beam_seconds(atoll(beam_cstr(c, beam_config(c))));
    if (!beam_state_is_empty(c, SEEN)) return BEAM_OK;
    BEAM_TRY(beam_state_write(c, SEEN, beam_int64(1)));
    BEAM_TRY(beam_timer_set(c, FORGET, beam_timestamp(c) + remember));
    return beam_emit(c, beam_val(in));
}

static beam_status forget(beam_ctx *c, const beam_timer *timer)
{
    (void)timer;
    return beam_state_clear(c, SEEN);
}

static const beam_dofn dedup_fn = {
    .name = "dedup.dedup",
    .in = PAIR,
    .out = BEAM_STRING,
    .flags = BEAM_TIME_SORTED_INPUT,
    .states = BEAM_TABLE(states),
    .timers = BEAM_TABLE(timers),
    .process = dedup,
    .on_timer = forget,
};

static void build(beam_pipeline *p, const void *flags)
{
    const struct flags *f = flags;
    if (f->remember_s < 1 || f->remember_s > 1000000000)
        beam_pipeline_fail(p, BEAM_EINVAL, "--remember_s=%lld: it can be 1 to 1000000000",
                           (long long)f->remember_s);
    const char *remember = beam_pipeline_format(p, "%lld", (long long)f->remember_s);
    beam_pcoll *lines = beam_text_read(p, "Read", f->input);
    beam_pcoll *keyed = beam_par_do(lines, "Key", &key_fn);
    beam_pcoll *timed = beam_with_timestamps(keyed, "Time", &time_fn);
    beam_pcoll *first = beam_par_do(timed, "Dedup", &dedup_fn, .config = beam_span_of(remember));
    beam_text_write(first, "Write", f->output);
}

static const beam_flag flags[] = {
    BEAM_TEXT_FLAG(struct flags, input, "lines.txt", "file to read"),
    BEAM_TEXT_FLAG(struct flags, output, "distinct.txt", "file to write"),
    BEAM_INT_FLAG(struct flags, remember_s, "600", "seconds for which a line is remembered"),
};
static const beam_dofn *const dofns[] = { &key_fn, &time_fn, &dedup_fn };

int main(int argc, char **argv)
{
    static const beam_program program = {
        .name = "dedup",
        .summary = "drops lines that repeat within a time",
        .flags = BEAM_TABLE(flags),
        .flags_size = sizeof(struct flags),
        .dofns = BEAM_TABLE(dofns),
        .build = build,
    };
    return beam_main(&program, argc, argv);
}
