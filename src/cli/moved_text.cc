// SPDX-License-Identifier: Apache-2.0
// Moved text: what a move did, in a line; see moved_text.hh.
#include "cli/moved_text.hh"

#include <fmt/core.h>

#include "cli/figures.hh"

namespace rove::cli {

using client::number_field;
using client::text_field;

std::string moved_text(Screen const& screen, client::Json const& row) {
    auto const shown = [&](char const* name) {
        return for_terminal(text_field(row, name).value_or("-"), screen.utf8);
    };
    std::string const pid = whole(number_field(row, "pid"));
    if (std::optional<std::string> error = text_field(row, "error"))
        return fmt::format("{}: {}", pid, for_terminal(*error, screen.utf8));
    std::string const from = shown("from"), to = shown("to");
    if (!number_field(row, "bytes"))
        return fmt::format("{} {} {} {}", pid, from, screen.arrow(), to);
    if (from == to) return fmt::format("{} is on {} already", pid, to);
    return fmt::format("{} {} {} {}: {} in {}, frozen {}", pid, from, screen.arrow(), to,
        human_bytes(number_field(row, "bytes")), human_ms(number_field(row, "total_ms")),
        human_ms(number_field(row, "freeze_ms")));
}

} // namespace rove::cli
