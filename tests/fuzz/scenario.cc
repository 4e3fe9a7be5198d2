// SPDX-License-Identifier: Apache-2.0
// Fuzz target: a scenario of the simulator.
// uses: base sim/scenario sim/strategy policy
#include <cstdlib>

#include "sim/scenario.hh"

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    auto scenario = rove::sim::parse_scenario({reinterpret_cast<char const*>(bytes), size}, "fuzz");
    if (scenario && (scenario->node_count() == 0 || scenario->name.empty())) std::abort();
    return 0;
}
