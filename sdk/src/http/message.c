/* SPDX-License-Identifier: Apache-2.0 */
/* See message.h. Any thread. */
#include "http/message.h"

#include <string.h>
#include <strings.h>

/* -- checks --------------------------------------------------------------------------- */
/* RFC 9110: token. */
bool bm_http_is_token(const char *name)
{
    if (!name || !*name) return false;
    for (; *name; name++) {
        bool letter = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
                      (*name >= '0' && *name <= '9');
        if (!letter && !strchr("!#$%&'*+-.^_`|~", *name)) return false;
    }
    return true;
}

bool bm_http_is_value(const char *value)
{
    for (; value && *value; value++)
        if ((*value >= 0 && *value < ' ' && *value != '\t') || *value == 0x7f)
            return false;
    return true;
}

static bool is_path(beam_span path)
{
    if (path.len && path.ptr[0] != '/' && path.ptr[0] != '?') return false;
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] <= ' ' || path.ptr[i] >= 0x7f || path.ptr[i] == '#') return false;
    return true;
}

const char *bm_http_request_problem(const beam_http_request *r)
{
    if (!is_path(r->path))
        return "the path of the request is not \"\", \"/...\" or \"?...\" in "
               "percent-encoding: use beam_http_escape()";
    if (r->method && !bm_http_is_token(r->method))
        return "the method of the request is no word, such as \"PUT\"";
    for (size_t i = 0; i < r->headers.n; i++)
        if (!bm_http_is_token(r->headers.at[i].name) ||
            !bm_http_is_value(r->headers.at[i].value))
            return "a header of the request has no name, or characters that a header "
                   "cannot have";
    return NULL;
}

/* -- requests ------------------------------------------------------------------------- */
static const char *method_of(const beam_http_request *r)
{
    return r->method ? r->method : r->body.ptr ? "POST" : "GET";
}

static size_t size_of(const char *text)
{
    return text ? strlen(text) + 1 : 1;
}

static char *put(char *to, const char *text)
{
    return (char *)memcpy(to, text ? text : "", size_of(text)) + size_of(text);
}

size_t bm_http_request_size(const beam_http_request *r)
{
    size_t size = size_of(method_of(r)) + r->path.len + 1 + 1 + 1 + r->body.len;
    for (size_t i = 0; i < r->headers.n; i++)
        size += size_of(r->headers.at[i].name) + size_of(r->headers.at[i].value) +
                size_of(r->headers.at[i].env);
    return size;
}

void bm_http_request_write(const beam_http_request *r, char *to)
{
    to = put(to, method_of(r));
    memcpy(to, r->path.ptr, r->path.len);
    to = put(to + r->path.len, "");
    for (size_t i = 0; i < r->headers.n; i++) {
        to = put(to, r->headers.at[i].name);
        to = put(to, r->headers.at[i].value);
        to = put(to, r->headers.at[i].env);
    }
    to = put(to, "");
    *to++ = r->body.ptr != NULL;
    if (r->body.len) memcpy(to, r->body.ptr, r->body.len);
}

bm_http_written bm_http_request_read(beam_span bytes)
{
    bm_http_written out = { .method = bytes.ptr };
    out.path = out.method + strlen(out.method) + 1;
    out.headers = out.path + strlen(out.path) + 1;
    const char *at = out.headers;
    for (beam_http_header h; bm_http_next_header(&at, &h);) continue;
    if (at[1]) out.body = (beam_span){ at + 2, (size_t)(bytes.ptr + bytes.len - at - 2) };
    return out;
}

bool bm_http_next_header(const char **headers, beam_http_header *out)
{
    if (!**headers) return false;
    out->name = *headers;
    out->value = out->name + strlen(out->name) + 1;
    out->env = out->value + strlen(out->value) + 1;
    *headers = out->env + strlen(out->env) + 1;
    return true;
}

/* -- answers -------------------------------------------------------------------------- */
beam_http_answer bm_http_answer_read(beam_span bytes)
{
    bm_http_head head;
    memcpy(&head, bytes.ptr, sizeof head);
    const char *headers = bytes.ptr + sizeof head;
    return (beam_http_answer){
        .status = (int)head.status,
        .headers = { headers, head.headers },
        .body = { headers + head.headers, bytes.len - sizeof head - head.headers },
    };
}

beam_span beam_http_header_of(const beam_http_answer *answer, const char *name)
{
    size_t length = strlen(name);
    const char *at = answer->headers.ptr, *end = at + answer->headers.len;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end) line_end = end;
        const char *to = line_end;
        if ((size_t)(line_end - at) > length && at[length] == ':' &&
            !strncasecmp(at, name, length)) {
            at += length + 1;
            while (at < to && (*at == ' ' || *at == '\t')) at++;
            while (to > at && (to[-1] == ' ' || to[-1] == '\t' || to[-1] == '\r')) to--;
            return (beam_span){ at, (size_t)(to - at) };
        }
        at = line_end + 1;
    }
    return (beam_span){ NULL, 0 };
}
