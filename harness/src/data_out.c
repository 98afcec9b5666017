/* SPDX-License-Identifier: Apache-2.0 */
/* Outgoing data: a buffer that a sink has filled becomes a slice of an Elements message,
 * behind a few bytes of header, and is not copied. Bundle threads. */
#include "data_out.h"

#include <stdio.h>

#include "pb.h"

enum {
    EMBED_BYTES = 1000000,         /* most that goes into a response */
    STREAM_BYTES = 512 * 1024, /* queued on a stream before writers wait */
    MOST_BYTES = INT32_MAX - 100 /* of data in a message that every reader takes */
};

static beam_status fail(const bm_outlet *outlet, const char *reason, beam_error *err)
{
    beam_span transform_id = outlet->address.transform_id;
    return bm_error(err, BEAM_ERPC, "Output of '%.*s' cannot be sent: %s.",
                    (int)transform_id.len, transform_id.ptr, reason);
}

static beam_status send(bm_outlet *outlet, bm_gather *gather, beam_error *err)
{
    char reason[256];
    bm_message *message = bm_gather_take(gather);
    bm_stream_wait_writable(outlet->link->stream, STREAM_BYTES);
    if (bm_stream_write(outlet->link->stream, message)) return BEAM_OK;
    if (bm_link_alive(outlet->link, reason)) /* it will know more soon */
        snprintf(reason, sizeof reason, "the stream to %.200s has ended", outlet->link->url);
    return fail(outlet, reason, err);
}

beam_status bm_outbox_reached(const bm_outbox *box, beam_error *err)
{
    char reason[256];
    for (size_t i = 0; !box->may_embed && i < box->n; i++)
        if (!bm_link_reached(box->outlets[i].link, reason))
            return fail(&box->outlets[i], reason, err);
    return BEAM_OK;
}

/* Sends what is held, the end marker after it when the sink has ended. Data and end marker
 * are two entries: some readers drop the bytes of an entry that ends its stream. */
static beam_status flush(bm_outbox *box, bm_outlet *outlet, beam_error *err)
{
    bm_gather gather = { 0 };
    if (outlet->held) {
        box->held_bytes -= bm_slice_span(outlet->held).len;
        bm_entry_write(&gather.head, &outlet->address, bm_slice_span(outlet->held).len,
                       false);
        bm_gather_slice(&gather, outlet->held);
        outlet->held = NULL;
    }
    if (outlet->ended) bm_entry_write(&gather.head, &outlet->address, 0, true);
    return send(outlet, &gather, err);
}

/* Data of any outlet on a stream: nothing can be embedded any more. */
static beam_status stop_holding(bm_outbox *box, beam_error *err)
{
    if (!box->may_embed) return BEAM_OK;
    box->may_embed = false;
    for (size_t i = 0; i < box->n; i++) {
        bm_outlet *outlet = &box->outlets[i];
        if (outlet->held || outlet->ended) BEAM_TRY(flush(box, outlet, err));
    }
    return BEAM_OK;
}

beam_status bm_outbox_write(bm_outbox *box, size_t number, bm_writer *data, bool last,
                            beam_error *err)
{
    bm_outlet *outlet = &box->outlets[number];
    beam_span transform_id = outlet->address.transform_id;
    if (data->len > MOST_BYTES)
        return bm_error(err, BEAM_EINVAL,
                        "Output of '%.*s' has an element of about %zu bytes, and no message "
                        "may have more than %d: make it several.", (int)transform_id.len,
                        transform_id.ptr, data->len, MOST_BYTES);
    bool fits = box->may_embed && !outlet->held && box->held_bytes + data->len <= EMBED_BYTES;
    if (!fits) BEAM_TRY(stop_holding(box, err));
    if (data->len) {
        size_t n;
        uint8_t *bytes = bm_writer_take(data, &n);
        outlet->held = bm_slice_take(bytes, n);
        box->held_bytes += n;
    }
    outlet->ended = last;
    if (box->may_embed && last) return BEAM_OK;
    if (box->may_embed) return stop_holding(box, err); /* more will come: it is not small */
    return outlet->held || last ? flush(box, outlet, err) : BEAM_OK;
}

static void embed_data(pb_Elements *elements, const bm_address *address, beam_span data,
                       bool is_last, upb_Arena *pb)
{
    pb_Elements_Data *entry = pb_Elements_add_data(elements, pb);
    pb_Elements_Data_set_instruction_id(entry, bm_pb_span(address->instruction_id));
    pb_Elements_Data_set_transform_id(entry, bm_pb_span(address->transform_id));
    pb_Elements_Data_set_data(entry, bm_pb_span(data));
    pb_Elements_Data_set_is_last(entry, is_last);
}

static void embed_timers(pb_Elements *elements, const bm_address *address, beam_span timers,
                         bool is_last, upb_Arena *pb)
{
    pb_Elements_Timers *entry = pb_Elements_add_timers(elements, pb);
    pb_Elements_Timers_set_instruction_id(entry, bm_pb_span(address->instruction_id));
    pb_Elements_Timers_set_transform_id(entry, bm_pb_span(address->transform_id));
    pb_Elements_Timers_set_timer_family_id(entry, bm_pb_span(address->timer_family_id));
    pb_Elements_Timers_set_timers(entry, bm_pb_span(timers));
    pb_Elements_Timers_set_is_last(entry, is_last);
}

bool bm_outbox_embed(const bm_outbox *box, pb_ProcessBundleResponse *response, upb_Arena *pb)
{
    /* Flink fails on elements in the answer of a stage that has no outputs. */
    if (!box->may_embed || !box->n) return false;
    pb_Elements *elements = pb_ProcessBundleResponse_mutable_elements(response, pb);
    for (size_t i = 0; i < box->n; i++) {
        const bm_outlet *outlet = &box->outlets[i];
        const bm_address *address = &outlet->address;
        void (*embed)(pb_Elements *, const bm_address *, beam_span, bool, upb_Arena *) =
            address->timer_family_id.ptr ? embed_timers : embed_data;
        if (outlet->held)
            embed(elements, address, bm_slice_span(outlet->held), false, pb);
        embed(elements, address, (beam_span){ "", 0 }, true, pb);
    }
    return true;
}

void bm_outbox_free(bm_outbox *box)
{
    for (size_t i = 0; i < box->n; i++) bm_slice_unref(box->outlets[i].held);
}
