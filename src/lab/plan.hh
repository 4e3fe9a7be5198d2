// SPDX-License-Identifier: Apache-2.0
// Plan: what a lab consists of, as it stands in its lab.json.
//
// Values only: names, addresses and limits, and what is cut at present. Whether a node runs is not
// here but is asked of the kernel each time, so that the file cannot disagree with it.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hh"

namespace rove::lab {

constexpr int nodes_max = 200;
constexpr int subnets_max = 256;
constexpr int gossip_port = 7946;

struct NodePlan {
    std::string name;
    double cpus = 0;                // of one CPU; 0 = no limit
    uint64_t memory_bytes = 0;      // 0 = no limit
    uint64_t swap_bytes = 0;        // 0 = no swap
    uint64_t rate_bits = 0;         // per second; 0 = no limit
    std::string cpuset;             // as the kernel writes it: "0-1,3"; empty = all
    std::vector<std::string> hide;  // CPU features that this node does not offer
    std::optional<int64_t> clock_s; // offset of its monotonic and boot-time clocks

    bool operator==(NodePlan const&) const = default;
};

// An unordered pair of nodes, smaller name first.
using Cut = std::pair<std::string, std::string>;
Cut cut_between(std::string_view a, std::string_view b);

struct Plan {
    std::string name;
    int subnet = 0; // the third byte of its addresses
    std::vector<NodePlan> nodes;
    std::set<Cut> cuts;         // pairs whose packets vanish
    std::set<std::string> dark; // nodes that were killed: all their packets vanish

    NodePlan const* find(std::string_view node) const;
    // 0 for n1. Requires: the plan has it.
    size_t place_of(std::string_view node) const;
    std::string address_of(std::string_view node) const;
    // Fixed, so that a node that comes back after a kill is found where it was.
    std::string mac_of(std::string_view node) const;
    bool is_cut(std::string_view a, std::string_view b) const;

    bool operator==(Plan const&) const = default;
};

// [a-z0-9-], 1 to 32 characters.
bool good_lab_name(std::string_view name);

// The smallest subnet that no other lab has; none if all are taken.
std::optional<int> allot_subnet(std::set<int> const& taken);

std::string to_json(Plan const& plan);
// Takes hostile text: whatever it returns has the ranges that the rest relies on.
Result<Plan> parse_plan(std::string_view text);

} // namespace rove::lab
