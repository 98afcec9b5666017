/* SPDX-License-Identifier: Apache-2.0 */
/* Resource hints: what is read, what is refused, which of two counts. */
#include "graph/resource_hints.h"

#include <string.h>

#include "graph_test.h"

static const struct {
    const char *text;
    bm_resource_hint hint;
    const char *value;
} good[] = {
    { "min_ram=4GB", BM_HINT_MIN_RAM, "4000000000" },
    { "min_ram=1.5 GiB", BM_HINT_MIN_RAM, "1610612736" },
    { "min_ram=512MiB", BM_HINT_MIN_RAM, "536870912" },
    { "min_ram=10000", BM_HINT_MIN_RAM, "10000" },
    { "cpu_count=2", BM_HINT_CPU_COUNT, "2" },
    { "max_active_bundles_per_worker=0016", BM_HINT_MAX_BUNDLES, "16" },
    { "accelerator=type:nvidia-tesla-k80;count:1;install-nvidia-driver",
      BM_HINT_ACCELERATOR, "type:nvidia-tesla-k80;count:1;install-nvidia-driver" },
    { "accelerator=type:tpu;count:4", BM_HINT_ACCELERATOR, "type:tpu;count:4" },
};

START_TEST(what_is_read)
{
    bm_resource_hints hints = { { NULL } };
    beam_error err;
    for (size_t i = 0; i < BEAM_COUNT(good); i++) {
        beam_status status = bm_resource_hint_take(&p->arena, good[i].text, "here",
                                                   &hints, &err);
        ck_assert_msg(status == BEAM_OK, "%s: %s", good[i].text, err.message);
        ck_assert_str_eq(hints.values[good[i].hint], good[i].value);
    }
}
END_TEST

static const struct {
    const char *text, *message;
} bad[] = {
    { "ram=4GB", "here: 'ram=4GB' is no resource hint: there are min_ram, cpu_count, "
                 "accelerator and max_active_bundles_per_worker, each as NAME=VALUE" },
    { "", "here: '' is no resource hint: there are min_ram, cpu_count, accelerator and "
          "max_active_bundles_per_worker, each as NAME=VALUE" },
    { "min_ram", "here: min_ram must be a size, such as 4GB or 512MiB, not ''" },
    { "min_ram=", "here: min_ram must be a size, such as 4GB or 512MiB, not ''" },
    { "min_ram=4gigs",
      "here: min_ram must be a size, such as 4GB or 512MiB, not '4gigs'" },
    { "min_ram=-4GB", "here: min_ram must be a size, such as 4GB or 512MiB, not '-4GB'" },
    { "min_ram=0", "here: min_ram must be a size, such as 4GB or 512MiB, not '0'" },
    { "min_ram=1.2.3GB",
      "here: min_ram must be a size, such as 4GB or 512MiB, not '1.2.3GB'" },
    { "min_ram=1e3GB",
      "here: min_ram must be a size, such as 4GB or 512MiB, not '1e3GB'" },
    { "min_ram=9999999PB",
      "here: min_ram must be a size, such as 4GB or 512MiB, not '9999999PB'" },
    { "cpu_count=0", "here: cpu_count must be a whole number from 1 on, not '0'" },
    { "cpu_count=1.5", "here: cpu_count must be a whole number from 1 on, not '1.5'" },
    { "cpu_count=99999999999999999999",
      "here: cpu_count must be a whole number from 1 on, not '99999999999999999999'" },
    { "max_active_bundles_per_worker=many",
      "here: max_active_bundles_per_worker must be a whole number from 1 on, not 'many'" },
    { "accelerator=gpu",
      "here: accelerator must be type:<type>;count:<number>;<options>, not 'gpu'" },
    { "accelerator=type:;count:1",
      "here: accelerator must be type:<type>;count:<number>;<options>, not "
      "'type:;count:1'" },
    { "accelerator=type:a;count:x",
      "here: accelerator must be type:<type>;count:<number>;<options>, not "
      "'type:a;count:x'" },
};

START_TEST(what_is_refused)
{
    for (size_t i = 0; i < BEAM_COUNT(bad); i++) {
        bm_resource_hints hints = { { NULL } };
        beam_error err = { 0 };
        ck_assert_int_eq(bm_resource_hint_take(&p->arena, bad[i].text, "here", &hints,
                                               &err),
                         BEAM_EINVAL);
        ck_assert_str_eq(err.message, bad[i].message);
        for (int k = 0; k < BM_N_HINTS; k++) ck_assert_ptr_null(hints.values[k]);
    }
}
END_TEST

START_TEST(which_of_two_counts)
{
    const bm_resource_hints pipeline = { { "type:a;count:1", "9", "10", "4" } };
    const bm_resource_hints step = { { "type:b;count:1", "10", "9", "3" } };
    const bm_resource_hints none = { { NULL } };
    bm_resource_hints all = bm_resource_hints_merge(&pipeline, &step);
    ck_assert_str_eq(all.values[BM_HINT_ACCELERATOR], "type:b;count:1");
    ck_assert_str_eq(all.values[BM_HINT_MIN_RAM], "10");
    ck_assert_str_eq(all.values[BM_HINT_CPU_COUNT], "10");
    ck_assert_str_eq(all.values[BM_HINT_MAX_BUNDLES], "3");
    all = bm_resource_hints_merge(&pipeline, &none);
    ck_assert(!memcmp(&all, &pipeline, sizeof all));
    all = bm_resource_hints_merge(&none, &step);
    ck_assert(!memcmp(&all, &step, sizeof all));
}
END_TEST

static const beam_dofn same_fn = {
    .name = "test.same", .in = BEAM_STRING, .out = BEAM_STRING, .process = test_process
};

START_TEST(a_step_names_itself)
{
    beam_par_do(words(), "Small", &same_fn,
                .resource_hints = { "cpu_count=1", "min_ram=x" });
    expect_error(BEAM_EINVAL,
                 "Small: min_ram must be a size, such as 4GB or 512MiB, not 'x'");
}
END_TEST

START_TEST(the_pipeline_is_refused)
{
    beam_pipeline_resource_hint(p, "cpu_count=2");
    expect_no_error();
    beam_pipeline_resource_hint(p, "cpu_count=x");
    expect_error(
        BEAM_EINVAL,
        "beam_pipeline_resource_hint(): cpu_count must be a whole number from 1 on, "
        "not 'x'");
}
END_TEST

RUN("resource_hints", what_is_read, what_is_refused, which_of_two_counts,
    a_step_names_itself, the_pipeline_is_refused)
