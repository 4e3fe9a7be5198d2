// SPDX-License-Identifier: Apache-2.0
// Text: cutting strings apart.
#include "base/text.hh"

#include <cmath>

namespace rove {

namespace {
constexpr std::string_view blanks = " \t\r\n\f\v";
}

std::string_view trim(std::string_view text) {
    size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> parts;
    for (;;) {
        size_t first = text.find_first_not_of(blanks);
        if (first == std::string_view::npos) return parts;
        text.remove_prefix(first);
        size_t end = text.find_first_of(blanks);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end);
    }
}

std::vector<std::string_view> lines(std::string_view text) {
    if (text.empty()) return {};
    auto parts = split(text, '\n');
    if (parts.back().empty()) parts.pop_back();
    return parts;
}

std::pair<std::string_view, std::string_view> cut(std::string_view text, char separator) {
    size_t at = text.find(separator);
    if (at == std::string_view::npos) return {text, {}};
    return {text.substr(0, at), text.substr(at + 1)};
}

std::string join(std::vector<std::string> const& parts, std::string_view separator) {
    std::string all;
    for (auto const& part : parts) {
        if (&part != &parts.front()) all += separator;
        all += part;
    }
    return all;
}

std::string printable(std::string_view text) {
    std::string all;
    for (char c : text) {
        if (c >= ' ' && c <= '~')
            all += c;
        else
            all += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    return all;
}

Result<double> parse_decimal(std::string_view text) {
    double value = 0;
    auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
        return deny(EINVAL, "'{}' is not a number", printable(text.substr(0, 64)));
    return value;
}

std::string hex(std::string_view bytes) {
    std::string text;
    for (unsigned char byte : bytes)
        text += fmt::format("{:02x}", byte);
    return text;
}

} // namespace rove
