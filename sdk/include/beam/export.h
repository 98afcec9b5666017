/* SPDX-License-Identifier: Apache-2.0 */
/* beam/export.h - what every other public header needs: fixed-width types, linkage. */
#ifndef BEAM_EXPORT_H
#define BEAM_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define BEAM_C_BEGIN extern "C" {
#define BEAM_C_END }
#else
#define BEAM_C_BEGIN
#define BEAM_C_END
#endif

#if defined(__GNUC__)
#define BEAM_API __attribute__((visibility("default")))
#define BEAM_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#else
#define BEAM_API
#define BEAM_PRINTF(format_at, args_at)
#endif

#define BEAM_COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* Initialises a {pointer, count} pair from a static array. */
#define BEAM_TABLE(array) { (array), BEAM_COUNT(array) }

#endif
