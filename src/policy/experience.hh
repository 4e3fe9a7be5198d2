// SPDX-License-Identifier: Apache-2.0
// Experience: what processes did that executed the same before, so that one that executes it now
// need not be watched until it has shown what it is.
//
// A stay of one process in one executable is a run. Runs blend into decaying means; so many
// executables are remembered, and of those the ones that were executed last.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

namespace rove::policy {

struct Run {
    double cpu_s = 0; // of the reference core
    // Of a core; only known of who was watched for a while.
    std::optional<double> demand = std::nullopt;
    // Forwarded, per CPU second; only known of who was away.
    std::optional<double> calls = std::nullopt;
};

struct Expected {
    double runs = 0;
    double cpu_s = 0, demand = 1, calls = 0;
    bool demand_known = false, calls_known = false;
};

class Experience {
public:
    Experience() = default;
    explicit Experience(size_t most) : most_(most) {}

    void learn(std::string const& executable, Run const& run);
    // None of what was executed fewer than `runs` times.
    std::optional<Expected> expect(std::string const& executable, double runs) const;

    // The one that was executed last is the first.
    std::list<std::pair<std::string, Expected>> const& all() const { return all_; }
    // As it was before; what cannot be counted with is left out. The order is that of `all`.
    void recall(std::string executable, Expected const& expected);

private:
    using Entry = std::list<std::pair<std::string, Expected>>::iterator;
    size_t most_ = 512;
    std::list<std::pair<std::string, Expected>> all_;
    std::unordered_map<std::string, Entry> by_name_;
};

} // namespace rove::policy
