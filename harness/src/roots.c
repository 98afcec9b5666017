/* SPDX-License-Identifier: Apache-2.0 */
/* Roots in responses. Any thread. */
#include "roots.h"

#include "google/protobuf/duration.upb.h"
#include "google/protobuf/timestamp.upb.h"
#include "model/beam_runner_api.upb.h"
#include "pb.h"

/* Milliseconds as seconds and nanoseconds, the latter never negative. */
static int64_t whole_seconds(int64_t ms, int32_t *nanos)
{
    int64_t rest = ms % 1000;
    if (rest < 0) rest += 1000;
    *nanos = (int32_t)rest * 1000000;
    return (ms - rest) / 1000;
}

static void write_watermark(const bm_output_watermark *watermark, pb_BundleApplication *out,
                            upb_Arena *pb)
{
    int32_t nanos;
    google_protobuf_Timestamp *at = google_protobuf_Timestamp_new(pb);
    google_protobuf_Timestamp_set_seconds(at, whole_seconds(watermark->watermark, &nanos));
    google_protobuf_Timestamp_set_nanos(at, nanos);
    pb_BundleApplication_output_watermarks_set(out, bm_pb_text(watermark->output), at, pb);
}

void bm_root_write(const bm_root *root, pb_BundleApplication *out, upb_Arena *pb)
{
    pb_BundleApplication_set_transform_id(out, bm_pb_text(root->transform_id));
    pb_BundleApplication_set_input_id(out, bm_pb_text(root->input_id));
    pb_BundleApplication_set_element(out, bm_pb_span(root->element));
    pb_BundleApplication_set_is_bounded(out, root->is_bounded ? pb_IsBounded_BOUNDED
                                                              : pb_IsBounded_UNBOUNDED);
    for (size_t i = 0; i < root->n_watermarks; i++)
        write_watermark(&root->watermarks[i], out, pb);
}

void bm_root_write_delayed(const bm_root *root, pb_DelayedBundleApplication *out,
                           upb_Arena *pb)
{
    bm_root_write(root, pb_DelayedBundleApplication_mutable_application(out, pb), pb);
    if (root->delay_ms <= 0) return;
    int32_t nanos;
    google_protobuf_Duration *delay =
        pb_DelayedBundleApplication_mutable_requested_time_delay(out, pb);
    google_protobuf_Duration_set_seconds(delay, whole_seconds(root->delay_ms, &nanos));
    google_protobuf_Duration_set_nanos(delay, nanos);
}
