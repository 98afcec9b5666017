/* SPDX-License-Identifier: Apache-2.0 */
/* elements.h - reading and writing Elements of beam_fn_api.proto by hand, so that payloads
 * are never copied: a received one is handed on as pieces of the slices it arrived in, a
 * sent one goes out as the slices it was written to. */
#ifndef BM_ELEMENTS_H
#define BM_ELEMENTS_H

#include "base/writer.h"
#include "rpc/rpc.h"

/* -- reading: one thread per reader ------------------------------------------- */

/* A run of payload bytes inside `slice` (NULL: inside the bytes given to the reader). */
typedef struct bm_piece {
    bm_slice *slice; /* borrowed from the message */
    beam_span bytes;
} bm_piece;

/* One Elements.Data or Elements.Timers. The spans and pieces live until the next entry,
 * and no longer than the message. */
typedef struct bm_entry {
    beam_span instruction_id, transform_id;
    beam_span timer_family_id; /* .ptr NULL: Data */
    const bm_piece *pieces;
    size_t n_pieces;
    bool is_last;
} bm_entry;

typedef struct bm_elements_reader {
    const bm_message *message; /* NULL: one run of bytes */
    size_t next_slice;
    bm_slice *slice;
    const char *at, *end; /* in the current slice */
    size_t left;          /* bytes up to the end of the message */
    bm_piece *pieces;
    size_t n_pieces, cap_pieces;
    bm_arena scratch; /* ids that span slices */
} bm_elements_reader;

void bm_elements_reader_init(bm_elements_reader *reader);
void bm_elements_reader_free(bm_elements_reader *reader);
void bm_elements_reader_message(bm_elements_reader *reader, const bm_message *message);
void bm_elements_reader_bytes(bm_elements_reader *reader, beam_span bytes);
/* The next entry; BEAM_ESHORT at the end of the message, BEAM_ECODER for bytes that are not
 * Elements. */
beam_status bm_elements_next(bm_elements_reader *reader, bm_entry *out);

/* -- writing: one thread per gather ------------------------------------------- */

/* A message under construction: small parts are collected in `head`, large ones become
 * slices of their own. Zeroed is empty. */
typedef struct bm_gather {
    bm_message *message;
    bm_writer head;
} bm_gather;

/* Appends; takes over the reference. */
void bm_gather_slice(bm_gather *gather, bm_slice *slice);
/* The message, never NULL; the gather is empty again. */
bm_message *bm_gather_take(bm_gather *gather);

/* Whose data or timers an entry has. */
typedef struct bm_address {
    beam_span instruction_id, transform_id;
    beam_span timer_family_id; /* .ptr NULL: Data */
} bm_address;

/* Bytes that the entry takes in Elements, its tag included. */
size_t bm_entry_size(const bm_address *of, size_t payload, bool is_last);
/* Writes all of an Elements.Data or Elements.Timers but its payload, which must follow as
 * exactly `payload` bytes. */
void bm_entry_write(bm_writer *out, const bm_address *of, size_t payload, bool is_last);

#endif
