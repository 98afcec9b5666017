/* SPDX-License-Identifier: Apache-2.0 */
/* A job's metrics, for people and as a file. The main thread. */
#include "program/summary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "job/metrics.h"

static bool can_write(const char *path)
{
    struct stat found;
    bool is_there = !stat(path, &found);
    if (is_there && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode))
        return !access(path, W_OK); /* opening a pipe would wait for its reader */
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return false;
    close(fd);
    if (!is_there) unlink(path);
    return true;
}

beam_status bm_metrics_file_check(const bm_standard *standard, beam_error *err)
{
    const char *path = standard->metrics_json;
    if (!path || can_write(path)) return BEAM_OK;
    return bm_error(err, BEAM_EUSAGE, "--metrics_json: '%s' cannot be written: %s", path,
                    strerror(errno));
}

beam_status bm_show_metrics(const bm_standard *standard, const bm_log *log, bm_arena *arena,
                            beam_span response)
{
    bm_metrics metrics = bm_metrics_parse(arena, response);
    bm_writer text = { 0 };
    bm_metrics_print(metrics, &text);
    if (text.len) fwrite(text.data, 1, text.len, stderr);
    bm_writer_free(&text);
    beam_error err;
    if (!standard->metrics_json) return BEAM_OK;
    beam_status status = bm_metrics_save(metrics, standard->metrics_json, &err);
    if (status) bm_log_write(log, BEAM_LOG_ERROR, "%s", err.message);
    return status;
}
