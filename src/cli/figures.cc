// SPDX-License-Identifier: Apache-2.0
// Figures: numbers as people read them; see figures.hh.
#include "cli/figures.hh"

#include <cmath>

#include <fmt/core.h>

namespace rove::cli {

namespace {

std::string clock_text(double seconds) {
    auto const all = static_cast<unsigned long long>(seconds);
    auto const days = all / 86400, hours = all / 3600 % 24, minutes = all / 60 % 60;
    if (days > 0) return fmt::format("{}d {:02}:{:02}", days, hours, minutes);
    if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, all % 60);
    return fmt::format("{}:{:02}", minutes, all % 60);
}

bool known(Figure number) {
    return number && std::isfinite(*number) && *number >= 0 && *number < 1e18;
}

} // namespace

std::string human_bytes(Figure bytes) {
    if (!known(bytes)) return "-";
    double value = *bytes;
    if (value < 1024) return fmt::format("{:.0f} B", value);
    char const* units[] = {"KB", "MB", "GB", "TB", "PB", "EB"};
    size_t unit = 0;
    value /= 1024;
    // 1023.95 KB would be printed as "1024 KB".
    while (value >= 999.5 && unit + 1 < std::size(units)) {
        value /= 1024;
        unit++;
    }
    return value < 9.95 ? fmt::format("{:.1f} {}", value, units[unit])
                        : fmt::format("{:.0f} {}", value, units[unit]);
}

std::string human_ms(Figure milliseconds) {
    if (!known(milliseconds)) return "-";
    double const ms = *milliseconds;
    if (ms == 0) return "0 ms";
    if (ms < 9.95) return fmt::format("{:.1f} ms", ms);
    if (ms < 999.5) return fmt::format("{:.0f} ms", ms);
    if (ms < 59'950) return fmt::format("{:.1f} s", ms / 1000);
    return clock_text(ms / 1000);
}

std::string cpu_time(Figure seconds) {
    if (!known(seconds)) return "-";
    if (*seconds < 9.95) return fmt::format("{:.1f}s", *seconds);
    if (*seconds < 59.5) return fmt::format("{:.0f}s", *seconds);
    return clock_text(*seconds);
}

std::string fixed(Figure number, int digits) {
    return number && std::isfinite(*number) ? fmt::format("{:.{}f}", *number, digits) : "-";
}

std::string whole(Figure number) {
    return fixed(number, 0);
}

std::string at_most(Figure number, int digits) {
    std::string text = fixed(number, digits);
    if (text.find('.') == std::string::npos) return text;
    while (text.back() == '0')
        text.pop_back();
    if (text.back() == '.') text.pop_back();
    return text;
}

} // namespace rove::cli
