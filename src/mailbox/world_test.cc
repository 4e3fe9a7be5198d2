// SPDX-License-Identifier: Apache-2.0
// The protocol against random sends, readers, moves, exits, crashes and lost answers.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "mailbox/testing/world.hh"

namespace rove::mailbox {
namespace {

using testing::World;

// What happens, and to whom: small numbers, so that a failure shrinks to a short story.
struct Step {
    uint8_t what = 0, who = 0, whom = 0;
    uint16_t size = 0;
};

void showValue(Step const& step, std::ostream& out) {
    out << "{" << int(step.what) << "," << int(step.who) << "," << int(step.whom) << ","
        << step.size << "}";
}

rc::Gen<Step> any_step(uint8_t kinds) {
    return rc::gen::build<Step>(rc::gen::set(&Step::what, rc::gen::inRange<uint8_t>(0, kinds)),
        rc::gen::set(&Step::who, rc::gen::inRange<uint8_t>(0, 32)),
        rc::gen::set(&Step::whom, rc::gen::inRange<uint8_t>(0, 32)),
        rc::gen::set(&Step::size, rc::gen::inRange<uint16_t>(0, 900)));
}

constexpr size_t members = 5;
// The kinds of step, the harmless ones first.
constexpr uint8_t peaceful = 12, with_exits = 14;

void act(World& world, Step const& step) {
    size_t who = step.who % members, whom = step.whom % members;
    switch (step.what) {
    case 0:
    case 1:
    case 2:
        return world.send(who, whom, step.size);
    case 3:
        return world.receive(who, std::nullopt);
    case 4:
        return world.receive(who, whom);
    case 5:
    case 6:
        return world.write(step.who);
    case 7:
        return world.read(step.who);
    case 8:
        return world.answer(step.who);
    case 9:
        return world.cut(step.who);
    case 10:
        return world.notice(step.who, step.whom);
    case 11:
        if (step.whom % 8 == 0) return world.restart_home();
        if (step.whom % 8 == 1) return world.mailbox(who).tire();
        return world.lose_answer(step.who);
    case 12:
        return world.close(who);
    default:
        return world.kill(who);
    }
}

void run(uint8_t kinds, uint64_t window) {
    auto const steps = *rc::gen::scale(8.0, rc::gen::container<std::vector<Step>>(any_step(kinds)));
    World world(members, window, *rc::gen::inRange<uint32_t>(0, 1000000));
    for (auto const& step : steps) {
        act(world, step);
        RC_ASSERT(world.wrong() == "");
    }
    world.settle();
    RC_ASSERT(world.wrong() == "");
    RC_ASSERT(world.missing() == 0u);
}

TEST(World, nothing_is_lost_doubled_or_reordered_whatever_breaks) {
    EXPECT_TRUE(rc::check("lines break, answers are late or lost", [] { run(peaceful, 4096); }));
}

TEST(World, nor_when_programs_close_or_are_killed) {
    EXPECT_TRUE(rc::check("some close, some are killed", [] { run(with_exits, 1500); }));
}

TEST(World, a_storm_of_lines) {
    World world(members, 8000, 42);
    std::mt19937 chance(7);
    for (int i = 0; i < 120000; ++i)
        act(world,
            Step{static_cast<uint8_t>(chance() % peaceful), static_cast<uint8_t>(chance() % 32),
                static_cast<uint8_t>(chance() % 32), static_cast<uint16_t>(chance() % 900)});
    world.settle();
    EXPECT_EQ(world.wrong(), "");
    EXPECT_EQ(world.missing(), 0u);
    EXPECT_GT(world.received(), 2000u);
}

TEST(World, who_talked_with_one_that_is_killed_hears_of_it) {
    World world(3, 4096, 1);
    for (int i = 0; i < 4; ++i)
        world.send(0, 1, 10);
    world.send(2, 1, 10);
    world.settle();
    world.send(0, 1, 10);
    world.send(2, 1, 10);
    world.settle();
    world.kill(1);
    world.settle();
    EXPECT_EQ(world.notices(0), 1u);
    EXPECT_EQ(world.notices(2), 1u);
    EXPECT_EQ(world.mailbox(0).send(0, {}), Mailbox::Sent::gone);
}

} // namespace
} // namespace rove::mailbox
