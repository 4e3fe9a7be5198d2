// SPDX-License-Identifier: Apache-2.0
// Load: how many processes want a core, smoothed, and what that does to each of them.
//
// Two filters, as MOSIX has them: what I judge myself by rises slowly and falls at once, so that a
// short peak makes nobody leave; what I tell others rises at once and falls slowly, so that nobody
// comes because of a short pause. That somebody has ended or left who was here for long is no
// pause.
#pragma once

#include <algorithm>

#include "policy/view.hh"

namespace rove::policy {

class LoadFilter {
public:
    // Of the old value, after a second: 5/8 and 7/8, the constants of MOSIX as its port to
    // Kerrighed has them.
    static constexpr double keep_rising = 0.625, keep_falling = 0.875;

    // `passed_s`: since the last sample.
    void add(double sample, double passed_s);
    // Somebody of that demand is not here any more, and was for so long.
    void gone(double demand, double here_s);
    double mine() const { return mine_; }
    double told() const { return told_; }
    // For how long there has been a load: past predicts future, so it is expected to last as long
    // again.
    double lasts_s() const { return lasts_s_; }

private:
    double mine_ = 0, told_ = 0, lasts_s_ = 0;
    bool begun_ = false;
};

// Whether somebody who comes finds a core that nobody wants, or a node of less than one nearly for
// himself. What is measured is never quite nothing.
inline bool spare(double load, double cores) {
    constexpr double nothing = 0.1;
    return load <= std::max(0.0, cores - 1) + nothing;
}

// How many seconds a process needs there for a second of the reference core.
inline double stretch(double load, double cores, double speed) {
    double crowd = load / (cores > 0.01 ? cores : 0.01);
    return (crowd > 1 ? crowd : 1) / (speed > 0.01 ? speed : 0.01);
}
inline double stretch(NodeView const& node, double added) {
    return stretch(node.load + added, node.cores, node.speed);
}

// What is old is believed less: it fades towards what all nodes have on average.
double believed(NodeView const& node, double average, double fade_s);

} // namespace rove::policy
