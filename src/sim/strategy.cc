// SPDX-License-Identifier: Apache-2.0
// Strategy: the table.
#include "sim/strategy.hh"

namespace rove::sim {

std::vector<Strategy> const& strategies() {
    using enum Placing;
    using policy::Rule;
    static std::vector<Strategy> const table = {
        {"none", home, Moving::never, Rule::mosix, "programs stay where they are started"},
        {"round_robin", round_robin, Moving::never, Rule::mosix,
            "each program starts on the next node, nobody moves"},
        {"random", home, Moving::random, Rule::mosix,
            "a crowded node sends somebody to a random node"},
        {"central", Placing::central, Moving::central, Rule::mosix,
            "a coordinator that knows all loads exactly places and moves, once a period; moves "
            "cost the same"},
        {"mosix", Placing::policy, Moving::policy, Rule::mosix, "Rove: the MOSIX rule"},
        {"opportunity", Placing::policy, Moving::policy, Rule::opportunity,
            "Rove: opportunity cost"},
        {"mosix_execs", Placing::exec, Moving::policy, Rule::mosix,
            "the MOSIX rule, programs being executed at home and known by their like"},
        {"mosix_moves", home, Moving::policy, Rule::mosix, "the MOSIX rule without placement"},
        {"mosix_places", Placing::policy, Moving::never, Rule::mosix,
            "the MOSIX rule at starts only"},
    };
    return table;
}

std::optional<Strategy> find_strategy(std::string_view name) {
    for (Strategy const& each : strategies())
        if (each.name == name) return each;
    return std::nullopt;
}

} // namespace rove::sim
