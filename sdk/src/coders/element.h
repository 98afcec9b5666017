/* SPDX-License-Identifier: Apache-2.0 */
/* coders/element.h - an element: a value with its timestamp, windows and pane, and the
 * coders for it (windowed_value, param_windowed_value) and for timers. */
#ifndef BM_ELEMENT_H
#define BM_ELEMENT_H

#include "coders/coder.h"

/* Immutable, shared by pointer between elements. */
typedef struct bm_windows {
    size_t n;
    beam_window at[];
} bm_windows;

typedef struct bm_element {
    beam_value value;
    beam_millis timestamp;
    const bm_windows *windows;
    const beam_pane *pane;
} bm_element;

extern const bm_windows bm_global_windows; /* the global window alone */
extern const beam_pane bm_no_firing;       /* PaneInfo.NO_FIRING */
enum { BM_NO_FIRING_BYTE = 0x0f };         /* the same encoded: first, last, UNKNOWN */

static inline bool bm_window_is_global(const beam_window *w)
{
    return w->start == BEAM_MIN_TIMESTAMP && w->end == BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP + 1
           && !w->custom.ptr;
}
/* What is in beam_pane.metadata, as far as it can be read. */
beam_metadata bm_metadata_decode(beam_span bytes);
bool bm_window_same_bytes(const beam_window *a, const beam_window *b);
static inline bool bm_window_equal(const beam_window *a, const beam_window *b)
{
    if (a == b) return true;
    if (a->start != b->start || a->end != b->end) return false;
    return (!a->custom.ptr && !b->custom.ptr) || bm_window_same_bytes(a, b);
}

enum { BM_HEADER_WORDS = 3 };

/* What lies between an element's timestamp and its value. */
typedef struct bm_header {
    beam_span bytes;
    const bm_windows *windows;
    const beam_pane *pane;
    /* The bytes once more, if they are few enough to be compared in words; 0: they are not. */
    size_t n_words;
    uint64_t words[BM_HEADER_WORDS], masks[BM_HEADER_WORDS];
} bm_header;

/* Streams of windowed values: remembers headers, so that elements which share windows and
 * pane share one decoded copy. One per stream; one thread at a time. */
typedef struct bm_element_decoder {
    const bm_coder *coder; /* WINDOWED_VALUE or PARAM_WINDOWED_VALUE */
    bm_arena header_arena; /* windows and panes; freed with the decoder */
    bm_map headers;        /* by their bytes */
    const bm_header *last; /* of the element before; at first, what is expected of elements */
} bm_element_decoder;

void bm_element_decoder_init(bm_element_decoder *decoder, const bm_coder *coder);
void bm_element_decoder_free(bm_element_decoder *decoder);
/* Forgets windows and panes; to be called between bundles. */
void bm_element_decoder_reset(bm_element_decoder *decoder);
/* Decodes the next element. Windows and panes live until reset, the value as bm_decode
 * says. No firing is bm_no_firing, and the global window alone bm_global_windows. */
beam_status bm_element_decode(bm_element_decoder *decoder, bm_reader *in,
                              const bm_decoding *decoding, bm_element *out);
beam_status bm_element_encode(const bm_coder *coder, const bm_element *element,
                              bm_writer *out);

/* Copies the element and all it points to (windows and pane included) into the arena. For
 * a value that may hold a STRUCT see bm_value_copy. */
beam_status bm_element_copy(bm_arena *arena, const bm_element *element, bm_element *out);

beam_status bm_window_encode(const bm_coder *window_coder, const beam_window *window,
                             bm_writer *out);
beam_status bm_window_decode(const bm_coder *window_coder, bm_reader *in, bm_arena *arena,
                             beam_window *out);

/* beam:coder:timer:v1. */
typedef struct bm_timer {
    beam_value key;
    beam_span tag; /* dynamic timer tag */
    const bm_windows *windows;
    bool clear; /* then the rest is not there */
    beam_millis fire, hold;
    const beam_pane *pane;
} bm_timer;

beam_status bm_timer_encode(const bm_coder *coder, const bm_timer *timer, bm_writer *out);
beam_status bm_timer_decode(const bm_coder *coder, bm_reader *in, bm_arena *arena,
                            bm_timer *out);

#endif
