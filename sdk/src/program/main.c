/* SPDX-License-Identifier: Apache-2.0 */
/* beam_main: reads the command line and chooses what this process is. */
#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "program/modes.h"
#include "transforms/transforms.h"

#ifndef BEAM_VERSION
#define BEAM_VERSION "0.1.0"
#endif

int bm_report(const bm_invocation *in, const beam_error *err)
{
    fprintf(stderr, "%s: %s\n", in->program->name, err->message);
    if (err->status == BEAM_EUSAGE)
        fprintf(stderr, "%s: --help lists the flags\n", in->program->name);
    return err->status == BEAM_EUSAGE       ? BM_EXIT_USAGE
           : err->status == BEAM_ECANCELLED ? BM_EXIT_CANCELLED
                                            : BM_EXIT_FAILED;
}

int bm_show(const bm_invocation *in, const bm_writer *text)
{
    if (fwrite(text->data, 1, text->len, stdout) == text->len && !fflush(stdout))
        return BM_EXIT_DONE;
    fprintf(stderr, "%s: cannot write to stdout: %s\n", in->program->name,
            strerror(errno));
    return BM_EXIT_FAILED;
}

int bm_show_line(const bm_invocation *in, const char *line)
{
    bm_writer text = { 0 };
    bm_write_bytes(&text, line, strlen(line));
    bm_write_u8(&text, '\n');
    int status = bm_show(in, &text);
    bm_writer_free(&text);
    return status;
}

static int show_help(const bm_invocation *in)
{
    bm_writer text = { 0 };
    bm_flags_help(in->flags, in->program->name, in->program->summary, &text);
    int status = bm_show(in, &text);
    bm_writer_free(&text);
    return status;
}

static int show_version(const bm_invocation *in)
{
    const char *version = in->program->version;
    return bm_show_line(in, bm_format(in->arena, "%s%s%s (beam-c " BEAM_VERSION ")",
                                      in->program->name, version ? " " : "",
                                      version ? version : ""));
}

static beam_status read_flags(const bm_invocation *in, bm_flags *flags,
                              bm_standard *standard, void *values, int argc, char **argv,
                              beam_error *err)
{
    const beam_program *program = in->program;
    if (program->flags.n && !program->flags_size)
        return bm_error(err, BEAM_EINVAL,
                        "the program has flags, but its flags_size is 0");
    BEAM_TRY(bm_flags_add(flags, "This program", program->flags.at, program->flags.n,
                          values, err));
    BEAM_TRY(bm_standard_add(flags, standard, err));
    BEAM_TRY(bm_flags_parse(flags, argc, argv, err));
    if (standard->help || standard->version) return BEAM_OK;
    return bm_standard_check(flags, standard, err);
}

static int choose(const bm_invocation *in)
{
    const bm_standard *s = in->standard;
    if (s->help) return show_help(in);
    if (s->version) return show_version(in);
    if (s->worker_pool) return bm_run_worker_pool(in);
    if (s->worker || s->provision_endpoint) return bm_run_worker(in);
    return bm_run_pipeline(in);
}

/* The program's DoFns and those of the ready-made transforms. */
static void add_transforms(bm_arena *arena, beam_program *program)
{
    size_t n = program->dofns.n;
    const beam_dofn **all = BM_NEW_ARRAY(arena, const beam_dofn *,
                                         n + bm_transform_dofns_count);
    if (n) memcpy(all, program->dofns.at, n * sizeof *all);
    memcpy(all + n, bm_transform_dofns, bm_transform_dofns_count * sizeof *all);
    program->dofns.at = all;
    program->dofns.n = n + bm_transform_dofns_count;
}

/* What is closed would be the number of some file or connection, which would get messages. */
static void fill_closed_streams(void)
{
    int fd;
    while ((fd = open("/dev/null", O_RDONLY)) >= 0 && fd <= STDERR_FILENO) continue;
    if (fd >= 0) close(fd);
}

/* glibc soon gives freed buffers back to the kernel, and each bundle would pay for the pages of
 * its buffers anew. Idle workers give them back (harness/src/threads.c). Who sets malloc up by
 * the environment keeps that. */
static void keep_freed_buffers(void)
{
#ifdef __GLIBC__
    enum { KEPT_BYTES = 3 << 20 };
    if (getenv("GLIBC_TUNABLES") || getenv("MALLOC_TRIM_THRESHOLD_") ||
        getenv("MALLOC_MMAP_THRESHOLD_"))
        return;
    mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
#endif
}

int beam_main(const beam_program *program, int argc, char **argv)
{
    fill_closed_streams();
    keep_freed_buffers();
    bm_arena arena;
    bm_arena_init(&arena, 0);
    beam_program whole = *program;
    add_transforms(&arena, &whole);
    bm_flags flags;
    bm_flags_init(&flags, &arena);
    bm_standard standard = { 0 };
    void *values = bm_calloc(&arena, program->flags_size + 1);
    bm_invocation in = { &whole, values, &flags, &standard, &arena };
    beam_error err;
    int status = read_flags(&in, &flags, &standard, values, argc, argv, &err)
                     ? bm_report(&in, &err)
                     : choose(&in);
    bm_flags_free(&flags);
    bm_arena_free(&arena);
    return status;
}
