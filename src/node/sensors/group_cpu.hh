// SPDX-License-Identifier: Apache-2.0
// GroupCpu: how much CPU time this node's group takes, the daemon left out.
#pragma once

#include <optional>

#include "base/clock.hh"
#include "sys/kept_file.hh"

namespace rove::node {

// cpuacct.usage (v1), or the usage of cpu.stat (v2).
std::optional<Nanos> parse_group_cpu(std::string_view text);

class GroupCpu {
public:
    GroupCpu();
    // False: this node has no group of its own that could be asked.
    explicit operator bool() const { return static_cast<bool>(file_); }
    // In cores, since it was asked before; unknown at the first time.
    std::optional<double> used_since_before(Nanos now);

private:
    sys::KeptFile file_;
    std::optional<Nanos> before_;
    Nanos asked_{};
};

} // namespace rove::node
