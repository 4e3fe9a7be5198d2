// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "policy/testing/scene.hh"

namespace rove::policy {
namespace {

// 16 GiB: it becomes short below 0.8, and stops at 1.6.
struct Short : Scene {
    Short() { snapshot.self.memory_free = gib / 2; }
    ProcessView& with_memory(uint64_t bytes) {
        ProcessView& process = with_process();
        process.memory = bytes;
        return process;
    }
};

TEST(Usher, the_smallest_that_cures_it_goes_to_the_least_loaded_with_room) {
    Short scene;
    scene.with_memory(4 * gib);
    scene.with_memory(2 * gib);
    scene.with_memory(gib / 2);
    scene.with_node(0).memory_free = 3 * gib; // 1.6 must be left over
    scene.with_node(2);
    scene.with_node(1);
    Decision decision = scene.decide();
    ASSERT_EQ(decision.orders.size(), 1u);
    EXPECT_EQ(decision.orders[0].process, 2u);
    EXPECT_EQ(decision.orders[0].to, 3u);
    EXPECT_EQ(decision.orders[0].why, Why::memory);
    EXPECT_TRUE(decision.ushering);
}
TEST(Usher, several_go_when_one_is_not_enough) {
    Short scene;
    for (int i = 0; i < 3; ++i)
        scene.with_memory(600 << 20);
    scene.with_node(1);
    EXPECT_EQ(scene.decide().orders.size(), 2u);
}
TEST(Usher, it_begins_late_and_ends_early) {
    Short scene;
    scene.with_memory(2 * gib);
    scene.with_node(0);
    scene.snapshot.self.memory_free = gib;
    EXPECT_FALSE(scene.decide().ushering);
    scene.snapshot.ushering = 1;
    EXPECT_TRUE(scene.decide().ushering);
    scene.snapshot.self.memory_free = 2 * gib;
    EXPECT_FALSE(scene.decide().ushering);
}
TEST(Usher, what_is_leaving_already_counts) {
    Short scene;
    scene.with_memory(2 * gib).moving = 1;
    scene.with_memory(2 * gib);
    scene.with_node(0);
    EXPECT_TRUE(scene.decide().orders.empty());
}
TEST(Usher, memory_comes_before_load) {
    Short scene;
    scene.with_memory(2 * gib);
    scene.with_node(5); // more crowded than here, but with room
    ASSERT_EQ(scene.decide().orders.size(), 1u);
}
TEST(Usher, a_chain_makes_room) {
    Short scene;
    scene.with_memory(6 * gib);
    NodeView& full = scene.with_node(1);
    full.memory_free = 4 * gib;
    full.memory_movable = 5 * gib;
    scene.with_node(0).memory_free = gib;
    Decision decision = scene.decide();
    EXPECT_TRUE(decision.orders.empty());
    ASSERT_TRUE(decision.room);
    EXPECT_EQ(decision.room->node, 1u);
    EXPECT_EQ(decision.room->bytes, 6 * gib);

    // The one that is asked sends the smallest that is enough, and only smaller ones than the one
    // that wants to come.
    Short asked;
    asked.snapshot.self.memory_free = 4 * gib;
    asked.snapshot.room_wanted = 6 * gib;
    asked.with_memory(8 * gib);
    asked.with_memory(5 * gib);
    asked.with_memory(4 * gib);
    asked.with_node(3);
    decision = asked.decide();
    ASSERT_EQ(decision.orders.size(), 1u);
    EXPECT_EQ(decision.orders[0].process, 3u);
    EXPECT_EQ(decision.orders[0].why, Why::make_room);
}

TEST(Usher, nobody_goes_home_to_where_memory_would_end_again) {
    Scene scene;
    ProcessView& guest = scene.with_guest(1);
    guest.demand = 0.01f;
    guest.memory = 2 * gib;
    NodeView& home = scene.with_node(0);
    home.memory_free = 3 * gib; // 1.6 of its 16 must be left over
    EXPECT_TRUE(scene.decide().orders.empty());
    EXPECT_EQ(scene.verdict(1), Verdict::no_room);
    home.memory_free = 4 * gib;
    EXPECT_EQ(scene.decide().orders.size(), 1u);
    // A small node is short below a limit in bytes.
    home.memory_total = gib;
    home.memory_free = gib;
    scene.processes[0].memory = 800 << 20;
    EXPECT_TRUE(scene.decide().orders.empty());
    scene.processes[0].memory = 700 << 20;
    EXPECT_EQ(scene.decide().orders.size(), 1u);
}
TEST(Usher, who_makes_room_is_no_target_for_its_cores) {
    Scene scene;
    scene.with_process();
    scene.with_process();
    scene.with_node(0).crowded = 1;
    EXPECT_TRUE(scene.decide().orders.empty());
    scene.snapshot.self.memory_free = gib / 2; // for its memory it is
    scene.processes[0].memory = 2 * gib;
    EXPECT_EQ(scene.decide().orders.size(), 1u);
}

TEST(Leave, a_drained_node_sends_all_and_an_expelling_one_its_guests) {
    Scene scene;
    scene.with_process();
    scene.with_guest(1);
    scene.with_node(5);
    scene.with_node(0);
    scene.snapshot.stance = Stance::expelling;
    Decision decision = scene.decide();
    ASSERT_EQ(decision.orders.size(), 1u);
    EXPECT_EQ(decision.orders[0].process, 2u);
    EXPECT_EQ(decision.orders[0].to, 2u);
    scene.snapshot.stance = Stance::draining;
    EXPECT_EQ(scene.decide().orders.size(), 2u);
}
TEST(Leave, home_takes_its_own_when_nobody_else_does) {
    Scene scene;
    scene.with_guest(1);
    scene.with_node(5).takes = 0;
    scene.snapshot.stance = Stance::expelling;
    Decision decision = scene.decide();
    ASSERT_EQ(decision.orders.size(), 1u);
    EXPECT_EQ(decision.orders[0].to, 1u);
}
TEST(Leave, home_is_preferred_to_a_node_that_is_nearly_as_crowded) {
    for (bool worse : {false, true}) {
        Scene scene;
        scene.with_guest(1);
        scene.with_node(worse ? 9 : 5);
        scene.with_node(3);
        scene.snapshot.stance = Stance::expelling;
        Decision decision = scene.decide();
        ASSERT_EQ(decision.orders.size(), 1u);
        EXPECT_EQ(decision.orders[0].to, worse ? 2u : 1u);
    }
}
TEST(Leave, not_all_go_home_if_that_makes_it_twice_as_crowded_as_others) {
    Scene scene;
    for (int i = 0; i < 8; ++i)
        scene.with_guest(1);
    scene.with_node(4);
    scene.with_node(4);
    scene.snapshot.stance = Stance::expelling;
    scene.knobs.departures_max = 8;
    Decision decision = scene.decide();
    ASSERT_EQ(decision.orders.size(), 8u);
    auto homeward = std::count_if(decision.orders.begin(), decision.orders.end(),
        [](Order const& order) { return order.to == 1; });
    EXPECT_GE(homeward, 4);
    EXPECT_LT(homeward, 8);
}
TEST(Leave, guests_give_way_to_the_users_of_the_node) {
    Scene scene;
    scene.with_guest(1);
    scene.with_process();
    scene.with_node(0);
    scene.snapshot.foreign = 0.95f;
    Decision decision = scene.decide();
    ASSERT_EQ(decision.orders.size(), 1u);
    EXPECT_EQ(decision.orders[0].process, 1u);
    EXPECT_EQ(decision.orders[0].why, Why::owner);
}

TEST(Leave, a_guest_that_is_locked_goes_home_and_nowhere_else) {
    Scene scene;
    scene.snapshot.stance = Stance::expelling;
    scene.with_guest(2).stays = 1;
    scene.with_node(0);
    scene.with_node(3);
    Decision decision = scene.decide();
    ASSERT_EQ(decision.orders.size(), 1u);
    EXPECT_EQ(decision.orders[0].to, 2u);
}
TEST(Leave, with_no_guest_to_make_way_the_users_of_a_node_are_a_crowd_like_any_other) {
    Scene scene;
    scene.with_process();
    scene.snapshot.foreign = 2;
    scene.snapshot.foreign_lasts_s = 60;
    scene.with_node(0);
    Decision decision = scene.decide();
    ASSERT_EQ(decision.orders.size(), 1u);
    EXPECT_EQ(decision.orders[0].why, Why::balance);
}

} // namespace
} // namespace rove::policy
