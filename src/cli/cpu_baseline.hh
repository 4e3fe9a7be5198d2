// SPDX-License-Identifier: Apache-2.0
// CPU baseline: the environment in which the usual runtimes choose no newer instructions than a
// level's.
//
// They ask the CPU at their start, which cannot be made to answer otherwise; but these can be told
// by environment: glibc (its string and mathematical functions, and which glibc-hwcaps directories
// the dynamic linker searches), OpenSSL, Go, OpenBLAS, oneDNN, MKL, PyTorch. What the user has set
// stays and is only narrowed. What is in no level (AES, SHA …) is hidden at every level.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/cpu_level.hh"

namespace rove::cli {

/// Variables and their new values. Pure: `present` is the user's value of a variable.
std::vector<std::pair<std::string, std::string>> baseline_environment(
    CpuLevel level, std::function<std::optional<std::string>(std::string const&)> const& present);

/// Sets them here, for what is executed next.
void set_baseline_environment(CpuLevel level);

} // namespace rove::cli
