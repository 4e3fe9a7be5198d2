// SPDX-License-Identifier: Apache-2.0
// What is learnt of executables, and what decisions make of it.
#include "policy/experience.hh"

#include <gtest/gtest.h>

#include "policy/tail.hh"
#include "policy/testing/scene.hh"

namespace rove::policy {
namespace {

TEST(Experience, says_nothing_of_what_was_hardly_ever_executed) {
    Experience experience;
    EXPECT_FALSE(experience.expect("/bin/cc1", 0));
    experience.learn("/bin/cc1", {.cpu_s = 1});
    EXPECT_FALSE(experience.expect("/bin/cc1", 2));
    experience.learn("/bin/cc1", {.cpu_s = 2});
    auto expected = experience.expect("/bin/cc1", 2);
    ASSERT_TRUE(expected);
    EXPECT_NEAR(expected->cpu_s, 1.5, 1e-9);
    EXPECT_FALSE(expected->calls_known);
    EXPECT_EQ(expected->demand, 1);
}
TEST(Experience, forgets_what_has_changed) {
    Experience experience;
    for (int i = 0; i < 100; ++i)
        experience.learn("/bin/x", {.cpu_s = 10, .demand = 1, .calls = 5});
    for (int i = 0; i < 40; ++i)
        experience.learn("/bin/x", {.cpu_s = 0.1, .demand = 0.02, .calls = 5000});
    auto expected = experience.expect("/bin/x", 2);
    ASSERT_TRUE(expected);
    EXPECT_LT(expected->cpu_s, 0.2);
    EXPECT_LT(expected->demand, 0.1);
    EXPECT_GT(expected->calls, 4900);
}
TEST(Experience, what_is_not_known_of_a_run_changes_nothing) {
    Experience experience;
    experience.learn("/bin/x", {.cpu_s = 1});
    experience.learn("/bin/x", {.cpu_s = 1, .demand = 0.5, .calls = 100});
    experience.learn("/bin/x", {.cpu_s = 1});
    EXPECT_NEAR(experience.expect("/bin/x", 2)->calls, 100, 1e-9);
    EXPECT_NEAR(experience.expect("/bin/x", 2)->demand, 0.5, 1e-9);
    // Nor does what no clock can have measured.
    experience.learn("/bin/x", {.cpu_s = -1});
    experience.learn("/bin/x", {.cpu_s = 0.0 / 0.0});
    EXPECT_NEAR(experience.expect("/bin/x", 2)->cpu_s, 1, 1e-9);
}
TEST(Experience, keeps_those_that_were_executed_last) {
    Experience experience(3);
    for (char const* name : {"a", "b", "c", "a", "d"})
        experience.learn(name, {.cpu_s = 1});
    EXPECT_FALSE(experience.expect("b", 1));
    for (char const* name : {"a", "c", "d"})
        EXPECT_TRUE(experience.expect(name, 1)) << name;
    Experience again(2);
    for (auto const& [name, expected] : experience.all())
        again.recall(name, expected);
    EXPECT_TRUE(again.expect("d", 1));
    EXPECT_TRUE(again.expect("a", 2));
    EXPECT_FALSE(again.expect("c", 1));
    again.recall("e", {.runs = 1, .cpu_s = -5});
    EXPECT_FALSE(again.expect("e", 1));
}

TEST(Tail, what_has_left_is_told_of_for_a_while) {
    Tail tail;
    tail.left(2, 10);
    EXPECT_NEAR(tail.at(10), 2, 1e-9);
    EXPECT_NEAR(tail.at(11), 1.75, 1e-9);
    EXPECT_LT(tail.at(60), 0.01);
}
TEST(Tail, who_comes_takes_the_place_of_who_has_left) {
    Tail tail;
    tail.left(1, 0);
    tail.came(1, 0);
    EXPECT_EQ(tail.at(0), 0);
    tail.came(1, 0);
    tail.left(1, 0);
    EXPECT_NEAR(tail.at(0), 1, 1e-9);
}

// A process that has just executed something of which so much is expected.
ProcessView& with_newcomer(Scene& scene, float expected_s) {
    ProcessView& newcomer = scene.with_process(0.01);
    newcomer.expected_s = expected_s;
    return newcomer;
}

TEST(Exec, what_is_expected_to_compute_goes_at_once) {
    Scene scene;
    with_newcomer(scene, 1);
    with_newcomer(scene, 1);
    scene.with_node(0);
    Decision decision = scene.decide();
    ASSERT_EQ(decision.orders.size(), 1u);
    EXPECT_NEAR(decision.orders[0].figures.remaining_s, 0.99, 0.001);
    EXPECT_EQ(decision.orders[0].why, Why::balance);
}
TEST(Exec, what_is_expected_to_end_soon_stays) {
    Scene scene;
    for (int i = 0; i < 4; ++i)
        with_newcomer(scene, 0.02f);
    scene.with_node(0);
    EXPECT_TRUE(scene.decide().orders.empty());
    EXPECT_EQ(scene.verdict(1), Verdict::small_gain);
}
TEST(Exec, a_short_one_need_not_save_as_much_as_a_long_one) {
    Scene scene;
    scene.snapshot.self.cores = 0.5;
    for (int i = 0; i < 3; ++i)
        scene.with_process(0.15);
    scene.with_node(1).cores = 0.5;
    // 0.15 s at a pace of 6 and of 4: 0.3 s less.
    EXPECT_TRUE(scene.decide().orders.empty());
    for (ProcessView& process : scene.processes)
        process.expected_s = 0.16f;
    EXPECT_EQ(scene.decide().orders.size(), 1u);
}
TEST(Exec, what_calls_home_or_waits_stays) {
    Scene scene;
    with_newcomer(scene, 10).calls = 5000;
    with_newcomer(scene, 10).demand = 0.05f;
    with_newcomer(scene, 10);
    scene.with_node(0);
    Decision decision = scene.decide();
    ASSERT_EQ(decision.orders.size(), 1u);
    EXPECT_EQ(decision.orders[0].process, 3u);
    EXPECT_EQ(scene.verdict(1), Verdict::calls);
    EXPECT_EQ(scene.verdict(2), Verdict::interactive);
}
TEST(Exec, who_has_outlived_what_was_expected_is_judged_by_its_past) {
    Scene scene;
    scene.with_process(60).expected_s = 1;
    scene.with_process(60).expected_s = 1;
    scene.with_node(0);
    Decision decision = scene.decide();
    ASSERT_EQ(decision.orders.size(), 1u);
    EXPECT_NEAR(decision.orders[0].figures.remaining_s, 60, 0.1);
    EXPECT_NEAR(decision.orders[0].figures.needed_s, scene.knobs.gain_min, 1e-6);
}

} // namespace
} // namespace rove::policy
