/* SPDX-License-Identifier: Apache-2.0 */
/* See client.h. */
#include "http/client.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "http/curl.h"
#include "http/message.h"
#include "http/names.h"

enum {
    MAX_BODY = 1 << 20,     /* where the DoFn does not say */
    MAX_HEADERS = 64 << 10, /* of an answer */
    KEPT_BYTES = 64 << 10,  /* of a call's buffer, for the next one */
    CONNECTIONS =
        128, /* kept open, where the DoFn does not say how many calls it makes */
    LONGEST_WAIT_S = 60, /* that a service may ask for */
    NAMES_MS = 60000,    /* for so long addresses are good, */
    NO_NAMES_MS = 1000,  /* and for so long that there are none */
    SHOWN_PATH = 200     /* bytes of a path in messages */
};

typedef struct call {
    struct call *next;        /* unused, or failed before it was under way */
    struct call *next_of_all; /* all that there are */
    bm_http_client *client;
    CURL *easy;
    bool under_way;
    void *tag;
    beam_span request;
    struct curl_slist *headers; /* of its own */
    bm_writer answer;           /* a bm_http_head, headers, body */
    size_t headers_len;
    bool headers_ended, is_too_long;
    bool is_answer;  /* its status is one */
    bool has_names;  /* the handle knows the client's list */
    CURLcode failed; /* before it was under way */
    int redirects;
    bool is_get;         /* after a redirect: whatever the request is */
    int64_t deadline_ms; /* for redirects */
    char why[CURL_ERROR_SIZE];
} call;

struct bm_http_client {
    bm_curl curl;
    const beam_http_fn *fn;
    CURLM *multi;
    bm_arena arena;
    char *base; /* the target, without a slash at the end */
    bm_url url; /* its parts */
    const char *ca_file, *cert_file, *key_file; /* "" or NULL: none */
    struct curl_slist *headers;                 /* of every request */
    size_t max_body;
    call *all, *unused, *failed;
    call *last; /* whose result was taken last */
    bm_writer line, why;
    /* Addresses of the host. */
    bool resolves;
    struct curl_slist *names; /* NULL: there are none */
    const char *no_names;     /* then the reason */
    int64_t names_end_ms;     /* until then this is good */
};

static const char *line(bm_writer *w, const char *a, const char *b, const char *c)
{
    w->len = 0;
    bm_write_bytes(w, a, strlen(a));
    bm_write_bytes(w, b, strlen(b));
    bm_write_bytes(w, c, strlen(c));
    bm_write_u8(w, '\0');
    return (const char *)w->data;
}

/* -- headers -------------------------------------------------------------------------- */
/* Adds a header to the list, with what the environment has of it. */
static beam_status add_header(bm_http_client *c, struct curl_slist **list,
                              const beam_http_header *h, beam_error *err)
{
    const char *secret = "", *value = h->value ? h->value : "";
    if (h->env && *h->env) {
        secret = getenv(h->env);
        if (!secret || !bm_http_is_value(secret))
            return bm_error(err, BEAM_EINVAL,
                            "header '%s' takes the environment variable %s, %s", h->name,
                            h->env,
                            secret ? "which has characters that a header cannot have"
                                   : "which this worker does not have");
    }
    line(&c->line, h->name, *value || *secret ? ": " : ";", value); /* ";": sent empty */
    c->line.len--;
    bm_write_bytes(&c->line, secret, strlen(secret) + 1);
    struct curl_slist *longer = c->curl.slist_append(*list, (const char *)c->line.data);
    memset(c->line.data, 0, c->line.len);
    if (!longer) return bm_error(err, BEAM_EIO, "out of memory");
    *list = longer;
    return BEAM_OK;
}

/* libcurl adds these of its own accord. */
static bool add_defaults(bm_http_client *c, struct curl_slist **list, bool has_type)
{
    struct curl_slist *longer = c->curl.slist_append(*list, "Expect:");
    if (longer) *list = longer;
    if (longer && !has_type) longer = c->curl.slist_append(*list, "Content-Type:");
    return longer;
}

static beam_status make_headers(bm_http_client *c, const char *own,
                                struct curl_slist **list, beam_error *err)
{
    bool has_type = false;
    for (size_t i = 0; i < c->fn->headers.n; i++) {
        const beam_http_header *h = &c->fn->headers.at[i];
        has_type |= !strcasecmp(h->name, "Content-Type");
        BEAM_TRY(add_header(c, list, h, err));
    }
    for (beam_http_header h; bm_http_next_header(&own, &h);) {
        has_type |= !strcasecmp(h.name, "Content-Type");
        BEAM_TRY(add_header(c, list, &h, err));
    }
    return add_defaults(c, list, has_type) ? BEAM_OK
                                           : bm_error(err, BEAM_EIO, "out of memory");
}

/* -- addresses ------------------------------------------------------------------------ */
/* Gives the call what libcurl does not know yet. False: the host has no address. */
static bool resolve(bm_http_client *c, call *k)
{
    if (!c->resolves) return true;
    int64_t now = bm_monotonic_ms();
    if (now < c->names_end_ms) return c->names;
    int running;
    c->curl.multi_perform(c->multi, &running); /* calls that were started read the list */
    c->curl.slist_free_all(c->names);
    bm_arena arena;
    bm_arena_init(&arena, 0);
    char *list = bm_http_resolve(&c->url, &arena, &c->no_names);
    c->names = list ? c->curl.slist_append(NULL, list) : NULL;
    c->names_end_ms = bm_monotonic_ms() + (c->names ? NAMES_MS : NO_NAMES_MS);
    bm_arena_free(&arena);
    k->has_names = c->names;
    if (c->names) c->curl.easy_setopt(k->easy, CURLOPT_RESOLVE, c->names);
    return c->names;
}

/* -- what libcurl calls --------------------------------------------------------------- */
static bool is_accepted(const beam_http_fn *fn, long status)
{
    for (size_t i = 0; i < BEAM_COUNT(fn->accept); i++)
        if (fn->accept[i] && fn->accept[i] == status) return true;
    return status >= 200 && status <= 299;
}

static long status_of(const call *k)
{
    long status = 0;
    k->client->curl.easy_getinfo(k->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static size_t take_header(char *bytes, size_t size, size_t n, void *self)
{
    call *k = self;
    n *= size;
    if (n > 5 && !memcmp(bytes, "HTTP/", 5)) { /* of the answer, after those on the way */
        k->answer.len = sizeof(bm_http_head);
        k->headers_len = 0;
        k->headers_ended = k->is_answer = false; /* a trailer may look like this, too */
        return n;
    }
    if (k->headers_ended) return n; /* behind the body */
    if (n <= 2) {
        k->headers_ended = true;
        k->headers_len = k->answer.len - sizeof(bm_http_head);
        k->is_answer = is_accepted(k->client->fn, status_of(k));
        return n;
    }
    k->is_too_long = k->answer.len + n > MAX_HEADERS;
    if (k->is_too_long) return 0;
    bm_write_bytes(&k->answer, bytes, n);
    return n;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *self)
{
    call *k = self;
    n *= size;
    if (!k->is_answer) return n;
    size_t body = k->answer.len - sizeof(bm_http_head) - k->headers_len;
    k->is_too_long = n > k->client->max_body - body;
    if (k->is_too_long) return 0;
    bm_write_bytes(&k->answer, bytes, n);
    return n;
}

/* -- life ----------------------------------------------------------------------------- */
static void set_tls(bm_http_client *c, CURL *easy)
{
    if (c->ca_file && *c->ca_file) c->curl.easy_setopt(easy, CURLOPT_CAINFO, c->ca_file);
    c->curl.easy_setopt(easy, CURLOPT_SSLCERT, c->cert_file);
    c->curl.easy_setopt(easy, CURLOPT_SSLKEY, c->key_file);
    if (c->fn->key_password_env)
        c->curl.easy_setopt(easy, CURLOPT_KEYPASSWD, getenv(c->fn->key_password_env));
    /* Wait for a connection that is being made: it may take more than one request. */
    c->curl.easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
}

static CURL *new_easy(bm_http_client *c, call *k)
{
    CURL *easy = c->curl.easy_init();
    if (!easy) return NULL;
    c->curl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    c->curl.easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    c->curl.easy_setopt(easy, CURLOPT_USERAGENT, "beam-c");
    c->curl.easy_setopt(easy, CURLOPT_PRIVATE, k);
    c->curl.easy_setopt(easy, CURLOPT_ERRORBUFFER, k->why);
    c->curl.easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    c->curl.easy_setopt(easy, CURLOPT_HEADERDATA, k);
    c->curl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    c->curl.easy_setopt(easy, CURLOPT_WRITEDATA, k);
    if (bm_http_is_local(&c->url)) c->curl.easy_setopt(easy, CURLOPT_PROXY, "");
    if (c->url.tls) set_tls(c, easy);
    return easy;
}

static call *new_call(bm_http_client *c)
{
    call *k = c->unused;
    if (k) {
        c->unused = k->next;
        return k;
    }
    k = bm_xcalloc(1, sizeof *k);
    k->client = c;
    k->easy = new_easy(c, k);
    k->next_of_all = c->all;
    return c->all = k;
}

static void put_away(bm_http_client *c, call *k)
{
    c->curl.slist_free_all(k->headers);
    k->headers = NULL;
    if (k->has_names) c->curl.easy_setopt(k->easy, CURLOPT_RESOLVE, NULL);
    k->has_names = false;
    if (k->answer.cap > KEPT_BYTES) bm_writer_free(&k->answer);
    k->next = c->unused;
    c->unused = k;
}

/* `file` of a beam_http_fn, or what the environment has for it. */
static beam_status find_file(bm_http_client *c, const char *field, const char *file,
                             const char **out, beam_error *err)
{
    const char *path = file;
    if (file && file[0] == '$') path = getenv(file + 1);
    if (file && !path)
        return bm_error(err, BEAM_EINVAL,
                        "%s is '%s', and this worker has no such variable in its "
                        "environment: set it to the path of the file",
                        field, file);
    FILE *opened = path ? fopen(path, "re") : NULL;
    if (path && !opened)
        return bm_error(err, BEAM_EIO, "the file '%s' of %s cannot be read: %s", path,
                        field, strerror(errno));
    if (opened) fclose(opened);
    *out = path ? bm_strdup(&c->arena, path) : NULL;
    return BEAM_OK;
}

static beam_status find_files(bm_http_client *c, beam_error *err)
{
    const beam_http_fn *fn = c->fn;
    const char *system = getenv("SSL_CERT_FILE"), *password = fn->key_password_env;
    BEAM_TRY(find_file(c, ".ca_file", fn->ca_file, &c->ca_file, err));
    BEAM_TRY(find_file(c, ".cert_file", fn->cert_file, &c->cert_file, err));
    BEAM_TRY(find_file(c, ".key_file", fn->key_file, &c->key_file, err));
    if (!c->ca_file && system) c->ca_file = bm_strdup(&c->arena, system);
    if (password && !getenv(password))
        return bm_error(
            err, BEAM_EINVAL,
            "the password of .key_file is in the environment variable %s, which "
            "this worker does not have",
            password);
    return BEAM_OK;
}

static beam_status open_client(bm_http_client *c, beam_error *err)
{
    if (c->url.tls) BEAM_TRY(find_files(c, err));
    BEAM_TRY(bm_curl_load(&c->curl, err));
    c->multi = c->curl.multi_init();
    if (!c->multi) return bm_error(err, BEAM_EIO, "libcurl cannot be started");
    long most = c->fn->max_in_flight > 0 ? c->fn->max_in_flight : CONNECTIONS;
    c->curl.multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, most);
    c->curl.multi_setopt(c->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, most);
    return make_headers(c, "", &c->headers, err);
}

bm_http_client *bm_http_open(const beam_http_fn *fn, const char *target, beam_error *err)
{
    bm_http_client *c = bm_xcalloc(1, sizeof *c);
    bm_arena_init(&c->arena, 0);
    c->fn = fn;
    c->base = bm_strdup(&c->arena, target);
    c->max_body = fn->max_body > 0 ? (size_t)fn->max_body : MAX_BODY;
    beam_status status = bm_url_read(c->base, &c->url)
                             ? open_client(c, err)
                             : bm_error(err, BEAM_EINVAL, "'%s' is no address", target);
    if (status != BEAM_OK) {
        bm_http_close(c);
        return NULL;
    }
    c->base[c->url.length] = '\0';
    c->resolves = bm_http_is_name(&c->url);
    return c;
}

static void free_call(bm_http_client *c, call *k)
{
    if (k->under_way) c->curl.multi_remove_handle(c->multi, k->easy);
    if (k->easy) c->curl.easy_cleanup(k->easy);
    c->curl.slist_free_all(k->headers);
    bm_writer_free(&k->answer);
    free(k);
}

void bm_http_close(bm_http_client *c)
{
    if (!c) return;
    for (call *k = c->all, *next; k; k = next) {
        next = k->next_of_all;
        free_call(c, k);
    }
    if (c->multi) c->curl.multi_cleanup(c->multi);
    if (c->curl.library) {
        c->curl.slist_free_all(c->headers);
        c->curl.slist_free_all(c->names);
    }
    bm_curl_unload(&c->curl);
    bm_writer_free(&c->line);
    bm_writer_free(&c->why);
    bm_arena_free(&c->arena);
    free(c);
}

/* -- starting ------------------------------------------------------------------------- */
static bool is_one_of(const char *method, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(method, *list)) return true;
    return false;
}

static void set_request(bm_http_client *c, call *k, const bm_http_written *r)
{
    static const char *const with_body[] = { "POST", "PUT", "PATCH", NULL };
    bool is_head = !strcmp(r->method, "HEAD");
    c->curl.easy_setopt(k->easy, CURLOPT_HTTPGET, 1L); /* no trace of the one before */
    c->curl.easy_setopt(k->easy, CURLOPT_NOBODY, (long)is_head);
    if (!k->is_get && !is_head && (r->body.ptr || is_one_of(r->method, with_body))) {
        c->curl.easy_setopt(k->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                            (curl_off_t)r->body.len);
        c->curl.easy_setopt(k->easy, CURLOPT_POSTFIELDS, r->body.ptr ? r->body.ptr : "");
    }
    c->curl.easy_setopt(k->easy, CURLOPT_CUSTOMREQUEST,
                        k->is_get || is_head ? NULL : r->method);
}

static void go(bm_http_client *c, call *k, const char *url, int64_t left_ms)
{
    k->answer.len = 0;
    bm_reserve(&k->answer, sizeof(bm_http_head));
    k->answer.len = sizeof(bm_http_head);
    k->headers_len = 0;
    k->headers_ended = k->is_too_long = k->is_answer = false;
    k->why[0] = '\0';
    c->curl.easy_setopt(k->easy, CURLOPT_URL, url);
    c->curl.easy_setopt(k->easy, CURLOPT_TIMEOUT_MS, (long)left_ms);
    k->under_way = c->curl.multi_add_handle(c->multi, k->easy) == CURLM_OK;
    if (!k->under_way)
        snprintf(k->why, sizeof k->why, "libcurl does not take the request");
}

void bm_http_start(bm_http_client *c, beam_span request, int timeout_ms, void *tag)
{
    call *k = new_call(c);
    k->tag = tag;
    k->request = request;
    k->redirects = 0;
    k->is_get = false;
    k->deadline_ms = c->fn->max_redirects ? bm_monotonic_ms() + timeout_ms : 0;
    bm_http_written r = bm_http_request_read(request);
    beam_error err = { 0 };
    struct curl_slist *headers = c->headers;
    if (*r.headers) {
        make_headers(c, r.headers, &k->headers, &err);
        headers = k->headers;
    }
    k->failed = CURLE_FAILED_INIT;
    if (!k->easy) {
        snprintf(k->why, sizeof k->why, "libcurl has no memory");
    } else if (err.status) {
        snprintf(k->why, sizeof k->why, "%.*s", (int)sizeof k->why - 1, err.message);
    } else if (!resolve(c, k)) {
        snprintf(k->why, sizeof k->why, "the host has no address: %s", c->no_names);
        k->failed = CURLE_COULDNT_RESOLVE_HOST;
    } else {
        c->curl.easy_setopt(k->easy, CURLOPT_HTTPHEADER, headers);
        set_request(c, k, &r);
        go(c, k, line(&c->line, c->base, r.path, ""), timeout_ms);
    }
    if (k->under_way) return;
    k->next = c->failed;
    c->failed = k;
}

/* -- finishing ------------------------------------------------------------------------ */
/* Queries may hold secrets: they are not shown. */
static void set_text(bm_http_client *c, const call *k, bm_http_result *out,
                     const char *why, const char *more)
{
    bm_http_written r = bm_http_request_read(k->request);
    size_t path = strcspn(r.path, "?");
    bool is_cut = path > SHOWN_PATH;
    char head[64];
    snprintf(head, sizeof head, "%.60s ", r.method);
    line(&c->why, head, c->base, "");
    c->why.len--;
    bm_write_bytes(&c->why, r.path, is_cut ? SHOWN_PATH : path);
    const char *parts[] = { is_cut ? "..." : "", ": ", why, more };
    for (size_t i = 0; i < BEAM_COUNT(parts); i++)
        bm_write_bytes(&c->why, parts[i], strlen(parts[i]));
    out->text = bm_written(&c->why);
}

static bool is_transient(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return true;
    default: return false;
    }
}

static void no_answer(bm_http_client *c, call *k, CURLcode code, bm_http_result *out)
{
    /* libcurl has no memory for a header of more than 100 KiB. */
    bool is_long_header = code == CURLE_OUT_OF_MEMORY && !k->headers_ended;
    char limit[80];
    snprintf(limit, sizeof limit, "the answer is longer than .max_body, %zu bytes",
             c->max_body);
    out->status = code == CURLE_OPERATION_TIMEDOUT ? BEAM_ETIMEOUT : BEAM_ERPC;
    out->transient = is_transient(code);
    set_text(c, k, out,
             is_long_header || (k->is_too_long && !k->headers_ended)
                 ? "the answer has too many headers"
             : k->is_too_long ? limit
             : *k->why        ? k->why
                              : c->curl.easy_strerror(code),
             "");
}

static void refused(bm_http_client *c, call *k, long status, const char *more,
                    bm_http_result *out)
{
    char text[40];
    snprintf(text, sizeof text, "HTTP status %ld", status);
    out->status = BEAM_ERPC;
    out->transient = status == 408 || status == 429 || (status >= 500 && status != 501);
    curl_off_t after = 0;
    c->curl.easy_getinfo(k->easy, CURLINFO_RETRY_AFTER, &after);
    if (after > 0 && out->transient)
        out->wait_ms = (int)(after < LONGEST_WAIT_S ? after : LONGEST_WAIT_S) * 1000;
    set_text(c, k, out, text, more);
}

/* Makes the request anew where the answer says; why not, or NULL. */
static const char *redirect(bm_http_client *c, call *k, long status)
{
    char *url = NULL;
    c->curl.easy_getinfo(k->easy, CURLINFO_REDIRECT_URL, &url);
    if (!url) return "";
    if (!c->fn->max_redirects)
        return ", a redirect: name its place, or set .max_redirects";
    if (k->redirects++ >= c->fn->max_redirects) return ", after .max_redirects of them";
    if (!bm_url_is_at(&c->url, url))
        return ", a redirect to another host, which would see what is meant for this one";
    bm_http_written r = bm_http_request_read(k->request);
    bool is_post = !strcmp(r.method, "POST"), is_head = !strcmp(r.method, "HEAD");
    k->is_get |= (status == 303 && !is_head) || (is_post && status < 303);
    line(&c->line, url, "", ""); /* `url` is the handle's */
    set_request(c, k, &r);
    int64_t left_ms = k->deadline_ms - bm_monotonic_ms();
    go(c, k, (const char *)c->line.data, left_ms > 0 ? left_ms : 1);
    if (!k->under_way) return ", a redirect that cannot be followed";
    return NULL;
}

/* False: it goes on. */
static bool finish(bm_http_client *c, call *k, CURLcode code, bm_http_result *out)
{
    c->curl.multi_remove_handle(c->multi, k->easy);
    k->under_way = false;
    *out = (bm_http_result){ .tag = k->tag };
    if (code != CURLE_OK) {
        no_answer(c, k, code, out);
        return true;
    }
    long status = status_of(k);
    out->http_status = (int)status;
    if (k->is_answer) {
        bm_http_head head = { (uint32_t)status, (uint32_t)k->headers_len };
        memcpy(k->answer.data, &head, sizeof head);
        out->text = bm_written(&k->answer);
        return true;
    }
    const char *more = status >= 300 && status <= 399 ? redirect(c, k, status) : "";
    if (more) refused(c, k, status, more, out);
    return more;
}

/* What has finished already. */
static bool take(bm_http_client *c, bm_http_result *out)
{
    if (c->failed) {
        call *k = c->last = c->failed;
        c->failed = k->next;
        *out = (bm_http_result){ .tag = k->tag };
        no_answer(c, k, k->failed, out);
        return true;
    }
    int left;
    for (CURLMsg *m; (m = c->curl.multi_info_read(c->multi, &left));) {
        char *mine = NULL;
        CURLcode code = m->data.result;
        c->curl.easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &mine);
        call *k = (call *)(void *)mine;
        if (!finish(c, k, code, out)) continue;
        c->last = k;
        return true;
    }
    return false;
}

bool bm_http_next(bm_http_client *c, int wait_ms, bm_http_result *out)
{
    if (c->last) put_away(c, c->last);
    c->last = NULL;
    if (take(c, out)) return true;
    int64_t until = wait_ms < 0 ? INT64_MAX : bm_monotonic_ms() + wait_ms;
    for (;;) {
        int running;
        c->curl.multi_perform(c->multi, &running);
        if (take(c, out)) return true;
        int64_t left = wait_ms ? until - bm_monotonic_ms() : 0;
        if (left <= 0) return false;
        c->curl.multi_poll(c->multi, NULL, 0, left < 1000 ? (int)left : 1000, NULL);
    }
}
