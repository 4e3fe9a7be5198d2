// SPDX-License-Identifier: Apache-2.0
// Usage: what `--help` shows, made from the table of verbs.
#pragma once

#include "cli/verb.hh"

namespace rove::cli {

/// "rove move PID NODE|home|best [OPTION]…"
std::string synopsis(Verb const& verb);
std::string verb_help(Verb const& verb);
std::string general_help();

} // namespace rove::cli
