/* SPDX-License-Identifier: Apache-2.0 */
/* See sdf_fixture.h. */
#include "sdf_fixture.h"

#include <math.h>

#include "beam_urns.h"
#include "fns/fn_spec.h"

void (*on_claim)(beam_ctx *c, int64_t offset);
const char *bad;

static beam_value up_to(beam_ctx *c, beam_value n)
{
    return beam_offsets(c, 0, beam_as_int64(n));
}

static beam_status count(beam_ctx *c, beam_value n)
{
    for (int64_t i = beam_offset_from(beam_restriction(c)); beam_claim_offset(c, i); i++) {
        if (on_claim) on_claim(c, i);
        BEAM_TRY(beam_emit(c, beam_int64(100 * beam_as_int64(n) + i)));
    }
    return BEAM_OK;
}

static const beam_sdf count_sdf = { .tracker = &beam_offset_tracker, .initial = up_to };
static const beam_dofn count_fn = { .name = "test.count", .in = BEAM_INT64, .out = BEAM_INT64,
                                    .process = count, .sdf = &count_sdf };
static const beam_dofn watch_fn = { .name = "test.watch", .in = BEAM_INT64, .out = BEAM_INT64,
                                    .flags = BEAM_OBSERVES_WINDOW, .process = count,
                                    .sdf = &count_sdf };

/* Timestamps are the offsets; gives up after three. */
static beam_status timed(beam_ctx *c, beam_value n)
{
    (void)n;
    int64_t from = beam_offset_from(beam_restriction(c));
    for (int64_t i = from; i < from + 3; i++) {
        if (!beam_claim_offset(c, i)) return BEAM_OK;
        BEAM_TRY(beam_emit_at(c, beam_int64(i), i));
        if (bad) BEAM_TRY(beam_watermark_set(c, i + 1));
    }
    return beam_resume_later(c, 50);
}

static beam_millis from_seven(beam_ctx *c, beam_value element, beam_value restriction)
{
    (void)c, (void)element, (void)restriction;
    return 7;
}

#define TIMED_SDF(kind)                                                        \
    { .tracker = &beam_offset_tracker, .initial = up_to, .watermark = (kind),  \
      .initial_watermark = from_seven }
#define TIMED_FN(fn, of)                                                           \
    { .name = (fn), .in = BEAM_INT64, .out = BEAM_INT64, .process = timed, .sdf = &(of) }
static const beam_sdf manual_sdf = TIMED_SDF(BEAM_WATERMARK_MANUAL);
static const beam_sdf observed_sdf = TIMED_SDF(BEAM_WATERMARK_OBSERVED);
static const beam_sdf wall_sdf = TIMED_SDF(BEAM_WATERMARK_WALL_TIME);
static const beam_dofn manual_fn = TIMED_FN("test.manual", manual_sdf);
static const beam_dofn observed_fn = TIMED_FN("test.observed", observed_sdf);
static const beam_dofn wall_fn = TIMED_FN("test.wall", wall_sdf);

static beam_value endless(beam_ctx *c, beam_value n)
{
    (void)n;
    return beam_offsets(c, 0, INT64_MAX);
}
static int64_t ten(beam_ctx *c, beam_value element)
{
    (void)c, (void)element;
    return 10;
}
static beam_status count_three(beam_ctx *c, beam_value n)
{
    int64_t from = beam_offset_from(beam_restriction(c));
    for (int64_t i = from; i < from + 3; i++) {
        if (!beam_claim_offset(c, i)) return BEAM_OK;
        if (on_claim) on_claim(c, i);
        BEAM_TRY(beam_emit(c, beam_int64(100 * beam_as_int64(n) + i)));
    }
    return beam_resume_later(c, 0);
}
static const beam_sdf endless_sdf = { .tracker = &beam_growable_offset_tracker,
                                      .initial = endless, .estimate_end = ten,
                                      .unbounded = true };
static const beam_dofn endless_fn = { .name = "test.endless", .in = BEAM_INT64,
                                      .out = BEAM_INT64, .process = count_three,
                                      .sdf = &endless_sdf };

static beam_status in_twos(beam_ctx *c, beam_value n, beam_value whole)
{
    (void)n;
    for (int64_t i = beam_offset_from(whole); i < beam_offset_to(whole); i += 2)
        BEAM_TRY(beam_emit_restriction(c, beam_offsets(c, i, i + 2)));
    return BEAM_OK;
}
static double seven(beam_ctx *c, beam_value n, beam_value part)
{
    (void)c, (void)n;
    return 7 * (double)(beam_offset_to(part) - beam_offset_from(part));
}
static beam_value first_only(beam_ctx *c, beam_value n, beam_value part)
{
    (void)n;
    return beam_offsets(c, beam_offset_from(part), beam_offset_from(part) + 1);
}
static const beam_sdf pieces_sdf = { .tracker = &beam_offset_tracker, .initial = up_to,
                                     .split = in_twos, .size = seven,
                                     .truncate = first_only };
static const beam_dofn pieces_fn = { .name = "test.pieces", .in = BEAM_INT64,
                                     .out = BEAM_INT64, .process = count,
                                     .sdf = &pieces_sdf };

static beam_value to_do(beam_ctx *c, beam_value n)
{
    (void)c, (void)n;
    return beam_bool(false);
}
static beam_status once(beam_ctx *c, beam_value n)
{
    if (bad) return beam_resume_later(c, -5);
    if (on_claim) on_claim(c, -1);
    if (!beam_claim(c, beam_bool(true))) return BEAM_OK;
    if (on_claim) on_claim(c, 0);
    return beam_emit(c, n);
}
static const beam_sdf once_sdf = { .tracker = &beam_unsplittable_tracker, .initial = to_do };
static const beam_dofn once_fn = { .name = "test.once", .in = BEAM_INT64, .out = BEAM_INT64,
                                   .process = once, .sdf = &once_sdf };

/* -- mistakes ---------------------------------------------------------------------------- */
static bool is(const char *what)
{
    return bad && strcmp(bad, what) == 0;
}
static beam_value bad_initial(beam_ctx *c, beam_value n)
{
    if (is("initial")) return beam_int64(1);
    if (is("initial emits")) beam_emit(c, n);
    return beam_offsets(c, 0, 4);
}
static beam_status bad_split(beam_ctx *c, beam_value n, beam_value whole)
{
    (void)n;
    if (is("split")) return beam_emit_restriction(c, beam_null());
    if (is("status")) return BEAM_EIO;
    return beam_emit_restriction(c, whole);
}
static double bad_size(beam_ctx *c, beam_value n, beam_value whole)
{
    (void)c, (void)n, (void)whole;
    return is("size") ? -1 : is("nan") ? NAN : 1;
}
static beam_value bad_truncate(beam_ctx *c, beam_value n, beam_value whole)
{
    (void)n;
    if (is("truncate fails")) beam_fail(c, BEAM_EIO, "the list is gone");
    return is("truncate") ? beam_bool(true) : whole;
}
static beam_millis bad_watermark(beam_ctx *c, beam_value n, beam_value whole)
{
    (void)c, (void)n, (void)whole;
    return is("watermark") ? BEAM_MAX_TIMESTAMP + 1 : 0;
}
static beam_status bad_process(beam_ctx *c, beam_value n)
{
    if (is("no claim")) return BEAM_OK;
    if (is("type")) beam_claim(c, beam_bool(true));
    if (is("below")) beam_claim_offset(c, -1);
    if (is("order")) beam_claim_offset(c, 2), beam_claim_offset(c, 2);
    if (is("half")) beam_claim_offset(c, 1);
    if (is("emit restriction")) beam_emit_restriction(c, n);
    if (is("estimate")) beam_estimate_end(c);
    if (is("back")) beam_watermark_set(c, 10), beam_watermark_set(c, 9);
    if (is("late")) beam_watermark_set(c, BEAM_MAX_TIMESTAMP + 1);
    if (is("after resume")) {
        beam_resume_later(c, 0);
        return beam_claim_offset(c, 0) ? beam_fail(c, BEAM_ESTATE, "claimed") : BEAM_OK;
    }
    return BEAM_OK;
}
static const beam_sdf bad_sdf = { .tracker = &beam_offset_tracker, .initial = bad_initial,
                                  .split = bad_split, .size = bad_size,
                                  .truncate = bad_truncate,
                                  .watermark = BEAM_WATERMARK_MANUAL,
                                  .initial_watermark = bad_watermark };
static const beam_dofn bad_fn = { .name = "test.bad", .in = BEAM_INT64, .out = BEAM_INT64,
                                  .process = bad_process, .sdf = &bad_sdf };

static beam_status ask_restriction(beam_ctx *c, beam_value n)
{
    return beam_is_null(beam_restriction(c)) ? beam_emit(c, n) : BEAM_OK;
}
static const beam_dofn plain_fn = { .name = "test.plain", .in = BEAM_INT64, .out = BEAM_INT64,
                                    .process = ask_restriction };

/* -- splits that fail ---------------------------------------------------------------------- */
static bool broken_split(beam_ctx *c, void *self, double fraction, beam_value *primary,
                         beam_value *residual)
{
    if (is("split fails")) return beam_fail(c, BEAM_EIO, "the tracker is broken"), false;
    if (!beam_offset_tracker.split(c, self, fraction, primary, residual)) return false;
    if (is("split type")) *residual = beam_bool(true);
    return true;
}
static beam_progress broken_progress(beam_ctx *c, const void *self)
{
    if (is("progress fails")) beam_fail(c, BEAM_EIO, "no progress can be seen");
    return beam_offset_tracker.progress(c, self);
}
static beam_status broken_start(beam_ctx *c, void *self, beam_value restriction)
{
    return beam_offset_tracker.start(c, self, restriction);
}
static bool broken_claim(beam_ctx *c, void *self, beam_value position)
{
    return beam_offset_tracker.claim(c, self, position);
}
static beam_status broken_check_done(beam_ctx *c, const void *self)
{
    return beam_offset_tracker.check_done(c, self);
}
static const beam_tracker broken_tracker = {
    .name = "broken", .restriction = BEAM_KV(BEAM_INT64, BEAM_INT64), .position = BEAM_INT64,
    .size = 64, .start = broken_start, .claim = broken_claim, .split = broken_split,
    .check_done = broken_check_done, .progress = broken_progress,
};
static double broken_size(beam_ctx *c, beam_value n, beam_value part)
{
    (void)c, (void)n, (void)part;
    return is("split size") ? -1 : 1;
}
static const beam_sdf broken_sdf = { .tracker = &broken_tracker, .initial = up_to,
                                     .size = broken_size };
static const beam_dofn broken_fn = { .name = "test.broken", .in = BEAM_INT64,
                                     .out = BEAM_INT64, .process = count,
                                     .sdf = &broken_sdf };

/* Emits an item of its list for each claim. */
static beam_status list(beam_ctx *c, beam_value items)
{
    beam_iter *it = beam_as_iter(items);
    int64_t i = beam_offset_from(beam_restriction(c));
    for (beam_value item; beam_next(it, &item);) {
        if (i >= 0 && beam_claim_offset(c, i) && on_claim) on_claim(c, i++);
        else i = -1;
        BEAM_TRY(beam_emit(c, item));
    }
    return BEAM_OK;
}
static const beam_dofn lists_fn = { .name = "test.lists", .in = BEAM_ITERABLE(BEAM_INT64),
                                    .out = BEAM_INT64, .process = list,
                                    .sdf = &count_sdf };

static const beam_dofn *const dofns[] = { &count_fn, &watch_fn,  &manual_fn, &observed_fn,
                                          &wall_fn,  &endless_fn, &pieces_fn, &once_fn,
                                          &bad_fn,   &plain_fn,  &broken_fn, &lists_fn };
const beam_functions sdf_functions = { .dofns = { dofns, BEAM_COUNT(dofns) } };

/* -- plans ---------------------------------------------------------------------------------- */
void sdf_build(fixture *f, const char *urn, const char *fn, const char *in, const char *out,
               const char *window)
{
    fixture_init_with(f, &sdf_functions);
    fixture_pcoll(f, "p1", in);
    fixture_pcoll(f, "p2", out);
    fixture_source(f, "a", "p1", in, window);
    fixture_transform(f, "b", urn, fixture_fn_payload(f, BM_URN_DOFN, fn, ""), "in=p1",
                      "out=p2");
    fixture_sink(f, "z", "p2", out, window);
    fixture_build(f);
}

void sdf_build_process(fixture *f, const char *fn)
{
    sdf_build(f, BEAM_URN_TRANSFORM_SDF_PROCESS_SIZED_ELEMENT_AND_RESTRICTIONS, fn, SIZED,
              "varint", "global_window");
}

/* -- elements ------------------------------------------------------------------------------- */
beam_value sdf_pair(fixture *f, int64_t element, int64_t from, int64_t to)
{
    beam_value offsets = fixture_kv(f, beam_int64(from), beam_int64(to));
    return fixture_kv(f, beam_int64(element), fixture_kv(f, offsets, beam_int64(0)));
}

beam_value sdf_sized(fixture *f, int64_t element, int64_t from, int64_t to)
{
    return fixture_kv(f, sdf_pair(f, element, from, to), beam_double(1));
}

const char *sdf_roots(fixture *f, bm_roots roots)
{
    const char *text = "";
    for (size_t i = 0; i < roots.n; i++) {
        const bm_root *root = &roots.at[i];
        ck_assert_str_eq(root->transform_id, "b");
        ck_assert_str_eq(root->input_id, "in");
        const char *element = fixture_elements(f, f->in_coder[0], root->element);
        text = bm_format(&f->arena, "%s%.*s %s %lld", text, (int)strlen(element) - 1, element,
                         root->is_bounded ? "bounded" : "unbounded",
                         (long long)root->delay_ms);
        for (size_t k = 0; k < root->n_watermarks; k++)
            text = bm_format(&f->arena, "%s %s=%lld", text, root->watermarks[k].output,
                             (long long)root->watermarks[k].watermark);
        text = bm_format(&f->arena, "%s\n", text);
    }
    return text;
}

const char *sdf_residuals(fixture *f)
{
    bm_bundle_result result;
    bm_plan_take_result(f->plan, &result);
    return sdf_roots(f, result.residuals);
}
