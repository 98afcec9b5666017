/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that a table by key and window cannot tell apart by their hash. */
#ifndef SAME_HASH_H
#define SAME_HASH_H

#include <stddef.h>

enum { SAME_HASH_BYTES = 16 };
/* n texts, their hashes equal in all bits. */
void same_hash_keys(char (*keys)[SAME_HASH_BYTES + 1], size_t n);

#endif
