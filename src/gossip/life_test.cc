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
    // Measured: 5.4, 6.6, 8.4, 11.3 steps on average; worst of 300, 300, 100, 20: 6.0, 9.3, 13.0,
    // 14.3.
    for (auto [nodes, limit] : {std::pair{3u, 6.5}, std::pair{8u, 10.0}, std::pair{64u, 15.0},
             std::pair{1000u, 2 * std::log2(1000)}}) {
        for (uint64_t seed = 0; seed < (nodes < 100 ? 10 : 3); ++seed) {
            Cluster cluster(nodes, knobs, seed);
            cluster.acquaint();
            cluster.run_steps(6.4);
            NodeIndex victim = nodes / 3;
            cluster.kill(victim);
            auto took =
                cluster.run_until([&] { return all_see(cluster, victim, State::dead); }, 30000);
            ASSERT_TRUE(took);
            EXPECT_LE(static_cast<double>(*took) / knobs.step, limit) << nodes << " nodes";
            EXPECT_EQ(turned(cluster, State::dead), nodes - 1) << "one death and no other";
        }
    }
}

TEST_F(LifeTest, lost_datagrams_are_no_death) {
    for (size_t nodes : {3u, 8u, 64u}) {
        Cluster cluster(nodes, knobs, 5);
        cluster.acquaint();
        cluster.loss = 0.05;
        cluster.run_steps(300);
        EXPECT_EQ(turned(cluster, State::suspect), 0u) << nodes << " nodes";
        cluster.loss = 0.2;
        cluster.run_steps(300);
        EXPECT_EQ(turned(cluster, State::dead), 0u) << nodes << " nodes";
        EXPECT_TRUE(all_see_all(cluster));
    }
}

TEST_F(LifeTest, a_slow_node_is_not_dead) {
    for (size_t nodes : {3u, 8u, 64u}) {
        Cluster cluster(nodes, knobs, 7);
        cluster.acquaint();
        for (Time pause : {500, 1000, 1500, 2000, 2400})
            for (int i = 0; i < 10; ++i) {
                cluster.pause(1, cluster.now + pause);
                cluster.run(pause + 2000);
                EXPECT_TRUE(pause > 1000 || turned(cluster, State::suspect) == 0);
            }
        EXPECT_EQ(turned(cluster, State::dead), 0u) << nodes << " nodes";
        EXPECT_GT(turned(cluster, State::suspect), 0u) << "the test is one";
        EXPECT_TRUE(all_see_all(cluster));
    }
}

TEST_F(LifeTest, whoever_knows_one_node_comes_to_know_all) {
    constexpr NodeIndex nodes = 40;
    Cluster cluster(nodes, knobs);
    for (NodeIndex node = 1; node < nodes; ++node)
        cluster.meet(node, 0);
    auto took = cluster.run_until([&] { return all_see_all(cluster); }, 30000);
    ASSERT_TRUE(took);
    EXPECT_EQ(turned(cluster, State::dead), 0u);
    // One that comes later is known to all at once.
    cluster.kill(nodes - 1);
    ASSERT_TRUE(cluster.run_until([&] { return all_see(cluster, nodes - 1, State::dead); }, 15000));
    cluster.start(nodes - 1, 2);
    cluster.meet(nodes - 1, 7);
    took = cluster.run_until([&] { return all_see(cluster, nodes - 1, State::alive); }, 10000);
    ASSERT_TRUE(took);
    EXPECT_LT(*took, 3000);
    EXPECT_TRUE(cluster.changes.back().change.new_incarnation);
}

TEST_F(LifeTest, who_leaves_is_not_missed) {
    Cluster cluster(20, knobs);
    cluster.acquaint();
    cluster.run_steps(3);
    cluster.leave(4);
    ASSERT_TRUE(cluster.run_until([&] { return all_see(cluster, 4, State::left); }, 3000));
    cluster.run_steps(40);
    EXPECT_EQ(turned(cluster, State::suspect) + turned(cluster, State::dead), 0u);
    EXPECT_TRUE(all_see(cluster, 4, State::left)) << "old bulletins do not bring it back";
    // The same incarnation comes back: it goes on counting.
    cluster.start(4, 1, 100000);
    cluster.meet(4, 0);
    EXPECT_TRUE(cluster.run_until([&] { return all_see(cluster, 4, State::alive); }, 5000));
}

TEST_F(LifeTest, partitions_heal) {
    for (size_t nodes : {2u, 3u, 8u, 60u}) {
        Cluster cluster(nodes, knobs);
        cluster.acquaint();
        auto side = [&](NodeIndex node) { return node < (nodes + 2) / 3; };
        cluster.cut = [&](NodeIndex a, NodeIndex b) { return side(a) != side(b); };
        auto apart = [&] {
            return cluster.all_up([&](NodeIndex viewer, Core const& core) {
                for (NodeIndex node = 0; node < nodes; ++node)
                    if (core.entry(node).state !=
                        (side(node) == side(viewer) ? State::alive : State::dead))
                        return false;
                return true;
            });
        };
        ASSERT_TRUE(cluster.run_until(apart, 30000)) << nodes << " nodes";
        cluster.run_steps(100);
        EXPECT_TRUE(apart()) << "nothing brings the other side back by itself";
        cluster.cut = nullptr;
        auto took = cluster.run_until([&] { return all_see_all(cluster); }, 30000);
        ASSERT_TRUE(took) << nodes << " nodes";
        EXPECT_LT(*took, nodes < 10 ? 6000 : 15000) << nodes << " nodes";
    }
}

TEST_F(LifeTest, two_that_cannot_reach_each_other_hear_by_others) {
    Cluster cluster(4, knobs);
    cluster.acquaint();
    cluster.cut = [](NodeIndex a, NodeIndex b) { return a + b == 1; };
    cluster.run_steps(300);
    EXPECT_EQ(turned(cluster, State::dead), 0u);
    EXPECT_LT(cluster.cores[0]->age(1, cluster.now), 4000u);
}

TEST_F(LifeTest, clocks_may_jump) {
    for (Time jump : {Time(-3600) * 1000, Time(7200) * 1000, Time(365) * 86400 * 1000}) {
        Cluster cluster(8, knobs);
        cluster.acquaint();
        cluster.run_steps(10);
        cluster.jump(3, jump);
        cluster.run_steps(60);
        EXPECT_EQ(turned(cluster, State::dead), 0u) << jump;
        EXPECT_TRUE(all_see_all(cluster)) << jump;
        for (NodeIndex node = 0; node < 8; ++node) {
            EXPECT_LT(cluster.age(3, node), 5000u) << jump;
            EXPECT_LT(cluster.age(node, 3), 5000u) << jump;
        }
    }
}

TEST_F(LifeTest, sudden_news_travel_faster_than_steps) {
    Cluster cluster(200, knobs);
    cluster.acquaint();
    cluster.run_steps(20);
    uint32_t before = cluster.cores[9]->issue();
    cluster.surprise(9);
    auto took = cluster.run_until(
        [&] {
            size_t heard = 0;
            for (NodeIndex node = 0; node < 200; ++node)
                heard += cluster.cores[node]->entry(9).issue > before;
            return heard > 150;
        },
        5000);
    ASSERT_TRUE(took);
    EXPECT_LT(*took, 500) << "three quarters hear of it within a step";
}

TEST_F(LifeTest, who_is_alone_with_another_does_not_tell_it_about_itself) {
    Cluster cluster(2, knobs);
    cluster.run_steps(10);
    cluster.surprise(0);
    cluster.run_steps(10);
    uint32_t before = cluster.cores[1]->issue();
    cluster.run_steps(100);
    // A question in each step, and an answer to the other one's.
    EXPECT_LE(cluster.cores[1]->issue() - before, 210u);
}

TEST_F(LifeTest, regular_gossip_notices_a_death_by_age) {
    knobs.algorithm = Algorithm::reg;
    Cluster cluster(16, knobs);
    cluster.acquaint();
    cluster.run_steps(200);
    EXPECT_EQ(turned(cluster, State::dead), 0u);
    cluster.kill(3);
    EXPECT_TRUE(cluster.run_until([&] { return all_see(cluster, 3, State::dead); }, 60000));
}

} // namespace
} // namespace rove::gossip
