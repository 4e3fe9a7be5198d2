// SPDX-License-Identifier: Apache-2.0
// Tests of what the daemon gives to the policy, and of what it makes of the answers.
#include "node/balance/balance.hh"

#include <gtest/gtest.h>

#include "node/balance/decision_log.hh"
#include "node/balance/figures.hh"
#include "sys/files.hh"

namespace rove::node {
namespace {

constexpr uint64_t gib = 1ull << 30;

struct Balanced : testing::Test {
    Balanced() : balance("n1", Cpu{features, {}}, 1, policy::Knobs(), 1) {
        here.memory = {4 * gib, 4 * gib};
    }
    // A node with that many processes on its one core.
    Member& with_member(std::string const& name, double load) {
        Member member;
        member.name = name;
        member.state = MemberState::up;
        member.age = Nanos(0);
        member.bulletin = Bulletin();
        member.bulletin->name = name;
        member.bulletin->load = load;
        member.bulletin->cores = 1;
        member.bulletin->speed = 1;
        member.bulletin->memory_total = member.bulletin->memory_free = 4 * gib;
        member.bulletin->cpu_features = features;
        members.push_back(member);
        return members.back();
    }
    Tenant& with_tenant(std::string const& home = "n1") {
        Tenant tenant;
        tenant.pid = static_cast<pid_t>(tenants.size()) + 1;
        tenant.identity = {home, 1, tenant.pid, 1};
        tenant.here_s = 60;
        tenant.memory = 1 << 20;
        wire::Offer need;
        need.cpu_features = features;
        tenant.need = balance.needs().bit_of(need);
        tenants.push_back(tenant);
        return tenants.back();
    }
    // All of them compute for so long, as far as the cores let them.
    void pass(int seconds, double foreign = 0) {
        balance.see(tenants);
        for (int i = 0; i < seconds; ++i) {
            now += std::chrono::seconds(1);
            std::map<pid_t, policy::Counted> counted;
            double wanting = static_cast<double>(tenants.size()) + foreign;
            for (Tenant const& tenant : tenants)
                counted[tenant.pid] = {
                    .passed_s = 1, .cpu_s = std::min(1.0, here.cores / wanting), .wanted_s = 1};
            balance.measure(counted, foreign, now);
        }
    }
    Balance::Decided decide() { return balance.decide(members, here, now); }
    policy::Verdict verdict(Balance::Decided const& made, pid_t pid) {
        for (policy::Note const& note : made.notes)
            if (note.process == static_cast<uint64_t>(pid)) return note.verdict;
        return policy::Verdict::moves;
    }
    static wire::Offer offer(pid_t pid, float stretch_max) {
        wire::Offer said;
        said.identity = {"n2", 1, pid, 1};
        said.from = "n2";
        said.automatic = 1;
        said.stretch_max = stretch_max;
        said.memory_bytes = 1 << 20;
        return said;
    }

    CpuFeatures features = {1u << 28, 0, 1u << 5};
    Balance balance;
    Here here;
    Nanos now = std::chrono::seconds(1000);
    std::vector<Member> members;
    std::vector<Tenant> tenants;
};

TEST_F(Balanced, one_of_two_goes_to_an_idle_node_and_the_record_says_the_same) {
    with_tenant();
    with_tenant();
    with_member("n2", 0);
    pass(20);
    auto made = decide();
    ASSERT_EQ(made.decision.orders.size(), 1u);
    EXPECT_EQ(balance.numbers().name(made.decision.orders[0].to), "n2");
    EXPECT_NEAR(made.decision.orders[0].figures.load_here, 2, 0.1);
    EXPECT_TRUE(policy::same(policy::replay(made.record).orders, made.decision.orders));
}
TEST_F(Balanced, one_alone_stays_although_another_core_was_measured_a_little_faster) {
    with_tenant();
    with_member("n2", 0).bulletin->speed = 1.1;
    here.cores = 2;
    members[0].bulletin->cores = 2;
    pass(600);
    EXPECT_TRUE(decide().decision.orders.empty());
    members[0].bulletin->speed = 2;
    auto made = decide();
    ASSERT_EQ(made.decision.orders.size(), 1u);
    EXPECT_EQ(made.decision.orders[0].why, policy::Why::faster);
}
TEST_F(Balanced, who_may_not_or_cannot_or_has_just_failed_to_go_stays) {
    for (int i = 0; i < 4; ++i)
        with_tenant();
    tenants[0].stays = true;
    tenants[1].confined = true;
    tenants[2].moving = true;
    with_member("n2", 0);
    pass(20);
    balance.tenants().rest(tenants[3].identity, now + std::chrono::seconds(10));
    auto made = decide();
    EXPECT_TRUE(made.decision.orders.empty());
    EXPECT_EQ(verdict(made, 1), policy::Verdict::stays);
    EXPECT_EQ(verdict(made, 2), policy::Verdict::confined);
    EXPECT_EQ(verdict(made, 3), policy::Verdict::moving);
    EXPECT_EQ(verdict(made, 4), policy::Verdict::confined);
    pass(11);
    EXPECT_EQ(decide().decision.orders.size(), 1u);
}
TEST_F(Balanced, an_answer_is_believed_rather_than_an_older_bulletin) {
    with_tenant();
    with_tenant();
    with_member("n2", 0).age = std::chrono::seconds(2);
    pass(20);
    balance.hear("n2", 3, 4 * gib, now);
    EXPECT_TRUE(decide().decision.orders.empty());
}
TEST_F(Balanced, who_takes_nothing_of_ours_is_not_asked_for_a_while) {
    with_tenant();
    with_tenant();
    with_member("n2", 0);
    pass(20);
    balance.shun("n2", now);
    EXPECT_TRUE(decide().decision.orders.empty());
    pass(11);
    EXPECT_EQ(decide().decision.orders.size(), 1u);
}
TEST_F(Balanced, a_cpu_that_lacks_something_is_no_target) {
    with_tenant();
    with_tenant();
    with_member("n2", 0).bulletin->cpu_features = {1u << 28, 0, 0};
    pass(20);
    auto made = decide();
    EXPECT_TRUE(made.decision.orders.empty());
    EXPECT_EQ(verdict(made, 1), policy::Verdict::no_room);
}
TEST_F(Balanced, a_promise_is_load_at_once_until_it_is_settled) {
    pass(1);
    EXPECT_EQ(balance.load(), 0);
    EXPECT_EQ(balance.answer(offer(7, 1.5f), here, now), policy::Refusal::none);
    EXPECT_EQ(balance.load(), 1);
    EXPECT_EQ(balance.answer(offer(8, 1.5f), here, now), policy::Refusal::load);
    // Somebody's wish is not judged by load.
    wire::Offer asked = offer(8, 0);
    asked.automatic = 0;
    EXPECT_EQ(balance.answer(asked, here, now), policy::Refusal::none);
    balance.settle(asked.identity);
    balance.settle(offer(7, 0).identity);
    EXPECT_EQ(balance.load(), 0);
}
TEST_F(Balanced, an_offer_of_senseless_numbers_is_judged_all_the_same) {
    pass(1);
    wire::Offer said = offer(7, 1.5f);
    said.demand = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(balance.answer(said, here, now), policy::Refusal::load);
    EXPECT_EQ(balance.load(), 0);
}
TEST_F(Balanced, guests_leave_and_nobody_comes_when_the_users_here_want_the_cores) {
    with_tenant("n2");
    with_member("n2", 0);
    pass(10, 2);
    auto made = decide();
    ASSERT_EQ(made.decision.orders.size(), 1u);
    EXPECT_EQ(made.decision.orders[0].why, policy::Why::owner);
    EXPECT_TRUE(balance.crowded(here.cores, now));
    EXPECT_EQ(balance.answer(offer(7, 1e9f), here, now), policy::Refusal::not_taking);
    pass(1);
    EXPECT_FALSE(balance.crowded(here.cores, now));
}
TEST_F(Balanced, a_program_begins_where_a_core_is_free) {
    with_member("n2", 0);
    policy::ProcessView newcomer;
    newcomer.features = 0;
    pass(1);
    EXPECT_TRUE(balance.place(members, here, newcomer, now).ask.empty());
    with_tenant();
    pass(5);
    auto asked = balance.place(members, here, newcomer, now).ask;
    ASSERT_FALSE(asked.empty());
    EXPECT_EQ(balance.numbers().name(asked[0].node), "n2");
    // It is a tenant itself already.
    newcomer.id = 1;
    EXPECT_TRUE(balance.place(members, here, newcomer, now).ask.empty());
    // With half a core each nobody is better than an idle home.
    here.cores = members[0].bulletin->cores = 0.5;
    EXPECT_TRUE(balance.place(members, here, newcomer, now).ask.empty());
}
TEST_F(Balanced, what_waited_for_forwarded_calls_away_is_not_sent_away_again) {
    with_tenant();
    with_tenant();
    for (Tenant& tenant : tenants)
        tenant.calls_rate = 10000, tenant.away_s = 10;
    with_member("n2", 0);
    pass(20);
    auto made = decide();
    EXPECT_TRUE(made.decision.orders.empty());
    EXPECT_EQ(verdict(made, 1), policy::Verdict::calls);
    // Ten minutes later that is long ago.
    for (Tenant& tenant : tenants)
        tenant.here_s = 600;
    pass(20);
    EXPECT_FALSE(decide().decision.orders.empty());
}
TEST_F(Balanced, what_was_learnt_away_in_a_moment_is_soon_forgotten) {
    with_tenant();
    with_tenant();
    for (Tenant& tenant : tenants)
        tenant.calls_rate = 10000, tenant.away_s = 0.2, tenant.here_s = 1;
    with_member("n2", 0);
    pass(20);
    EXPECT_EQ(verdict(decide(), 1), policy::Verdict::calls);
    for (Tenant& tenant : tenants)
        tenant.here_s = 40;
    pass(20);
    EXPECT_FALSE(decide().decision.orders.empty());
}
TEST_F(Balanced, how_far_a_node_is_and_who_talks_reach_the_policy) {
    with_tenant();
    with_tenant();
    with_member("n2", 0);
    tenants[0].talks = {{7, balance.numbers().of("n1"), 1000000}}; // said before anybody looked
    pass(20);
    auto figures = [&] { return decide().record.processes[0].partners[0]; };
    EXPECT_EQ(figures().node, policy::nowhere);
    EXPECT_EQ(decide().record.nodes[0].round_trip_s, policy::first_round_trip_s);
    for (int second = 0; second < 20; ++second) {
        tenants[0].talks[0].messages += 500;
        pass(1);
    }
    EXPECT_EQ(figures().node, 0u);
    EXPECT_GT(figures().messages, 500);
    balance.saw_round_trip("n2", std::chrono::microseconds(30), now);
    EXPECT_NEAR(decide().record.nodes[0].round_trip_s, 60e-6, 1e-9);
    // What it is now had nothing to say yet.
    balance.tenants().executed(tenants[0].identity);
    EXPECT_EQ(figures().node, policy::nowhere);
}
TEST_F(Balanced, what_has_gone_is_free_before_the_kernel_says_so) {
    with_tenant();
    with_tenant();
    with_member("n2", 0);
    for (Tenant& tenant : tenants)
        tenant.memory = 200 << 20;
    here.memory = {1000u << 20, 10 << 20};
    pass(5);
    auto made = decide();
    ASSERT_FALSE(made.decision.orders.empty());
    EXPECT_EQ(made.decision.orders[0].why, policy::Why::memory);
    balance.freed(900u << 20, now);
    EXPECT_TRUE(
        decide().decision.orders.empty() || decide().decision.orders[0].why != policy::Why::memory);
    pass(5);
    made = decide();
    ASSERT_FALSE(made.decision.orders.empty());
    EXPECT_EQ(made.decision.orders[0].why, policy::Why::memory);
}
TEST_F(Balanced, who_is_gone_after_a_long_time_is_told_of_at_once) {
    with_tenant();
    with_tenant();
    pass(20);
    EXPECT_NEAR(balance.load(), 2, 0.1);
    tenants.pop_back();
    pass(1);
    EXPECT_NEAR(balance.load(), 1, 0.1);
    // A short one may be followed by another.
    with_tenant().identity.start_time = 2;
    pass(2);
    tenants.pop_back();
    pass(1);
    EXPECT_GT(balance.load(), 1.5);
}
TEST_F(Balanced, that_one_has_ended_is_told_before_the_next_measurement) {
    with_tenant();
    with_tenant();
    pass(20);
    ASSERT_NEAR(balance.load(), 2, 0.1);
    tenants.pop_back();
    balance.see(tenants);
    EXPECT_NEAR(balance.load(), 1, 0.1);
}
TEST_F(Balanced, what_a_guest_did_before_it_was_here_is_no_sign_of_sleep) {
    Tenant& guest = with_tenant("n2");
    guest.here_s = 0.6;
    balance.see(tenants);
    std::map<pid_t, policy::Counted> counted;
    counted[guest.pid] = {.passed_s = 1, .cpu_s = 0.1, .wanted_s = 0.6};
    balance.measure(counted, 0, now);
    EXPECT_NEAR(balance.load(), 1, 1e-6);
    // From then on what it did counts.
    tenants[0].here_s = 1.6;
    balance.see(tenants);
    balance.measure(counted, 0, now + std::chrono::seconds(1));
    EXPECT_LT(balance.tenants().views(now)[0].demand, 0.5);
}
TEST_F(Balanced, a_guest_brings_its_history) {
    Tenant& guest = with_tenant("n2");
    guest.cpu_s = 100;
    guest.demand = 0.25;
    balance.see(tenants);
    auto views = balance.tenants().views(now);
    EXPECT_EQ(views[0].cpu_s, 100);
    EXPECT_NEAR(views[0].demand, 0.25, 1e-6);
    // The same PID of a later life of it begins anew.
    tenants[0].identity.start_time = 2;
    tenants[0].cpu_s = 0;
    balance.see(tenants);
    EXPECT_EQ(balance.tenants().views(now)[0].cpu_s, 0);
}

TEST(Decisions, that_repeat_the_last_one_take_its_place) {
    std::deque<Decision> decisions;
    policy::Note note;
    note.verdict = policy::Verdict::interactive;
    for (int second = 1; second <= 3; ++second)
        remember(decisions, decision_of(note, std::chrono::seconds(second), "n1", ""));
    ASSERT_EQ(decisions.size(), 1u);
    EXPECT_EQ(decisions[0].at, Nanos(std::chrono::seconds(3)));
    EXPECT_EQ(decisions[0].figures["because"], "it hardly computes");
    note.verdict = policy::Verdict::no_target;
    for (int i = 0; i < 50; ++i) {
        note.verdict = i % 2 ? policy::Verdict::no_target : policy::Verdict::small_gain;
        remember(decisions, decision_of(note, Nanos(0), "n1", "n2"));
    }
    EXPECT_EQ(decisions.size(), 20u);
}

TEST(DecisionLog, is_bounded_and_can_be_read) {
    std::string path = testing::TempDir() + "decision_log_test";
    (void)sys::remove_file(path);
    policy::Record record;
    record.orders.resize(1);
    size_t one = policy::encode_record(record).size();
    DecisionLog log(path, 4 * one);
    for (int i = 0; i < 5; ++i)
        log.add(record, Nanos(i));
    for (auto const& [file, records] : {std::pair(path, 1), std::pair(path + ".1", 2)}) {
        auto text = sys::read_file(file);
        ASSERT_TRUE(text);
        std::string_view rest = *text;
        for (int i = 0; i < records; ++i)
            EXPECT_TRUE(policy::take_record(rest));
        EXPECT_TRUE(rest.empty()) << file;
        (void)sys::remove_file(file);
    }
}

} // namespace
} // namespace rove::node
