// SPDX-License-Identifier: Apache-2.0
// Manual: the pages and the shell completions, written from the table of verbs.
//
// The build calls `rove .manual DIRECTORY`: it leaves rove.1.scd, rove-VERB.1.scd and roved.8.scd,
// which scdoc turns into manual pages, and completion/{rove.bash,_rove,rove.fish}.
#pragma once

#include <string>
#include <vector>

#include "cli/verb.hh"

namespace rove::cli {

inline constexpr char const* manual_word = ".manual";
int write_manual(std::vector<std::string> const& words);

std::string general_page(std::string const& version);
std::string daemon_page(std::string const& version);
std::string verb_page(Verb const& verb);
std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

} // namespace rove::cli
