// SPDX-License-Identifier: Apache-2.0
// Numbers: the small numbers by which the policy knows nodes and processes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "policy/view.hh"
#include "wire/keeper.hh"

namespace rove::node {

class Numbers {
public:
    // `self` is 0; the others get theirs when they are first named, for the daemon's life.
    explicit Numbers(std::string const& self) { (void)of(self); }

    policy::NodeIndex of(std::string const& node) {
        auto [found, added] =
            numbers_.try_emplace(node, static_cast<policy::NodeIndex>(names_.size()));
        if (added) names_.push_back(node);
        return found->second;
    }
    // Empty: nobody's.
    std::string name(policy::NodeIndex node) const {
        return node < names_.size() ? names_[node] : "";
    }
    // A PID of this node is its own number.
    uint64_t of(wire::Identity const& process) {
        return uint64_t{of(process.home)} << 32 | static_cast<uint32_t>(process.pid);
    }

private:
    std::map<std::string, policy::NodeIndex> numbers_;
    std::vector<std::string> names_;
};

} // namespace rove::node
