// SPDX-License-Identifier: Apache-2.0
// Fuzz target: a trace in Standard Workload Format.
// uses: base sim/swf
#include <cstdlib>

#include "sim/swf.hh"

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    auto jobs = rove::sim::parse_swf({reinterpret_cast<char const*>(bytes), size});
    if (!jobs) return 0;
    double last = 0;
    for (auto const& job : *jobs) {
        if (job.submit_s < last || job.run_s <= 0 || job.processors == 0) std::abort();
        last = job.submit_s;
    }
    return 0;
}
