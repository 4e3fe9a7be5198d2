// SPDX-License-Identifier: Apache-2.0
// Fuzz target: a log of decisions, each of which is made again.
// uses: base policy
#include <cstdlib>

#include "policy/record.hh"

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    using namespace rove;
    std::string_view log(reinterpret_cast<char const*>(bytes), size);
    while (auto record = policy::take_record(log)) {
        // A short log can claim many moves: what is decided again must be possible.
        policy::Decision decision = policy::replay(*record);
        if (decision.orders.size() > record->processes.size()) std::abort();
    }
    return 0;
}
