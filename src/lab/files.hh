// SPDX-License-Identifier: Apache-2.0
// Files: whole small files, as the lab reads and writes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/fd.hh"
#include "base/result.hh"

namespace rove::lab {

Result<std::string> read_text(std::string const& path);
// Writes to a file that exists, as kernel files do, in one write.
Status write_kernel_file(std::string const& path, std::string_view text);
// Replaces the file as a whole: a reader sees the old text or the new one.
Status replace_file(std::string const& path, std::string_view text, mode_t mode);
Result<Fd> open_file(std::string const& path, int flags, mode_t mode = 0);
// An existing directory is no error.
Status make_dir(std::string const& path, mode_t mode);
// Names in a directory, without "." and "..", sorted; empty if there is no such directory.
std::vector<std::string> names_in(std::string const& dir);
// The target of a symbolic link; empty if there is none.
std::string link_target(std::string const& path);
bool exists(std::string const& path);
// Removes a directory with all that is in it. It never leaves the file system that it begins on.
Status remove_tree(std::string const& dir);

} // namespace rove::lab
