/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses with TLS: calls, certificates that are not to be trusted; builds without TLS. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/run_tests.h"
#include "beam/rpc.h"

static beam_error err;

#ifdef BEAM_TLS

static char folder[] = "/tmp/beam-tls.XXXXXX", certificate[64], key[64];
static beam_rpc_server *server;
static char address[64];

static beam_status echo(void *self, beam_span request, beam_writer *response, beam_error *e)
{
    (void)self, (void)e;
    beam_write_raw(response, request.ptr, request.len);
    return BEAM_OK;
}
static const beam_rpc_method methods[] = { { "/p.P/Echo", echo } };

/* A key and a certificate of its own for `host`. */
static void make_certificate(const char *host)
{
    char command[512];
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=%s "
             "-addext subjectAltName=DNS:%s -keyout %s -out %s 2>/dev/null",
             host, host, key, certificate);
    ck_assert_int_eq(system(command), 0);
}

static void setup(void)
{
    strcpy(folder + sizeof folder - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(certificate, sizeof certificate, "%s/certificate.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    setenv("BEAM_RPC_CERT_FILE", certificate, 1);
    setenv("BEAM_RPC_KEY_FILE", key, 1);
    setenv("SSL_CERT_FILE", certificate, 1);
}

static void serve_as(const char *host)
{
    make_certificate(host);
    server = beam_rpc_serve("grpcs://localhost:0", methods, BEAM_COUNT(methods), NULL, &err);
    ck_assert_msg(server, "%s", err.message);
    snprintf(address, sizeof address, "grpcs://localhost:%d", beam_rpc_server_port(server));
}

static void teardown(void)
{
    beam_rpc_server_stop(server);
    server = NULL;
    unlink(certificate);
    unlink(key);
    rmdir(folder);
}

static beam_status call(const char *target)
{
    beam_span response;
    beam_rpc_channel *channel = beam_rpc_open(target);
    beam_status status =
        beam_rpc_call(channel, "/p.P/Echo", beam_span_of("ab"), 5000, &response, &err);
    if (status == BEAM_OK) ck_assert(beam_span_equal(response, beam_span_of("ab")));
    beam_rpc_close(channel);
    return status;
}

START_TEST(calls)
{
    serve_as("localhost");
    ck_assert_msg(call(address) == BEAM_OK, "%s", err.message);
    ck_assert_int_eq(call(address), BEAM_OK);
}
END_TEST

START_TEST(the_certificate_of_another)
{
    serve_as("elsewhere.example");
    ck_assert_int_ne(call(address), BEAM_OK);
    ck_assert_msg(strstr(err.message, address) != NULL, "%s", err.message);
}
END_TEST

START_TEST(a_certificate_of_nobody)
{
    serve_as("localhost");
    make_certificate("localhost"); /* the server has read the one before */
    ck_assert_int_ne(call(address), BEAM_OK);
}
END_TEST

START_TEST(without_tls)
{
    serve_as("localhost");
    ck_assert_int_ne(call(address + strlen("grpcs://")), BEAM_OK);
}
END_TEST

START_TEST(files_that_are_not_there)
{
    serve_as("localhost");
    setenv("SSL_CERT_FILE", "/nowhere/roots.pem", 1);
    ck_assert_int_ne(call(address), BEAM_OK);
    ck_assert_ptr_nonnull(strstr(err.message, "SSL_CERT_FILE must name a PEM file, and "
                                              "'/nowhere/roots.pem' cannot be read"));
    unsetenv("BEAM_RPC_KEY_FILE");
    ck_assert_ptr_null(
        beam_rpc_serve("grpcs://localhost:0", methods, BEAM_COUNT(methods), NULL, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "BEAM_RPC_KEY_FILE must name a PEM file"));
}
END_TEST

#else

static void setup(void) { }
static void teardown(void) { }

START_TEST(not_in_this_build)
{
    beam_span response;
    beam_rpc_channel *channel = beam_rpc_open("grpcs://localhost:1");
    ck_assert_int_eq(
        beam_rpc_call(channel, "/p.P/Echo", beam_span_of("ab"), 5000, &response, &err),
        BEAM_EUNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.message, "build it with -DBEAM_TLS=ON"));
    beam_rpc_close(channel);
    ck_assert_ptr_null(beam_rpc_serve("grpcs://localhost:0", NULL, 0, NULL, &err));
    ck_assert_int_eq(err.status, BEAM_EUNSUPPORTED);
}
END_TEST

#endif

int main(void)
{
    TCase *tcase = tcase_create("tls");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
#ifdef BEAM_TLS
    tcase_add_test(tcase, calls);
    tcase_add_test(tcase, the_certificate_of_another);
    tcase_add_test(tcase, a_certificate_of_nobody);
    tcase_add_test(tcase, without_tls);
    tcase_add_test(tcase, files_that_are_not_there);
#else
    tcase_add_test(tcase, not_in_this_build);
#endif
    return run_case("rpc/tls", tcase);
}
