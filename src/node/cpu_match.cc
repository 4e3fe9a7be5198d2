// SPDX-License-Identifier: Apache-2.0
// CPU match: what is missing, what is too much, and what is in another place.
#include "node/cpu_match.hh"

#include <algorithm>

#include <fmt/core.h>

#include "base/text.hh"

namespace rove::node {

namespace {

constexpr char reason[] = "cpu_features";

// Programs save their registers themselves (the dynamic linker does), in areas whose size and
// places they have asked for at their start.
bool same_places(std::vector<uint32_t> const& home, std::vector<uint32_t> const& here) {
    for (size_t i = 0; i < std::min(home.size(), here.size()); ++i)
        if (home[i] != 0 && here[i] != 0 && home[i] != here[i]) return false;
    return true;
}

} // namespace

wire::Refuse judge_cpu(wire::Offer const& offer, Cpu const& own, std::string const& node) {
    bool promised = !offer.needed_features.empty();
    auto missing =
        missing_features(promised ? offer.needed_features : offer.cpu_features, own.features);
    if (!missing.empty() && promised)
        return {reason, fmt::format("the CPU of {} lacks {}, which the process may use by its "
                                    "--cpu-baseline",
                            node, join(missing, ", "))};
    if (!missing.empty())
        return {reason, fmt::format("the CPU of {} lacks {}, which the process may use; a program "
                                    "that is started with 'rove run --cpu-baseline' needs less",
                            node, join(missing, ", "))};
    auto more =
        missing_features(promised ? registers_of(own.features) : own.features, offer.cpu_features);
    if (!more.empty())
        return {reason, fmt::format("the CPU of {} has {}, which home lacks, and cannot hide it",
                            node, join(more, ", "))};
    if (!same_places(offer.state_offsets, own.state_offsets))
        return {reason,
            fmt::format("the CPU of {} saves its registers in other places than home's", node)};
    return {};
}

} // namespace rove::node
