/* SPDX-License-Identifier: Apache-2.0 */
/* proto/expansion_response.c - splices what an expansion service answered into the
 * pipeline.
 *
 * The answer is not trusted: whatever it refers to must be in it or in the request, and
 * nothing may contain itself. Only transforms and collections that the expanded transform
 * reaches are taken over. Ids stay as they are unless the pipeline has them already. One
 * thread; blocks in the expander. */
#include "beam_urns.h"
#include "proto/builder.h"

typedef struct splice {
    bm_builder *b;
    const bm_step *step;
    const bm_request *request;
    /* Of the answer, by the answer's ids. */
    bm_map transforms, pcolls, windowings, coders, environments;
    /* The answer's id -> the pipeline's; BUSY while it is being taken over. */
    bm_map new_transforms, new_pcolls, new_windowings, new_coders, new_environments;
} splice;

enum { MAX_DEPTH = 200 }; /* of transforms in transforms, of coders of coders */

static const char BUSY[] = "";

static const char *service_text(const splice *s)
{
    const char *address = s->step->external->expansion_service;
    return address ? bm_format(s->b->arena, "the expansion service %s", address)
                   : "the expansion service";
}

/* "Read: the expansion service answered what cannot be used: ..." */
static beam_status bad_answer(const splice *s, const char *what, const char *id)
{
    return bm_error(s->b->err, BEAM_ERPC,
                    "%s: %s answered what cannot be used: %s '%.200s'; check that it is "
                    "of a Beam version that fits",
                    s->step->unique_name, service_text(s), what, id);
}

/* An id for something new: its own if free, else with the namespace and a number. */
static const char *free_id(const splice *s, const bm_table *table, const char *id)
{
    const char *free = id;
    for (int i = 1; bm_map_get(&table->by_id, beam_span_of(free)); i++)
        free = bm_format(s->b->arena, "%s%s (%d)", s->request->name_space, id, i);
    return free;
}

static bool was_sent(const bm_table *table, const char *id)
{
    return bm_map_get(&table->by_id, beam_span_of(id)) != NULL;
}

/* -- coders ------------------------------------------------------------------------- */
static beam_status take_coder(splice *s, const char *id, int depth);

static beam_status take_components(splice *s, const char *id, const bm_pb_coder *coder,
                                   int depth)
{
    if (depth > MAX_DEPTH) return bad_answer(s, "coders nest too deeply at", id);
    for (size_t i = 0; i < coder->n_component_coder_ids; i++)
        BEAM_TRY(take_coder(s, coder->component_coder_ids[i], depth + 1));
    return BEAM_OK;
}

/* Payloads refer to coders by id (of restrictions, of state), so that a coder is never
 * renamed. */
static beam_status take_coder(splice *s, const char *id, int depth)
{
    if (was_sent(&s->request->coders, id)) return BEAM_OK;
    const char *known = bm_map_get(&s->new_coders, beam_span_of(id));
    if (known == BUSY) return bad_answer(s, "a coder is made of itself, coder", id);
    if (known) return BEAM_OK;
    bm_pb_coder *coder = bm_map_get(&s->coders, beam_span_of(id));
    if (!coder || !coder->spec) return bad_answer(s, "there is no coder", id);
    bm_map_put(&s->new_coders, beam_span_of(id), bm_pb_text(BUSY));
    BEAM_TRY(take_components(s, id, coder, depth));
    bm_map_put(&s->new_coders, beam_span_of(id), bm_pb_text(id));

    bm_pb_coder *have = bm_map_get(&s->b->coders.by_id, beam_span_of(id));
    if (!have) {
        bm_add_coder(s->b, id, coder);
        return BEAM_OK;
    }
    if (beam_span_equal(BM_PB_PACK(s->b->arena, have), BM_PB_PACK(s->b->arena, coder)))
        return BEAM_OK;
    return bad_answer(s, "it gave an id that is taken to another coder,", id);
}

/* -- environments ------------------------------------------------------------------- */
/* Lets the expander change the environment. */
static beam_status settle_environment(splice *s, bm_pb_environment *m)
{
    bm_arena *arena = s->b->arena;
    const bm_expander *expander = s->b->expander;
    if (!expander->environment) return BEAM_OK;
    bm_artifact *artifacts = BM_NEW_ARRAY(arena, bm_artifact, m->n_dependencies);
    for (size_t i = 0; i < m->n_dependencies; i++) {
        const bm_pb_artifact *a = m->dependencies[i];
        artifacts[i] = (bm_artifact){ a->type_urn, bm_pb_span(a->type_payload),
                                       a->role_urn, bm_pb_span(a->role_payload) };
    }
    bm_environment env = { m->urn, bm_pb_span(m->payload), artifacts, m->n_dependencies };
    BEAM_TRY(expander->environment(expander->self, s->step->external->expansion_service,
                                   arena, &env, s->b->err));
    m->urn = bm_pb_text(env.urn);
    m->payload = bm_pb_bytes(env.payload);
    bm_set_artifacts(arena, m, &env);
    return BEAM_OK;
}

/* Expansions of one service share an environment, and so one worker, where theirs are
 * equal. */
static beam_status take_environment(splice *s, const char *id, char **out)
{
    *out = bm_pb_text(id);
    if (!*id || was_sent(&s->request->environments, id)) return BEAM_OK;
    char *known = bm_map_get(&s->new_environments, beam_span_of(id));
    if (!known) {
        bm_pb_environment *m = bm_map_get(&s->environments, beam_span_of(id));
        if (!m) return bad_answer(s, "there is no environment", id);
        BEAM_TRY(settle_environment(s, m));
        beam_span packed = BM_PB_PACK(s->b->arena, m);
        known = bm_map_get(&s->b->environment_ids, packed);
        if (!known) {
            known = bm_pb_text(free_id(s, &s->b->environments, id));
            bm_add_environment(s->b, known, m);
            bm_map_put(&s->b->environment_ids, packed, known);
        }
        bm_map_put(&s->new_environments, beam_span_of(id), known);
    }
    *out = known;
    return BEAM_OK;
}

/* -- windowing strategies and collections ------------------------------------------- */
static beam_status take_windowing(splice *s, const char *id, char **out)
{
    *out = bm_pb_text(id);
    if (was_sent(&s->request->windowings, id)) return BEAM_OK;
    char *known = bm_map_get(&s->new_windowings, beam_span_of(id));
    if (!known) {
        bm_pb_windowing *m = bm_map_get(&s->windowings, beam_span_of(id));
        if (!m) return bad_answer(s, "there is no windowing strategy", id);
        BEAM_TRY(take_coder(s, m->window_coder_id, 0));
        BEAM_TRY(take_environment(s, m->environment_id, &m->environment_id));
        known = bm_pb_text(free_id(s, &s->b->windowings, id));
        bm_add_windowing(s->b, known, m);
        bm_map_put(&s->new_windowings, beam_span_of(id), known);
    }
    *out = known;
    return BEAM_OK;
}

static beam_status take_pcoll(splice *s, const char *id, char **out)
{
    *out = bm_pb_text(id);
    if (was_sent(&s->request->pcolls, id)) return BEAM_OK;
    char *known = bm_map_get(&s->new_pcolls, beam_span_of(id));
    if (!known) {
        const bm_pb_pcoll *m = bm_map_get(&s->pcolls, beam_span_of(id));
        if (!m) return bad_answer(s, "there is no collection", id);
        BEAM_TRY(take_coder(s, m->coder_id, 0));
        char *windowing;
        BEAM_TRY(take_windowing(s, m->windowing_strategy_id, &windowing));
        known = bm_pb_text(free_id(s, &s->b->pcolls, id));
        bm_pb_pcoll *copy = bm_add_pcoll(s->b, known,
                                         *m->unique_name ? m->unique_name : known);
        copy->coder_id = m->coder_id;
        copy->windowing_strategy_id = windowing;
        copy->is_bounded = m->is_bounded;
        copy->n_display_data = m->n_display_data;
        copy->display_data = m->display_data;
        bm_map_put(&s->new_pcolls, beam_span_of(id), known);
    }
    *out = known;
    return BEAM_OK;
}

/* -- transforms --------------------------------------------------------------------- */
static beam_status take_transform(splice *s, const char *id, int depth, char **out);

/* Adds the transform and all that is in it as `new_id`. */
static beam_status fill_transform(splice *s, bm_pb_transform *m, const char *new_id,
                                  const char *unique_name, int depth)
{
    if (depth > MAX_DEPTH) return bad_answer(s, "transforms nest too deeply at", new_id);
    bm_pb_transform *copy = bm_add_transform(s->b, new_id, unique_name);
    char *name = copy->unique_name;
    *copy = *m;
    copy->unique_name = name;
    for (size_t i = 0; i < m->n_inputs; i++)
        BEAM_TRY(take_pcoll(s, m->inputs[i]->value, &m->inputs[i]->value));
    for (size_t i = 0; i < m->n_outputs; i++)
        BEAM_TRY(take_pcoll(s, m->outputs[i]->value, &m->outputs[i]->value));
    BEAM_TRY(take_environment(s, m->environment_id, &copy->environment_id));
    for (size_t i = 0; i < m->n_subtransforms; i++)
        BEAM_TRY(take_transform(s, m->subtransforms[i], depth + 1, &m->subtransforms[i]));
    return BEAM_OK;
}

static beam_status take_transform(splice *s, const char *id, int depth, char **out)
{
    if (bm_map_get(&s->new_transforms, beam_span_of(id)))
        return bad_answer(s, "a transform is in itself or in two places, transform", id);
    bm_pb_transform *m = bm_map_get(&s->transforms, beam_span_of(id));
    if (!m) return bad_answer(s, "there is no transform", id);
    *out = bm_pb_text(free_id(s, &s->b->transforms, id));
    bm_map_put(&s->new_transforms, beam_span_of(id), *out);
    return fill_transform(s, m, *out, *m->unique_name ? m->unique_name : *out, depth);
}

/* -- outputs ------------------------------------------------------------------------ */
/* The answer's collection for output number `i`. An only output needs no tag. */
static const char *returned_output(const bm_step *step, const bm_pb_transform *root,
                                   size_t i)
{
    for (size_t j = 0; j < root->n_outputs; j++)
        if (!strcmp(root->outputs[j]->key, step->outputs[i]->tag))
            return root->outputs[j]->value;
    return step->n_outputs == 1 && root->n_outputs == 1 ? root->outputs[0]->value : NULL;
}

static const char *tags_text(bm_arena *arena, const bm_pb_transform *root)
{
    const char *text = root->n_outputs ? "" : "none";
    for (size_t i = 0; i < root->n_outputs; i++)
        text = bm_format(arena, "%s%s'%s'", text, i ? ", " : "", root->outputs[i]->key);
    return text;
}

/* As much of the windowing as the graph's checks of grouping look at: is it the global
 * window, is there a trigger. */
static const bm_windowing *returned_windowing(const splice *s, const char *id)
{
    static const beam_trigger always = { .kind = BEAM_TRIGGER_ALWAYS };
    static const beam_trigger any = { .kind = BEAM_TRIGGER_REPEAT, .arg = { &always } };
    const bm_pb_windowing *w = bm_map_get(&s->b->windowings.by_id, beam_span_of(id));
    const char *urn = w && w->window_fn ? w->window_fn->urn : "";
    bool global = !strcmp(urn, BEAM_URN_WINDOW_FN_GLOBAL_WINDOWS);
    bool triggered = w && w->trigger &&
                     w->trigger->trigger_case != PB__TRIGGER__TRIGGER__NOT_SET &&
                     w->trigger->trigger_case != PB__TRIGGER__TRIGGER_DEFAULT;
    if (global && !triggered) return &bm_default_windowing;
    bm_windowing *windowing = BM_NEW(&s->b->pipeline->arena, bm_windowing);
    windowing->opts.fn.kind = global ? BEAM_WINDOW_GLOBAL : BEAM_WINDOW_FIXED;
    if (triggered) windowing->opts.trigger = &any;
    return windowing;
}

static beam_status settle_output(splice *s, const bm_pb_transform *root, size_t i)
{
    bm_builder *b = s->b;
    beam_pcoll *c = s->step->outputs[i];
    const char *id = returned_output(s->step, root, i);
    if (!id)
        return bm_error(b->err, BEAM_EINVAL,
                        "%s: the transform has no output '%s'; its outputs are: %s",
                        s->step->unique_name, c->tag, tags_text(b->arena, root));
    bm_pb_pcoll *pb = bm_map_get(&b->pcolls.by_id, beam_span_of(id));
    if (!pb) return bad_answer(s, "there is no collection", id);
    if (!bm_coder_matches(b->arena, &b->coders.by_id, pb->coder_id, c->type))
        return bm_error(
            b->err, BEAM_ETYPE,
            "%s: output '%s' is declared as %s, but %s gives %s; declare that "
            "type, or set the transform up to give the other",
            s->step->unique_name, c->tag, bm_type_text(b->arena, c->type),
            service_text(s),
            bm_returned_coder_text(b->arena, &b->coders.by_id, pb->coder_id));
    b->built[c->id] = (bm_built_pcoll){ id, pb };
    c->bounded = pb->is_bounded == PB__IS_BOUNDED__ENUM__BOUNDED;
    c->windowing = returned_windowing(s, pb->windowing_strategy_id);
    return BEAM_OK;
}

/* -- the answer --------------------------------------------------------------------- */
/* The next line of `*text`, which moves past it; false at the end. */
static bool next_line(const char **text, beam_span *line)
{
    if (!**text) return false;
    *line = (beam_span){ *text, strcspn(*text, "\n") };
    *text += line->len + ((*text)[line->len] == '\n');
    return true;
}

static bool starts_with(beam_span line, const char *start)
{
    size_t n = strlen(start);
    return line.len >= n && !memcmp(line.ptr, start, n);
}

/* Without the payload, which Java prints and in which there may be passwords. */
static const char *without_payload(bm_arena *arena, const char *error)
{
    char *clean = bm_alloc(arena, strlen(error) + 2), *end = clean;
    for (beam_span line; next_line(&error, &line);) {
        if (!line.len || starts_with(line, "payload: ")) continue;
        memcpy(end, line.ptr, line.len);
        end += line.len;
        *end++ = '\n';
    }
    *end = 0;
    return clean;
}

/* Java answers with a stack trace, where the last cause says most. */
static beam_span reason_of(const char *error)
{
    static const char mark[] = "Caused by: ";
    beam_span reason = { "no reason", 9 }, line;
    if (next_line(&error, &line)) reason = line;
    while (next_line(&error, &line))
        if (starts_with(line, mark))
            reason = (beam_span){ line.ptr + sizeof mark - 1, line.len - sizeof mark + 1 };
    return reason;
}

static beam_status refused(const splice *s, const char *error)
{
    const beam_external_opts *opts = s->step->external;
    error = without_payload(s->b->arena, error);
    beam_span reason = reason_of(error);
    bool is_all = strlen(error) <= reason.len + 1;
    return bm_error(s->b->err, BEAM_ERPC,
                    "%s: %s cannot expand %s: " BEAM_SPAN_FMT ". Check the transform's "
                    "settings, and that the service has it on its class path.%s%s",
                    s->step->unique_name, service_text(s),
                    opts->java_class ? opts->java_class : opts->urn, BEAM_SPAN_ARG(reason),
                    is_all ? "" : "\nThe whole answer: ", is_all ? "" : error);
}

#define INDEX(map, entries, n)                                                           \
    do {                                                                                 \
        bm_map_init((map), s->b->arena);                                                 \
        for (size_t i_ = 0; i_ < (n); i_++)                                              \
            if ((entries)[i_]->value)                                                    \
                bm_map_put((map), beam_span_of((entries)[i_]->key),                      \
                           (entries)[i_]->value);                                        \
    } while (0)

static void index_answer(splice *s, const bm_pb_components *c)
{
    INDEX(&s->transforms, c->transforms, c->n_transforms);
    INDEX(&s->pcolls, c->pcollections, c->n_pcollections);
    INDEX(&s->windowings, c->windowing_strategies, c->n_windowing_strategies);
    INDEX(&s->coders, c->coders, c->n_coders);
    INDEX(&s->environments, c->environments, c->n_environments);
    bm_map_init(&s->new_transforms, s->b->arena);
    bm_map_init(&s->new_pcolls, s->b->arena);
    bm_map_init(&s->new_windowings, s->b->arena);
    bm_map_init(&s->new_coders, s->b->arena);
    bm_map_init(&s->new_environments, s->b->arena);
}

beam_status bm_splice(bm_builder *b, const bm_step *step, const bm_request *request,
                      beam_span response)
{
    splice s = { .b = b, .step = step, .request = request };
    const bm_pb_expansion_response *m = (const bm_pb_expansion_response *)bm_pb_unpack(
        b->arena, &pb__expansion_response__descriptor, response, BM_PB_MAX_DEPTH);
    if (!m) return bad_answer(&s, "the bytes are no", "ExpansionResponse");
    if (*m->error) return refused(&s, m->error);
    if (!m->transform) return bad_answer(&s, "there is no expanded", "transform");
    index_answer(&s, m->components ? m->components : bm_pb_components_new(b->arena));

    BEAM_TRY(fill_transform(&s, m->transform, step->unique_name, step->unique_name, 0));
    BM_MAP_EACH(&s.coders, entry)
    BEAM_TRY(take_coder(&s, bm_cstr(b->arena, entry->key), 0));
    for (size_t i = 0; i < m->n_requirements; i++)
        bm_add_requirement(b, m->requirements[i]);
    for (size_t i = 0; i < step->n_outputs; i++)
        BEAM_TRY(settle_output(&s, m->transform, i));
    bm_take_own_step(b, step);
    if (bm_graph_settle(b->pipeline)) return bm_pipeline_failure(b->pipeline, b->err);
    return BEAM_OK;
}
