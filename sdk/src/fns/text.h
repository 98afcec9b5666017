/* SPDX-License-Identifier: Apache-2.0 */
/* fns/text.h - whole values as text, for tests. Any thread. */
#ifndef BM_TEXT_H
#define BM_TEXT_H

#include "coders/coder.h"

/* As beam_text(). `coder` is that of the value, or NULL where it is not known: structs are
 * then only called so. */
beam_span bm_text(bm_arena *arena, const bm_coder *coder, beam_value v, bool quoted);

#endif
