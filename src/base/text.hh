// SPDX-License-Identifier: Apache-2.0
// Text: cutting strings apart and reading numbers out of them, for /proc, options and settings.
//
// Everything here is pure and takes hostile input; views point into the argument.
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hh"

namespace rove {

std::string_view trim(std::string_view text);
// "a,,b" by ',' is {"a", "", "b"}; the empty text is {""}.
std::vector<std::string_view> split(std::string_view text, char separator);
// By runs of white space, without empty parts.
std::vector<std::string_view> words(std::string_view text);
// Without the line ends; a last line need not have one.
std::vector<std::string_view> lines(std::string_view text);
// Before and after the first separator; the second part is empty if there is none.
std::pair<std::string_view, std::string_view> cut(std::string_view text, char separator);
std::string join(std::vector<std::string> const& parts, std::string_view separator);
// For one-line output: control characters and bytes that are no ASCII text become \xNN.
std::string printable(std::string_view text);
// Two small digits for each byte.
std::string hex(std::string_view bytes);

// The whole text must be a number of type T without sign mark, white space or rest.
template <std::integral T> Result<T> parse_number(std::string_view text, int base = 10) {
    T value{};
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error == std::errc::result_out_of_range)
        return deny(ERANGE, "'{}' is out of range", printable(text.substr(0, 64)));
    if (error != std::errc() || end != text.data() + text.size())
        return deny(EINVAL, "'{}' is not a number", printable(text.substr(0, 64)));
    return value;
}

// A finite decimal number such as "0.5".
Result<double> parse_decimal(std::string_view text);

} // namespace rove
