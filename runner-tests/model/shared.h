/* SPDX-License-Identifier: Apache-2.0 */
/* shared.h - the DoFns of shared.c, for the program's table. */
#ifndef SHARED_H
#define SHARED_H

#include "model.h"

extern const beam_dofn value_seconds_fn, to_text_fn, windowed_text_fn;

#endif
