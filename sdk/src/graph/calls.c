/* SPDX-License-Identifier: Apache-2.0 */
/* DoFns with .rpc: what they need, and the service's address. One thread, as its pipeline. */
#include "beam/rpc.h"
#include "graph/build.h"

static const char *fn_problem(const beam_dofn *fn)
{
    const beam_rpc_fn *rpc = fn->rpc;
    return !rpc->method || rpc->method[0] != '/'
               ? "has no method in its .rpc: give it as \"/package.Service/Method\""
           : !rpc->request  ? "has no .request in its .rpc"
           : !rpc->response ? "has no .response in its .rpc"
           : rpc->max_in_flight < 0 || rpc->timeout_ms < 0 || rpc->retries < -1
               ? "has a negative number in its .rpc"
           : fn->states.n || fn->timers.n || fn->on_window_expiration
               ? "has .rpc and state or timers: elements that wait for an answer do not have "
                 "their key's state; put the two into steps of their own"
           : fn->sdf
               ? "has .rpc and is splittable: put the calls into a step of their own"
               : NULL;
}

/* "host:port" */
static bool is_address(const char *target)
{
    const char *colon = strrchr(target, ':');
    return colon && colon > target && colon[1];
}

bool bm_step_calls(bm_step *step, const beam_dofn *fn, const char *target)
{
    if (!fn->rpc) {
        if (!target) return true;
        bm_step_fail(step, BEAM_EINVAL, ".target is given, but DoFn '%s' has no .rpc",
                     fn->name);
        return false;
    }
    const char *problem = fn_problem(fn);
    if (problem)
        bm_step_fail(step, BEAM_EINVAL, "DoFn '%s' %s", fn->name, problem);
    else if (!target || !is_address(target))
        bm_step_fail(step, BEAM_EINVAL,
                     "DoFn '%s' calls a service, and %s%s%s: give its address "
                     "as .target = \"host:port\"",
                     fn->name, target ? "'" : "", target ? target : "none is given",
                     target ? "' is no address" : "");
    else
        step->target = bm_strdup(&step->pipeline->arena, target);
    return step->target;
}
