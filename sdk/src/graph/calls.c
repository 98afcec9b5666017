/* SPDX-License-Identifier: Apache-2.0 */
/* DoFns with .rpc or .http: what they need, and the service's address. One thread, as its
 * pipeline. */
#include <string.h>
#include <strings.h>

#include "base/url.h"
#include "beam/http.h"
#include "beam/rpc.h"
#include "graph/build.h"

enum {
    MOST_IN_FLIGHT = 100000,
    MOST_ENTRIES = 10000000 /* of a cache */
};
#define LEAST_RATE 0.001 /* a second */

/* Tables of this size are made for each instance. */
static bool is_too_much(int max_in_flight, int cache_entries)
{
    return max_in_flight > MOST_IN_FLIGHT || cache_entries > MOST_ENTRIES;
}

#define TOO_MUCH(kind) \
    "has more than 100000 for .max_in_flight or 10000000 for .cache_entries in its " kind

/* No number either. */
static bool is_no_rate(double per_second)
{
    return per_second != 0 && !(per_second >= LEAST_RATE);
}

#define NO_RATE(kind) \
    "has a .max_per_second in its " kind " that is neither 0 nor at least 0.001"

static const char *rpc_problem(const beam_rpc_fn *rpc)
{
    return !rpc->method || rpc->method[0] != '/'
               ? "has no method in its .rpc: give it as \"/package.Service/Method\""
           : !rpc->request  ? "has no .request in its .rpc"
           : !rpc->response ? "has no .response in its .rpc"
           : rpc->max_in_flight < 0 || rpc->timeout_ms < 0 || rpc->retries < -1 ||
                   rpc->cache_entries < 0 || rpc->cache_ttl_ms < 0
               ? "has a negative number in its .rpc"
           : is_too_much(rpc->max_in_flight, rpc->cache_entries) ? TOO_MUCH(".rpc")
           : is_no_rate(rpc->max_per_second)                     ? NO_RATE(".rpc")
                                                                 : NULL;
}

static bool has_nameless_header(const beam_http_fn *http)
{
    for (size_t i = 0; i < http->headers.n; i++)
        if (!http->headers.at[i].name || !*http->headers.at[i].name) return true;
    return false;
}

static bool accepts_no_status(const beam_http_fn *http)
{
    for (size_t i = 0; i < BEAM_COUNT(http->accept); i++)
        if (http->accept[i] && (http->accept[i] < 300 || http->accept[i] > 599))
            return true;
    return false;
}

static bool is_empty(const char *text)
{
    return text && (!*text || !strcmp(text, "$"));
}

static const char *files_problem(const beam_http_fn *http)
{
    return is_empty(http->ca_file) || is_empty(http->cert_file) ||
                   is_empty(http->key_file)
               ? "has an empty name of a file in its .http"
           : is_empty(http->key_password_env)
               ? "has an empty .key_password_env in its .http"
           : !http->cert_file && (http->key_file || http->key_password_env)
               ? "has a key, but no .cert_file in its .http"
               : NULL;
}

static const char *http_problem(const beam_http_fn *http)
{
    return !http->request              ? "has no .request in its .http"
           : !http->response           ? "has no .response in its .http"
           : has_nameless_header(http) ? "has a header without a name in its .http"
           : accepts_no_status(http) ? "has something else than statuses from 300 to 599 "
                                       "in .accept of its .http"
           : http->max_in_flight < 0 || http->timeout_ms < 0 || http->retries < -1 ||
                   http->cache_entries < 0 || http->cache_ttl_ms < 0 ||
                   http->max_body < 0 || http->max_redirects < 0
               ? "has a negative number in its .http"
           : is_too_much(http->max_in_flight, http->cache_entries) ? TOO_MUCH(".http")
           : is_no_rate(http->max_per_second)                      ? NO_RATE(".http")
                                                                   : files_problem(http);
}

/* "host:port", with TLS "grpcs://host:port", or what else gRPC knows: "unix:/path",
 * "dns:///host:port". */
static bool is_address(const char *target)
{
    const char *with_tls = bm_grpcs_address(target);
    if (with_tls) target = with_tls;
    const char *colon = strrchr(target, ':');
    if (!colon || colon == target || !strncasecmp(target, "http://", 7) ||
        !strncasecmp(target, "https://", 8))
        return false;
    if (strchr(target, '/')) return colon[1];
    return bm_port_read(colon + 1, strchr(colon, '\0'));
}

static void fail_target(bm_step *step, const beam_dofn *fn, const char *target)
{
    if (target && fn->http &&
        strpbrk(target, "@?")) { /* not shown: it may have secrets */
        bm_step_fail(
            step, BEAM_EINVAL,
            "DoFn '%s' is given a .target with a user's name or a query in it: "
            "secrets are for .headers with .env, queries for the .path of requests",
            fn->name);
        return;
    }
    bm_step_fail(step, BEAM_EINVAL,
                 "DoFn '%s' calls a service, and %s%s%s: give its address "
                 "as .target = \"%s\"",
                 fn->name, target ? "'" : "", target ? target : "none is given",
                 target ? "' is no address" : "",
                 fn->rpc ? "[grpcs://]host:port" : "http[s]://host[:port][/path]");
}

bool bm_step_calls(bm_step *step, const beam_dofn *fn, const char *target)
{
    if (!fn->rpc && !fn->http) {
        if (!target) return true;
        bm_step_fail(step, BEAM_EINVAL,
                     ".target is given, but DoFn '%s' has neither .rpc nor .http",
                     fn->name);
        return false;
    }
    const char *problem = fn->rpc ? rpc_problem(fn->rpc) : http_problem(fn->http);
    const char *what = fn->rpc ? ".rpc" : ".http";
    bm_url url;
    if (problem)
        bm_step_fail(step, BEAM_EINVAL, "DoFn '%s' %s", fn->name, problem);
    else if (fn->states.n || fn->timers.n || fn->on_window_expiration)
        bm_step_fail(step, BEAM_EINVAL,
                     "DoFn '%s' has %s and state or timers: elements that wait for an "
                     "answer do not have their key's state; put the two into steps of "
                     "their own",
                     fn->name, what);
    else if (fn->sdf)
        bm_step_fail(step, BEAM_EINVAL,
                     "DoFn '%s' has %s and is splittable: put the calls into a step of "
                     "their own",
                     fn->name, what);
    else if (!target || !(fn->rpc ? is_address(target) : bm_url_read(target, &url)))
        fail_target(step, fn, target);
    else
        step->target = bm_strdup(&step->pipeline->arena, target);
    return step->target;
}
