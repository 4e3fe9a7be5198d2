// SPDX-License-Identifier: Apache-2.0
// Units: three tables of suffixes and one reader for all.
#include "base/units.hh"

#include <cmath>
#include <span>

#include "base/text.hh"

namespace rove {

namespace {

struct Unit {
    std::string_view suffix;
    double factor;
};

// Largest first, as the printers want it; the readers take any order.
constexpr Unit sizes[] = {{"P", 1125899906842624.0}, {"T", 1099511627776.0}, {"G", 1073741824.0},
    {"M", 1048576.0}, {"K", 1024.0}, {"B", 1.0}};
constexpr Unit rates[] = {
    {"tbit", 1e12}, {"gbit", 1e9}, {"mbit", 1e6}, {"kbit", 1e3}, {"bit", 1.0}};
constexpr Unit durations[] = {
    {"d", 86400e9}, {"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1.0}};

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return result;
}

Result<double> factor_of(std::string_view suffix, std::span<Unit const> units) {
    for (Unit const& unit : units)
        if (lower(unit.suffix) == suffix) return unit.factor;
    return deny(EINVAL, "unknown unit '{}'", printable(suffix.substr(0, 64)));
}

// Number and suffix, both without blanks; the suffix in lower case.
Result<std::pair<double, std::string>> number_and_suffix(std::string_view text, char const* kind) {
    text = trim(text);
    size_t end = text.find_first_not_of("0123456789.");
    std::string_view number = text.substr(0, end);
    if (number.empty() || text.size() > 64)
        return deny(EINVAL, "'{}' is not a {}", printable(text.substr(0, 64)), kind);
    double value = TRY(parse_decimal(number));
    std::string suffix = end == std::string_view::npos ? "" : lower(trim(text.substr(end)));
    return std::make_pair(value, suffix);
}

Result<uint64_t> whole(double value, std::string_view text) {
    // 2^63 is exact in a double; everything below it fits.
    if (value >= 9223372036854775808.0)
        return deny(ERANGE, "'{}' is out of range", printable(text.substr(0, 64)));
    return static_cast<uint64_t>(std::llround(value));
}

std::string print_scaled(double value, std::span<Unit const> units) {
    for (Unit const& unit : units) {
        if (std::fabs(value) < unit.factor && unit.factor != 1.0) continue;
        double scaled = value / unit.factor;
        if (std::fabs(scaled - std::round(scaled)) < 0.05 || std::fabs(scaled) >= 100)
            return fmt::format("{:.0f}{}", scaled, unit.suffix);
        return fmt::format("{:.1f}{}", scaled, unit.suffix);
    }
    return "0";
}

} // namespace

Result<uint64_t> parse_size(std::string_view text) {
    auto [value, suffix] = TRY(number_and_suffix(text, "size"));
    if (suffix.size() > 1 && suffix.ends_with("ib")) suffix.resize(suffix.size() - 2);
    if (suffix.size() > 1 && suffix.ends_with("b")) suffix.resize(suffix.size() - 1);
    return whole(suffix.empty() ? value : value * TRY(factor_of(suffix, sizes)), text);
}

std::string print_size(uint64_t bytes) {
    return print_scaled(static_cast<double>(bytes), sizes);
}

Result<uint64_t> parse_rate(std::string_view text) {
    auto [value, suffix] = TRY(number_and_suffix(text, "rate"));
    return whole(suffix.empty() ? value : value * TRY(factor_of(suffix, rates)), text);
}

std::string print_rate(uint64_t bits_per_second) {
    return print_scaled(static_cast<double>(bits_per_second), rates);
}

Result<Nanos> parse_duration(std::string_view text) {
    std::string_view unsigned_text = trim(text);
    bool negative = unsigned_text.starts_with('-');
    if (negative || unsigned_text.starts_with('+')) unsigned_text.remove_prefix(1);
    auto [value, suffix] = TRY(number_and_suffix(unsigned_text, "duration"));
    if (suffix.empty() && value != 0)
        return deny(EINVAL, "'{}' lacks a unit such as ms, s or h", printable(text.substr(0, 64)));
    double factor = suffix.empty() ? 1.0 : TRY(factor_of(suffix, durations));
    auto nanos = static_cast<int64_t>(TRY(whole(value * factor, text)));
    return Nanos(negative ? -nanos : nanos);
}

std::string print_duration(Nanos time) {
    if (time.count() == 0) return "0s";
    return print_scaled(static_cast<double>(time.count()), durations);
}

} // namespace rove
