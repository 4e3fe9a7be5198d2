// SPDX-License-Identifier: Apache-2.0
// Result: a value or the reason why there is none, which cannot be ignored.
//
// An alias of tl::expected, whose spelling is std::expected's, so that it becomes one some day.
// `TRY(expr)` is the value of expr, or returns its error from the enclosing function. `fail(code,
// "cannot open {}", path)` makes an error: code is an errno value, the text says what was
// attempted. `deny(code, "it is stopped")` is for what we find ourselves: the text is the whole
// sentence.
#pragma once

#include <cerrno>
#include <string>
#include <type_traits>
#include <utility>

#include <fmt/core.h>
#include <tl/expected.hpp>

#include "base/where.hh"

namespace rove {

struct [[nodiscard]] Error {
    int code = 0;     // an errno value: what a caller decides by
    std::string what; // what was attempted, for people; without the code's own sentence
    Where where;
    bool whole = false; // `what` says everything: the code is for callers only

    Error(int a_code, std::string a_what, Where a_where = Where::here())
        : code(a_code), what(std::move(a_what)), where(a_where) {}

    // "cannot open x: No such file or directory": one sentence for the user.
    std::string sentence() const;
    // The sentence and the place: for logs.
    std::string detail() const;
    // A remote process that has vanished is ordinary; it has a path of its own in each caller.
    bool gone() const { return code == ESRCH; }
};

template <class T> using Result = tl::expected<T, Error>;
using Status = Result<void>;
using Failure = tl::unexpected<Error>;

// A format string and the place where it stands, both taken at the call of fail().
template <class... Args> struct FormatAt {
    fmt::format_string<Args...> text;
    Where where;

    template <class S>
    // NOLINTNEXTLINE(google-explicit-constructor): it is converted to at each call of fail().
    FMT_CONSTEVAL FormatAt(S const& a_text, Where a_where = Where::here())
        : text(a_text), where(a_where) {}
};

template <class... Args>
Failure fail(int code, FormatAt<std::type_identity_t<Args>...> text, Args&&... args) {
    return Failure(Error(code, fmt::format(text.text, std::forward<Args>(args)...), text.where));
}

template <class... Args>
Failure deny(int code, FormatAt<std::type_identity_t<Args>...> text, Args&&... args) {
    Error error(code, fmt::format(text.text, std::forward<Args>(args)...), text.where);
    error.whole = true;
    return Failure(std::move(error));
}

// The same error with what the caller was about put in front: "cannot start n1: cannot open x".
template <class... Args>
Failure fail(Error const& cause, FormatAt<std::type_identity_t<Args>...> text, Args&&... args) {
    Error error = cause;
    error.what = fmt::format(text.text, std::forward<Args>(args)...) + ": " + cause.what;
    return Failure(std::move(error));
}

namespace result_detail {
template <class T> T take(Result<T>&& result) {
    return *std::move(result);
}
inline void take(Status&&) {}
template <class T> T take(Result<T>& result) {
    return std::move(*result);
}
inline void take(Status&) {}
} // namespace result_detail

} // namespace rove

#define ROVE_TRY(name, expr)                                                                       \
    __extension__({                                                                                \
        auto&& name = (expr);                                                                      \
        if (!name) [[unlikely]]                                                                    \
            return ::rove::Failure(std::move(name).error());                                       \
        ::rove::result_detail::take(std::forward<decltype(name)>(name));                           \
    })
#define ROVE_JOIN_2(a, b) a##b
#define ROVE_JOIN(a, b) ROVE_JOIN_2(a, b)
#define TRY(...) ROVE_TRY(ROVE_JOIN(try_, __COUNTER__), (__VA_ARGS__))
