// SPDX-License-Identifier: Apache-2.0
// False alarms: looking at all entries again and again.
#include "sim/false_alarms.hh"

#include <vector>

#include "sim/gossip_board.hh"

namespace rove::sim {

namespace {

constexpr double step_s = 0.5, look_s = step_s / 2;
constexpr double between_pauses_s = 5; // what one has led to is over then
constexpr uint32_t window = 20;

class Watch {
public:
    explicit Watch(size_t nodes) : nodes_(nodes), seen_(nodes * nodes, gossip::State::alive) {}
    void look(GossipBoard const& board, FalseAlarms& alarms) {
        for (NodeIndex viewer = 0; viewer < nodes_; ++viewer)
            for (NodeIndex other = 0; other < nodes_; ++other) {
                gossip::State& before = seen_[viewer * nodes_ + other];
                gossip::State now = board.core(viewer)->entry(other).state;
                if (now == before || viewer == other) continue;
                if (now == gossip::State::suspect) ++alarms.suspicions;
                if (now == gossip::State::dead) ++alarms.dead;
                before = now;
            }
    }

private:
    size_t nodes_;
    std::vector<gossip::State> seen_;
};

} // namespace

FalseAlarms try_false_alarms(
    size_t nodes, double loss, double pause_s, double seconds, uint64_t seed) {
    Network network(nodes, 0.0002, loss);
    GossipBoard board(std::vector<Built>(nodes), network, step_s, window, seed);
    policy::Random random(seed);
    Watch watch(nodes);
    FalseAlarms alarms;
    double next_s = between_pauses_s, until_s = 0;
    for (double now = look_s; now <= seconds; now += look_s) {
        if (until_s > 0 && now >= until_s) {
            network.heal();
            until_s = 0;
            next_s = now + between_pauses_s;
        } else if (pause_s > 0 && until_s == 0 && now >= next_s) {
            network.split_off(static_cast<NodeIndex>(random.below(nodes)));
            until_s = now + pause_s;
            ++alarms.pauses;
        }
        board.catch_up(now);
        watch.look(board, alarms);
        alarms.seconds = now;
    }
    return alarms;
}

} // namespace rove::sim
