// SPDX-License-Identifier: Apache-2.0
// Tests of what a cluster notices: arrivals, deaths, departures, partitions, and what it must not
// take for a death.
#include <cmath>

#include <gtest/gtest.h>

#include "gossip/testing/cluster.hh"

namespace rove::gossip {
namespace {

using testing::Cluster;

// The daemon's settings.
struct LifeTest : ::testing::Test {
    Knobs knobs;
    static bool all_see(Cluster const& cluster, NodeIndex node, State state) {
        return cluster.all_up([&](NodeIndex viewer, Core const& core) {
            return viewer == node || core.entry(node).state == state;
        });
    }
    static bool all_see_all(Cluster const& cluster) {
        return cluster.all_up([&](NodeIndex, Core const& core) {
            for (NodeIndex node = 0; node < cluster.cores.size(); ++node)
                if (cluster.cores[node] && core.entry(node).state != State::alive) return false;
            return true;
        });
    }
    static size_t turned(Cluster const& cluster, State state) {
        return static_cast<size_t>(std::count_if(cluster.changes.begin(), cluster.changes.end(),
            [&](Cluster::Seen const& seen) { return seen.change.is == state; }));
    }
};

TEST_F(LifeTest, a_death_is_known_to_all_within_the_limit) {
    for (auto [nodes, limit] : {std::pair{3u, 6.2}, std::pair{8u, 8.0}, std::pair{64u, 12.0},
             std::pair{1000u, 2 * std::log2(1000)}}) {
        double worst = 0, mean = 0;
        constexpr int runs = 10;
        for (uint64_t seed = 0; seed < runs; ++seed) {
            Cluster cluster(nodes, knobs, seed);
            cluster.acquaint();
            cluster.run_steps(6.4);
            NodeIndex victim = nodes / 3;
            cluster.kill(victim);
            auto took =
                cluster.run_until([&] { return all_see(cluster, victim, State::dead); }, 30000);
            ASSERT_TRUE(took);
            worst = std::max(worst, double(*took) / knobs.step);
            mean += double(*took) / knobs.step / runs;
            EXPECT_EQ(turned(cluster, State::dead), nodes - 1) << "of others";
        }
        EXPECT_LE(worst, limit) << nodes << " nodes";
        std::printf("N %u: mean %.1f worst %.1f steps (%.1f)\n", nodes, mean, worst, limit);
    }
}

TEST_F(LifeTest, loss_is_no_death) {
    for (size_t nodes : {3u, 8u, 64u, 500u}) {
        for (double loss : {0.05, 0.2, 0.4}) {
            Cluster cluster(nodes, knobs, 5);
            cluster.acquaint();
            cluster.loss = loss;
            double steps = nodes < 100 ? 2000 : 200;
            cluster.run_steps(steps);
            std::printf("N %zu loss %.2f: %zu suspicions, %zu deaths in %.0f node steps\n", nodes,
                loss, turned(cluster, State::suspect), turned(cluster, State::dead), steps * nodes);
        }
    }
}

TEST_F(LifeTest, a_slow_node_is_not_dead) {
    for (size_t nodes : {3u, 8u, 64u, 500u}) {
        for (Time pause : {500, 1000, 1500, 2000, 2500, 3000}) {
            Cluster cluster(nodes, knobs, 7);
            cluster.acquaint();
            for (int i = 0; i < 50; ++i) {
                cluster.pause(1, cluster.now + pause);
                cluster.run(pause + 2000);
            }
            std::printf("N %zu pause %ld: %zu suspicions, %zu deaths of 50 pauses\n", nodes, pause,
                turned(cluster, State::suspect), turned(cluster, State::dead));
        }
    }
}

} // namespace
} // namespace rove::gossip
