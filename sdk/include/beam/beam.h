/* SPDX-License-Identifier: Apache-2.0 */
/* beam/beam.h - everything that a pipeline program needs. */
#ifndef BEAM_BEAM_H
#define BEAM_BEAM_H

#include "beam/coder.h"
#include "beam/dofn.h"
#include "beam/http.h"
#include "beam/kafka.h"
#include "beam/pipeline.h"
#include "beam/program.h"
#include "beam/row.h"
#include "beam/rpc.h"
#include "beam/splittable.h"
#include "beam/status.h"
#include "beam/text.h"
#include "beam/value.h"

#endif
