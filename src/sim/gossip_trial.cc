// SPDX-License-Identifier: Apache-2.0
// Gossip trial: measuring the cores of a GossipBoard.
#include "sim/gossip_trial.hh"

#include <algorithm>
#include <cmath>

#include "gossip/window.hh"
#include "sim/gossip_board.hh"

namespace rove::sim {

namespace {

constexpr double step_s = 0.5;
constexpr int looks = 8; // at the ages, some steps apart

void add_ages(GossipBoard const& board, size_t nodes, GossipTrial& trial) {
    double sum = 0, maxima = 0;
    for (NodeIndex viewer = 0; viewer < nodes; ++viewer) {
        gossip::Millis oldest = 0;
        for (NodeIndex other = 0; other < nodes; ++other) {
            if (other == viewer) continue;
            gossip::Millis age = board.core(viewer)->age(other, board.now_ms());
            sum += age;
            oldest = std::max(oldest, age);
        }
        maxima += oldest;
    }
    auto n = static_cast<double>(nodes);
    trial.average_age += sum / n / (n - 1) / 1000 / step_s / looks;
    trial.maximum_age += maxima / n / 1000 / step_s / looks;
}

bool all_know_dead(GossipBoard const& board, size_t nodes, NodeIndex dead) {
    for (NodeIndex viewer = 0; viewer < nodes; ++viewer)
        if (viewer != dead && board.core(viewer)->entry(dead).state != gossip::State::dead)
            return false;
    return true;
}

} // namespace

GossipTrial try_gossip(size_t nodes, size_t window, bool half_dead, uint64_t seed) {
    size_t all = half_dead ? 2 * nodes : nodes;
    Network network(all, 0.0002, 0);
    GossipBoard board(
        std::vector<Built>(all), network, step_s, static_cast<uint32_t>(window), seed);
    GossipTrial trial;
    trial.nodes = nodes;
    trial.window = std::min(window, nodes);
    trial.average_by_theory = gossip::average_age(nodes, trial.window, gossip::Flow::answered);
    trial.maximum_by_theory = gossip::maximum_age(nodes, trial.window, gossip::Flow::answered);
    double now = 5 * step_s;
    board.catch_up(now);
    for (NodeIndex node = static_cast<NodeIndex>(nodes); node < all; ++node)
        board.kill(node, now);
    // Until nothing is left of the beginning, when all entries were new; the dead must be found out
    // first.
    now += (2 * trial.maximum_by_theory + 40 + (half_dead ? 200 : 0)) * step_s;
    board.catch_up(now);
    uint64_t before = board.messages();
    double began = now;
    for (int look = 0; look < looks; ++look) {
        now += 5 * step_s;
        board.catch_up(now);
        add_ages(board, nodes, trial);
    }
    trial.messages_per_step = static_cast<double>(board.messages() - before) /
                              static_cast<double>(nodes) / ((now - began) / step_s);

    auto victim = static_cast<NodeIndex>(nodes / 2);
    began = now;
    board.kill(victim, now);
    trial.death_limit_steps = 2 * std::log2(static_cast<double>(nodes));
    while (!all_know_dead(board, nodes, victim) && now - began < 200 * step_s) {
        now += step_s / 10;
        board.catch_up(now);
    }
    trial.death_steps = (now - began) / step_s;
    return trial;
}

} // namespace rove::sim
