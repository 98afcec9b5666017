/* SPDX-License-Identifier: Apache-2.0 */
/* What the built-in DoFns ask of the engine, which nothing here runs. */
#include <stdlib.h>

#include "beam/splittable.h"
#include "fns/ctx.h"

/* clang-format off */
#define NEVER(type, name, ...) \
    type name(__VA_ARGS__);    \
    __attribute__((weak, noreturn)) type name(__VA_ARGS__) { abort(); }

#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wredundant-decls"
NEVER(void *, beam_acc_alloc, beam_ctx *c, size_t n)
NEVER(beam_value, beam_acc_copy, beam_ctx *c, beam_value v)
NEVER(void *, beam_alloc, beam_ctx *c, size_t n)
NEVER(beam_span, beam_config, beam_ctx *c)
NEVER(beam_window, beam_element_window, beam_ctx *c)
NEVER(beam_status, beam_emit_ref, beam_ctx *c, const beam_value *v)
NEVER(beam_status, beam_emit_kv_ref, beam_ctx *c, const beam_value *key,
      const beam_value *value)
NEVER(beam_status, beam_emit_at, beam_ctx *c, beam_value v, beam_millis timestamp)
NEVER(beam_status, beam_emit_windowed, beam_ctx *c, int output, beam_value v,
      beam_millis timestamp, const beam_window *window)
NEVER(beam_status, beam_fail, beam_ctx *c, beam_status status, const char *format, ...)
NEVER(void *, beam_self, beam_ctx *c)
NEVER(int64_t, beam_estimate_end, beam_ctx *c)
NEVER(beam_value, beam_restriction, beam_ctx *c)
NEVER(bool, beam_claim_offset, beam_ctx *c, int64_t offset)
NEVER(beam_status, beam_resume_later, beam_ctx *c, int64_t delay_ms)
NEVER(beam_millis, beam_watermark, beam_ctx *c)
NEVER(beam_status, beam_watermark_set, beam_ctx *c, beam_millis watermark)
NEVER(beam_millis, beam_timestamp, beam_ctx *c)
NEVER(beam_pane, beam_element_pane, beam_ctx *c)
NEVER(beam_millis, beam_now, beam_ctx *c)
NEVER(beam_value, beam_state_read, beam_ctx *c, int state)
NEVER(beam_status, beam_state_write, beam_ctx *c, int state, beam_value v)
NEVER(beam_status, beam_state_add, beam_ctx *c, int state, beam_value v)
NEVER(beam_status, beam_state_clear, beam_ctx *c, int state)
NEVER(bool, beam_state_is_empty, beam_ctx *c, int state)
NEVER(beam_iter *, beam_state_iter, beam_ctx *c, int state)
NEVER(beam_status, beam_timer_set, beam_ctx *c, int timer, beam_millis at)
NEVER(beam_status, beam_timer_clear, beam_ctx *c, int timer, beam_span tag)
NEVER(bm_arena *, bm_ctx_arena, beam_ctx *c)
NEVER(const beam_combine *, bm_ctx_combine, beam_ctx *c, beam_span name)
NEVER(beam_span, bm_ctx_set_config, beam_ctx *c, beam_span config)
NEVER(const bm_coder *, bm_ctx_input_coder, beam_ctx *c)
NEVER(const bm_coder *, bm_ctx_output_coder, beam_ctx *c, int output)
