// SPDX-License-Identifier: Apache-2.0
// Names: system calls and errors in words, for logs, traces and documents. Hosted.
#pragma once

#include <string>
#include <string_view>

namespace rove::syscalls {

/// Empty for a number that no call has.
std::string_view name_of(unsigned long nr);

/// −1 for a name that no call has.
int number_of(std::string_view name);

/// "ENOENT" for 2; also the kernel's inner ones, such as ERESTARTSYS. Empty for none.
std::string_view error_name(int error);

/// How a call is served, in one word: that of its row.
std::string_view who_name(unsigned long nr);

/// What a program may notice while it is away; empty: nothing but time.
std::string_view difference_of(unsigned long nr);

/// docs/syscalls.md: every call, how it is served, what it costs, what is different.
std::string document();
/// A table of a few lines, for README.md.
std::string short_form();

} // namespace rove::syscalls
