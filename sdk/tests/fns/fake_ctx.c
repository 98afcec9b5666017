/* SPDX-License-Identifier: Apache-2.0 */
/* See fake_ctx.h. */
#include "fake_ctx.h"

#include <stdio.h>

void fake_init(beam_ctx *c)
{
    *c = (beam_ctx){ .window = { 0, 10, { NULL, 0 } }, .timestamp = 5 };
    bm_arena_init(&c->scratch, 0);
    bm_arena_init(&c->accumulators, 0);
    bm_arena_init(&c->kept, 0);
}

void fake_free(beam_ctx *c)
{
    bm_arena_free(&c->scratch);
    bm_arena_free(&c->accumulators);
    bm_arena_free(&c->kept);
    bm_writer_free(&c->emitted);
}

beam_status fake_process(beam_ctx *c, const beam_dofn *fn, beam_value in)
{
    beam_status status = fn->process ? fn->process(c, in) : beam_emit(c, fn->map(c, in));
    bm_arena_reset(&c->scratch);
    return status;
}

void expect_emitted(beam_ctx *c, const char *text)
{
    bm_write_u8(&c->emitted, 0);
    ck_assert_str_eq((const char *)c->emitted.data, text);
    c->emitted.len = 0;
}

beam_value iterable_of(bm_arena *arena, const beam_value *values, size_t n)
{
    beam_value v = { BEAM_KIND_ITERABLE, { false } };
    v.as.iter = bm_iter_of_values(arena, values, n);
    return v;
}

const char *value_text(bm_arena *arena, beam_value v)
{
    if (v.kind == BEAM_KIND_KV)
        return bm_format(arena, "KV{%s, %s}", value_text(arena, beam_key(v)),
                         value_text(arena, beam_val(v)));
    if (v.kind != BEAM_KIND_ITERABLE) return bm_value_text(arena, v, 1000);
    const char *text = "[";
    beam_iter *it = beam_as_iter(v);
    for (beam_value item; beam_next(it, &item);)
        text = bm_format(arena, "%s%s%s", text, text[1] ? ", " : "",
                         value_text(arena, item));
    return bm_format(arena, "%s]", text);
}

/* -- the public functions -------------------------------------------------------------- */
void *beam_self(beam_ctx *c)
{
    return c->self;
}

beam_span beam_config(beam_ctx *c)
{
    return c->config;
}

void *beam_alloc(beam_ctx *c, size_t n)
{
    return bm_alloc(&c->scratch, n);
}

beam_status beam_fail(beam_ctx *c, beam_status status, const char *format, ...)
{
    if (c->status != BEAM_OK) return status;
    c->status = status;
    va_list args;
    va_start(args, format);
    vsnprintf(c->message, sizeof c->message, format, args);
    va_end(args);
    return status;
}

beam_status beam_emit_windowed(beam_ctx *c, int output, beam_value v,
                               beam_millis timestamp, const beam_window *window)
{
    ck_assert_int_eq(output, -1);
    if (c->on_emit) {
        c->on_emit(c, v);
        return BEAM_OK;
    }
    const char *custom = window->custom.ptr ? bm_cstr(&c->kept, window->custom) : "";
    const char *line = bm_format(&c->kept, "%s @%lld [%lld, %lld)%s\n",
                                 value_text(&c->kept, v), (long long)timestamp,
                                 (long long)window->start, (long long)window->end,
                                 custom);
    bm_write_bytes(&c->emitted, line, strlen(line));
    return bm_value_copy(&c->kept, v, &c->last);
}

beam_status beam_emit_ref(beam_ctx *c, const beam_value *v)
{
    return beam_emit_windowed(c, -1, *v, c->timestamp, &c->window);
}

beam_status beam_emit_kv_ref(beam_ctx *c, const beam_value *key, const beam_value *value)
{
    beam_value pair[] = { *key, *value };
    return beam_emit(c, beam_kv(pair));
}

beam_millis beam_timestamp(beam_ctx *c)
{
    return c->timestamp;
}

beam_window beam_element_window(beam_ctx *c)
{
    return c->window;
}

void *beam_acc_alloc(beam_ctx *c, size_t n)
{
    return bm_alloc(&c->accumulators, n);
}

beam_value beam_acc_copy(beam_ctx *c, beam_value v)
{
    beam_value copy;
    ck_assert_int_eq(bm_value_copy(&c->accumulators, v, &copy), BEAM_OK);
    return copy;
}

bm_arena *bm_ctx_arena(beam_ctx *c)
{
    return &c->scratch;
}

const bm_coder *bm_ctx_input_coder(beam_ctx *c)
{
    return c->input_coder;
}

const bm_coder *bm_ctx_output_coder(beam_ctx *c, int output)
{
    return output == -1 ? c->output_coder : NULL;
}
