// SPDX-License-Identifier: Apache-2.0
// Tests of two nodes' peers on the loopback: they meet, ask and answer; a wrong key is told; frames
// that are none end a connection.
#include "node/peers.hh"

#include <thread>

#include <gtest/gtest.h>

#include "sys/sockets.hh"

namespace rove::node {
namespace {

using wire::PeerType;

Bulletin bulletin_of(std::string name) {
    Bulletin bulletin;
    bulletin.name = std::move(name);
    bulletin.incarnation = 7;
    return bulletin;
}

uint16_t free_port() {
    auto socket = sys::tcp_listen(*sys::Endpoint::parse("127.0.0.1", 0));
    return sys::local_endpoint(socket->number())->port();
}

// One end: a board and its connections.
struct End {
    End(asio::io_context& io, std::string name, std::string key)
        : peers((board.begin(bulletin_of(name), 0, 1, monotonic_now()), io), board, std::move(key),
              [name](std::string from, PeerType type, std::string body) -> Task<PeerReply> {
                  if (type != PeerType::ask) co_return PeerReply{};
                  auto ask = wire::decode<wire::Ask>(body);
                  wire::Answer answer;
                  answer.body = name + " heard " + (ask ? ask->verb : "noise") + " from " + from;
                  co_return PeerReply::of(PeerType::answer, answer);
              }) {}
    GossipBoard board{{}, 1};
    Peers peers;
};

struct PeersTest : testing::Test {
    std::string at = "127.0.0.1:" + std::to_string(free_port());
    asio::io_context io{1};
    // Serves until it is so, or ten seconds.
    bool until(std::function<bool()> const& so) {
        Deadline limit = Deadline::after(std::chrono::seconds(10));
        while (!so() && !limit.passed())
            io.run_one_for(std::chrono::milliseconds(10));
        return so();
    }
};

TEST_F(PeersTest, meet_ask_and_answer) {
    End a(io, "a", std::string(32, 'k')), b(io, "b", std::string(32, 'k'));
    ASSERT_TRUE(b.peers.listen(at));
    // b cannot dial a, and uses the connection that a has made.
    b.board.add("a", "127.0.0.1:1", monotonic_now());
    a.board.add("b", at, monotonic_now());
    for (auto [from, to, name] : {std::tuple{&a, &b, "b"}, std::tuple{&b, &a, "a"}}) {
        std::string said;
        start(io, [](End& end, std::string whom, std::string& answer) -> Task<> {
            // An aggregate made inside the awaiting expression is destroyed twice by g++ 12.
            wire::Ask ask{"hello", 0, "{}"};
            auto reply = co_await end.peers.ask(whom, PeerType::ask, wire::encode(ask));
            answer = reply ? wire::decode<wire::Answer>(reply->body)->body : reply.error().what;
        }(*from, name, said));
        EXPECT_TRUE(until([&] { return !said.empty(); }));
        EXPECT_EQ(said, std::string(name) + " heard hello from " + (to == &b ? "a" : "b"));
    }
}

TEST_F(PeersTest, an_address_may_be_a_name) {
    End a(io, "a", std::string(32, 'k')), b(io, "b", std::string(32, 'k'));
    ASSERT_TRUE(b.peers.listen(at));
    std::string const port = at.substr(at.rfind(':'));
    for (auto [host, is_there] :
        {std::pair{"localhost", true}, std::pair{"nobody.invalid", false}}) {
        a.board.add("b", host + port, monotonic_now());
        std::optional<bool> answers;
        start(io, [](End& end, std::optional<bool>& said) -> Task<> {
            said = co_await end.peers.machine_answers("b");
        }(a, answers));
        ASSERT_TRUE(until([&] { return answers.has_value(); })) << host;
        EXPECT_EQ(*answers, is_there) << host;
    }
}

TEST_F(PeersTest, wrong_key_is_the_reason_that_is_told) {
    End a(io, "a", std::string(32, 'k')), b(io, "b", std::string(32, 'x'));
    ASSERT_TRUE(b.peers.listen(at));
    a.board.add("b", at, monotonic_now());
    std::string said;
    start(io, [](End& end, std::string& answer) -> Task<> {
        auto reply = co_await end.peers.ask("b", PeerType::ask, "");
        answer = reply ? "an answer" : reply.error().what;
    }(a, said));
    EXPECT_TRUE(until([&] { return !said.empty(); }));
    EXPECT_EQ(said, "b cannot be reached: it has another cluster key");
}

TEST_F(PeersTest, who_has_the_key_may_ask_but_not_in_another_name) {
    End a(io, "a", std::string(32, 'k')), b(io, "b", std::string(32, 'k'));
    ASSERT_TRUE(b.peers.listen(at));
    a.board.add("b", at, monotonic_now()); // b has never heard of a
    a.board.add("c", at, monotonic_now()); // which is b's address
    for (std::string whom : {"b", "c"}) {
        std::string said;
        start(io, [](End& end, std::string name, std::string& answer) -> Task<> {
            wire::Ask ask{"hello", 0, "{}"};
            auto reply = co_await end.peers.ask(name, PeerType::ask, wire::encode(ask));
            answer = reply ? "an answer" : reply.error().what;
        }(a, whom, said));
        EXPECT_TRUE(until([&] { return !said.empty(); }));
        EXPECT_EQ(said, whom == "b" ? "an answer" : "c cannot be reached: it calls itself 'b'");
    }
}

TEST_F(PeersTest, a_dropped_connection_is_made_again) {
    End a(io, "a", std::string(32, 'k')), b(io, "b", std::string(32, 'k'));
    ASSERT_TRUE(b.peers.listen(at));
    a.board.add("b", at, monotonic_now());
    for (int i = 0; i < 3; ++i) {
        std::string said;
        start(io, [](End& end, std::string& answer) -> Task<> {
            wire::Ask ask{"hello", 0, "{}"};
            auto reply = co_await end.peers.ask("b", PeerType::ask, wire::encode(ask));
            answer = reply ? "an answer" : reply.error().what;
        }(a, said));
        EXPECT_TRUE(until([&] { return !said.empty(); }));
        EXPECT_EQ(said, "an answer");
        if (i == 0) a.peers.drop("b");
        if (i == 1) a.peers.drop("b", 7); // all but those of the present incarnation
    }
}

TEST_F(PeersTest, a_question_that_is_too_long_is_not_asked) {
    End a(io, "a", std::string(32, 'k')), b(io, "b", std::string(32, 'k'));
    ASSERT_TRUE(b.peers.listen(at));
    a.board.add("b", at, monotonic_now());
    a.board.add("gone", "127.0.0.1:1", monotonic_now());
    for (std::string whom : {"b", "gone"}) {
        std::string said;
        start(io, [](End& end, std::string name, std::string& answer) -> Task<> {
            std::string question(wire::peer_body_max(PeerType::ask) + 1, 'x');
            auto reply = co_await end.peers.ask(name, PeerType::ask, question);
            answer = reply ? "an answer" : reply.error().what;
        }(a, whom, said));
        EXPECT_TRUE(until([&] { return !said.empty(); }));
        EXPECT_EQ(said, "the question to " + whom + " is too long");
    }
}

// Both are due when the loop comes to them: the end of the connect, and its time limit.
TEST_F(PeersTest, a_connect_may_end_as_its_time_does) {
    End a(io, "a", std::string(32, 'k')), b(io, "b", std::string(32, 'k'));
    ASSERT_TRUE(b.peers.listen(at));
    a.board.add("b", at, monotonic_now());
    std::string said;
    start(io, [](End& end, std::string& answer) -> Task<> {
        wire::Ask ask{"hello", 0, "{}"};
        auto reply = co_await end.peers.ask("b", PeerType::ask, wire::encode(ask));
        answer = reply ? "an answer" : reply.error().what;
    }(a, said));
    io.poll_one(); // begins to listen, or to connect
    io.poll_one();
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    EXPECT_TRUE(until([&] { return !said.empty(); }));
}

TEST(PeerFrames, what_is_no_frame_is_bad) {
    std::string good = wire::peer_frame(PeerType::withdraw, 3, wire::Withdraw{"leaves"});
    std::string const stream = good + "more"; // the frame read is a view into it
    auto read = wire::read_peer_frame(stream);
    ASSERT_TRUE(read.frame);
    EXPECT_EQ(read.used, good.size());
    EXPECT_EQ(wire::decode<wire::Withdraw>(read.body)->session, "leaves");
    for (size_t cut = 0; cut < good.size(); ++cut) {
        auto part = wire::read_peer_frame(std::string_view(good).substr(0, cut));
        EXPECT_FALSE(part.frame);
        EXPECT_FALSE(part.bad);
    }
    for (size_t at : {0u, 7u, 9u, 10u}) { // magic, length, type, reserved
        std::string wrong = good;
        wrong[at] = static_cast<char>(wrong[at] ^ 0x55);
        EXPECT_TRUE(wire::read_peer_frame(wrong).bad) << at;
    }
    EXPECT_FALSE(wire::decode<wire::Withdraw>(std::string(read.body) + "x"));
    EXPECT_FALSE(wire::decode<wire::PeerHello>("\xff\xff\xff\xff"));
}

} // namespace
} // namespace rove::node
