// SPDX-License-Identifier: Apache-2.0
// Result: how an error reads.
#include "base/result.hh"

#include <cstring>

namespace rove {

std::string Error::sentence() const {
    if (code == 0 || (whole && !what.empty())) return what;
    if (what.empty()) return strerrordesc_np(code) ? strerrordesc_np(code) : "unknown error";
    char const* text = strerrordesc_np(code);
    return text ? fmt::format("{}: {}", what, text) : fmt::format("{}: error {}", what, code);
}

std::string Error::detail() const {
    return fmt::format("{} ({}:{})", sentence(), where.name(), where.line);
}

} // namespace rove
