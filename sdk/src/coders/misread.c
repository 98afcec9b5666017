/* SPDX-License-Identifier: Apache-2.0 */
/* What was misread, to a listener of the thread, and where it was. The thread that reads. */
#include "coders/misread.h"

#include "coders/coder_impl.h"

/* -- telling ---------------------------------------------------------------------------- */
static _Thread_local bm_misread_listener listening;

bm_misread_listener bm_misread_listen(bm_misread_listener listener)
{
    bm_misread_listener before = listening;
    listening = listener;
    return before;
}

__attribute__((cold)) void beam_misread_(beam_kind kind, const void *content, size_t len,
                                         const char *call)
{
    if (kind == BEAM_KIND_NONE || !listening.tell) return;
    beam_value v;
    v.kind = kind;
    v.as.span = (beam_span){ (const char *)content, len };
    listening.tell(listening.self, &(bm_misread){ .value = v, .call = call });
}

__attribute__((cold)) void beam_misread_at_(beam_value v, size_t i)
{
    bool is_short = v.kind == BEAM_KIND_LIST || v.kind == BEAM_KIND_MAP;
    if (v.kind == BEAM_KIND_NONE || is_short || !listening.tell) return;
    listening.tell(listening.self, &(bm_misread){ v, "beam_list_at", i, true });
}

/* -- finding it in the element ------------------------------------------------------------ */
static bool same(beam_value a, beam_value b)
{
    if (a.kind != b.kind) return false;
    switch (a.kind) {
    case BEAM_KIND_BOOL: return a.as.boolean == b.as.boolean;
    case BEAM_KIND_INT64:
    case BEAM_KIND_DOUBLE: return a.as.int64 == b.as.int64;
    case BEAM_KIND_BYTES:
    case BEAM_KIND_STRING:
        return a.as.span.ptr == b.as.span.ptr && a.as.span.len == b.as.span.len;
    default: return a.as.ptr == b.as.ptr;
    }
}

/* *n: how many values of fields are the same as it. */
static void look(beam_value for_it, const bm_coder *coder, beam_value in,
                 bm_misread_place *out, size_t *n)
{
    while (coder &&
           (coder->kind == BM_CODER_LENGTH_PREFIX || coder->kind == BM_CODER_NULLABLE))
        coder = coder->arg[0];
    if (!coder) return;
    if (coder->kind == BM_CODER_KV && in.kind == BEAM_KIND_KV)
        for (int i = 0; i < 2; i++) look(for_it, coder->arg[i], in.as.kv[i], out, n);
    if (coder->kind != BM_CODER_ROW || in.kind != BEAM_KIND_ROW) return;
    if (same(in, for_it)) out->schema = coder->schema;
    for (size_t i = 0; i < coder->row->n; i++) {
        const bm_row_field *field = &coder->row->at[i];
        if (field->index >= in.as.list.n) continue;
        beam_value value = in.as.list.at[field->index];
        if (same(value, for_it)) {
            out->field = &coder->schema->fields.at[field->index];
            ++*n;
        }
        look(for_it, field->coder, value, out, n);
    }
}

bm_misread_place bm_misread_find(const bm_misread *what, const bm_coder *coder,
                                 const beam_value *element)
{
    bm_misread_place out = { NULL, NULL };
    size_t n = 0;
    if (element) look(what->value, coder, *element, &out, &n);
    if (n != 1) out.field = NULL;
    return out;
}
