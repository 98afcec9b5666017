/* SPDX-License-Identifier: Apache-2.0 */
/* External steps: copies of their options, and options that do not fit together. */
#include "graph_test.h"

static const beam_field fields[] = { { .name = "topic", .kind = BEAM_FIELD_STRING } };
static const beam_schema schema = { "config", BEAM_TABLE(fields), NULL };
static beam_pcoll *out[8];

static void refuse(const beam_external_opts *opts, beam_status status,
                   const char *message)
{
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_external(p, "Read", opts, out);
    expect_error(status, message);
}

START_TEST(everything_is_copied)
{
    char urn[] = "urn", topic[] = "topic", tag[] = "o";
    beam_value row[] = { beam_string(beam_span_of(topic)) };
    beam_type kv = { BEAM_KIND_KV, { BEAM_BYTES, BEAM_BYTES }, NULL, NULL };
    beam_external_opts opts = { .urn = urn,
                                .payload_schema = &schema,
                                .payload = beam_row(row, 1),
                                .inputs = { words() },
                                .output_tags = { tag },
                                .output_types = { &kv } };
    beam_external(p, "Read", &opts, out);
    memset(urn, 'x', 3);
    memset(topic, 'x', 5);
    memset(&kv, 0xff, sizeof kv);
    tag[0] = 'x';
    row[0] = beam_null();
    expect_type(out[0], "KV<BYTES, BYTES>");
    const bm_step *step = out[0]->producer;
    ck_assert_str_eq(step->external->urn, "urn");
    ck_assert_str_eq(bm_value_text(&p->arena, step->external->payload, 100),
                     "Row{\"topic\"}");
    ck_assert_str_eq(step->input_tags[0], "input");
    ck_assert_str_eq(out[0]->tag, "o");
    ck_assert_ptr_null(out[0]->windowing);
}
END_TEST

START_TEST(without_outputs)
{
    beam_external(p, "Write",
                  &(beam_external_opts){ .java_class = "Writer", .inputs = { words() } },
                  NULL);
    expect_print(CREATED("Words", "STRING") "Write: External 'Writer' (Words)\n");
}
END_TEST

START_TEST(bad_options)
{
    beam_value row[] = { beam_null(), beam_null() };
    refuse(NULL, BEAM_EINVAL, "Read: its options are NULL");
    refuse(&(beam_external_opts){ .output_tags = { "o" } }, BEAM_EINVAL,
           "Read: it has neither urn nor java_class: say which transform it is");
    ck_assert_ptr_eq(out[0], p->nil);
    refuse(&(beam_external_opts){ .urn = "u", .output_tags = { NULL, "o" } }, BEAM_EINVAL,
           "Read: its inputs or output_tags have a NULL between others");
    refuse(&(beam_external_opts){ .urn = "u", .payload = beam_int64(1) }, BEAM_EINVAL,
           "Read: it has a payload but no payload_schema");
    refuse(&(beam_external_opts){ .urn = "u", .payload_schema = &schema }, BEAM_EINVAL,
           "Read: its payload is no row: make it with beam_row()");
    refuse(&(beam_external_opts){ .urn = "u",
                                  .payload_schema = &schema,
                                  .payload = beam_row(row, 2) },
           BEAM_EINVAL, "Read: its payload has 2 fields, and its payload_schema 1");
    refuse(&(beam_external_opts){ .urn = "u",
                                  .output_tags = { "o" },
                                  .output_types = { BEAM_ITERABLE(NULL) } },
           BEAM_ETYPE,
           "Read: the type of its output 'o' is a type without one of its parts");
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_external(p, "Read", &(beam_external_opts){ .urn = "u", .output_tags = { "o" } },
                  NULL);
    expect_error(BEAM_EINVAL, "Read: out is NULL: pass an array for its outputs");
}
END_TEST

START_TEST(inputs_without_tags)
{
    beam_pcoll *c = words();
    beam_external(p, "Join", &(beam_external_opts){ .urn = "u", .inputs = { c, c } },
                  NULL);
    expect_error(BEAM_EINVAL, "Join: input 0 has no tag in input_tags");
}
END_TEST

RUN("external", everything_is_copied, without_outputs, bad_options, inputs_without_tags)
