/* SPDX-License-Identifier: Apache-2.0 */
/* beam/beam.hpp - pipelines and DoFns in C++17: what the macros of the C headers are there.
 *
 *     struct words {
 *         std::regex word{ "[a-z]+" };
 *         beam_status process(beam_ctx *c, beam_value in);
 *     };
 *     const beam_dofn words_fn = beam::dofn<words>("my.words", BEAM_STRING, BEAM_STRING);
 *     ...
 *     beam_pcoll *all = beam::par_do(lines, "Words", &words_fn);
 *
 * All else is as in C: beam_emit(), beam_text_read() and so on. An exception must not go
 * through C; those out of a class given to dofn() fail the bundle. */
#ifndef BEAM_BEAM_HPP
#define BEAM_BEAM_HPP

#include <exception>
#include <new>
#include <string_view>
#include <type_traits>

#include "beam/beam.h"
#include "beam/testing.h"

namespace beam
{

/* -- types: constants, for a DoFn's .in, tables, nested -----------------------------------
 *     beam::kv<BEAM_STRING, beam::iterable<BEAM_INT64>>
 *     beam::row<&visit_schema> */
namespace detail
{
template <beam_kind Kind, const beam_type *A, const beam_type *B = nullptr,
          const beam_schema *Schema = nullptr, const beam_struct_coder *Coder = nullptr>
inline constexpr beam_type type = { Kind, { A, B }, Schema, Coder };
} // namespace detail

template <const beam_type *Key, const beam_type *Value>
inline constexpr const beam_type *kv = &detail::type<BEAM_KIND_KV, Key, Value>;
template <const beam_type *Element>
inline constexpr const beam_type *iterable = &detail::type<BEAM_KIND_ITERABLE, Element>;
template <const beam_type *Inner>
inline constexpr const beam_type *nullable = &detail::type<BEAM_KIND_NULLABLE, Inner>;
template <const beam_schema *Schema>
inline constexpr const beam_type *row =
    &detail::type<BEAM_KIND_ROW, nullptr, nullptr, Schema>;
template <const beam_struct_coder *Coder>
inline constexpr const beam_type *structure =
    &detail::type<BEAM_KIND_STRUCT, nullptr, nullptr, nullptr, Coder>;
/* For BEAM_CO2, BEAM_CO3: beam_co_group_by_key() gives kv<KEY, joined<A, B>()>. */
template <const beam_type *A, const beam_type *...More>
constexpr const beam_type *joined()
{
    if constexpr (sizeof...(More) == 0)
        return iterable<A>;
    else
        return kv<iterable<A>, joined<More...>()>;
}

/* -- text: both borrow, as everything in a beam_value does --------------------------------- */
inline std::string_view view(beam_value bytes_or_string)
{
    beam_span s = beam_as_span(bytes_or_string);
    return { s.ptr, s.len };
}
inline beam_value string(std::string_view text)
{
    return beam_string(beam_span{ text.data(), text.size() });
}

/* -- callbacks ------------------------------------------------------------------------------
 * Returns what f() does; an exception becomes a beam_fail() with its text, and a status of
 * BEAM_EUSER or a zero value. For callbacks that are plain functions: of a beam_combine, of
 * .rpc and .http. */
template <class F> auto guard(beam_ctx *c, F &&f) noexcept -> decltype(f())
{
    using result = decltype(f());
    try {
        return f();
    } catch (const std::exception &e) {
        beam_fail(c, BEAM_EUSER, "%s", e.what());
    } catch (...) {
        beam_fail(c, BEAM_EUSER, "an exception that is not a std::exception");
    }
    if constexpr (std::is_same_v<result, beam_status>)
        return BEAM_EUSER;
    else
        return result();
}

namespace detail
{
/* Zeroed before setup, so `made` is false until the constructor has returned. */
template <class Fn> struct slot {
    alignas(Fn) unsigned char at[sizeof(Fn)];
    bool made;
};

template <class Fn> slot<Fn> &slot_of(beam_ctx *c)
{
    return *static_cast<slot<Fn> *>(beam_self(c));
}

template <class Fn> Fn &object(slot<Fn> &self)
{
    return *std::launder(reinterpret_cast<Fn *>(self.at));
}

/* Has Fn a public member of that name, which is not a variable of each object? */
template <class Member>
using of_class = std::enable_if_t<!std::is_member_object_pointer_v<Member>>;
// clang-format off
#define BEAM_HPP_HAS_(name)                                                     \
    template <class Fn, class = void> inline constexpr bool has_##name = false; \
    template <class Fn>                                                         \
    inline constexpr bool has_##name<Fn, of_class<decltype(&Fn::name)>> = true
BEAM_HPP_HAS_(setup); BEAM_HPP_HAS_(start_bundle); BEAM_HPP_HAS_(process);
BEAM_HPP_HAS_(map); BEAM_HPP_HAS_(keep); BEAM_HPP_HAS_(timestamp);
BEAM_HPP_HAS_(partition); BEAM_HPP_HAS_(on_timer);
BEAM_HPP_HAS_(on_window_expiration); BEAM_HPP_HAS_(finish_bundle);
BEAM_HPP_HAS_(teardown); BEAM_HPP_HAS_(flags); BEAM_HPP_HAS_(outputs);
BEAM_HPP_HAS_(states); BEAM_HPP_HAS_(timers); BEAM_HPP_HAS_(sides);
#undef BEAM_HPP_HAS_
// clang-format on

/* The callback that calls a member function, static or not; one without a result is fine. */
template <class Fn, auto Member, class Result, class... Args>
Result call(beam_ctx *c, Args... args)
{
    return guard(c, [&]() -> Result {
        auto member = [&] {
            if constexpr (std::is_member_function_pointer_v<decltype(Member)>)
                return (object(slot_of<Fn>(c)).*Member)(c, args...);
            else
                return Member(c, args...);
        };
        using given = decltype(member());
        if constexpr (std::is_void_v<given> && std::is_same_v<Result, beam_status>) {
            member();
            return BEAM_OK;
        } else {
            return member();
        }
    });
}

template <class Fn> beam_status setup(beam_ctx *c)
{
    return guard(c, [c]() -> beam_status {
        slot<Fn> &self = slot_of<Fn>(c);
        if constexpr (std::is_constructible_v<Fn, beam_ctx *>)
            ::new (static_cast<void *>(self.at)) Fn(c);
        else
            ::new (static_cast<void *>(self.at)) Fn();
        self.made = true;
        if constexpr (has_setup<Fn>)
            return call<Fn, &Fn::setup, beam_status>(c);
        else
            return BEAM_OK;
    });
}

template <class Fn> void teardown(beam_ctx *c)
{
    slot<Fn> &self = slot_of<Fn>(c);
    if (self.made) object(self).~Fn();
    self.made = false;
}
} // namespace detail

/* A DoFn whose callbacks are the public members of class Fn named as those of beam_dofn: any
 * of setup, start_bundle, on_timer, on_window_expiration, finish_bundle, which may return
 * nothing, and one of process, map, keep, timestamp and partition. None may be overloaded or
 * a template. Its tables are static constexpr arrays in Fn: outputs, states, timers, sides;
 * so is the number `flags`. Other fields are set in what is returned.
 *
 * Each instance has an object, Fn(beam_ctx *) if there is such a constructor, otherwise Fn(),
 * made before setup() and destroyed at the end: its destructor is the teardown, also after a
 * setup() that failed. beam_self() belongs to it. */
template <class Fn>
constexpr beam_dofn dofn(const char *name, const beam_type *in,
                         const beam_type *out = nullptr)
{
    using namespace detail;
    static_assert(alignof(Fn) <= 16,
                  "beam_self() is aligned to 16 bytes: hold what needs "
                  "more by a std::unique_ptr");
    static_assert(!has_teardown<Fn>, "the destructor of a DoFn's class is its teardown");
    constexpr int n = has_process<Fn> + has_map<Fn> + has_keep<Fn> + has_timestamp<Fn> +
                      has_partition<Fn>;
    static_assert(n == 1, "a DoFn's class has one of process, map, keep, timestamp and "
                          "partition: public, not overloaded, not a template");
    beam_dofn d{};
    d.name = name;
    d.in = in;
    d.out = out;
    d.self_size = sizeof(slot<Fn>);
    d.setup = detail::setup<Fn>;
    d.teardown = detail::teardown<Fn>;
    if constexpr (has_start_bundle<Fn>) d.start_bundle = call<Fn, &Fn::start_bundle>;
    if constexpr (has_process<Fn>) d.process = call<Fn, &Fn::process>;
    if constexpr (has_map<Fn>) d.map = call<Fn, &Fn::map>;
    if constexpr (has_keep<Fn>) d.keep = call<Fn, &Fn::keep>;
    if constexpr (has_timestamp<Fn>) d.timestamp = call<Fn, &Fn::timestamp>;
    if constexpr (has_partition<Fn>) d.partition = call<Fn, &Fn::partition>;
    if constexpr (has_on_timer<Fn>) d.on_timer = call<Fn, &Fn::on_timer>;
    if constexpr (has_on_window_expiration<Fn>)
        d.on_window_expiration = call<Fn, &Fn::on_window_expiration>;
    if constexpr (has_finish_bundle<Fn>) d.finish_bundle = call<Fn, &Fn::finish_bundle>;
    if constexpr (has_flags<Fn>) d.flags = Fn::flags;
    if constexpr (has_outputs<Fn>) d.outputs = BEAM_TABLE(Fn::outputs);
    if constexpr (has_states<Fn>) d.states = BEAM_TABLE(Fn::states);
    if constexpr (has_timers<Fn>) d.timers = BEAM_TABLE(Fn::timers);
    if constexpr (has_sides<Fn>) d.sides = BEAM_TABLE(Fn::sides);
    return d;
}

/* -- steps with options: opts.fn is set here -------------------------------------------------
 *     beam_par_do_opts opts{};
 *     opts.target = f->service;
 *     beam::par_do(words, "Ask", &ask_fn, opts) */
inline beam_pcoll *par_do(beam_pcoll *in, const char *name, const beam_dofn *fn,
                          beam_par_do_opts opts = {})
{
    opts.fn = fn;
    return beam_par_do_with(in, name, &opts);
}
inline beam_pcoll *combine_per_key(beam_pcoll *in, const char *name,
                                   const beam_combine *fn, beam_combine_opts opts = {})
{
    opts.fn = fn;
    return beam_combine_per_key_with(in, name, &opts);
}
inline beam_pcoll *combine_globally(beam_pcoll *in, const char *name,
                                    const beam_combine *fn, beam_combine_opts opts = {})
{
    opts.fn = fn;
    return beam_combine_globally_with(in, name, &opts);
}
inline beam_pcoll *window_into(beam_pcoll *in, const char *name, beam_window_fn fn,
                               beam_window_opts opts = {})
{
    opts.fn = fn;
    return beam_window_into_with(in, name, &opts);
}
inline beam_dofn_tester *dofn_tester(const beam_dofn *fn, beam_dofn_tester_opts opts = {})
{
    opts.fn = fn;
    return beam_dofn_tester_new_with(&opts);
}

} // namespace beam
#endif
