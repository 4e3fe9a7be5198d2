// SPDX-License-Identifier: Apache-2.0
// SWF: jobs of a trace in Standard Workload Format, as the Parallel Workloads Archive has them.
//
// Eighteen numbers a line, -1 for unknown; lines that begin with `;` are comments. Files come from
// strangers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hh"

namespace rove::sim {

struct SwfJob {
    double submit_s = 0, run_s = 0;
    uint32_t processors = 1;
};

// Those that ran, by submission; at most `jobs_max` unless that is 0.
Result<std::vector<SwfJob>> parse_swf(std::string_view text, uint32_t jobs_max = 0);
// A file's text, unpacked if it is gzipped.
Result<std::string> read_trace(std::string const& path);

} // namespace rove::sim
