/* SPDX-License-Identifier: Apache-2.0 */
/* caller.h - how the engine makes calls: by beam/rpc.h and beam/http.h. */
#ifndef BM_CALLER_H
#define BM_CALLER_H

#include "exec/plan.h"

extern const bm_callers bm_callers_all;

#endif
