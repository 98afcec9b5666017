/* SPDX-License-Identifier: Apache-2.0 */
/* Trackers of offsets, [from, to), and of one indivisible piece of work. On the bundle
 * thread or a splitting one, never two at a time. */
#include "beam/splittable.h"

/* -- restrictions ----------------------------------------------------------------------- */
int64_t beam_offset_from(beam_value restriction)
{
    return beam_as_int64(beam_key(restriction));
}

int64_t beam_offset_to(beam_value restriction)
{
    return beam_as_int64(beam_val(restriction));
}

beam_value beam_offsets(beam_ctx *c, int64_t from, int64_t to)
{
    beam_value *pair = beam_alloc(c, 2 * sizeof *pair);
    pair[0] = beam_int64(from);
    pair[1] = beam_int64(to);
    return beam_kv(pair);
}

/* -- offsets ---------------------------------------------------------------------------- */
typedef struct offsets {
    int64_t from, to;
    int64_t tried; /* the last position that was claimed, or refused */
    bool has_tried;
} offsets;

static beam_status start(beam_ctx *c, void *self, beam_value restriction)
{
    offsets *o = self;
    o->from = beam_offset_from(restriction);
    o->to = beam_offset_to(restriction);
    if (o->from <= o->to) return BEAM_OK;
    return beam_fail(c, BEAM_EINVAL, "the restriction [%lld, %lld) ends before it begins",
                     (long long)o->from, (long long)o->to);
}

static bool refuse_order(beam_ctx *c, const offsets *o, int64_t at)
{
    if (o->has_tried)
        beam_fail(c, BEAM_EINVAL, "offset %lld was claimed after %lld: claim offsets in "
                  "rising order", (long long)at, (long long)o->tried);
    else
        beam_fail(c, BEAM_EINVAL, "offset %lld was claimed, which is before its restriction "
                  "[%lld, %lld)", (long long)at, (long long)o->from, (long long)o->to);
    return false;
}

static bool claim(beam_ctx *c, void *self, beam_value position)
{
    offsets *o = self;
    int64_t at = beam_as_int64(position);
    if (o->has_tried ? at <= o->tried : at < o->from) return refuse_order(c, o, at);
    o->tried = at;
    o->has_tried = true;
    return at < o->to;
}

static beam_status check_done(beam_ctx *c, const void *self)
{
    const offsets *o = self;
    if (o->from == o->to || (o->has_tried && o->tried >= o->to - 1)) return BEAM_OK;
    if (!o->has_tried)
        return beam_fail(c, BEAM_ESTATE, "process() returned without a claim in [%lld, %lld): "
                         "go on until a claim is refused, or call beam_resume_later()",
                         (long long)o->from, (long long)o->to);
    return beam_fail(c, BEAM_ESTATE, "process() returned after its claim of %lld, but its "
                     "restriction is [%lld, %lld): go on until a claim is refused, or call "
                     "beam_resume_later()",
                     (long long)o->tried, (long long)o->from, (long long)o->to);
}

/* Of a distance that may not fit into 64 bits. */
static double distance(int64_t from, int64_t to)
{
    return (double)to - (double)from;
}

/* The first offset that is given away when what lies between the current one and `end` is
 * divided; at or after `end`: none is. */
static int64_t split_point(const offsets *o, int64_t end, double fraction)
{
    if (o->has_tried && o->tried >= end) return end;
    int64_t next = o->has_tried ? o->tried + 1 : o->from;
    double keep = (distance(next, end) + 1) * fraction - 1;
    if (!(keep > 0)) return next;
    if (keep >= distance(next, end)) return end;
    uint64_t at = (uint64_t)next + (uint64_t)keep;
    return (int64_t)at < end ? (int64_t)at : end;
}

static void split_at(beam_ctx *c, offsets *o, int64_t at, beam_value *primary,
                     beam_value *residual)
{
    *primary = beam_offsets(c, o->from, at);
    *residual = beam_offsets(c, at, o->to);
    o->to = at;
}

static bool split(beam_ctx *c, void *self, double fraction, beam_value *primary,
                  beam_value *residual)
{
    offsets *o = self;
    int64_t at = split_point(o, o->to, fraction);
    if (at >= o->to) return false;
    split_at(c, o, at, primary, residual);
    return true;
}

/* The position under way counts as work to do. */
static beam_progress progress_to(const offsets *o, int64_t end)
{
    int64_t at = o->has_tried ? o->tried : o->from;
    if (end < o->from) end = o->from;
    if (at > end) at = end;
    return (beam_progress){ distance(o->from, at), distance(at, end) };
}

static beam_progress progress(beam_ctx *c, const void *self)
{
    (void)c;
    const offsets *o = self;
    return progress_to(o, o->to);
}

const beam_tracker beam_offset_tracker = {
    .name = "offsets",
    .restriction = BEAM_KV(BEAM_INT64, BEAM_INT64),
    .position = BEAM_INT64,
    .size = sizeof(offsets),
    .start = start,
    .claim = claim,
    .split = split,
    .check_done = check_done,
    .progress = progress,
};

/* -- offsets without a known end ---------------------------------------------------------- */
/* The end as it is known now; at least one offset is still to come. */
static int64_t estimated_end(beam_ctx *c, const offsets *o)
{
    int64_t next = o->has_tried && o->tried < INT64_MAX ? o->tried + 1 : o->from;
    int64_t end = beam_estimate_end(c);
    return end > next ? end : next;
}

static bool is_growable(const offsets *o)
{
    return o->to == INT64_MAX && o->from != INT64_MAX;
}

static bool growable_split(beam_ctx *c, void *self, double fraction, beam_value *primary,
                           beam_value *residual)
{
    offsets *o = self;
    if (!is_growable(o)) return split(c, self, fraction, primary, residual);
    if (o->has_tried && o->tried == INT64_MAX) return false;
    int64_t at = split_point(o, estimated_end(c, o), fraction);
    if (at >= o->to) return false;
    split_at(c, o, at, primary, residual);
    return true;
}

static beam_progress growable_progress(beam_ctx *c, const void *self)
{
    const offsets *o = self;
    return progress_to(o, is_growable(o) ? estimated_end(c, o) : o->to);
}

const beam_tracker beam_growable_offset_tracker = {
    .name = "growable offsets",
    .restriction = BEAM_KV(BEAM_INT64, BEAM_INT64),
    .position = BEAM_INT64,
    .size = sizeof(offsets),
    .start = start,
    .claim = claim,
    .split = growable_split,
    .check_done = check_done,
    .progress = growable_progress,
};

/* -- one piece ---------------------------------------------------------------------------- */
static beam_status piece_start(beam_ctx *c, void *self, beam_value restriction)
{
    (void)c;
    *(bool *)self = beam_as_bool(restriction);
    return BEAM_OK;
}

static bool piece_claim(beam_ctx *c, void *self, beam_value position)
{
    (void)c, (void)position;
    bool *done = self;
    if (*done) return false;
    *done = true;
    return true;
}

static beam_status piece_check_done(beam_ctx *c, const void *self)
{
    if (*(const bool *)self) return BEAM_OK;
    return beam_fail(c, BEAM_ESTATE, "process() returned without a claim: claim "
                     "beam_bool(true), or call beam_resume_later()");
}

static beam_progress piece_progress(beam_ctx *c, const void *self)
{
    (void)c;
    double done = *(const bool *)self;
    return (beam_progress){ done, 1 - done };
}

const beam_tracker beam_unsplittable_tracker = {
    .name = "unsplittable",
    .restriction = BEAM_BOOL,
    .position = BEAM_BOOL,
    .size = sizeof(bool),
    .start = piece_start,
    .claim = piece_claim,
    .check_done = piece_check_done,
    .progress = piece_progress,
};
