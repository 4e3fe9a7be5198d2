// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "policy/history.hh"
#include "policy/load.hh"
#include "policy/record.hh"
#include "policy/testing/scene.hh"

namespace rove::policy {
namespace {

TEST(Load, mine_rises_slowly_and_what_i_tell_falls_slowly) {
    LoadFilter load;
    load.add(0, 1);
    load.add(8, 1);
    EXPECT_NEAR(load.mine(), 3, 1e-9);
    EXPECT_NEAR(load.told(), 8, 1e-9);
    load.add(0, 1);
    EXPECT_NEAR(load.mine(), 0, 1e-9);
    EXPECT_NEAR(load.told(), 7, 1e-9);
    // Two half seconds are a second.
    LoadFilter halves;
    halves.add(0, 1);
    halves.add(8, 0.5);
    halves.add(8, 0.5);
    EXPECT_NEAR(halves.mine(), 3, 1e-9);
}
TEST(Load, that_somebody_is_gone_for_good_is_told_at_once) {
    LoadFilter load;
    load.add(3, 1);
    load.gone(1, 100);
    load.gone(1, 2); // one of a kind that comes and goes
    EXPECT_NEAR(load.told(), 2, 1e-9);
    load.gone(5, 100);
    EXPECT_EQ(load.told(), 0);
}
TEST(Load, a_core_to_spare) {
    EXPECT_TRUE(spare(3.05, 4));
    EXPECT_FALSE(spare(3.2, 4));
    EXPECT_TRUE(spare(0.09, 0.2));
    EXPECT_FALSE(spare(0.15, 0.2));
}
TEST(Load, stretch_counts_cores_and_speed) {
    EXPECT_EQ(stretch(3, 4, 1), 1);
    EXPECT_EQ(stretch(8, 4, 1), 2);
    EXPECT_EQ(stretch(8, 4, 2), 1);
    EXPECT_EQ(stretch(1, 0.5, 1), 2);
}
TEST(History, forgets_and_begins_anew_at_exec) {
    History history;
    EXPECT_EQ(history.demand(), 1);
    for (int second = 0; second < 60; ++second)
        history.add({.passed_s = 1, .cpu_s = 0.5, .wanted_s = 1, .calls = 100});
    EXPECT_NEAR(history.demand(), 1, 1e-6);
    EXPECT_NEAR(history.calls_per_cpu_s(), 200, 1);
    EXPECT_NEAR(history.cpu_s(), 30, 1e-6);
    for (int second = 0; second < 5; ++second)
        history.add({.passed_s = 1});
    // Half of it in the half-life; of the other half it would have spent half less without waiting.
    EXPECT_NEAR(history.demand(), 1.0 / 3, 0.03);
    history.executed();
    EXPECT_EQ(history.cpu_s(), 0);
    EXPECT_EQ(history.demand(), 1);
}
TEST(History, remembers_who_talks_for_a_while_and_not_beyond_an_exec) {
    History history;
    auto second = [&](double near, double far, double other) {
        history.add({.passed_s = 1, .cpu_s = 0.5, .wanted_s = 1});
        history.talked(71, 3, near);
        history.talked(72, 3, near);
        history.talked(73, 4, far);
        history.talked(74, 5, other);
    };
    for (int i = 0; i < 60; ++i)
        second(100, 300, 10);
    auto partners = history.partners();
    EXPECT_EQ(partners[0].node, 4u);
    EXPECT_NEAR(partners[0].messages, 600, 1);
    EXPECT_EQ(partners[1].node, 3u) << "two at one node";
    EXPECT_NEAR(partners[1].messages, 400, 1);
    // It is where its partner went, and it says less.
    history.talked(73, 9, 0);
    EXPECT_EQ(history.partners()[0].node, 9u);
    for (int i = 0; i < 10; ++i)
        second(100, 0, 10);
    EXPECT_EQ(history.partners()[0].node, 3u);
    EXPECT_NEAR(history.partners()[1].messages, 150, 1);
    history.executed();
    EXPECT_EQ(history.partners()[0].node, nowhere);
    for (uint64_t crowd = 0; crowd < 1000; ++crowd)
        history.talked(crowd, static_cast<NodeIndex>(crowd % 7), 1e300);
    EXPECT_LT(history.partners()[0].messages, 1e12f);
}
TEST(History, waiting_in_a_crowd_is_no_demand_of_one_who_sleeps) {
    History sleeper, busy;
    for (int second = 0; second < 60; ++second) {
        sleeper.add({.passed_s = 1, .cpu_s = 0.01, .wanted_s = 0.6});
        busy.add({.passed_s = 1, .cpu_s = 0.01, .wanted_s = 1});
    }
    EXPECT_LT(sleeper.demand(), 0.1);
    EXPECT_NEAR(busy.demand(), 1, 0.01);
}
TEST(Cost, is_learned_from_moves) {
    MigrationCost cost;
    EXPECT_NEAR(cost.seconds(0), 0.025, 1e-9);
    for (uint64_t i = 0; i < 200; ++i) {
        uint64_t bytes = i % 10 * 100000000;
        cost.learn(bytes, 0.2 + 3e-9 * static_cast<double>(bytes));
    }
    EXPECT_NEAR(cost.fixed(), 0.2, 0.01);
    EXPECT_NEAR(cost.per_byte(), 3e-9, 0.05e-9);
    // All of one size: the mean is right at least.
    MigrationCost one;
    for (int i = 0; i < 200; ++i)
        one.learn(50000000, 0.5);
    EXPECT_NEAR(one.seconds(50000000), 0.5, 0.02);
    // Dear moves of a busy time are forgotten.
    one.fade(60);
    EXPECT_LT(one.seconds(50000000), 0.48);
    one.fade(3600);
    EXPECT_NEAR(one.seconds(50000000), MigrationCost().seconds(50000000), 1e-6);
}
TEST(Knobs, are_found_by_name) {
    Knobs knobs;
    ASSERT_NE(find_knob(knobs, "stability"), nullptr);
    *find_knob(knobs, "stability") = 2;
    EXPECT_EQ(knobs.stability, 2);
    EXPECT_EQ(find_knob(knobs, "no such"), nullptr);
    for (KnobRow const& row : knob_rows())
        EXPECT_NE(find_knob(knobs, row.name), nullptr);
}
TEST(Record, makes_the_same_decision_again) {
    rc::check([] {
        Scene scene;
        int processes = *rc::gen::inRange(0, 9);
        for (int i = 0; i < processes; ++i)
            scene.with_process(*rc::gen::inRange(0, 100));
        for (int i = 0; i < 5; ++i)
            scene.with_node(*rc::gen::inRange(0, 4)).age_s =
                static_cast<float>(*rc::gen::inRange(0, 20));
        uint64_t seed = *rc::gen::arbitrary<uint64_t>();
        Decision decision = scene.decide(seed);
        std::string log =
            encode_record(make_record(scene.snapshot, scene.knobs, seed, 17, decision));
        std::string_view rest = log;
        auto record = take_record(rest);
        RC_ASSERT(record.has_value());
        RC_ASSERT(rest.empty());
        RC_ASSERT(same(replay(*record).orders, decision.orders));
        // What is cut off is not a record.
        std::string_view cut(log.data(), log.size() - 1);
        RC_ASSERT(!take_record(cut));
    });
}
TEST(Decision, has_words_for_everything) {
    Figures figures;
    figures.load_here = 2, figures.load_there = 1, figures.stretch_here = 2,
    figures.stretch_there = 1;
    figures.needed_s = 0.25f;
    EXPECT_NE(text(figures).find("2.00 s here, 1.00 s there"), std::string::npos);
    for (int i = 0; i <= static_cast<int>(Verdict::enough_leave); ++i)
        EXPECT_STRNE(word(static_cast<Verdict>(i)), "unknown");
    for (int i = 0; i <= static_cast<int>(Why::drained); ++i)
        EXPECT_STRNE(word(static_cast<Why>(i)), "unknown");
}

} // namespace
} // namespace rove::policy
