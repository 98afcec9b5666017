/* SPDX-License-Identifier: Apache-2.0 */
/* Elements: a bundle's input goes out, its output comes in. The messages are written and
 * read by hand, since their payload is most of what there is. Runner's thread. */
#include "local/local_impl.h"

enum { DATA_SIZE = 1 << 20 };

/* Field numbers of Elements and of what is in it. */
enum { ELEMENTS_DATA = 1, ELEMENTS_TIMERS = 2 };
enum { INSTRUCTION = 1, TRANSFORM = 2 };
enum { DATA_BYTES = 3, DATA_LAST = 4 };
enum { TIMERS_FAMILY = 3, TIMERS_BYTES = 4, TIMERS_LAST = 5 };

/* -- writing ------------------------------------------------------------------------------- */
static void put_bytes(bm_writer *out, unsigned field, beam_span bytes)
{
    if (!bytes.len) return;
    bm_write_varint(out, field << 3 | 2);
    bm_write_prefixed(out, bytes);
}

static void put_true(bm_writer *out, unsigned field)
{
    bm_write_varint(out, field << 3);
    bm_write_u8(out, 1);
}

typedef struct port {
    const char *transform, *family; /* family: of timers, else NULL */
} port;

static void put_part(bm_writer *out, const char *bundle, port to, beam_span bytes,
                     bool last)
{
    bm_writer part = { 0 };
    put_bytes(&part, INSTRUCTION, beam_span_of(bundle));
    put_bytes(&part, TRANSFORM, beam_span_of(to.transform));
    if (to.family) put_bytes(&part, TIMERS_FAMILY, beam_span_of(to.family));
    put_bytes(&part, to.family ? TIMERS_BYTES : DATA_BYTES, bytes);
    if (last) put_true(&part, to.family ? TIMERS_LAST : DATA_LAST);
    put_bytes(out, to.family ? ELEMENTS_TIMERS : ELEMENTS_DATA, bm_written(&part));
    bm_writer_free(&part);
}

/* -- sending --------------------------------------------------------------------------------- */
static void send_message(bm_local *l, bm_writer *message)
{
    size_t n;
    uint8_t *bytes = bm_writer_take(message, &n);
    bm_message *m = bm_message_new();
    bm_message_add(m, bm_slice_take(bytes, n));
    if (l->live[BM_LOCAL_DATA])
        bm_stream_write(l->live[BM_LOCAL_DATA]->stream, m);
    else
        bm_list_add(&l->arena, &l->unsent, m);
}

static void send_part(bm_local *l, const bm_bundle *b, port to, beam_span bytes,
                      bool last)
{
    bm_writer message = { 0 };
    put_part(&message, b->id, to, bytes, last);
    send_message(l, &message);
}

static void write_input(const bm_bundle *b, bm_writer *out)
{
    for (const bm_item *i = b->input.first; i; i = i->next)
        bm_write_bytes(out, i->bytes, i->n);
}

static void write_timers(const bm_bundle *b, const bm_timer_family *family,
                         bm_writer *out)
{
    for (const bm_user_timer *t = b->timers; t; t = t->next)
        if (t->family->index == family->index) bm_write_bytes(out, t->bytes, t->n_bytes);
}

/* In pieces, and where the port ends. */
static void send_all(bm_local *l, const bm_bundle *b, port to, beam_span bytes)
{
    size_t piece = l->faults.data_bytes ? l->faults.data_bytes : DATA_SIZE;
    while (bytes.len) {
        size_t n = bytes.len < piece ? bytes.len : piece;
        bool last = n == bytes.len && l->faults.last_with_data;
        send_part(l, b, to, (beam_span){ bytes.ptr, n }, last);
        if (last) return;
        bytes.ptr += n;
        bytes.len -= n;
    }
    send_part(l, b, to, bytes, true);
}

static void send_input(bm_local *l, const bm_bundle *b)
{
    bm_writer bytes = { 0 };
    write_input(b, &bytes);
    send_all(l, b, (port){ b->stage->source_id, NULL }, bm_written(&bytes));
    for (size_t i = 0; i < b->stage->n_families; i++) {
        const bm_timer_family *f = &b->stage->families[i];
        bytes.len = 0;
        write_timers(b, f, &bytes);
        send_all(l, b, (port){ f->transform_id, f->id }, bm_written(&bytes));
    }
    bm_writer_free(&bytes);
}

/* Input inside of the request: all of it or nothing. */
static Pb__Elements *embed_input(bm_bundle *b)
{
    bm_writer message = { 0 }, bytes = { 0 };
    write_input(b, &bytes);
    put_part(&message, b->id, (port){ b->stage->source_id, NULL }, bm_written(&bytes),
             true);
    for (size_t i = 0; i < b->stage->n_families; i++) {
        const bm_timer_family *f = &b->stage->families[i];
        bytes.len = 0;
        write_timers(b, f, &bytes);
        put_part(&message, b->id, (port){ f->transform_id, f->id }, bm_written(&bytes),
                 true);
    }
    Pb__Elements *elements = (Pb__Elements *)bm_pb_unpack(&b->arena,
                                                          &pb__elements__descriptor,
                                                          bm_written(&message),
                                                          BM_PB_MAX_DEPTH);
    bm_writer_free(&message);
    bm_writer_free(&bytes);
    return elements;
}

void bm_local_send_bundle(bm_local *l, bm_bundle *b)
{
    if (l->faults.embed_elements) {
        bm_local_send_process_bundle(l, b, embed_input(b));
        return;
    }
    if (l->faults.data_before_request) send_input(l, b);
    bm_local_send_process_bundle(l, b, NULL);
    if (!l->faults.data_before_request) send_input(l, b);
}

/* For a bundle that has ended. */
void bm_local_send_late_data(bm_local *l, const bm_bundle *b)
{
    if (l->live[BM_LOCAL_DATA])
        send_part(l, b, (port){ b->stage->source_id, NULL }, beam_span_of("late"), false);
}

/* -- receiving ---------------------------------------------------------------------------------- */
/* The fields of a Data or a Timers, by number. */
typedef struct part {
    beam_span spans[6];
    bool flags[6];
} part;

static beam_status read_part(bm_reader *in, part *out)
{
    *out = (part){ .spans = { { NULL, 0 } } };
    while (bm_left(in)) {
        uint64_t tag, number;
        beam_span span;
        BEAM_TRY(bm_read_varint(in, &tag));
        size_t field = (size_t)(tag >> 3);
        if ((tag & 7) == 0) {
            BEAM_TRY(bm_read_varint(in, &number));
            if (field < 6) out->flags[field] = number;
        } else if ((tag & 7) == 2) {
            BEAM_TRY(bm_read_prefixed(in, &span));
            if (field < 6) out->spans[field] = span;
        } else {
            return BEAM_ECODER;
        }
    }
    return BEAM_OK;
}

static beam_status read_elements(bm_local *l, bm_reader *in)
{
    while (bm_left(in)) {
        uint64_t tag;
        beam_span bytes;
        part p;
        BEAM_TRY(bm_read_varint(in, &tag));
        if ((tag & 7) != 2) return BEAM_ECODER;
        BEAM_TRY(bm_read_prefixed(in, &bytes));
        bm_reader inner = bm_reader_of(bytes);
        BEAM_TRY(read_part(&inner, &p));
        if (tag >> 3 == ELEMENTS_DATA)
            bm_local_bundle_take_data(l, p.spans[INSTRUCTION], p.spans[TRANSFORM],
                                      p.spans[DATA_BYTES], p.flags[DATA_LAST]);
        else if (tag >> 3 == ELEMENTS_TIMERS)
            bm_local_bundle_take_timers(l, p.spans[INSTRUCTION], p.spans[TRANSFORM],
                                        p.spans[TIMERS_FAMILY], p.spans[TIMERS_BYTES],
                                        p.flags[TIMERS_LAST]);
    }
    return BEAM_OK;
}

beam_status bm_local_take_elements(bm_local *l, beam_span message)
{
    bm_reader in = bm_reader_of(message);
    if (read_elements(l, &in))
        return bm_error(l->err, BEAM_ERPC, "the worker sent data that is not Elements");
    return bm_local_bundle_settle_all(l);
}

beam_status bm_local_take_embedded(bm_local *l, const Pb__Elements *elements)
{
    for (size_t i = 0; i < elements->n_data; i++) {
        const Pb__Elements__Data *d = elements->data[i];
        bm_local_bundle_take_data(l, beam_span_of(d->instruction_id),
                                  beam_span_of(d->transform_id), bm_pb_span(d->data),
                                  d->is_last);
    }
    for (size_t i = 0; i < elements->n_timers; i++) {
        const Pb__Elements__Timers *t = elements->timers[i];
        bm_local_bundle_take_timers(l, beam_span_of(t->instruction_id),
                                    beam_span_of(t->transform_id),
                                    beam_span_of(t->timer_family_id),
                                    bm_pb_span(t->timers), t->is_last);
    }
    return BEAM_OK;
}
