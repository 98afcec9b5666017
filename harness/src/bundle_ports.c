/* SPDX-License-Identifier: Apache-2.0 */
/* Where a bundle's data comes from and goes to. Bundle thread. */
#include "bundle_ports.h"

#include "pb.h"

static beam_status get_link(const bm_port_needs *needs, const char *url, bm_link **out,
                            beam_error *err)
{
    *out = bm_links_get(needs->links, url, needs->stream_id);
    if (*out) return BEAM_OK;
    return bm_error(err, BEAM_ECANCELLED, "The worker is ending.");
}

/* `family` NULL: a source. */
static beam_status open_inlet(const bm_port_needs *needs, bm_inlet *inlet,
                              const char *transform_id, const char *family, const char *url,
                              beam_error *err)
{
    inlet->transform_id = transform_id;
    inlet->timer_family = family;
    return needs->elements ? BEAM_OK : get_link(needs, url, &inlet->link, err);
}

/* `family` NULL: a sink. */
static beam_status open_outlet(const bm_port_needs *needs, bm_outlet *outlet,
                               const char *transform_id, const char *family, const char *url,
                               beam_error *err)
{
    outlet->address.instruction_id = beam_span_of(needs->instruction_id);
    outlet->address.transform_id = beam_span_of(transform_id);
    if (family) outlet->address.timer_family_id = beam_span_of(family);
    return get_link(needs, url, &outlet->link, err);
}

static beam_status open_timers(const bm_port_needs *needs, bm_inlet *inlet, bm_outlet *outlet,
                               const bm_timer_port *port, beam_error *err)
{
    if (!*port->endpoint_url)
        return bm_error(err, BEAM_EINVAL, "Transform '%s' has timers, but the descriptor "
                        "names no timer service.", port->transform_id);
    BEAM_TRY(open_inlet(needs, inlet, port->transform_id, port->family, port->endpoint_url,
                        err));
    return open_outlet(needs, outlet, port->transform_id, port->family, port->endpoint_url,
                       err);
}

beam_status bm_ports_connect(bm_bundle_ports *ports, const bm_port_needs *needs,
                             bm_arena *arena, beam_error *err)
{
    const bm_port *sources = bm_plan_sources(needs->plan, &ports->n_sources);
    const bm_port *sinks = bm_plan_sinks(needs->plan, &ports->n_sinks);
    const bm_timer_port *timers = bm_plan_timers(needs->plan, &ports->n_timers);
    bm_inlet *inlet = ports->inlets =
        BM_NEW_ARRAY(arena, bm_inlet, ports->n_sources + ports->n_timers);
    bm_outbox *outbox = &ports->outbox;
    outbox->n = ports->n_sinks + ports->n_timers;
    outbox->may_embed = needs->may_embed;
    bm_outlet *outlet = outbox->outlets = BM_NEW_ARRAY(arena, bm_outlet, outbox->n);
    for (size_t i = 0; i < ports->n_sources; i++)
        BEAM_TRY(open_inlet(needs, inlet++, sources[i].transform_id, NULL,
                            sources[i].endpoint_url, err));
    for (size_t i = 0; i < ports->n_sinks; i++)
        BEAM_TRY(open_outlet(needs, outlet++, sinks[i].transform_id, NULL,
                             sinks[i].endpoint_url, err));
    for (size_t i = 0; i < ports->n_timers; i++)
        BEAM_TRY(open_timers(needs, inlet++, outlet++, &timers[i], err));
    return BEAM_OK;
}

void bm_ports_disconnect(bm_bundle_ports *ports)
{
    for (size_t i = 0; ports->inlets && i < ports->n_sources + ports->n_timers; i++)
        bm_link_release(ports->inlets[i].link);
    for (size_t i = 0; i < ports->outbox.n; i++)
        bm_link_release(ports->outbox.outlets[i].link);
}

/* -- input in the request ------------------------------------------------------------------ */

static void put(bm_inbox *inbox, bm_entry *entry, beam_span payload)
{
    bm_piece piece = { NULL, payload };
    entry->pieces = &piece;
    entry->n_pieces = payload.len > 0;
    bm_inbox_put(inbox, NULL, entry);
}

/* ProcessBundleRequest.elements (control_request_elements_embedding): all of the bundle's
 * input, or none of it. With the lock held. */
static void put_embedded(const pb_Elements *elements, bm_inbox *inbox)
{
    size_t n;
    const pb_Elements_Data *const *data = pb_Elements_data(elements, &n);
    for (size_t i = 0; i < n; i++) {
        bm_entry entry = {
            .transform_id = bm_span_of_pb(pb_Elements_Data_transform_id(data[i])),
            .is_last = pb_Elements_Data_is_last(data[i]),
        };
        put(inbox, &entry, bm_span_of_pb(pb_Elements_Data_data(data[i])));
    }
    const pb_Elements_Timers *const *timers = pb_Elements_timers(elements, &n);
    for (size_t i = 0; i < n; i++) {
        beam_span family = bm_span_of_pb(pb_Elements_Timers_timer_family_id(timers[i]));
        bm_entry entry = {
            .transform_id = bm_span_of_pb(pb_Elements_Timers_transform_id(timers[i])),
            .timer_family_id = { family.ptr ? family.ptr : "", family.len },
            .is_last = pb_Elements_Timers_is_last(timers[i]),
        };
        put(inbox, &entry, bm_span_of_pb(pb_Elements_Timers_timers(timers[i])));
    }
    bm_inbox_break(inbox, "the request holds elements, but not the end of all inputs");
}

beam_status bm_ports_bind(const bm_bundle_ports *ports, const bm_port_needs *needs,
                          bm_inbox *inbox, pthread_mutex_t *lock, beam_error *err)
{
    if (needs->elements) {
        pthread_mutex_lock(lock);
        put_embedded(needs->elements, inbox);
        pthread_mutex_unlock(lock);
    }
    return bm_inbox_bind(inbox, lock, ports->inlets, ports->n_sources + ports->n_timers, err);
}
