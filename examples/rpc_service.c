/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_service: the gRPC service that rpc_pardo asks: RcpService of rpc_service.proto.
 *
 *     rpc_service --port=50051
 *
 * resolve answers the number of characters of the request's input, resolveBatch the same
 * for a list of requests. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "beam/rpc.h"
#include "rpc_service.pb-c.h"

/* Characters, not bytes: every UTF-8 byte but continuation bytes starts one. */
static int32_t length_of(const char *text)
{
    int32_t n = 0;
    for (; *text; text++) n += (*text & 0xc0) != 0x80;
    return n;
}

static beam_status append(beam_writer *out, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(size + 1);
    if (!bytes) return BEAM_EIO;
    beam_write_raw(out, bytes, protobuf_c_message_pack(message, bytes));
    free(bytes);
    return BEAM_OK;
}

static beam_status not_a(const char *type, beam_error *err)
{
    err->status = BEAM_EINVAL;
    snprintf(err->message, sizeof err->message, "the request is not a chapter3.%s", type);
    return BEAM_EINVAL;
}

static beam_status resolve(void *self, beam_span bytes, beam_writer *out, beam_error *err)
{
    (void)self;
    Chapter3__Request *request =
        chapter3__request__unpack(NULL, bytes.len, (const uint8_t *)bytes.ptr);
    if (!request) return not_a("Request", err);
    Chapter3__Response response = CHAPTER3__RESPONSE__INIT;
    response.output = length_of(request->input);
    chapter3__request__free_unpacked(request, NULL);
    return append(out, &response.base);
}

static beam_status resolve_batch(void *self, beam_span bytes, beam_writer *out, beam_error *err)
{
    (void)self;
    Chapter3__RequestList *requests =
        chapter3__request_list__unpack(NULL, bytes.len, (const uint8_t *)bytes.ptr);
    if (!requests) return not_a("RequestList", err);
    size_t n = requests->n_request;
    Chapter3__Response *responses = calloc(n + 1, sizeof *responses);
    Chapter3__Response **list = calloc(n + 1, sizeof *list);
    beam_status status = BEAM_EIO;
    if (responses && list) {
        for (size_t i = 0; i < n; i++) {
            chapter3__response__init(&responses[i]);
            responses[i].output = length_of(requests->request[i]->input);
            list[i] = &responses[i];
        }
        Chapter3__ResponseList answer = CHAPTER3__RESPONSE_LIST__INIT;
        answer.n_response = n;
        answer.response = list;
        status = append(out, &answer.base);
    }
    free(list);
    free(responses);
    chapter3__request_list__free_unpacked(requests, NULL);
    return status;
}

static const beam_rpc_method methods[] = {
    { "/chapter3.RcpService/resolve", resolve },
    { "/chapter3.RcpService/resolveBatch", resolve_batch },
};

static void usage(FILE *out)
{
    fputs("rpc_service - the gRPC service chapter3.RcpService: lengths of texts\n\n"
          "Usage: rpc_service [--host=NAME] [--port=N] [--delay_ms=N]\n\n"
          "  --host=NAME   address to listen on, with TLS grpcs://NAME (default localhost)\n"
          "  --port=N      port to listen on; 0: any free one (default 50051)\n"
          "  --delay_ms=N  hold each answer back for so long (default 0)\n"
          "  --help        this text\n\n"
          "Serves until SIGINT or SIGTERM.\n",
          out);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "host", required_argument, NULL, 'h' },
        { "port", required_argument, NULL, 'p' },
        { "delay_ms", required_argument, NULL, 'd' },
        { "help", no_argument, NULL, '?' },
        { 0 },
    };
    const char *host = "localhost";
    int port = 50051, delay_ms = 0;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        char *rest = NULL;
        if (o == 'h') host = optarg;
        int number = 0;
        if (o == 'p') number = port = (int)strtol(optarg, &rest, 10);
        if (o == 'd') number = delay_ms = (int)strtol(optarg, &rest, 10);
        if (rest && (*rest || rest == optarg || number < 0 || number > 65535)) {
            fprintf(stderr, "rpc_service: '%s' is wrong; see --help\n", argv[optind - 1]);
            return 2;
        }
        if (o == '?') {
            bool asked = o == '?' && optopt == 0 && optind > 0 &&
                         !__builtin_strcmp(argv[optind - 1], "--help");
            usage(asked ? stdout : stderr);
            return asked ? 0 : 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "rpc_service: '%s' is not expected; see --help\n", argv[optind]);
        return 2;
    }

    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL); /* before threads start: they inherit it */

    char address[300];
    snprintf(address, sizeof address, "%s:%d", host, port);
    beam_error err;
    beam_rpc_server *server =
        beam_rpc_serve(address, methods, BEAM_COUNT(methods), NULL, &err);
    if (!server) {
        fprintf(stderr, "rpc_service: %s\n", err.message);
        return 1;
    }
    if (delay_ms) beam_rpc_server_delay(server, delay_ms);
    printf("RcpService listens on %s:%d\n", host, beam_rpc_server_port(server));
    fflush(stdout);
    int signal_number;
    sigwait(&ends, &signal_number);
    beam_rpc_server_stop(server);
    return 0;
}
