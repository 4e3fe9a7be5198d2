// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "policy/gain.hh"
#include "policy/load.hh"
#include "policy/testing/scene.hh"

namespace rove::policy {
namespace {

class BothRules : public ::testing::TestWithParam<Rule> {
protected:
    Scene scene;
    BothRules() { scene.knobs.rule = GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(Balance, BothRules, ::testing::Values(Rule::mosix, Rule::opportunity));

TEST_P(BothRules, one_process_and_an_idle_node_stay_as_they_are) {
    scene.with_process();
    scene.with_node(0);
    EXPECT_TRUE(scene.decide().orders.empty());
}
TEST_P(BothRules, three_processes_on_two_nodes_stay_as_they_are) {
    scene.with_process();
    scene.with_process();
    scene.with_node(1);
    EXPECT_TRUE(scene.decide().orders.empty());
}
TEST_P(BothRules, one_of_two_processes_goes_to_an_idle_node) {
    scene.with_process();
    scene.with_process();
    scene.with_node(0);
    Decision decision = scene.decide();
    ASSERT_EQ(decision.orders.size(), 1u);
    Order const& order = decision.orders[0];
    EXPECT_EQ(order.to, 1u);
    EXPECT_EQ(order.why, Why::balance);
    // 60 s of work at half of the pace while the other one lasts, against 60 s there.
    EXPECT_NEAR(order.figures.stay_s, 120, 1);
    EXPECT_NEAR(order.figures.go_s, 60, 1);
    // Better by the margin with which it was chosen, also when the target is asked.
    EXPECT_LE(order.stretch_max, 2 - (scene.knobs.stability - 1));
    EXPECT_GT(order.stretch_max, 1);
}
TEST_P(BothRules, a_crowd_spreads_over_idle_nodes_one_each) {
    for (int i = 0; i < 4; ++i)
        scene.with_process();
    for (int i = 0; i < 5; ++i)
        scene.with_node(0);
    Decision decision = scene.decide();
    ASSERT_EQ(decision.orders.size(), 3u);
    std::vector<int> arrivals(6);
    for (Order const& order : decision.orders)
        EXPECT_EQ(++arrivals[order.to], 1);
}
TEST_P(BothRules, processes_with_a_core_each_do_not_move) {
    scene.snapshot.self.cores = 4;
    for (int i = 0; i < 4; ++i)
        scene.with_process();
    scene.with_node(0).cores = 4;
    EXPECT_TRUE(scene.decide().orders.empty());
}
TEST_P(BothRules, a_faster_node_is_preferred) {
    scene.with_process();
    scene.with_node(0);
    scene.with_node(0).speed = 2;
    Decision decision = scene.decide();
    ASSERT_EQ(decision.orders.size(), 1u);
    EXPECT_EQ(decision.orders[0].to, 2u);
    EXPECT_EQ(decision.orders[0].why, Why::faster);
}
TEST_P(BothRules, who_cannot_or_may_not_go_stays_and_the_note_says_why) {
    scene.with_process().stays = 1;
    scene.with_process().confined = 1;
    scene.with_process().moving = 1;
    ProcessView& arrived = scene.with_process();
    arrived.moved_s = 0.1f;
    arrived.here_s = 1;
    scene.with_process().demand = 0.05f;
    scene.with_process().calls = 5000; // a second of waiting for each second
    scene.with_node(0);
    EXPECT_TRUE(scene.decide().orders.empty());
    EXPECT_EQ(scene.verdict(1), Verdict::stays);
    EXPECT_EQ(scene.verdict(2), Verdict::confined);
    EXPECT_EQ(scene.verdict(3), Verdict::moving);
    EXPECT_EQ(scene.verdict(4), Verdict::just_arrived);
    EXPECT_EQ(scene.verdict(5), Verdict::interactive);
    EXPECT_EQ(scene.verdict(6), Verdict::calls);
}
TEST_P(BothRules, memory_and_cpu_features_are_respected) {
    scene.with_process().memory = 8 * gib;
    scene.with_process().memory = 8 * gib;
    scene.with_node(0).memory_free = 8 * gib; // nothing would be left over
    scene.with_node(0).features = 0;
    scene.with_node(0).takes = 0;
    EXPECT_TRUE(scene.decide().orders.empty());
    EXPECT_EQ(scene.verdict(1), Verdict::no_room);
}
TEST_P(BothRules, residence_grows_with_what_the_last_move_took) {
    for (int i = 0; i < 2; ++i) {
        ProcessView& process = scene.with_process();
        process.moved_s = 2;
        process.here_s = 9; // less than five times two
    }
    scene.with_node(0);
    EXPECT_TRUE(scene.decide().orders.empty());
    for (ProcessView& process : scene.processes)
        process.here_s = 11;
    EXPECT_EQ(scene.decide().orders.size(), 1u);
}

TEST(Balance, a_short_peak_moves_nobody) {
    // A process that has just begun shares the core: it is expected to end soon.
    Scene scene;
    scene.with_process(1000);
    scene.with_process(0.2);
    scene.with_node(0);
    EXPECT_TRUE(scene.decide().orders.empty());
    EXPECT_EQ(scene.verdict(1), Verdict::small_gain);
    // Something that is not ours runs for half a second in each minute.
    Scene native;
    native.with_process(1000);
    native.with_node(0);
    LoadFilter foreign;
    for (int tenth = 0; tenth < 1200; ++tenth) {
        foreign.add(tenth % 600 < 5 ? 3 : 0, 0.1);
        native.snapshot.foreign = static_cast<float>(foreign.mine());
        native.snapshot.foreign_lasts_s = static_cast<float>(foreign.lasts_s());
        ASSERT_TRUE(native.decide().orders.empty()) << "at " << tenth << " tenths of a second";
    }
}
TEST(Balance, a_large_image_must_gain_more) {
    Scene scene;
    scene.snapshot.cost.learn(1000000000, 10);
    scene.snapshot.cost.learn(0, 0.1);
    scene.with_process(2).memory = gib;
    scene.with_process(2).memory = gib;
    scene.with_node(0);
    EXPECT_TRUE(scene.decide().orders.empty());
    for (ProcessView& process : scene.processes)
        process.cpu_s = 200;
    EXPECT_EQ(scene.decide().orders.size(), 1u);
}
TEST(Balance, a_guest_that_waits_for_its_home_goes_there) {
    Scene scene;
    ProcessView& guest = scene.with_guest(1);
    guest.calls = 4000;
    scene.with_node(0);
    Decision decision = scene.decide();
    ASSERT_EQ(decision.orders.size(), 1u);
    EXPECT_EQ(decision.orders[0].why, Why::home_better);
}
TEST(Balance, partners_come_together_where_there_is_a_core) {
    Scene scene;
    ProcessView& process = scene.with_process();
    process.partners[0] = {2, 1000};
    scene.with_node(0);
    scene.with_node(0);
    Decision decision = scene.decide();
    ASSERT_EQ(decision.orders.size(), 1u);
    EXPECT_EQ(decision.orders[0].to, 2u);
    EXPECT_EQ(decision.orders[0].why, Why::together);
    scene.nodes[1].load = 1; // computing comes before talking
    EXPECT_TRUE(scene.decide().orders.empty());
}
TEST(Balance, who_talks_with_home_a_lot_comes_home_to_its_partner) {
    Scene scene;
    ProcessView& guest = scene.with_guest(1);
    guest.partners[0] = {1, 800};
    scene.with_node(0).round_trip_s = 0.0001f;
    Decision decision = scene.decide();
    ASSERT_EQ(decision.orders.size(), 1u);
    EXPECT_EQ(decision.orders[0].to, 1u);
    EXPECT_EQ(decision.orders[0].why, Why::together);
    EXPECT_FLOAT_EQ(decision.orders[0].figures.messages, 800);
    // The calls that were counted there are those messages: neither comes on top of the other.
    float talk = decision.orders[0].figures.talk_s;
    scene.processes[0].calls = 800;
    EXPECT_FLOAT_EQ(scene.decide().orders[0].figures.talk_s, talk);
    scene.processes[0].partners[0].messages = 400; // 4 % of its time
    scene.processes[0].calls = 0;
    EXPECT_TRUE(scene.decide().orders.empty());
}
TEST(Balance, of_two_who_share_a_core_the_one_that_talks_stays_with_its_partner) {
    Scene scene;
    scene.with_process(100).partners[0] = {0, 900}; // has more to gain otherwise
    scene.with_process(60);
    scene.with_node(0);
    Decision decision = scene.decide();
    ASSERT_EQ(decision.orders.size(), 1u);
    EXPECT_EQ(decision.orders[0].process, 2u);
    scene.processes[1].stays = 1;
    scene.processes[0].partners[0].messages = 1100; // more than it may wait for
    EXPECT_TRUE(scene.decide().orders.empty());
    EXPECT_EQ(scene.verdict(1), Verdict::calls);
}
TEST(Balance, what_a_call_costs_depends_on_how_far_that_node_is) {
    Scene scene;
    scene.with_process().calls = 500;
    scene.with_process().calls = 500;
    scene.with_node(0).round_trip_s = 0.0001f;
    Decision decision = scene.decide();
    ASSERT_EQ(decision.orders.size(), 1u);
    Figures const& figures = decision.orders[0].figures;
    EXPECT_NEAR(figures.talk_s, 0.05 * figures.remaining_s, 0.01);
    EXPECT_FLOAT_EQ(figures.round_trip_s, 0.0001f);
    EXPECT_FLOAT_EQ(figures.calls, 500);
    // Even the nearest node is too far.
    scene.nodes[0].round_trip_s = 0.01f;
    EXPECT_TRUE(scene.decide().orders.empty());
    EXPECT_EQ(scene.verdict(1), Verdict::calls);
}
TEST(Balance, between_two_others_the_farther_one_counts) {
    Scene scene;
    NodeView& near = scene.with_node(0);
    near.round_trip_s = 0.0001f;
    scene.with_node(0).round_trip_s = 0.003f;
    (void)scene.decide();
    Snapshot const& seen = scene.snapshot;
    EXPECT_FLOAT_EQ(round_trip(seen.nodes[0], 2, seen), 0.003f);
    EXPECT_FLOAT_EQ(round_trip(seen.nodes[1], 1, seen), 0.003f);
    EXPECT_FLOAT_EQ(round_trip(seen.nodes[0], 0, seen), 0.0001f);
    EXPECT_FLOAT_EQ(round_trip(seen.self, 1, seen), 0.0001f);
    EXPECT_FLOAT_EQ(round_trip(seen.self, 0, seen), 0);
    EXPECT_FLOAT_EQ(round_trip(seen.nodes[1], 77, seen), 0.003f);
    EXPECT_FLOAT_EQ(round_trip(seen.self, 77, seen), first_round_trip_s);
}
TEST(Balance, not_more_leave_than_may) {
    Scene scene;
    for (int i = 0; i < 20; ++i)
        scene.with_process();
    for (int i = 0; i < 30; ++i)
        scene.with_node(0);
    EXPECT_EQ(scene.decide().orders.size(), 4u);
    scene.snapshot.departing = 3;
    EXPECT_EQ(scene.decide().orders.size(), 1u);
    scene.snapshot.departing = 4;
    EXPECT_TRUE(scene.decide().orders.empty());
}
TEST(Balance, what_is_old_is_believed_less) {
    NodeView node = Scene::node(1, 0);
    node.age_s = 0;
    EXPECT_NEAR(believed(node, 3, 8), 0, 1e-6);
    node.age_s = 80;
    EXPECT_NEAR(believed(node, 3, 8), 3, 1e-3);
}

// Whatever the loads are, with fresh knowledge: no node is left with more than it gave away for,
// and once nobody wants to move, nobody has two processes more than another.
TEST(Balance, moves_end_and_end_balanced) {
    rc::check([] {
        auto loads =
            *rc::gen::container<std::vector<int>>(*rc::gen::inRange(2, 12), rc::gen::inRange(0, 9));
        uint64_t seed = *rc::gen::arbitrary<uint64_t>();
        int total = 0, moves = 0;
        for (int load : loads)
            total += load;
        for (bool moved = true; moved;) {
            moved = false;
            for (size_t at = 0; at < loads.size(); ++at) {
                Scene scene;
                scene.knobs.departures_max = 1;
                for (int i = 0; i < loads[at]; ++i)
                    scene.with_process();
                std::vector<size_t> names;
                for (size_t other = 0; other < loads.size(); ++other)
                    if (other != at) scene.with_node(loads[other]), names.push_back(other);
                for (Order const& order : scene.decide(seed++).orders) {
                    --loads[at];
                    ++loads[names[order.to - 1]];
                    moved = true;
                    RC_ASSERT(++moves <= total);
                }
            }
        }
        auto [least, most] = std::minmax_element(loads.begin(), loads.end());
        RC_ASSERT(*most - *least <= 1 || *most <= 1);
    });
}

} // namespace
} // namespace rove::policy
