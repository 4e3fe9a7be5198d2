// SPDX-License-Identifier: Apache-2.0
#include "warden/sealed_line.hh"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <optional>
#include <thread>

#include "sys/sockets.hh"
#include "wire/keeper.hh"

namespace rove::warden {
namespace {

using seal::Side;
using seal::Use;

constexpr Nanos patience = std::chrono::seconds(20);
std::string const token(wire::token_size, 's');

struct Pair {
    std::pair<Fd, Fd> fds = sys::socket_pair(SOCK_STREAM).value();
    SealedLine home{Use::control, Side::home, token}, host{Use::control, Side::host, token};
    int home_fd() const { return fds.first.number(); }
    int host_fd() const { return fds.second.number(); }
    void begin() {
        ASSERT_TRUE(home.begin(home_fd()));
        ASSERT_TRUE(host.begin(host_fd()));
    }
};

std::string come(int fd) {
    std::string bytes(1 << 20, '\0');
    ssize_t got = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
    bytes.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return bytes;
}

TEST(SealedLine, without_a_secret_bytes_go_as_they_are) {
    auto [one, other] = sys::socket_pair(SOCK_STREAM).value();
    SealedLine line(Use::control, Side::home, "");
    EXPECT_FALSE(line);
    ASSERT_TRUE(line.begin(one.number()) && line.meet(one.number(), patience));
    ASSERT_TRUE(line.send(one.number(), as_bytes("plain"), patience));
    std::string text;
    ASSERT_TRUE(line.open(come(other.number()), text));
    EXPECT_EQ(text, "plain");
}

TEST(SealedLine, what_is_sent_comes_and_is_not_to_be_seen_on_the_way) {
    Pair pair;
    pair.begin();
    ASSERT_TRUE(pair.host.meet(pair.host_fd(), patience));
    for (std::string const& said : {std::string("first words"), std::string(300000, 'x')}) {
        std::thread sender(
            [&] { ASSERT_TRUE(pair.home.send(pair.home_fd(), as_bytes(said), patience)); });
        std::string text, seen;
        while (text.size() < said.size()) {
            std::string part = come(pair.host_fd());
            seen += part;
            ASSERT_TRUE(pair.host.open(part, text));
        }
        sender.join();
        EXPECT_EQ(text, said);
        EXPECT_GT(seen.size(), said.size());
        EXPECT_EQ(seen.find(said.substr(0, 8)), std::string::npos);
    }
}

TEST(SealedLine, bytes_may_come_in_any_pieces) {
    Pair pair;
    pair.begin();
    ASSERT_TRUE(pair.home.send(pair.home_fd(), as_bytes("one"), patience));
    ASSERT_TRUE(pair.home.send(pair.home_fd(), as_bytes("two"), patience));
    std::string text;
    for (char each : come(pair.host_fd()))
        ASSERT_TRUE(pair.host.open({&each, 1}, text));
    EXPECT_EQ(text, "onetwo");
}

TEST(SealedLine, who_sends_first_waits_for_the_others_salt) {
    Pair pair;
    ASSERT_TRUE(pair.home.begin(pair.home_fd()));
    std::thread sender(
        [&] { ASSERT_TRUE(pair.home.send(pair.home_fd(), as_bytes("early"), patience)); });
    ASSERT_TRUE(pair.host.begin(pair.host_fd()));
    sender.join();
    std::string text;
    ASSERT_TRUE(pair.host.open(come(pair.host_fd()), text));
    EXPECT_EQ(text, "early");
    // One that is silent is not waited for without end.
    Pair silent;
    ASSERT_TRUE(silent.home.begin(silent.home_fd()));
    auto late = silent.home.meet(silent.home_fd(), std::chrono::milliseconds(1));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ETIMEDOUT);
}

TEST(SealedLine, half_a_salt_is_kept_until_the_rest_comes) {
    Pair pair;
    auto [aside, behind] = sys::socket_pair(SOCK_STREAM).value();
    ASSERT_TRUE(pair.host.begin(pair.host_fd()));
    ASSERT_TRUE(pair.home.begin(behind.number()));
    std::string salt = come(aside.number()), text;
    ASSERT_EQ(salt.size(), seal::salt_record_size);
    ASSERT_EQ(::send(pair.home_fd(), salt.data(), 10, 0), 10);
    constexpr Nanos short_patience = std::chrono::milliseconds(20);
    EXPECT_FALSE(pair.host.send(pair.host_fd(), as_bytes("early"), short_patience));
    ASSERT_EQ(::send(pair.home_fd(), salt.data() + 10, 10, 0), 10);
    ASSERT_TRUE(pair.host.send(pair.host_fd(), as_bytes("late"), patience));
    ASSERT_TRUE(pair.home.open(come(pair.home_fd()), text));
    EXPECT_EQ(text, "late");
}

TEST(SealedLine, a_changed_byte_or_another_token_is_noticed) {
    // Another session of the same secret, as a child has, and another secret.
    for (std::optional<size_t> changed : {std::optional<size_t>(), {size_t{0}}, {size_t{31}}}) {
        Pair pair;
        std::string other = token;
        if (changed) other[*changed] = 't';
        if (changed) pair.host = SealedLine(Use::control, Side::host, other);
        pair.begin();
        ASSERT_TRUE(pair.host.meet(pair.host_fd(), patience));
        ASSERT_TRUE(pair.home.send(pair.home_fd(), as_bytes("order"), patience));
        std::string bytes = come(pair.host_fd()), text;
        if (!changed) bytes[seal::head_size] ^= 1;
        auto opened = pair.host.open(bytes, text);
        ASSERT_FALSE(opened);
        EXPECT_EQ(opened.error().code, EBADMSG);
        EXPECT_EQ(text, "");
    }
}

TEST(SealedLine, what_was_recorded_opens_nowhere_else) {
    Pair first, second;
    first.begin();
    ASSERT_TRUE(first.home.send(first.home_fd(), as_bytes("let_go"), patience));
    std::string recorded = come(first.host_fd()), text;
    // The whole of it, salt included, to the same side of the same session.
    ASSERT_TRUE(second.host.begin(second.host_fd()));
    EXPECT_FALSE(second.host.open(recorded, text));
    EXPECT_EQ(text, "");
}

TEST(SealedLine, a_second_salt_is_refused) {
    Pair pair;
    pair.begin();
    std::string salt = come(pair.host_fd()), text;
    ASSERT_TRUE(pair.host.open(salt, text));
    EXPECT_FALSE(pair.host.open(salt, text));
}

} // namespace
} // namespace rove::warden
