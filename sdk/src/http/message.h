/* SPDX-License-Identifier: Apache-2.0 */
/* http/message.h - requests and answers as bytes, which the engine keeps without knowing what
 * they are. Any thread. */
#ifndef BM_HTTP_MESSAGE_H
#define BM_HTTP_MESSAGE_H

#include "base/writer.h"
#include "beam/http.h"

/* What is wrong with the request; NULL: nothing. */
const char *bm_http_request_problem(const beam_http_request *request);
size_t bm_http_request_size(const beam_http_request *request);
void bm_http_request_write(const beam_http_request *request, char *to);

/* A request that was written; it points into the bytes. */
typedef struct bm_http_written {
    const char *method, *path;
    const char
        *headers;   /* name, value and env of each, NUL-terminated; then an empty name */
    beam_span body; /* .ptr NULL: none */
} bm_http_written;
bm_http_written bm_http_request_read(beam_span bytes);
/* Moves on to the next header; false: there is none. An env that is empty is none. */
bool bm_http_next_header(const char **headers, beam_http_header *out);

/* -- answers: the head, the headers, the body -------------------------------------------- */
typedef struct bm_http_head {
    uint32_t status, headers;
} bm_http_head;
beam_http_answer bm_http_answer_read(beam_span bytes);

/* Can it be sent as it is? NULL is fine. */
bool bm_http_is_token(const char *name);
bool bm_http_is_value(const char *value);

#endif
