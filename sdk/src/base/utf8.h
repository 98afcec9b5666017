/* SPDX-License-Identifier: Apache-2.0 */
/* base/utf8.h - what is UTF-8, and texts made so: strings of messages must be. Any thread. */
#ifndef BM_UTF8_H
#define BM_UTF8_H

#include <stddef.h>

/* Bytes of the character that the text begins with, of which there are `left` > 0; 0: it is
 * none, or cut. */
size_t bm_utf8_length(const char *text, size_t left);
/* In place: each byte that belongs to no character becomes '?'. */
void bm_utf8_mend(char *text);

#endif
