/* SPDX-License-Identifier: Apache-2.0 */
/* DoFns that are C++ classes (beam/beam.hpp): their types, their objects, their exceptions. */
#include <check.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include "../base/run_tests.h"
#include "beam/beam.hpp"

/* Of the objects of counted<>: all that were made have to be destroyed. */
static int made, destroyed;
struct counted {
    counted()
    {
        made++;
    }
    counted(const counted &) = delete;
    ~counted()
    {
        destroyed++;
    }
};

static beam_status run_one(beam_dofn_tester *t, beam_value v)
{
    beam_tester_add(t, v, 1000);
    return beam_tester_run(t);
}

static void ck_error_has(const beam_dofn_tester *t, const char *text)
{
    const char *error = beam_tester_error(t);
    ck_assert_msg(std::strstr(error, text), "'%s' is not in '%s'", text, error);
}

/* -- every callback ------------------------------------------------------------------------- */
struct sums : counted {
    enum { ODD };
    static constexpr beam_output_spec outputs[] = { { "odd", BEAM_STRING } };
    enum { SUM };
    static constexpr beam_state_spec states[] = { BEAM_COMBINING_STATE("sum",
                                                                       &beam_sum_int64) };
    enum { TELL };
    static constexpr beam_timer_spec timers[] = { { "tell", BEAM_EVENT_TIME } };
    static constexpr unsigned flags = BEAM_OBSERVES_WINDOW;

    explicit sums(beam_ctx *c) : prefix(beam::view(beam_bytes(beam_config(c))))
    {
    }
    void setup(beam_ctx *)
    {
        prefix += '-';
    }
    void start_bundle(beam_ctx *)
    {
        bundles++;
    }
    beam_status process(beam_ctx *c, beam_value in)
    {
        BEAM_TRY(beam_state_add(c, SUM, beam_val(in)));
        BEAM_TRY(beam_timer_set(c, TELL, 5000));
        if (beam_as_int64(beam_val(in)) % 2 == 0) return BEAM_OK;
        return beam_emit_to(c, ODD, beam_key(in));
    }
    beam_status on_timer(beam_ctx *c, const beam_timer *timer) const
    {
        std::string text = prefix + std::string(beam::view(timer->key)) + " " +
                           std::to_string(beam_as_int64(beam_state_read(c, SUM))) +
                           " in " + std::to_string(bundles);
        return beam_emit(c, beam::string(text));
    }
    static beam_status finish_bundle(beam_ctx *c)
    {
        beam_counter_add(c, "bundles", 1);
        return BEAM_OK;
    }

  private:
    std::string prefix;
    int bundles = 0;
};
static const beam_dofn sums_fn =
    beam::dofn<sums>("cpp.sums", beam::kv<BEAM_STRING, BEAM_INT64>, BEAM_STRING);

START_TEST(callbacks_are_members)
{
    made = destroyed = 0;
    ck_assert_uint_eq(sums_fn.flags, BEAM_OBSERVES_WINDOW);
    beam_dofn_tester_opts opts{};
    opts.config = beam_span_of("a name that a short string does not hold");
    beam_dofn_tester *t = beam::dofn_tester(&sums_fn, opts);
    for (int64_t n = 3; n <= 4; n++) {
        const beam_value pair[] = { beam::string("x"), beam_int64(n) };
        ck_assert_msg(run_one(t, beam_kv(pair)) == BEAM_OK, "%s", beam_tester_error(t));
    }
    ck_assert_int_eq(beam_tester_watermark(t, 6000), BEAM_OK);
    ck_assert_str_eq(beam_tester_lines(t, sums::ODD), "x @1000\n");
    ck_assert_str_eq(beam_tester_lines(t, -1),
                     "a name that a short string does not hold-x 7 in 3 @5000\n");
    ck_assert_int_eq(beam_tester_counter(t, "bundles"), 3);
    ck_assert_int_eq(made, 1);
    ck_assert_int_eq(destroyed, 0);
    beam_dofn_tester_free(t);
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

/* -- exceptions ----------------------------------------------------------------------------- */
struct fussy : counted {
    beam_status process(beam_ctx *c, beam_value in)
    {
        if (beam_as_int64(in) == 13) throw std::out_of_range("13 brings bad luck, 100%s");
        if (beam_as_int64(in) == 14) throw 14;
        return beam_emit(c, in);
    }
};
static const beam_dofn fussy_fn = beam::dofn<fussy>("cpp.fussy", BEAM_INT64, BEAM_INT64);

START_TEST(an_exception_fails_the_bundle)
{
    made = destroyed = 0;
    beam_dofn_tester *t = beam::dofn_tester(&fussy_fn);
    ck_assert_int_eq(run_one(t, beam_int64(13)), BEAM_EUSER);
    ck_error_has(t, "13 brings bad luck, 100%s");
    ck_error_has(t, "cpp.fussy");
    ck_assert_int_eq(run_one(t, beam_int64(14)), BEAM_EUSER);
    ck_error_has(t, "not a std::exception");
    ck_assert_int_eq(run_one(t, beam_int64(15)), BEAM_OK);
    ck_assert_str_eq(beam_tester_lines(t, -1), "15 @1000\n");
    beam_dofn_tester_free(t);
    ck_assert_int_eq(made, 3);
    ck_assert_int_eq(destroyed, 3);
}
END_TEST

struct no_setup : fussy {
    void setup(beam_ctx *)
    {
        throw std::runtime_error("no library");
    }
};
static const beam_dofn no_setup_fn = beam::dofn<no_setup>("cpp.no_setup", BEAM_INT64,
                                                          BEAM_INT64);

struct no_object : fussy {
    std::unique_ptr<std::string> name = std::make_unique<std::string>("freed");
    no_object()
    {
        throw std::runtime_error("no object");
    }
};
static const beam_dofn no_object_fn = beam::dofn<no_object>("cpp.no_object", BEAM_INT64,
                                                            BEAM_INT64);

START_TEST(objects_are_destroyed_when_setup_throws)
{
    made = destroyed = 0;
    beam_dofn_tester *t = beam::dofn_tester(&no_setup_fn);
    ck_assert_int_eq(run_one(t, beam_int64(1)), BEAM_EUSER);
    ck_error_has(t, "no library");
    ck_assert_int_eq(run_one(t, beam_int64(1)), BEAM_EUSER);
    beam_dofn_tester_free(t);
    ck_assert_int_eq(made, 2);
    ck_assert_int_eq(destroyed, 2);

    /* Of an object that was not made whole, the language destroys the parts. */
    t = beam::dofn_tester(&no_object_fn);
    ck_assert_int_eq(run_one(t, beam_int64(1)), BEAM_EUSER);
    ck_error_has(t, "no object");
    beam_dofn_tester_free(t);
    ck_assert_int_eq(made, 3);
    ck_assert_int_eq(destroyed, 3);
}
END_TEST

/* The exception of a step downstream does not come out of beam_emit(). */
static int failed_emits, caught;
struct pass {
    beam_status process(beam_ctx *c, beam_value in)
    {
        try {
            beam_status status = beam_emit(c, in);
            failed_emits += status != BEAM_OK;
            return status;
        } catch (...) {
            caught++;
            throw;
        }
    }
};
static const beam_dofn pass_fn = beam::dofn<pass>("cpp.pass", BEAM_INT64, BEAM_INT64);

START_TEST(an_exception_stays_in_its_step)
{
    beam_pipeline *p = beam_pipeline_new();
    const beam_value numbers[] = { beam_int64(12), beam_int64(13) };
    beam_pcoll *all = beam_create(p, "Create", BEAM_INT64, numbers, BEAM_COUNT(numbers));
    beam_pcoll *failures = nullptr;
    beam_par_do_opts opts{};
    opts.failures = &failures;
    beam_pcoll *passed = beam::par_do(all, "Pass", &pass_fn);
    beam_pcoll *good = beam::par_do(passed, "Fussy", &fussy_fn, opts);
    beam_assert_opts one{}, none{};
    one.lines = "12";
    none.count = 1;
    beam_assert_that_with(good, "Good", &one);
    beam_assert_that_with(failures, "Failures", &none);
    beam_error err{};
    beam_test_opts run{};
    run.local = true;
    run.err = &err;
    ck_assert_msg(beam_test_run_with(p, &run) == BEAM_OK, "%s", err.message);
    beam_pipeline_free(p);

    p = beam_pipeline_new();
    all = beam_create(p, "Create", BEAM_INT64, numbers, BEAM_COUNT(numbers));
    beam::par_do(beam::par_do(all, "Pass", &pass_fn), "Fussy", &fussy_fn);
    ck_assert_int_ne(beam_test_run_with(p, &run), BEAM_OK);
    ck_assert_msg(std::strstr(err.message, "13 brings bad luck"), "%s", err.message);
    ck_assert_msg(std::strstr(err.message, "Fussy"), "%s", err.message);
    ck_assert_int_eq(caught, 0);
    ck_assert_int_ge(failed_emits, 1);
    beam_pipeline_free(p);
}
END_TEST

/* -- callbacks with other results ------------------------------------------------------------ */
struct half {
    beam_value map(beam_ctx *, beam_value in)
    {
        if (beam_as_int64(in) % 2) throw std::domain_error("odd");
        return beam_int64(beam_as_int64(in) / 2);
    }
};
static const beam_dofn half_fn = beam::dofn<half>("cpp.half", BEAM_INT64, BEAM_INT64);
struct small {
    bool keep(beam_ctx *, beam_value in)
    {
        return beam_as_int64(in) < 10;
    }
};
static const beam_dofn small_fn = beam::dofn<small>("cpp.small", BEAM_INT64, BEAM_INT64);

static void add(beam_ctx *c, void *acc, beam_value in)
{
    beam::guard(c, [&] {
        *static_cast<int64_t *>(acc) += std::stoll(std::string(beam::view(in)));
    });
}
static void merge(beam_ctx *, void *acc, const void *other)
{
    *static_cast<int64_t *>(acc) += *static_cast<const int64_t *>(other);
}
static beam_value extract(beam_ctx *, const void *acc)
{
    return beam_int64(*static_cast<const int64_t *>(acc));
}
static const beam_combine sum_texts = {
    "cpp.sum_texts", BEAM_STRING, BEAM_INT64, BEAM_INT64, sizeof(int64_t), nullptr, add,
    merge,           extract,     nullptr,    nullptr
};

static beam_status sum_of(const char *const texts[2], beam_error *err)
{
    beam_pipeline *p = beam_pipeline_new();
    beam_pcoll *in = beam_create_strings(p, "Create", texts, 2);
    beam_pcoll *fixed = beam::window_into(in, "Window", beam_global());
    beam_assert_opts opts{};
    opts.lines = "42";
    beam_assert_that_with(beam::combine_globally(fixed, "Sum", &sum_texts), "Sum42",
                          &opts);
    beam_test_opts run{};
    run.local = true;
    run.err = err;
    beam_status status = beam_test_run_with(p, &run);
    beam_pipeline_free(p);
    return status;
}

START_TEST(maps_filters_and_combiners)
{
    beam_dofn_tester *t = beam::dofn_tester(&half_fn);
    ck_assert_int_eq(run_one(t, beam_int64(8)), BEAM_OK);
    ck_assert_int_eq(run_one(t, beam_int64(7)), BEAM_EUSER);
    ck_error_has(t, "odd");
    ck_assert_str_eq(beam_tester_lines(t, -1), "4 @1000\n");
    beam_dofn_tester_free(t);

    t = beam::dofn_tester(&small_fn);
    ck_assert_int_eq(run_one(t, beam_int64(9)), BEAM_OK);
    ck_assert_int_eq(run_one(t, beam_int64(10)), BEAM_OK);
    ck_assert_str_eq(beam_tester_lines(t, -1), "9 @1000\n");
    beam_dofn_tester_free(t);

    beam_error err{};
    const char *const good[] = { "40", "2" }, *const bad[] = { "40", "two" };
    ck_assert_msg(sum_of(good, &err) == BEAM_OK, "%s", err.message);
    ck_assert_int_ne(sum_of(bad, &err), BEAM_OK);
    ck_assert_msg(std::strstr(err.message, "stoll"), "%s", err.message);
}
END_TEST

/* -- types ------------------------------------------------------------------------------------ */
static const beam_schema empty = { "empty", { nullptr, 0 }, nullptr };

START_TEST(types_are_constants)
{
    static constexpr const beam_type *grouped =
        beam::kv<BEAM_STRING, beam::iterable<beam::nullable<beam::row<&empty>>>>;
    ck_assert_int_eq(grouped->kind, BEAM_KIND_KV);
    ck_assert_ptr_eq(grouped->arg[0], BEAM_STRING);
    ck_assert_int_eq(grouped->arg[1]->kind, BEAM_KIND_ITERABLE);
    ck_assert_int_eq(grouped->arg[1]->arg[0]->kind, BEAM_KIND_NULLABLE);
    ck_assert_ptr_eq(grouped->arg[1]->arg[0]->arg[0]->schema, &empty);

    const beam_type *three = beam::joined<BEAM_INT64, BEAM_STRING, BEAM_BOOL>();
    ck_assert(beam_type_equal(
        three,
        beam::kv<beam::iterable<BEAM_INT64>,
                 beam::kv<beam::iterable<BEAM_STRING>, beam::iterable<BEAM_BOOL>>>));
}
END_TEST

int main()
{
    const TTest *const tests[] = { callbacks_are_members,
                                   an_exception_fails_the_bundle,
                                   objects_are_destroyed_when_setup_throws,
                                   an_exception_stays_in_its_step,
                                   maps_filters_and_combiners,
                                   types_are_constants };
    return RUN_TESTS("cpp", tests);
}
