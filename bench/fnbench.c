/* SPDX-License-Identifier: Apache-2.0 */
/* fnbench - measures a Beam worker from the runner's side of the Fn API.
 *
 *     fnbench --submit='beam-bench-pipeline --job_endpoint={job} --environment_type=LOOPBACK' \
 *             --workload=identity
 *
 * Takes the pipeline that the command submits, cuts out the transforms of the workload,
 * feeds them bundle by bundle, checks what comes back, and prints a line per repetition. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "fnbench.h"

enum { CHUNK_BYTES = 1000000, MOST_PARALLEL = 1000 };
enum { STATUS_SKIPPED = 77 };

typedef struct options {
    const char *submit, *workload, *label, *tsv, *echo_worker;
    double seconds, warm_up;
    int reps, parallel;
    size_t bundle, element_bytes, keys, descriptors;
    bool one_key;
    runner_opts runner;
} options;

void fatal(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("fnbench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* -- a bundle's input ------------------------------------------------------------------------ */
static void put_header(bm_writer *out, int64_t time_ms)
{
    bm_write_be64(out, (uint64_t)time_ms ^ (uint64_t)1 << 63);
    bm_write_be32(out, 1); /* in the global window */
    bm_write_u8(out, 0x0f); /* no firing */
}

static void cut_chunk(bundle_input *input, bm_writer *bytes)
{
    if (!bytes->len) return;
    size_t n;
    input->bytes += bytes->len;
    uint8_t *data = bm_writer_take(bytes, &n);
    input->chunks = bm_xrealloc(input->chunks, (input->n_chunks + 1) * sizeof(bm_slice *));
    input->chunks[input->n_chunks++] = bm_slice_take(data, n);
}

static bundle_input make_input(const workload *w, const wire_coder *coder)
{
    bundle_input input = { .n = w->n };
    bm_writer bytes = { 0 };
    bm_arena arena;
    bm_arena_init(&arena, 0);
    for (size_t i = 0; i < w->n; i++) {
        put_header(&bytes, w->time_ms(i));
        wire_encode(coder, w->input(w, i, &arena), &bytes);
        bm_arena_reset(&arena);
        if (bytes.len >= CHUNK_BYTES) cut_chunk(&input, &bytes);
    }
    cut_chunk(&input, &bytes);
    bm_arena_free(&arena);
    return input;
}

static void free_input(bundle_input *input)
{
    for (size_t i = 0; i < input->n_chunks; i++) bm_slice_unref(input->chunks[i]);
    free(input->chunks);
}

/* -- checking ------------------------------------------------------------------------------------ */
typedef struct expected {
    const wire_coder *coder;
    bm_writer bytes;
    size_t n;
    uint64_t sum;
} expected;

static void expect(void *self, beam_value v)
{
    expected *e = self;
    e->bytes.len = 0;
    wire_encode(e->coder, v, &e->bytes);
    e->sum += hash_bytes(e->bytes.data, e->bytes.len);
    e->n++;
}

/* Ends the program if the output is wrong; how many outputs a bundle must have, 0: any. */
static size_t check_output(const workload *w, const stage *s, const bundle_output *out)
{
    if (w->sums) {
        int64_t total = 0;
        for (size_t i = 0; i < w->n; i++) total += (int64_t)i;
        if (out->total != total)
            fatal("%s: WRONG OUTPUT: the sums add up to %lld, not %lld", w->name,
                  (long long)out->total, (long long)total);
        return 0;
    }
    expected e = { .coder = s->out };
    w->outputs(w, w->n, expect, &e);
    bm_writer_free(&e.bytes);
    if (e.n != out->n || e.sum != out->sum)
        fatal("%s: WRONG OUTPUT: %zu elements of sum %llx, not %zu of %llx", w->name,
              out->n, (unsigned long long)out->sum, e.n, (unsigned long long)e.sum);
    return w->varies ? 0 : e.n;
}

/* -- measuring --------------------------------------------------------------------------------------- */
typedef struct measuring {
    const workload *workload;
    runner *runner;
    const stage *stages; /* bundles are of each in turn */
    size_t n_stages;
    atomic_size_t turn;
    bundle_input input;
    size_t outputs; /* that each bundle must have; 0: any */
    int64_t end_ns;
    pthread_mutex_t lock; /* guards what follows */
    int64_t *latencies_ns;
    size_t n, cap;
    bundle_output all;
} measuring;

static void run_one(measuring *m, bool check, bundle_output *out)
{
    if (m->workload->is_echo)
        runner_echo(m->runner, &m->input, out);
    else
        runner_process(m->runner, &m->stages[atomic_fetch_add(&m->turn, 1) % m->n_stages],
                       &m->input, check, out);
    if (m->outputs && out->n != m->outputs)
        fatal("%s: WRONG OUTPUT: %zu elements, not %zu", m->workload->name, out->n, m->outputs);
}

static void *run_many(void *self)
{
    measuring *m = self;
    for (int64_t start = now_ns(); start < m->end_ns;) {
        bundle_output out;
        run_one(m, false, &out);
        int64_t end = now_ns();
        pthread_mutex_lock(&m->lock);
        if (m->n == m->cap) {
            m->cap = m->cap ? m->cap * 2 : 1024;
            m->latencies_ns = bm_xrealloc(m->latencies_ns, m->cap * sizeof *m->latencies_ns);
        }
        m->latencies_ns[m->n++] = end - start;
        m->all.n += out.n;
        m->all.bytes += out.bytes;
        m->all.messages += out.messages;
        m->all.response_bytes = out.response_bytes;
        pthread_mutex_unlock(&m->lock);
        start = end;
    }
    return NULL;
}

/* How long it took, in seconds. */
static double run_for(measuring *m, double seconds, int parallel)
{
    pthread_t threads[MOST_PARALLEL];
    int64_t start = now_ns();
    m->end_ns = start + (int64_t)(seconds * 1e9);
    m->n = 0;
    m->all = (bundle_output){ 0 };
    for (int i = 1; i < parallel; i++)
        if (pthread_create(&threads[i], NULL, run_many, m)) fatal("cannot start a thread");
    run_many(m);
    for (int i = 1; i < parallel; i++) pthread_join(threads[i], NULL);
    return (double)(now_ns() - start) / 1e9;
}

static int by_size(const void *a, const void *b)
{
    int64_t l = *(const int64_t *)a, r = *(const int64_t *)b;
    return (l > r) - (l < r);
}

static double quantile_ms(const measuring *m, double q)
{
    return (double)m->latencies_ns[(size_t)(q * (double)(m->n - 1))] / 1e6;
}

static double own_cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec)
           + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void report(const options *o, const measuring *m, int rep, double seconds,
                   double cpu_s, double driver_cpu_s, size_t peak_rss,
                   size_t state_requests)
{
    double elements = (double)m->n * (double)m->input.n;
    double p50 = quantile_ms(m, 0.5), p99 = quantile_ms(m, 0.99);
    double rss_mib = (double)peak_rss / (1 << 20);
    printf("%-8s %-9s rep %d: %11.0f el/s  CPU %10.4g s/Mel %9.1f us/bundle  p50 %8.3f ms  "
           "p99 %8.3f ms  RSS %5.1f MiB  driver CPU %3.0f %%\n",
           o->label, m->workload->name, rep, elements / seconds, cpu_s / elements * 1e6,
           cpu_s / (double)m->n * 1e6, p50, p99, rss_mib, driver_cpu_s / seconds * 100);
    fflush(stdout);
    if (!o->tsv) return;
    FILE *f = fopen(o->tsv, "a");
    if (!f) fatal("cannot write %s", o->tsv);
    fprintf(
        f,
        "%s\t%s\t%d\t%d\t%zu\t%zu\t%.4f\t%zu\t%.0f\t%zu\t%zu\t%.4f\t%.4f\t%.4f\t%.4f\t%.2f\t"
        "%zu\t%zu\n",
        o->label, m->workload->name, rep, o->parallel, m->input.n, m->input.bytes,
        seconds, m->n, elements, m->all.n, m->all.bytes, p50, p99, cpu_s, driver_cpu_s,
        rss_mib, m->all.response_bytes, state_requests);
    fclose(f);
}

static void measure(const options *o, measuring *m, pid_t pid)
{
    bundle_output first;
    run_one(m, true, &first);
    if (!m->workload->is_echo) m->outputs = check_output(m->workload, m->stages, &first);
    if (o->warm_up > 0) run_for(m, o->warm_up, o->parallel);
    if (!m->workload->whole) process_reset_peak(pid);
    for (int rep = 1; rep <= o->reps; rep++) {
        process_use before = process_use_of(pid);
        if (m->workload->whole) before.cpu_s = 0;
        double own = own_cpu_s();
        size_t requests = m->workload->is_echo ? 0 : runner_state_requests(m->runner);
        double seconds = run_for(m, o->seconds, o->parallel);
        process_use after = process_use_of(pid);
        qsort(m->latencies_ns, m->n, sizeof *m->latencies_ns, by_size);
        if (!m->workload->is_echo) requests = runner_state_requests(m->runner) - requests;
        report(o, m, rep, seconds, after.cpu_s - before.cpu_s, own_cpu_s() - own,
               after.peak_rss_bytes, requests);
    }
}

/* -- the peers ------------------------------------------------------------------------------------------ */
/* The command with {job} replaced. */
static char *with_endpoint(const char *command, const char *url)
{
    const char *hole = strstr(command, "{job}");
    if (!hole) fatal("--submit needs {job}, where the job endpoint goes");
    char *line = malloc(strlen(command) + strlen(url) + 1);
    sprintf(line, "%.*s%s%s", (int)(hole - command), command, url, hole + 5);
    return line;
}

static bool submitter_over(void *self)
{
    return process_ended(*(pid_t *)self);
}

/* n stages, of which the first is `s`. */
static stage *copies_of(const stage *s, size_t n)
{
    stage *stages = bm_xcalloc(n, sizeof *stages);
    stages[0] = *s;
    for (size_t i = 1; i < n; i++) stage_copy(s, i, &stages[i]);
    return stages;
}

static void free_copies(stage *stages, size_t n)
{
    for (size_t i = 0; i < n; i++) stage_free(&stages[i]);
    free(stages);
}

/* False if the pipeline does not have the workload's transforms. */
static bool drive_pipeline(const options *o, measuring *m)
{
    job_server *jobs = job_server_new();
    char *command = with_endpoint(o->submit, job_server_url(jobs));
    pid_t pid = process_start(command);
    beam_span pipeline, pipeline_options;
    if (!job_server_await(jobs, submitter_over, &pid, &pipeline, &pipeline_options))
        fatal("no pipeline was submitted by: %s", command);
    stage s;
    runner *r = runner_new(&o->runner);
    bool found = stage_cut(pipeline, m->workload->match, runner_url(r, "data"),
                           runner_url(r, "state"), &s);
    if (!found) {
        note("%s %s: skipped: the pipeline has no %s", o->label, m->workload->name,
             m->workload->match);
    } else {
        char *pool = pipeline_worker_pool(pipeline);
        if (!pool) fatal("the pipeline's environment is not EXTERNAL (LOOPBACK)");
        runner_set_options(r, pipeline_options);
        stage *stages = copies_of(&s, o->descriptors);
        for (size_t i = 0; i < o->descriptors; i++) runner_add_stage(r, &stages[i]);
        runner_start_worker(r, pool);
        m->runner = r;
        m->stages = stages;
        m->n_stages = o->descriptors;
        m->input = make_input(m->workload, s.in);
        measure(o, m, pid);
        free_input(&m->input);
        free(pool);
        free_copies(stages, o->descriptors);
    }
    job_server_finish(jobs);
    process_stop(pid);
    runner_free(r);
    job_server_free(jobs);
    free(command);
    return found;
}

static void drive_echo(const options *o, measuring *m, const char *self)
{
    static const wire_coder bytes = { .kind = WIRE_BYTES };
    m->runner = runner_new(&o->runner);
    char command[512];
    snprintf(command, sizeof command, "%s --echo_worker=%s", self,
             runner_url(m->runner, "data"));
    pid_t pid = process_start(command);
    runner_await_worker(m->runner);
    m->input = make_input(m->workload, &bytes);
    measure(o, m, pid);
    free_input(&m->input);
    runner_free(m->runner);
    process_stop(pid);
}

/* -- the command line ----------------------------------------------------------------------------------- */
static void usage(FILE *out)
{
    char names[512];
    workload_names(names, sizeof names);
    fprintf(
        out,
        "fnbench - measures a Beam worker from the runner's side of the Fn API\n\n"
        "  --submit=COMMAND    submits the pipeline, LOOPBACK; {job}: the job endpoint\n"
        "  --workload=NAME     %s\n"
        "  --label=TEXT        what is measured, for the output (sdk)\n"
        "  --seconds=N         of a repetition (3)\n"
        "  --warm_up=N         seconds before the first one (3)\n"
        "  --reps=N            repetitions (5)\n"
        "  --parallel=N        bundles under way at once (1)\n"
        "  --bundle=N          elements in a bundle (the workload's)\n"
        "  --element_bytes=N   of large and echo (102400); of the values of a side input (8)\n"
        "  --keys=N            of state and sum (100, 10000); entries of a side input (1000)\n"
        "  --descriptors=N     so many stages of the same kind, in turn (1)\n"
        "  --cache_tokens      what a bundle has read stays true for the next\n"
        "  --keys_values       keys of a side input are served with their values\n"
        "  --one_key           all entries of the side input have the same key\n"
        "  --noembed           no outputs in responses\n"
        "  --short_ids         metrics by short ids\n"
        "  --tsv=FILE          appends a line per repetition: label, workload, repetition,\n"
        "                      parallel, elements and bytes of a bundle, seconds, bundles,\n"
        "                      elements, outputs, output bytes, p50 and p99 ms, CPU s,\n"
        "                      CPU s of the driver, peak MiB, bytes of a response,\n"
        "                      state requests\n"
        "  --verbose           the worker's log\n\n"
        "The echo workload needs no --submit: it measures gRPC alone. Exit status: 0 done,\n"
        "1 failed or wrong output, 2 wrong usage, 77 the pipeline lacks the transforms.\n",
        names);
}

static double number(const char *text)
{
    char *end;
    double v = strtod(text, &end);
    if (!*text || *end || !(v >= 0)) fatal("'%s' is not a number that can be used", text);
    return v;
}

static options parse(int argc, char **argv)
{
    enum {
        SUBMIT = 1000,
        WORKLOAD,
        LABEL,
        SECONDS,
        WARM_UP,
        REPS,
        PARALLEL,
        BUNDLE,
        ELEMENT_BYTES,
        KEYS,
        DESCRIPTORS,
        CACHE_TOKENS,
        KEYS_VALUES,
        ONE_KEY,
        NOEMBED,
        SHORT_IDS,
        TSV,
        VERBOSE,
        ECHO,
        HELP
    };
    static const struct option table[] = {
        { "submit", 1, NULL, SUBMIT },
        { "workload", 1, NULL, WORKLOAD },
        { "label", 1, NULL, LABEL },
        { "seconds", 1, NULL, SECONDS },
        { "warm_up", 1, NULL, WARM_UP },
        { "reps", 1, NULL, REPS },
        { "parallel", 1, NULL, PARALLEL },
        { "bundle", 1, NULL, BUNDLE },
        { "element_bytes", 1, NULL, ELEMENT_BYTES },
        { "noembed", 0, NULL, NOEMBED },
        { "keys", 1, NULL, KEYS },
        { "descriptors", 1, NULL, DESCRIPTORS },
        { "cache_tokens", 0, NULL, CACHE_TOKENS },
        { "keys_values", 0, NULL, KEYS_VALUES },
        { "one_key", 0, NULL, ONE_KEY },
        { "short_ids", 0, NULL, SHORT_IDS },
        { "tsv", 1, NULL, TSV },
        { "verbose", 0, NULL, VERBOSE },
        { "echo_worker", 1, NULL, ECHO },
        { "help", 0, NULL, HELP },
        { NULL, 0, NULL, 0 },
    };
    options o = { .label = "sdk",
                  .seconds = 3,
                  .warm_up = 3,
                  .reps = 5,
                  .parallel = 1,
                  .descriptors = 1,
                  .runner.embed = true };
    for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        switch (c) {
        case SUBMIT: o.submit = optarg; break;
        case WORKLOAD: o.workload = optarg; break;
        case LABEL: o.label = optarg; break;
        case SECONDS: o.seconds = number(optarg); break;
        case WARM_UP: o.warm_up = number(optarg); break;
        case REPS: o.reps = (int)number(optarg); break;
        case PARALLEL: o.parallel = (int)number(optarg); break;
        case BUNDLE: o.bundle = (size_t)number(optarg); break;
        case ELEMENT_BYTES: o.element_bytes = (size_t)number(optarg); break;
        case KEYS: o.keys = (size_t)number(optarg); break;
        case DESCRIPTORS: o.descriptors = (size_t)number(optarg); break;
        case CACHE_TOKENS: o.runner.cache_tokens = true; break;
        case KEYS_VALUES: o.runner.keys_values = true; break;
        case ONE_KEY: o.one_key = true; break;
        case NOEMBED: o.runner.embed = false; break;
        case SHORT_IDS: o.runner.short_ids = true; break;
        case TSV: o.tsv = optarg; break;
        case VERBOSE: o.runner.verbose = true; break;
        case ECHO: o.echo_worker = optarg; break;
        case HELP: usage(stdout); exit(0);
        default: usage(stderr); exit(2);
        }
    }
    if (o.parallel < 1 || o.parallel > MOST_PARALLEL)
        fatal("--parallel is 1 to %d", MOST_PARALLEL);
    if (!o.descriptors) fatal("--descriptors is at least 1");
    return o;
}

int main(int argc, char **argv)
{
    options o = parse(argc, argv);
    if (o.echo_worker) return echo_worker(o.echo_worker);
    const workload *found = o.workload ? workload_find(o.workload) : NULL;
    if (!found || (!o.submit && !found->is_echo)) {
        usage(stderr);
        return 2;
    }
    workload w = *found;
    if (o.bundle) w.n = o.bundle;
    if (o.element_bytes && w.element_bytes) w.element_bytes = o.element_bytes;
    if (o.keys && w.keys) w.keys = o.keys;
    w.one_key |= o.one_key;
    /* Counts of a key go on from bundle to bundle. */
    w.varies = !strcmp(w.name, "state") && w.n % (100 * w.keys) != 0;
    o.runner.side = (side_table){ w.keys, w.element_bytes, w.one_key };
    measuring m = { .workload = &w };
    pthread_mutex_init(&m.lock, NULL);
    bool driven = true;
    if (w.is_echo)
        drive_echo(&o, &m, argv[0]);
    else
        driven = drive_pipeline(&o, &m);
    free(m.latencies_ns);
    pthread_mutex_destroy(&m.lock);
    return driven ? 0 : STATUS_SKIPPED;
}
