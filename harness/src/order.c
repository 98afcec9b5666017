/* SPDX-License-Identifier: Apache-2.0 */
/* An instruction on its way to its response. Any thread, one at a time. */
#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"
#include "pb.h"
#include "worker.h"

bm_order *bm_order_new(beam_harness *worker, const pb_InstructionRequest *request,
                       upb_Arena *pb, bm_message *message)
{
    bm_order *order = upb_Arena_Malloc(pb, sizeof *order);
    *order = (bm_order){ .worker = worker, .request = request, .pb = pb, .message = message };
    order->id = bm_span_of_pb(pb_InstructionRequest_instruction_id(request));
    order->response = pb_InstructionResponse_new(pb);
    pb_InstructionResponse_set_instruction_id(order->response, bm_pb_span(order->id));
    return order;
}

void bm_order_fail(const bm_order *order, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    char *copy = upb_Arena_Malloc(order->pb, len + 1);
    memcpy(copy, text, len + 1);
    bm_utf8_mend(copy);
    pb_InstructionResponse_set_error(order->response,
                                     upb_StringView_FromDataAndSize(copy, len));
}

void bm_order_respond(const bm_order *order)
{
    size_t n;
    const char *bytes = pb_InstructionResponse_serialize(order->response, order->pb, &n);
    bm_stream_write(order->worker->control, bm_pb_message(bytes, n));
}

void bm_order_free(bm_order *order)
{
    bm_message_free(order->message);
    upb_Arena_Free(order->pb); /* the order is in it */
}
