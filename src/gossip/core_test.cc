// SPDX-License-Identifier: Apache-2.0
// Tests of single steps: what wins over what, and what is sent.
#include "gossip/core.hh"

#include <set>

#include <gtest/gtest.h>

namespace rove::gossip {
namespace {

enum : NodeIndex { a, b, c, d, e, us };

// A core that believes what it is told, five nodes beside it.
struct CoreTest : ::testing::Test {
    CoreTest() { hear({said(a), said(b), said(c), said(d), said(e)}, a); }
    static Statement said(NodeIndex node, Millis age = 0, uint32_t issue = 100) {
        return {node, State::alive, 0, issue, age, 1};
    }
    static Statement silent(NodeIndex node, Millis since, State state = State::suspect) {
        return {node, state, 5, 0, since, 1};
    }
    Actions hear(std::vector<Statement> statements, NodeIndex from = b, Kind kind = Kind::news) {
        return core.step(Received{from, {kind, std::move(statements)}}, now, random);
    }
    Actions tick() { return core.step(Tick{}, now, random); }
    State state(NodeIndex node) { return core.entry(node).state; }
    // Steps without any answer.
    std::vector<Send> wait(Millis time) {
        std::vector<Send> sent;
        for (Time end = now + time; now <= end; now = std::max(now + 1, core.due())) {
            Actions actions = tick();
            sent.insert(sent.end(), actions.send.begin(), actions.send.end());
        }
        return sent;
    }
    Random random{1};
    Time now = 5000;
    Knobs knobs;
    Core core{us, 7, 0, knobs};
};

TEST_F(CoreTest, the_younger_entry_is_kept) {
    // The example of the literature: Y knows A5 B2 C4 D3 E0, and X sends A0 C2 D4, one step away.
    now += 100;
    hear({said(a, 5, 110), said(b, 2, 110), said(c, 4, 108), said(d, 3, 109), said(e, 0, 110)});
    Actions actions = hear({said(a, 1, 115), said(c, 3, 109), said(d, 5, 107)});
    EXPECT_EQ(actions.fresh, (std::vector<NodeIndex>{a, c}));
    EXPECT_EQ(core.age(a, now), 1u);
    EXPECT_EQ(core.age(b, now), 2u);
    EXPECT_EQ(core.age(c, now), 3u);
    EXPECT_EQ(core.age(d, now), 3u);
    EXPECT_EQ(core.age(e, now), 0u);
}

TEST_F(CoreTest, a_message_holds_our_entry_and_the_youngest) {
    knobs.window_min = knobs.window_max = 3;
    knobs.average_age = 0;
    core = Core(us, 7, 0, knobs);
    hear({said(a, 50), said(b, 40), said(c, 30), said(d, 20), said(e, 10)});
    Actions actions = hear({}, b, Kind::pull);
    ASSERT_EQ(actions.send.size(), 1u);
    auto const& statements = actions.send[0].message.statements;
    ASSERT_EQ(statements.size(), 3u);
    EXPECT_EQ(statements[0].node, us);
    EXPECT_EQ(statements[0].age, 0u);
    EXPECT_EQ(statements[1].node, e);
    EXPECT_EQ(statements[2].node, d);
    EXPECT_EQ(statements[2].age, 20u);
}

TEST_F(CoreTest, up_to_an_age_all_are_sent) {
    knobs.up_to_age = 30;
    core = Core(us, 7, 0, knobs);
    hear({said(a, 50), said(b, 40), said(c, 30), said(d, 20), said(e, 10)});
    EXPECT_EQ(hear({}, b, Kind::pull).send[0].message.statements.size(), 4u);
}

TEST_F(CoreTest, every_question_is_answered_with_our_entry) {
    knobs.small_cluster = 0;
    core = Core(us, 7, 0, knobs);
    hear({said(a), said(b), said(c), said(d), said(e)}, a);
    for (Kind kind : {Kind::push, Kind::ask}) {
        Actions actions = hear({said(b, 0, 101)}, b, kind);
        ASSERT_EQ(actions.send.size(), 1u);
        EXPECT_EQ(actions.send[0].to, b);
        EXPECT_EQ(actions.send[0].message.kind, Kind::answer);
        EXPECT_EQ(actions.send[0].message.statements.size(), 1u);
    }
    EXPECT_TRUE(hear({said(b, 0, 200)}, b, Kind::answer).send.empty());
    EXPECT_TRUE(hear({said(us, 0, 200)}, us, Kind::push).send.empty()) << "a mirror";
}

TEST_F(CoreTest, in_a_small_cluster_an_answer_tells_of_all) {
    hear({said(a, 0, 101), said(b, 0, 101), said(c, 0, 101), said(d, 0, 101), said(e, 0, 101)});
    Actions actions = hear({said(b, 0, 102)}, b, Kind::push);
    ASSERT_EQ(actions.send.size(), 1u);
    EXPECT_EQ(actions.send[0].message.kind, Kind::answer);
    EXPECT_EQ(actions.send[0].message.statements.size(), 5u) << "but the asker";
}

TEST_F(CoreTest, in_a_small_cluster_nobody_is_asked_who_has_just_spoken) {
    auto all = [&](uint32_t issue) {
        hear({said(a, 0, issue), said(b, 0, issue), said(c, 0, issue), said(d, 0, issue),
            said(e, 0, issue)});
    };
    for (uint32_t issue = 110; issue < 200; issue += 10, now += 100) {
        all(issue);
        (void)wait(400); // until all that was urgent is told
    }
    all(200);
    Time heard = now;
    EXPECT_GE(core.due(), heard + knobs.step * 4 / 5) << "a step would be for nothing";
    now += knobs.step / 4;
    hear({said(a, 0, 300), said(b, 0, 300), said(d, 0, 300), said(e, 0, 300)});
    now = core.due();
    EXPECT_LE(now, heard + knobs.step * 6 / 5);
    std::vector<Send> sent = tick().send;
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0].message.kind, Kind::push);
    EXPECT_EQ(sent[0].to, c) << "of whom least is known";
}

TEST_F(CoreTest, silence_is_void_for_whoever_heard_later) {
    now += 1000;
    hear({said(c, 200, 101)});
    hear({silent(c, 300)}); // silent for longer than that bulletin is old
    EXPECT_EQ(state(c), State::alive);
    hear({silent(c, 100)});
    EXPECT_EQ(state(c), State::suspect);
    hear({said(c, 150, 102)}); // a newer bulletin, made before it fell silent
    EXPECT_EQ(state(c), State::suspect);
    hear({said(c, 50, 103)});
    EXPECT_EQ(state(c), State::alive);
    hear({silent(c, 10, State::dead)});
    EXPECT_EQ(state(c), State::dead);
    Actions actions = hear({said(c, 0, 104)}, c);
    EXPECT_EQ(state(c), State::alive);
    ASSERT_EQ(actions.changed.size(), 1u);
    EXPECT_FALSE(actions.changed[0].new_incarnation);
}

TEST_F(CoreTest, a_suspicion_that_stands_is_a_death) {
    now += 1000;
    hear({said(a, 0, 101), said(b, 0, 101), said(c, 900, 101), said(d, 0, 101), said(e, 0, 101)});
    hear({silent(c, 500)});
    Time dead_at = now - 500 + core.silence_max();
    size_t asked = 0;
    Time died = 0;
    while (state(c) == State::suspect && now < dead_at + 10) {
        for (Send const& send : tick().send)
            asked += send.to == c && send.message.kind == Kind::ask;
        died = now;
        now = std::max(now + 1, core.due());
    }
    EXPECT_EQ(state(c), State::dead);
    EXPECT_LE(died, dead_at + 1);
    EXPECT_GE(asked, 2u) << "nobody is buried unasked";
}

TEST_F(CoreTest, who_was_gone_for_weeks_is_believed_when_it_returns) {
    constexpr Time day = 24 * 3600 * 1000;
    for (Time days : {1, 24, 26, 40, 49, 51, 120}) {
        core = Core(us, 7, 0, knobs);
        hear({said(c)}, c);
        wait(2 * core.silence_max());
        ASSERT_EQ(state(c), State::dead);
        // Steps at long intervals: it is the sum that counts.
        for (Time end = now + days * day; now < end; now += day / 48)
            tick();
        EXPECT_EQ(state(c), State::dead);
        auto issue = 100 + static_cast<uint32_t>(days * day / 10);
        hear({said(c, 0, issue)}, c);
        EXPECT_EQ(state(c), State::alive) << days << " days";
    }
}

TEST_F(CoreTest, who_does_not_answer_is_asked_again_then_suspected) {
    wait(200);
    std::vector<Send> sent = wait(3 * knobs.step);
    size_t suspects = 0, again = 0;
    for (NodeIndex node : {a, b, c, d, e})
        suspects += state(node) == State::suspect;
    std::set<NodeIndex> asked;
    for (Send const& send : sent) {
        again += send.message.kind == Kind::ask;
        if (send.message.kind == Kind::push) asked.insert(send.to);
    }
    EXPECT_GE(asked.size(), 3u) << "not always the same one";
    EXPECT_GE(suspects, 1u);
    EXPECT_GE(again, 6u);
}

TEST_F(CoreTest, we_refute_what_is_said_of_us) {
    hear({{us, State::suspect, 3, 0, 100, 7}});
    EXPECT_EQ(state(us), State::alive);
    bool told = false;
    for (Send const& send : wait(50)) // at once
        told |= send.message.statements[0].node == us && send.message.statements[0].urgency != 0;
    EXPECT_TRUE(told);
    // Somebody uses our name to say things that we have not said yet: our next word is above it.
    hear({{us, State::alive, 0, 5000, 0, 7}});
    EXPECT_GT(hear({}, b, Kind::ask).send[0].message.statements[0].issue, 5000u);
}

TEST_F(CoreTest, an_old_incarnation_is_not_heard) {
    Statement anew = said(c, 0, 3);
    anew.incarnation = 2;
    Actions actions = hear({anew}, c);
    ASSERT_EQ(actions.changed.size(), 1u);
    EXPECT_TRUE(actions.changed[0].new_incarnation);
    hear({said(c, 0, 999), silent(c, 0)});
    EXPECT_EQ(core.entry(c).issue, 3u);
    EXPECT_EQ(state(c), State::alive);
}

TEST_F(CoreTest, who_left_is_back_only_by_a_later_word) {
    hear({{c, State::left, 5, 105, 0, 1}}, c);
    EXPECT_EQ(state(c), State::left);
    hear({said(c, 0, 105), silent(c, 0)});
    EXPECT_EQ(state(c), State::left);
    hear({said(c, 0, 106)});
    EXPECT_EQ(state(c), State::alive);
}

TEST_F(CoreTest, of_strangers_only_life_is_believed) {
    NodeIndex stranger = 77;
    hear({silent(stranger, 0), silent(stranger, 0, State::dead),
        {stranger, State::left, 9, 9, 0, 1}});
    EXPECT_EQ(state(stranger), State::unknown);
    hear({said(stranger)});
    EXPECT_EQ(state(stranger), State::alive);
}

TEST_F(CoreTest, absurd_ages_and_urgencies_do_no_harm) {
    hear({{c, State::alive, 255, 101, 0xffffffff, 1}, {d, State::alive, 255, 0xf0000000, 7, 1}});
    EXPECT_LE(core.entry(c).urgency, 10u);
    std::vector<Send> sent = wait(20 * knobs.step);
    EXPECT_LT(sent.size(), 20u * 30);
    for (Send const& send : sent)
        EXPECT_LE(send.message.statements.size(), 6u) << "everybody once";
}

TEST_F(CoreTest, a_pause_of_ours_is_nobody_elses_silence) {
    now += 10;
    hear({silent(c, 0)}, b);
    wait(knobs.step);
    now += 100 * knobs.step;
    EXPECT_TRUE(tick().changed.empty());
    EXPECT_EQ(state(c), State::suspect);
    EXPECT_GE(core.age(a, now), 100 * knobs.step) << "ages are true all the same";
}

TEST_F(CoreTest, pushpull_asks_for_the_oldest) {
    knobs.algorithm = Algorithm::pushpull;
    knobs.small_cluster = 0;
    core = Core(us, 7, 0, knobs);
    hear({said(a, 10), said(b, 20), said(c, 900), said(d, 20), said(e, 30)});
    std::vector<Send> sent = wait(2 * knobs.step - 200);
    EXPECT_TRUE(std::any_of(sent.begin(), sent.end(),
        [](Send const& send) { return send.to == c && send.message.kind == Kind::pull; }));
}

} // namespace
} // namespace rove::gossip
