// SPDX-License-Identifier: Apache-2.0
// See absl_check.h.
#ifndef BEAM_ABSL_LOG_H
#define BEAM_ABSL_LOG_H

#include "absl/log/absl_check.h"

#define ABSL_LOG(severity) beam_absl_fatal().stream()

#endif
