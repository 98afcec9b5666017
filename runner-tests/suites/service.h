/* SPDX-License-Identifier: Apache-2.0 */
/* service.h - the runners that tests can be run on, started for the time of the tests. */
#ifndef SERVICE_H
#define SERVICE_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct runner_kind {
    const char *name; /* --runner */
    bool streaming;
    enum { RUNNER_FLINK, RUNNER_PRISM, RUNNER_LOCAL } what;
} runner_kind;

/* NULL: there is none of that name. */
const runner_kind *find_runner(const char *name);

typedef struct service {
    pid_t pid;
    char endpoint[64]; /* "": none is needed */
} service;

/* Starts it in a process of its own; false after saying why not on stderr. `prism` is the
 * program's path, NULL: where scripts/get-prism puts it. */
bool start_service(const runner_kind *kind, const char *prism, service *out);
void stop_service(service *s);

#endif
