// SPDX-License-Identifier: Apache-2.0
// Cores: how many this node may really use: affinity, cpusets and the quotas of all groups above.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "sys/kept_file.hh"

namespace rove::node {

// The least of what each grants; never nothing. A quota is in cores.
double cores_granted(
    size_t affinity, std::vector<double> const& quotas, std::optional<size_t> cpuset);

// v1: cpu.cfs_quota_us and cpu.cfs_period_us. v2: cpu.max, and nothing as the second. None is no
// limit, and so is text that makes no sense.
std::optional<double> quota_of(std::string_view quota, std::string_view period);

class Cores {
public:
    Cores();
    double read() const;

private:
    struct Quota {
        sys::KeptFile quota;
        std::optional<sys::KeptFile> period; // v1
    };
    std::vector<Quota> quotas_;
    std::vector<sys::KeptFile> cpusets_; // lowest first
};

} // namespace rove::node
