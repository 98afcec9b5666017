/* SPDX-License-Identifier: Apache-2.0 */
/* program/environment.h - where workers run, as --environment_type and --environment_config
 * say it. The main thread. */
#ifndef BM_PROGRAM_ENVIRONMENT_H
#define BM_PROGRAM_ENVIRONMENT_H

#include "program/standard.h"
#include "proto/to_proto.h"

/* PROCESS, EXTERNAL or DOCKER. config: a JSON object {"command":..., "env":{...}} or a path
 * (PROCESS; NULL: this very binary), host:port (EXTERNAL), an image (DOCKER). `flag` names
 * the flag in messages. */
beam_status bm_environment_parse(bm_arena *arena, const char *type, const char *config,
                                 const char *flag, bm_environment *out, beam_error *err);

#endif
