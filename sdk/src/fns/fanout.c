/* SPDX-License-Identifier: Apache-2.0 */
/* Combining in two steps: the values of a key in parts, then the accumulators of the parts.
 * Both steps are CombineFns around the program's own, whose name and config are in theirs.
 * Bundle thread. */
#include "fns/builtin.h"
#include "fns/ctx.h"
#include "fns/fn_spec.h"
#include "fns/random.h"

typedef struct wrapped {
    const beam_combine *fn; /* NULL after failing */
    beam_span config;
    void *acc;
} wrapped;

/* -- the program's CombineFn, with its own config ---------------------------------------- */
/* Runs the call while beam_config() is the wrapped function's. */
#define CALL(c, w, call)                                     \
    do {                                                     \
        beam_span outer_ = bm_ctx_set_config(c, (w)->config); \
        call;                                                \
        bm_ctx_set_config(c, outer_);                        \
    } while (0)

static void *new_acc(beam_ctx *c, const wrapped *w)
{
    void *acc = beam_acc_alloc(c, w->fn->acc_size);
    memset(acc, 0, w->fn->acc_size);
    if (w->fn->create) CALL(c, w, w->fn->create(c, acc));
    return acc;
}

static void create(beam_ctx *c, void *acc)
{
    wrapped *w = acc;
    bm_fn_spec spec;
    *w = (wrapped){ .fn = NULL };
    if (bm_fn_spec_decode(beam_config(c), &spec, NULL) != BEAM_OK) {
        beam_fail(c, BEAM_ECODER, "the configuration of the fanout is damaged");
        return;
    }
    w->fn = bm_ctx_combine(c, spec.name);
    w->config = spec.config;
    if (w->fn)
        w->acc = new_acc(c, w);
    else
        beam_fail(c, BEAM_EINVAL, "this program has no CombineFn '" BEAM_SPAN_FMT
                  "': add it to its table", BEAM_SPAN_ARG(spec.name));
}

static beam_value saved(beam_ctx *c, const wrapped *w)
{
    beam_value v = beam_null();
    if (w->fn->save)
        CALL(c, w, v = w->fn->save(c, w->acc));
    else if (w->fn->acc->kind == BEAM_KIND_DOUBLE)
        v = beam_double(*(const double *)w->acc);
    else
        v = beam_int64(*(const int64_t *)w->acc);
    return v;
}

static void restore(beam_ctx *c, const wrapped *w, void *acc, beam_value v)
{
    if (w->fn->load)
        CALL(c, w, w->fn->load(c, acc, v));
    else
        memcpy(acc, &v.as, sizeof(int64_t)); /* an int64 or a double */
}

/* -- both steps ---------------------------------------------------------------------------- */
static void merge(beam_ctx *c, void *acc, const void *other)
{
    wrapped *w = acc;
    const wrapped *more = other;
    if (w->fn && more->fn) CALL(c, w, w->fn->merge(c, w->acc, more->acc));
}

static beam_value save(beam_ctx *c, const void *acc)
{
    const wrapped *w = acc;
    return w->fn ? saved(c, w) : beam_null();
}

static void load(beam_ctx *c, void *acc, beam_value v)
{
    wrapped *w = acc;
    if (w->fn) restore(c, w, w->acc, v);
}

/* -- the first: values in, an accumulator out ---------------------------------------------- */
static void add_value(beam_ctx *c, void *acc, beam_value in)
{
    wrapped *w = acc;
    if (w->fn) CALL(c, w, w->fn->add(c, w->acc, in));
}

/* -- the second: accumulators in, the result out ------------------------------------------- */
static void add_acc(beam_ctx *c, void *acc, beam_value in)
{
    wrapped *w = acc;
    if (!w->fn) return;
    void *more = new_acc(c, w);
    restore(c, w, more, in);
    CALL(c, w, w->fn->merge(c, w->acc, more));
}

static beam_value extract(beam_ctx *c, const void *acc)
{
    const wrapped *w = acc;
    beam_value v = beam_null();
    if (w->fn) CALL(c, w, v = w->fn->extract(c, w->acc));
    return v;
}

const beam_combine bm_fanout_parts_combine = { .name = "beam.fanout_parts",
                                               .in = BEAM_ANY,
                                               .acc = BEAM_ANY,
                                               .out = BEAM_ANY,
                                               .acc_size = sizeof(wrapped),
                                               .create = create,
                                               .add = add_value,
                                               .merge = merge,
                                               .extract = save,
                                               .save = save,
                                               .load = load };
const beam_combine bm_fanout_whole_combine = { .name = "beam.fanout_whole",
                                               .in = BEAM_ANY,
                                               .acc = BEAM_ANY,
                                               .out = BEAM_ANY,
                                               .acc_size = sizeof(wrapped),
                                               .create = create,
                                               .add = add_acc,
                                               .merge = merge,
                                               .extract = extract,
                                               .save = save,
                                               .load = load };

/* -- parts of keys --------------------------------------------------------------------------- */
typedef struct spread_self {
    uint64_t state, n;
} spread_self;

static beam_status spread_setup(beam_ctx *c)
{
    spread_self *self = beam_self(c);
    bm_reader in = bm_reader_of(beam_config(c));
    self->state = bm_random_seed();
    if (bm_read_varint(&in, &self->n) == BEAM_OK && self->n) return BEAM_OK;
    return beam_fail(c, BEAM_ECODER, "the configuration of the fanout is damaged");
}

static beam_status spread(beam_ctx *c, beam_value in)
{
    spread_self *self = beam_self(c);
    int64_t part = (int64_t)(bm_random_next(&self->state) % self->n);
    const beam_value key[2] = { beam_key(in), beam_int64(part) };
    return beam_emit_kv(c, beam_kv(key), beam_val(in));
}

static beam_status gather(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, beam_key(beam_key(in)), beam_val(in));
}

const beam_dofn bm_fanout_spread_fn = { .name = "beam.fanout_spread",
                                        .in = BEAM_KV(BEAM_ANY, BEAM_ANY),
                                        .out = BEAM_KV(BEAM_KV(BEAM_ANY, BEAM_INT64), BEAM_ANY),
                                        .self_size = sizeof(spread_self),
                                        .setup = spread_setup,
                                        .process = spread };
const beam_dofn bm_fanout_gather_fn = { .name = "beam.fanout_gather",
                                        .in = BEAM_KV(BEAM_KV(BEAM_ANY, BEAM_INT64), BEAM_ANY),
                                        .out = BEAM_KV(BEAM_ANY, BEAM_ANY),
                                        .process = gather };
