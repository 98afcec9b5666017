/* SPDX-License-Identifier: Apache-2.0 */
/* Splittable DoFns: restrictions and their parts, checkpoints, windows, trackers of the
 * program's own. */
#include <stdio.h>
#include <string.h>

#include "model.h"

/* -- offsets ------------------------------------------------------------------------- */

static beam_value up_to(beam_ctx *c, beam_value n)
{
    return beam_offsets(c, 0, beam_as_int64(n));
}
static beam_status in_threes(beam_ctx *c, beam_value n, beam_value whole)
{
    (void)n;
    int64_t to = beam_offset_to(whole);
    for (int64_t i = beam_offset_from(whole); i < to; i += 3)
        BEAM_TRY(beam_emit_restriction(c, beam_offsets(c, i, i + 3 < to ? i + 3 : to)));
    return BEAM_OK;
}
static beam_status count(beam_ctx *c, beam_value n)
{
    for (int64_t i = beam_offset_from(beam_restriction(c)); beam_claim_offset(c, i); i++)
        BEAM_TRY(beam_emit(c, beam_int64(100 * beam_as_int64(n) + i)));
    return BEAM_OK;
}
static const beam_sdf count_sdf = { .tracker = &beam_offset_tracker, .initial = up_to };
static const beam_dofn count_fn = { .name = "model.count", .in = BEAM_INT64, .out = BEAM_INT64,
                                    .process = count, .sdf = &count_sdf };
static const beam_sdf parts_sdf = { .tracker = &beam_offset_tracker, .initial = up_to,
                                    .split = in_threes };
static const beam_dofn parts_fn = { .name = "model.parts", .in = BEAM_INT64,
                                    .out = BEAM_INT64, .process = count, .sdf = &parts_sdf };

/* Two at a time, then gives the rest back. */
static beam_status count_two(beam_ctx *c, beam_value n)
{
    int64_t from = beam_offset_from(beam_restriction(c));
    for (int64_t i = from; i < from + 2; i++) {
        if (!beam_claim_offset(c, i)) return BEAM_OK;
        BEAM_TRY(beam_emit(c, beam_int64(100 * beam_as_int64(n) + i)));
    }
    return beam_resume_later(c, 5);
}
static const beam_dofn two_fn = { .name = "model.two", .in = BEAM_INT64, .out = BEAM_INT64,
                                  .process = count_two, .sdf = &parts_sdf };

/* -- windows ------------------------------------------------------------------------- */

static beam_value window_length(beam_ctx *c, beam_value in)
{
    (void)in;
    beam_window w = beam_element_window(c);
    return beam_offsets(c, w.start / 1000, w.end / 1000);
}
static beam_status each_second(beam_ctx *c, beam_value in)
{
    int64_t from = beam_offset_from(beam_restriction(c));
    int64_t start = beam_element_window(c).start / 1000;
    if (from < start)
        return beam_fail(c, BEAM_ESTATE, "the restriction is not of this window");
    for (int64_t i = from; beam_claim_offset(c, i); i++)
        BEAM_TRY(beam_emit_kv(c, beam_key(in), beam_int64(i)));
    return BEAM_OK;
}
static const beam_sdf seconds_sdf = { .tracker = &beam_offset_tracker,
                                      .initial = window_length };
static const beam_dofn seconds_fn = {
    .name = "model.seconds", .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
    .out = BEAM_KV(BEAM_STRING, BEAM_INT64), .flags = BEAM_OBSERVES_WINDOW,
    .process = each_second, .sdf = &seconds_sdf,
};

/* -- a tracker of the program's own: the bytes of a text from a place on ---------------- */

struct rest {
    int64_t at, end;
};
static void rest_encode(const void *object, beam_writer *out)
{
    const struct rest *r = object;
    beam_write_int64(out, r->at);
    beam_write_int64(out, r->end);
}
static beam_status rest_decode(void *object, beam_reader *in)
{
    struct rest *r = object;
    BEAM_TRY(beam_read_int64(in, &r->at));
    return beam_read_int64(in, &r->end);
}
static const beam_struct_coder rest_coder = { .name = "model.rest",
                                              .size = sizeof(struct rest),
                                              .encode = rest_encode,
                                              .decode = rest_decode };
#define REST BEAM_STRUCT(&rest_coder)

static beam_status rest_start(beam_ctx *c, void *self, beam_value restriction)
{
    (void)c;
    *(struct rest *)self = *(const struct rest *)beam_as_struct(restriction);
    return BEAM_OK;
}
static bool rest_claim(beam_ctx *c, void *self, beam_value position)
{
    (void)c;
    struct rest *r = self;
    if (beam_as_int64(position) >= r->end) return false;
    r->at = beam_as_int64(position) + 1;
    return true;
}
static bool rest_split(beam_ctx *c, void *self, double fraction, beam_value *primary,
                       beam_value *residual)
{
    struct rest *r = self;
    int64_t at = r->at + (int64_t)(fraction * (double)(r->end - r->at));
    if (at >= r->end) return false;
    struct rest *parts = beam_alloc(c, 2 * sizeof *parts);
    parts[0] = (struct rest){ r->at, at };
    parts[1] = (struct rest){ at, r->end };
    r->end = at;
    *primary = beam_struct(&parts[0]);
    *residual = beam_struct(&parts[1]);
    return true;
}
static beam_status rest_check_done(beam_ctx *c, const void *self)
{
    const struct rest *r = self;
    if (r->at == r->end) return BEAM_OK;
    return beam_fail(c, BEAM_ESTATE, "the text was read up to %lld of %lld",
                     (long long)r->at, (long long)r->end);
}
static const beam_tracker rest_tracker = {
    .name = "rest", .restriction = REST, .position = BEAM_INT64, .size = sizeof(struct rest),
    .start = rest_start, .claim = rest_claim, .split = rest_split,
    .check_done = rest_check_done,
};
static beam_value whole_text(beam_ctx *c, beam_value text)
{
    struct rest *r = beam_alloc(c, sizeof *r);
    *r = (struct rest){ 0, (int64_t)beam_as_span(text).len };
    return beam_struct(r);
}
/* A letter at a time. */
static beam_status spell(beam_ctx *c, beam_value text)
{
    const struct rest *r = beam_as_struct(beam_restriction(c));
    if (!beam_claim(c, beam_int64(r->at))) return BEAM_OK;
    beam_span letter = { beam_as_span(text).ptr + r->at, 1 };
    BEAM_TRY(beam_emit(c, beam_string(letter)));
    return beam_resume_later(c, 0);
}
static const beam_sdf spell_sdf = { .tracker = &rest_tracker, .initial = whole_text };
static const beam_dofn spell_fn = { .name = "model.spell", .in = BEAM_STRING,
                                    .out = BEAM_STRING, .process = spell, .sdf = &spell_sdf };

/* -- without an end that is known ----------------------------------------------------------- */

/* Unbounded by declaration; the source turns out to have ten elements, which come two at a
 * time. Their timestamps are seconds, and the watermark follows them. */
static beam_value stream_from_start(beam_ctx *c, beam_value impulse)
{
    (void)impulse;
    return beam_offsets(c, 0, 10);
}
static beam_status stream(beam_ctx *c, beam_value impulse)
{
    (void)impulse;
    int64_t from = beam_offset_from(beam_restriction(c));
    for (int64_t i = from; i < from + 2; i++) {
        if (!beam_claim_offset(c, i)) return BEAM_OK;
        char key[2] = { (char)('a' + i % 2), 0 };
        beam_value pair[2] = { beam_string(beam_span_of(key)), beam_int64(i) };
        BEAM_TRY(beam_emit_at(c, beam_kv(pair), beam_seconds(i)));
        BEAM_TRY(beam_watermark_set(c, beam_seconds(i + 1)));
    }
    return beam_resume_later(c, 20);
}
static beam_millis at_zero(beam_ctx *c, beam_value element, beam_value restriction)
{
    (void)c, (void)element, (void)restriction;
    return 0;
}
static const beam_sdf stream_sdf = {
    .tracker = &beam_offset_tracker, .initial = stream_from_start,
    .watermark = BEAM_WATERMARK_MANUAL, .initial_watermark = at_zero, .unbounded = true,
};
static const beam_dofn stream_fn = { .name = "model.stream", .in = BEAM_BYTES,
                                     .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                     .process = stream, .sdf = &stream_sdf };

/* -- one piece ------------------------------------------------------------------------- */

static beam_value to_do(beam_ctx *c, beam_value in)
{
    (void)c, (void)in;
    return beam_bool(false);
}
static beam_status once(beam_ctx *c, beam_value in)
{
    return beam_claim(c, beam_bool(true)) ? beam_emit(c, in) : BEAM_OK;
}
static const beam_sdf once_sdf = { .tracker = &beam_unsplittable_tracker, .initial = to_do };
static const beam_dofn once_fn = { .name = "model.once", .in = BEAM_INT64, .out = BEAM_INT64,
                                   .process = once, .sdf = &once_sdf };

static const beam_dofn *const dofns[] = { &count_fn,   &parts_fn, &two_fn,
                                          &seconds_fn, &spell_fn, &once_fn, &stream_fn };

/* -- tests --------------------------------------------------------------------------------- */

static const int64_t sizes[] = { 0, 2, 7 };

static beam_pcoll *with_fn(beam_pipeline *p, const beam_dofn *fn)
{
    return as_text(beam_par_do(create_ints(p, "Sizes", sizes, 3), "Count", fn), "Text");
}
static beam_pcoll *whole(beam_pipeline *p)
{
    return with_fn(p, &count_fn);
}
static beam_pcoll *split(beam_pipeline *p)
{
    return with_fn(p, &parts_fn);
}
static beam_pcoll *checkpointing(beam_pipeline *p)
{
    return with_fn(p, &two_fn);
}
static beam_pcoll *unsplittable(beam_pipeline *p)
{
    return with_fn(p, &once_fn);
}
static beam_pcoll *windows(beam_pipeline *p)
{
    static const char *const keys[] = { "a" };
    static const int64_t seconds[] = { 3 };
    beam_pcoll *in = beam_window_into(create_timed(p, "Timed", keys, seconds, 1), "Sliding",
                                      beam_sliding(beam_seconds(4), beam_seconds(2)));
    return with_window(beam_par_do(in, "Seconds", &seconds_fn), "Windowed");
}
static beam_pcoll *own_tracker(beam_pipeline *p)
{
    static const char *const texts[] = { "", "x", "spell" };
    return beam_par_do(beam_create_strings(p, "Texts", texts, 3), "Spell", &spell_fn);
}

/* For the file, which is written once all is there. */
static beam_pcoll *at_end(beam_pcoll *in)
{
    return beam_window_into(in, "AtEnd", beam_global(),
                            .trigger = BEAM_AFTER_END_OF_WINDOW(NULL, NULL));
}
static beam_pcoll *unbounded(beam_pipeline *p)
{
    beam_pcoll *in = beam_par_do(beam_impulse(p, "Impulse"), "Stream", &stream_fn);
    return at_end(as_text(in, "Text"));
}
static beam_pcoll *watermark(beam_pipeline *p)
{
    beam_pcoll *in = beam_par_do(beam_impulse(p, "Impulse"), "Stream", &stream_fn);
    in = beam_window_into(in, "Windows", beam_fixed(beam_seconds(4)));
    in = beam_combine_per_key(in, "Sum", &beam_sum_int64);
    return at_end(with_window(in, "Windowed"));
}
static beam_pcoll *same_input(beam_pipeline *p)
{
    beam_pcoll *in = create_ints(p, "Sizes", sizes, 2);
    beam_pcoll *all[] = { as_text(beam_par_do(in, "Count", &count_fn), "Counted"),
                          as_text(beam_par_do(in, "Once", &once_fn), "Seen"),
                          as_text(beam_par_do(in, "Parts", &parts_fn), "Parted") };
    return beam_flatten(p, "All", all, 3);
}
static beam_pcoll *periodic(beam_pipeline *p)
{
    beam_pcoll *in = beam_periodic_impulse(p, "Ticks", beam_seconds(10), beam_seconds(18),
                                           beam_seconds(2));
    in = beam_window_into(in, "Windows", beam_fixed(beam_seconds(4)));
    return at_end(with_window(beam_count_per_element(in, "Count"), "Windowed"));
}

#define COUNTED "200\n201\n700\n701\n702\n703\n704\n705\n706\n"

static const model_test tests[] = {
    { "Sdf", whole, COUNTED },
    { "SdfInitialSplit", split, COUNTED },
    { "SdfInitiatedCheckpointing", checkpointing, COUNTED },
    { "SdfUnsplittable", unsplittable, "0\n2\n7\n" },
    { "SdfWindows", windows,
      "[0,4) a: 0\n[0,4) a: 1\n[0,4) a: 2\n[0,4) a: 3\n"
      "[2,6) a: 2\n[2,6) a: 3\n[2,6) a: 4\n[2,6) a: 5\n" },
    { "SdfOwnTracker", own_tracker, "e\nl\nl\np\ns\nx\n", false },
    { "SdfsOfOneInput", same_input, "0\n2\n200\n200\n201\n201\n", false },
    { "SdfUnbounded", unbounded,
      "a: 0\na: 2\na: 4\na: 6\na: 8\nb: 1\nb: 3\nb: 5\nb: 7\nb: 9\n", true },
    { "SdfWatermark", watermark,
      "[0,4) a: 2\n[0,4) b: 4\n[4,8) a: 10\n[4,8) b: 12\n[8,12) a: 8\n[8,12) b: 9\n",
      true },
    { "PeriodicImpulse", periodic,
      "[12,16) 1: 1\n[12,16) 2: 1\n[16,20) 3: 1\n[8,12) 0: 1\n", true },
};

const model_suite splittable_suite = { tests, BEAM_COUNT(tests), dofns, BEAM_COUNT(dofns),
                                       NULL, 0 };
