// SPDX-License-Identifier: Apache-2.0
// Needs: numbering and judging.
#include "node/balance/needs.hh"

namespace rove::node {

uint64_t Needs::bit_of(wire::Offer const& offer) {
    for (size_t i = 0; i < known_.size(); ++i)
        if (known_[i].cpu_features == offer.cpu_features &&
            known_[i].needed_features == offer.needed_features &&
            known_[i].state_offsets == offer.state_offsets)
            return uint64_t{1} << i;
    if (known_.size() == 63) return uint64_t{1} << 63;
    wire::Offer need;
    need.cpu_features = offer.cpu_features;
    need.needed_features = offer.needed_features;
    need.state_offsets = offer.state_offsets;
    known_.push_back(std::move(need));
    return uint64_t{1} << (known_.size() - 1);
}

uint64_t Needs::met_by(Cpu const& cpu, std::string const& node) const {
    uint64_t met = 0;
    for (size_t i = 0; i < known_.size(); ++i)
        if (judge_cpu(known_[i], cpu, node).text.empty()) met |= uint64_t{1} << i;
    return met;
}

} // namespace rove::node
