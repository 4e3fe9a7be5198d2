// SPDX-License-Identifier: Apache-2.0
// Find program: which file a command name means, and becoming it, both as execvp() does.
//
// The finding is apart so that "not found" is known before anything else has been done.
#pragma once

#include <string>
#include <vector>

#include "client/trouble.hh"

namespace rove::cli {

/// The file that execvp() would execute. Trouble: 127 not found, 126 found but not executable.
client::Asked<std::string> find_program(std::string const& name);

/// Executes the file with the words as arguments, a script without #! by /bin/sh. Returns only if
/// that fails.
client::Trouble become(std::string const& path, std::vector<std::string> const& words);

} // namespace rove::cli
