// SPDX-License-Identifier: Apache-2.0
// Needs: CPU features as the policy compares them: one bit for each different need of the processes
// here, which a node has that fulfils it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "node/cpu_match.hh"

namespace rove::node {

class Needs {
public:
    // The bit of what an offer says of its CPU. Beyond 63 different ones no node fulfils them.
    uint64_t bit_of(wire::Offer const& offer);
    // Those that this CPU fulfils.
    uint64_t met_by(Cpu const& cpu, std::string const& node) const;

private:
    std::vector<wire::Offer> known_;
};

} // namespace rove::node
