// SPDX-License-Identifier: Apache-2.0
// Parse: the words after a verb, checked against its description.
#pragma once

#include "cli/verb.hh"

#include "client/trouble.hh"

namespace rove::cli {

/// `words` are those after the verb. Options may stand before and after arguments, but for a verb
/// that takes a command its first non-option (or what follows `--`) starts that. Asking for help
/// sets `--help` among the options, whatever else is wrong.
client::Asked<Given> parse(Verb const& verb, std::vector<std::string> const& words);

/// Whether --json stands among the options, for the form of a usage error.
bool wants_json(Verb const& verb, std::vector<std::string> const& words);

} // namespace rove::cli
