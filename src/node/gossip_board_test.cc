// SPDX-License-Identifier: Apache-2.0
// Tests of boards that tell each other: members come, change, go and come back.
#include "node/gossip_board.hh"

#include <map>
#include <memory>
#include <queue>
#include <set>

#include <gtest/gtest.h>

namespace rove::node {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct BoardsTest : testing::Test {
    static std::string address(int number) { return "10.0.0." + std::to_string(number); }
    static std::string at(int number) { return address(number) + ":7946"; }
    static std::string name(int number) { return "n" + std::to_string(number); }
    static Bulletin bulletin(int number, uint64_t incarnation) {
        Bulletin own;
        own.name = name(number);
        own.incarnation = incarnation;
        own.addresses = {address(number)};
        own.load = 0.25;
        own.cores = number;
        own.speed = 1.5;
        own.memory_total = 8ull << 30;
        own.memory_free = 3ull << 30;
        own.cpu_features = {1, 2, 3};
        own.kernel = "6.1";
        return own;
    }
    GossipBoard& board(int number) { return *boards[at(number)]; }
    void start(int number, std::vector<int> peers, uint64_t incarnation = 100) {
        auto& made = boards[at(number)];
        made = std::make_unique<GossipBoard>(gossip::Knobs{}, ++seed);
        auto issue = static_cast<uint32_t>(now / milliseconds(10));
        made->begin(bulletin(number, incarnation), 7946, issue, now);
        made->subscribe([this, number](Member const& member, bool new_incarnation) {
            told[number].push_back(
                member.name + " " + word(member.state) + (new_incarnation ? " anew" : ""));
        });
        for (int peer : peers)
            made->add(name(peer), at(peer), now);
    }
    void stop(int number) { boards.erase(at(number)); }
    MemberState state(int viewer, int number) {
        auto member = board(viewer).find(name(number), now);
        return member ? member->state : MemberState::dead;
    }
    bool all_up(std::set<int> const& numbers) {
        for (int viewer : numbers)
            for (int number : numbers)
                if (state(viewer, number) != MemberState::up) return false;
        return true;
    }
    void carry(std::string const& from, std::vector<Outgoing> const& all) {
        for (Outgoing const& each : all) {
            EXPECT_LE(each.plain.size() + 40, wire::datagram_max);
            bytes += each.plain.size() + 68;
            bool lost = static_cast<double>(random() % 1000) < loss * 1000;
            if (lost || (cut && cut(from, each.to))) continue;
            under_way.push({from, each});
        }
    }
    void run(Nanos time) {
        for (Nanos end = now + time; now < end; now += milliseconds(1)) {
            for (; !under_way.empty(); under_way.pop()) {
                auto [from, each] = under_way.front();
                if (auto found = boards.find(each.to); found != boards.end())
                    carry(each.to, found->second->receive(from, each.plain, now));
            }
            for (auto& [where, one] : boards)
                if (one->due() <= now) carry(where, one->tick(now));
        }
    }
    bool until(std::function<bool()> const& so, Nanos limit) {
        for (Nanos end = now + limit; now < end && !so();)
            run(milliseconds(10));
        return so();
    }

    std::map<std::string, std::unique_ptr<GossipBoard>> boards;
    std::map<int, std::vector<std::string>> told;
    std::queue<std::pair<std::string, Outgoing>> under_way;
    std::function<bool(std::string const&, std::string const&)> cut;
    std::mt19937_64 random{1};
    double loss = 0;
    uint64_t seed = 0, bytes = 0;
    Nanos now = seconds(1000);
};

TEST_F(BoardsTest, a_bulletin_for_one_node_reaches_it_at_once) {
    start(1, {});
    start(2, {1});
    ASSERT_TRUE(until([&] { return all_up({1, 2}); }, seconds(3)));
    std::vector<std::string> heard;
    board(2).news = [&](std::string const& from) { heard.push_back(from); };
    Bulletin own = bulletin(1, 100);
    own.load = 0;
    own.crowded = true;
    own.memory_movable = 5ull << 30; // of 8: two quarters and a half
    board(1).set_own(own);
    carry(at(1), board(1).tell("n2", now));
    run(milliseconds(2));
    EXPECT_EQ(heard, std::vector<std::string>{"n1"});
    auto seen = board(2).find("n1", now)->bulletin;
    EXPECT_EQ(seen->load, 0);
    EXPECT_TRUE(seen->crowded);
    EXPECT_EQ(seen->memory_movable, 4ull << 30);
    EXPECT_TRUE(board(1).tell("n9", now).empty());
}

TEST_F(BoardsTest, whoever_knows_one_knows_all) {
    for (int number = 1; number <= 6; ++number)
        start(number, number == 1 ? std::vector<int>{} : std::vector<int>{1});
    EXPECT_TRUE(until([&] { return all_up({1, 2, 3, 4, 5, 6}); }, seconds(3)));
    auto member = board(6).find("n3", now);
    ASSERT_TRUE(member && member->bulletin);
    EXPECT_EQ(member->address, "10.0.0.3");
    EXPECT_EQ(member->bulletin->cores, 3);
    EXPECT_EQ(member->bulletin->load, 0.25);
    EXPECT_EQ(member->bulletin->memory_free, 3ull << 30);
    EXPECT_EQ(member->bulletin->cpu_features, (std::vector<uint32_t>{1, 2, 3}));
    EXPECT_EQ(board(6).contact("n3"), "10.0.0.3:7946");
    EXPECT_LT(*member->age, seconds(2));
    EXPECT_EQ(board(6).members(now).size(), 6u);
    EXPECT_EQ(board(6).find("n6", now)->age, Nanos(0));
}

TEST_F(BoardsTest, a_death_is_noticed_and_a_new_life_is_told) {
    for (int number : {1, 2, 3})
        start(number, {1, 2, 3});
    ASSERT_TRUE(until([&] { return all_up({1, 2, 3}); }, seconds(3)));
    run(seconds(2));
    stop(3);
    ASSERT_TRUE(until([&] { return state(1, 3) == MemberState::dead; }, milliseconds(3200)));
    start(3, {1}, 101);
    ASSERT_TRUE(until([&] { return all_up({1, 2, 3}); }, seconds(3)));
    std::vector<std::string> of_n3;
    for (std::string const& what : told[1])
        if (what.starts_with("n3")) of_n3.push_back(what);
    EXPECT_EQ(of_n3, (std::vector<std::string>{"n3 up", "n3 suspect", "n3 dead", "n3 up anew"}));
    EXPECT_EQ(board(1).find("n3", now)->bulletin->incarnation, 101u);
}

TEST_F(BoardsTest, a_daemon_that_is_restarted_goes_on_in_its_incarnation) {
    for (int number : {1, 2, 3})
        start(number, {1, 2, 3});
    ASSERT_TRUE(until([&] { return all_up({1, 2, 3}); }, seconds(3)));
    stop(2);
    run(seconds(1));
    start(2, {1, 2, 3});
    ASSERT_TRUE(until([&] { return all_up({1, 2, 3}); }, seconds(3)));
    run(seconds(5));
    for (std::string const& what : told[1])
        EXPECT_TRUE(what.find("anew") == std::string::npos && what != "n2 dead") << what;
}

TEST_F(BoardsTest, changes_travel_at_once) {
    for (int number : {1, 2, 3, 4})
        start(number, {1, 2, 3, 4});
    ASSERT_TRUE(until([&] { return all_up({1, 2, 3, 4}); }, seconds(3)));
    Bulletin blocked = bulletin(2, 100);
    blocked.blocked = true;
    blocked.cores = 2.5; // on the card
    board(2).set_own(blocked);
    board(2).sudden(now);
    auto all_know = [&] {
        for (int viewer : {1, 3, 4})
            if (state(viewer, 2) != MemberState::blocked) return false;
        return true;
    };
    EXPECT_TRUE(until(all_know, milliseconds(1500)));
    EXPECT_TRUE(board(1).find("n2", now)->reachable());
    EXPECT_TRUE(
        until([&] { return board(1).find("n2", now)->bulletin->cores == 2.5; }, seconds(5)));
}

TEST_F(BoardsTest, who_leaves_has_left) {
    for (int number : {1, 2, 3})
        start(number, {1, 2, 3});
    ASSERT_TRUE(until([&] { return all_up({1, 2, 3}); }, seconds(3)));
    carry(at(3), board(3).leave(now));
    stop(3);
    EXPECT_TRUE(until([&] { return state(1, 3) == MemberState::left; }, seconds(1)));
    run(seconds(10));
    EXPECT_EQ(state(2, 3), MemberState::left);
    start(3, {2});
    EXPECT_TRUE(until([&] { return all_up({1, 2, 3}); }, seconds(4)));
}

TEST_F(BoardsTest, a_partition_heals) {
    for (int number : {1, 2, 3})
        start(number, {1, 2, 3});
    ASSERT_TRUE(until([&] { return all_up({1, 2, 3}); }, seconds(3)));
    cut = [](std::string const& a, std::string const& b) { return (a == at(2)) != (b == at(2)); };
    EXPECT_TRUE(until(
        [&] {
            return state(1, 2) == MemberState::dead && state(2, 1) == MemberState::dead &&
                   state(2, 3) == MemberState::dead && state(1, 3) == MemberState::up;
        },
        seconds(5)));
    cut = nullptr;
    EXPECT_TRUE(until([&] { return all_up({1, 2, 3}); }, seconds(5)));
}

TEST_F(BoardsTest, lost_datagrams_are_no_death) {
    loss = 0.2;
    std::set<int> all;
    for (int number = 1; number <= 8; ++number) {
        start(number, {1, 2});
        all.insert(number);
    }
    ASSERT_TRUE(until([&] { return all_up(all); }, seconds(20)));
    told.clear();
    run(seconds(120));
    for (auto const& [viewer, what] : told)
        EXPECT_EQ(std::count_if(what.begin(), what.end(),
                      [](std::string const& each) { return each.ends_with("dead"); }),
            0);
}

TEST_F(BoardsTest, what_it_costs_at_rest) {
    for (size_t nodes : {3u, 8u, 30u}) {
        boards.clear();
        std::set<int> all;
        for (int number = 1; number <= static_cast<int>(nodes); ++number) {
            start(number, {1});
            all.insert(number);
        }
        ASSERT_TRUE(until([&] { return all_up(all); }, seconds(20)));
        run(seconds(10));
        bytes = 0;
        run(seconds(20));
        EXPECT_LT(static_cast<double>(bytes) / 20 / static_cast<double>(nodes), 2000) << nodes;
    }
}

TEST_F(BoardsTest, a_suspicion_is_refuted_by_the_suspect) {
    start(1, {2});
    start(2, {1});
    ASSERT_TRUE(until([&] { return all_up({1, 2}); }, seconds(3)));
    run(seconds(2));
    wire::GossipDatagram news;
    news.head.type = wire::GossipType::news;
    news.head.life = wire::life_of("n2", 100);
    wire::GossipEntry entry;
    entry.life = wire::life_of("n1", 100);
    entry.issue = 5000000; // more than it has said
    entry.age_ms = 1500;
    entry.status = static_cast<uint8_t>(wire::EntryState::suspect);
    entry.urgency = 3;
    news.entries = {entry};
    (void)board(1).receive(at(2), wire::encode_gossip(news), now);
    EXPECT_LE(board(1).due() - now, milliseconds(gossip::Knobs{}.step / 20)) << "at once";
    std::vector<Outgoing> out;
    for (Nanos end = now + seconds(1); out.empty() && now < end; now += milliseconds(1))
        out = board(1).tick(now);
    ASSERT_FALSE(out.empty());
    auto said = wire::decode_gossip(out[0].plain);
    ASSERT_TRUE(said && !said->entries.empty());
    EXPECT_EQ(said->entries[0].life, entry.life);
    EXPECT_GT(said->entries[0].issue, entry.issue);
    EXPECT_GT(said->entries[0].urgency, 0);
}

TEST_F(BoardsTest, a_name_that_is_taken_and_noise_do_no_harm) {
    start(1, {2});
    start(2, {1});
    ASSERT_TRUE(until([&] { return all_up({1, 2}); }, seconds(3)));
    // Whoever knows only lives that nobody has cards for is not met.
    wire::GossipDatagram push;
    push.head.type = wire::GossipType::push;
    push.head.life = 4711;
    for (uint64_t life = 1; life <= 30; ++life) {
        wire::GossipEntry entry;
        entry.life = life;
        entry.status = 1;
        push.entries.push_back(entry);
    }
    auto out = board(1).receive("10.0.0.66:7946", wire::encode_gossip(push), now);
    ASSERT_EQ(out.size(), 1u) << "a question, of a size like the datagram's";
    EXPECT_LT(out[0].plain.size(), wire::encode_gossip(push).size());
    EXPECT_EQ(board(1).members(now).size(), 2u);
    // Cards that make no sense.
    for (auto spoil :
        std::vector<std::function<void(wire::Card&)>>{[](wire::Card& card) { card.name = "home"; },
            [](wire::Card& card) { card.name = "a b"; }, [](wire::Card& card) { card.cores = -1; },
            [](wire::Card& card) { card.speed = 0.0 / 0.0; },
            [](wire::Card& card) { card.incarnation = 0; },
            [](wire::Card& card) { card.addresses = {"www.example.com"}; }}) {
        wire::GossipDatagram cards;
        cards.head.type = wire::GossipType::cards;
        wire::Card card;
        card.name = "n9";
        card.incarnation = 5;
        spoil(card);
        cards.cards = {card};
        size_t before = board(1).senseless();
        (void)board(1).receive(at(2), wire::encode_gossip(cards), now);
        EXPECT_EQ(board(1).senseless(), before + 1);
    }
    (void)board(1).receive(at(2), "noise", now);
    EXPECT_EQ(board(1).members(now).size(), 2u);
    // A lie about us is refuted.
    wire::GossipDatagram lie;
    lie.head.type = wire::GossipType::news;
    lie.head.life = wire::life_of("n1", 100);
    wire::GossipEntry entry;
    entry.life = wire::life_of("n2", 100);
    entry.status = 3;
    entry.urgency = 9;
    lie.entries = {entry};
    (void)board(2).receive(at(1), wire::encode_gossip(lie), now);
    EXPECT_EQ(state(2, 2), MemberState::up);
    run(seconds(3));
    EXPECT_TRUE(all_up({1, 2}));
}

} // namespace
} // namespace rove::node
