// SPDX-License-Identifier: Apache-2.0
// The API of include/rove.h against a home that a test plays.
#include <rove.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/testing/directory.hh"
#include "post/testing/office.hh"

namespace {

using rove::post::testing::Office;
constexpr int long_ms = 20000;

class Rove : public ::testing::Test {
protected:
    rove::TestDirectory directory_;
    Office office_{directory_ / "mail.sock"};
    rove_mailbox *a_ = rove_open(ROVE_NOTICES), *b_ = rove_open(ROVE_NOTICES);
    rove_address to_a_{}, to_b_{};
    rove_letter letter_{};
    char room_[100000];

    void SetUp() override {
        ASSERT_NE(a_, nullptr);
        ASSERT_NE(b_, nullptr);
        rove_own_address(a_, &to_a_);
        rove_own_address(b_, &to_b_);
    }
    void TearDown() override {
        for (auto* box : {a_, b_})
            if (box != nullptr) (void)rove_close(box);
        office_.stop();
    }
    int send(std::string const& text, int timeout_ms = long_ms) {
        return rove_send(a_, &to_b_, text.data(), text.size(), timeout_ms);
    }
    std::string receive(int timeout_ms = long_ms, rove_filter const* filter = nullptr) {
        ssize_t got = rove_receive(b_, filter, room_, sizeof room_, &letter_, 0, timeout_ms);
        return got < 0 ? strerrorname_np(errno) : std::string(room_, static_cast<size_t>(got));
    }
};

TEST_F(Rove, a_long_part_goes_from_where_it_lies_behind_short_ones) {
    std::string head = "head:", body(90000, 'x');
    for (int i = 0; i < 200; ++i) {
        body[static_cast<size_t>(i) * 7] = static_cast<char>('a' + i % 26);
        std::string const sent = head + body;
        iovec const parts[] = {{head.data(), head.size()}, {body.data(), body.size()}};
        ASSERT_EQ(rove_sendv(a_, &to_b_, parts, 2, long_ms), 0);
        if (i % 3 == 0) body.assign(body.size(), 'y'); // they are ours again
        ASSERT_EQ(receive(), sent) << i;
    }
}

TEST_F(Rove, who_polls_gets_all_by_asking_again_and_again) {
    rove_mailbox* polled = rove_open(ROVE_POLLED);
    ASSERT_NE(polled, nullptr);
    rove_address to_polled;
    rove_own_address(polled, &to_polled);
    auto again = [](auto attempt) {
        auto const until = std::chrono::steady_clock::now() + std::chrono::milliseconds(long_ms);
        while (!attempt() && errno == EAGAIN && std::chrono::steady_clock::now() < until) {
        }
    };
    std::thread echo([&] {
        for (int i = 0; i < 100; ++i) {
            ssize_t got = rove_receive(b_, nullptr, room_, sizeof room_, &letter_, 0, long_ms);
            if (got < 0 || rove_send(b_, &letter_.sender, room_, static_cast<size_t>(got), -1) != 0)
                break;
        }
    });
    std::string answer(sizeof room_, 0);
    for (size_t i = 0; i < 100; ++i) {
        std::string const text(i * 900, static_cast<char>('a' + i % 26));
        int sent = -1;
        ssize_t got = -1;
        again([&] { return (sent = rove_send(polled, &to_b_, text.data(), text.size(), 0)) == 0; });
        again([&] {
            return (got = rove_receive(
                        polled, nullptr, answer.data(), answer.size(), nullptr, 0, 0)) >= 0;
        });
        EXPECT_EQ(sent, 0) << strerrorname_np(errno);
        ASSERT_GE(got, 0) << strerrorname_np(errno);
        EXPECT_EQ(answer.substr(0, static_cast<size_t>(got)), text);
    }
    echo.join();
    EXPECT_EQ(rove_close(polled), 0);
}

TEST_F(Rove, messages_arrive_in_order) {
    EXPECT_EQ(send("one"), 0);
    EXPECT_EQ(send(""), 0);
    EXPECT_EQ(send(std::string(90000, 'x')), 0);
    EXPECT_EQ(receive(), "one");
    EXPECT_TRUE(rove_address_equal(&letter_.sender, &to_a_));
    EXPECT_EQ(receive(), "");
    EXPECT_EQ(letter_.kind, ROVE_MESSAGE);
    EXPECT_EQ(receive(), std::string(90000, 'x'));
    EXPECT_EQ(receive(0), "EAGAIN");
    EXPECT_EQ(rove_flush(a_, &to_b_, 0), -1); // nobody has said yet that it took them
    std::thread flush([&] { EXPECT_EQ(rove_flush(a_, &to_b_, long_ms), 0); });
    EXPECT_EQ(receive(200), "EAGAIN");
    flush.join();
}

TEST_F(Rove, home_is_told_how_much_is_said_if_it_asks) {
    EXPECT_EQ(send("nobody counts this one"), 0);
    EXPECT_EQ(receive(), "nobody counts this one");
    EXPECT_EQ(office_.counted(to_a_.incarnation, to_b_.incarnation), 0u);
    office_.count_every_ms = 100;
    rove_mailbox* c = rove_open(ROVE_NOTICES);
    ASSERT_NE(c, nullptr);
    rove_address to_c{};
    rove_own_address(c, &to_c);
    uint64_t told = 0;
    for (uint64_t sent = 1; told < 20 && sent < 100000; ++sent) {
        ASSERT_EQ(rove_send(c, &to_b_, "x", 1, long_ms), 0);
        ASSERT_EQ(receive(), "x");
        told = office_.counted(to_c.incarnation, to_b_.incarnation);
        ASSERT_LE(told, sent);
    }
    EXPECT_GE(told, 20u);
    EXPECT_EQ(office_.counted(to_b_.incarnation, to_c.incarnation), 0u) << "it was not asked";
    (void)rove_close(c);
}

TEST_F(Rove, room_that_is_too_small_leaves_the_letter) {
    EXPECT_EQ(send("0123456789"), 0);
    EXPECT_EQ(rove_receive(b_, nullptr, room_, 9, &letter_, 0, long_ms), -1);
    EXPECT_EQ(errno, EMSGSIZE);
    EXPECT_EQ(letter_.length, 10u);
    EXPECT_EQ(rove_receive(b_, nullptr, room_, 10, nullptr, ROVE_PEEK, 0), 10);
    EXPECT_EQ(receive(0), "0123456789");
}

TEST_F(Rove, a_message_in_parts) {
    char one[] = "one ", two[] = "two";
    iovec const parts[] = {{one, 4}, {nullptr, 0}, {two, 3}};
    EXPECT_EQ(rove_sendv(a_, &to_b_, parts, 3, long_ms), 0);
    EXPECT_EQ(receive(), "one two");
    EXPECT_EQ(rove_sendv(a_, &to_b_, parts, 65, long_ms), -1);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(Rove, filters) {
    for (auto const* text : {"first", "second message", "3"})
        EXPECT_EQ(send(text), 0);
    rove_filter filter{};
    filter.pattern = "mess";
    filter.pattern_length = 4;
    filter.pattern_at = 7;
    EXPECT_EQ(receive(long_ms, &filter), "second message");
    filter = {};
    filter.length_max = 2;
    EXPECT_EQ(receive(long_ms, &filter), "3");
    filter = {};
    filter.sender = &to_b_;
    EXPECT_EQ(receive(0, &filter), "EAGAIN");
    filter.sender = &to_a_;
    EXPECT_EQ(receive(0, &filter), "first");
}

TEST_F(Rove, a_full_receiver_stops_its_sender) {
    std::string const text(90000, 'y');
    EXPECT_EQ(send(text), 0);
    int sent = 1;
    while (send(text, 0) == 0)
        ++sent;
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_GE(sent, 45);
    EXPECT_LE(sent, 47);
    std::thread sender([&] { EXPECT_EQ(send("last", long_ms), 0); });
    for (int i = 0; i < sent; ++i)
        EXPECT_TRUE(receive() == text);
    EXPECT_EQ(receive(), "last");
    sender.join();
}

TEST_F(Rove, the_end_of_a_mailbox_is_told) {
    EXPECT_EQ(send("last words"), 0);
    EXPECT_EQ(rove_close(a_), 0);
    a_ = nullptr;
    EXPECT_EQ(receive(), "last words");
    EXPECT_EQ(receive(), "");
    EXPECT_EQ(letter_.kind, ROVE_GONE);
    EXPECT_EQ(rove_send(b_, &to_a_, "x", 1, long_ms), -1);
    EXPECT_EQ(errno, ESRCH);
}

TEST_F(Rove, permission_and_addresses_of_nobody) {
    rove_address nobody = to_b_;
    nobody.incarnation += 1000;
    EXPECT_EQ(rove_send(a_, &nobody, "x", 1, long_ms), -1);
    EXPECT_EQ(errno, ESRCH);
    office_.allows = false;
    EXPECT_EQ(send("x"), -1);
    EXPECT_EQ(errno, EPERM);
    office_.allows = true;
    EXPECT_EQ(send("x"), 0);
    rove_address found;
    EXPECT_EQ(rove_find(a_, nullptr, ::getpid(), &found, long_ms), 0);
    EXPECT_TRUE(rove_address_equal(&found, &to_b_));
    EXPECT_EQ(rove_find(a_, nullptr, 1, &found, long_ms), -1);
    EXPECT_EQ(errno, ESRCH);
    char text[ROVE_ADDRESS_TEXT_SIZE];
    rove_address_text(&to_b_, text);
    EXPECT_EQ(rove_address_parse(text, &found), 0);
    EXPECT_TRUE(rove_address_equal(&found, &to_b_));
    EXPECT_EQ(rove_address_parse("n1:x:0", &found), -1);
}

TEST_F(Rove, a_home_that_is_restarted_changes_nothing) {
    EXPECT_EQ(send("before"), 0);
    EXPECT_EQ(receive(), "before");
    office_.stop();
    EXPECT_EQ(send("meanwhile"), 0);
    EXPECT_EQ(receive(), "meanwhile");
    office_.start();
    rove_address found;
    for (auto* box : {a_, b_})
        EXPECT_EQ(rove_find(box, nullptr, ::getpid(), &found, long_ms), 0);
    rove_mailbox* c = rove_open(0);
    ASSERT_NE(c, nullptr);
    EXPECT_EQ(rove_send(c, &to_b_, "c", 1, long_ms), 0);
    EXPECT_EQ(receive(), "c");
    EXPECT_EQ(rove_close(c), 0);
}

TEST_F(Rove, wishes_to_be_moved_have_one_answer_each) {
    for (int code : {0, EBUSY, 0, 0, ENOTSUP}) {
        office_.move_code = code;
        int const said = rove_move_to(a_, &to_b_, long_ms);
        EXPECT_EQ(said == 0 ? 0 : errno, code);
    }
    office_.move_code = 0;
    EXPECT_EQ(rove_invite(a_, &to_b_, long_ms), 0);
    EXPECT_EQ(rove_move_to_node(a_, "n2", long_ms), 0);
    EXPECT_EQ(rove_move_to_node(a_, nullptr, long_ms), 0);
    EXPECT_EQ(office_.move_wishes, 8);
    EXPECT_EQ(rove_move_to_node(a_, std::string(4000, 'n').c_str(), long_ms), -1);
    EXPECT_EQ(errno, EHOSTUNREACH);
    office_.move_code = -1;
    EXPECT_EQ(rove_move_to(a_, &to_b_, 0), -1);
    EXPECT_EQ(errno, ETIMEDOUT);
    EXPECT_EQ(rove_move_to(a_, &to_b_, 20), -1);
    EXPECT_EQ(errno, ETIMEDOUT);
    office_.move_code = 0;
    EXPECT_EQ(rove_move_to(a_, &to_b_, long_ms), 0);
}

TEST_F(Rove, a_wish_survives_a_restart_of_home) {
    office_.move_code = -1;
    std::thread waits([this] { EXPECT_EQ(rove_invite(a_, &to_b_, long_ms), 0); });
    while (office_.move_wishes == 0)
        std::this_thread::yield();
    office_.stop();
    office_.move_code = 0;
    office_.start();
    waits.join();
    EXPECT_EQ(office_.move_wishes, 2);
}

TEST_F(Rove, a_home_that_has_lost_its_memory_is_the_end) {
    office_.stop();
    office_.forget();
    office_.start();
    rove_address found;
    EXPECT_EQ(rove_find(a_, nullptr, ::getpid(), &found, long_ms), -1);
    EXPECT_EQ(errno, EHOSTDOWN);
}

TEST_F(Rove, a_descriptor_for_poll) {
    pollfd ready{rove_descriptor(b_), POLLIN, 0};
    while (receive(0) != "EAGAIN") {
    }
    EXPECT_EQ(::poll(&ready, 1, 0), 0);
    EXPECT_EQ(send("x"), 0);
    EXPECT_EQ(::poll(&ready, 1, long_ms), 1);
    EXPECT_EQ(rove_receive(b_, nullptr, room_, sizeof room_, nullptr, ROVE_PEEK, long_ms), 1);
    EXPECT_EQ(::poll(&ready, 1, 0), 1); // what was only looked at is still there
    EXPECT_EQ(receive(0), "x");
    EXPECT_EQ(receive(0), "EAGAIN");
    EXPECT_EQ(::poll(&ready, 1, 0), 0);
}

TEST_F(Rove, threads_receive_what_is_theirs) {
    std::thread readers[3];
    for (int i = 0; i < 3; ++i)
        readers[i] = std::thread([this, i] {
            char pattern = static_cast<char>('0' + i), got[8];
            rove_filter filter{};
            filter.pattern = &pattern;
            filter.pattern_length = 1;
            for (int j = 0; j < 200; ++j)
                EXPECT_EQ(rove_receive(b_, &filter, got, sizeof got, nullptr, 0, long_ms), 2);
        });
    for (int j = 0; j < 600; ++j)
        EXPECT_EQ(send(std::string(1, static_cast<char>('0' + j % 3)) + "."), 0);
    for (auto& reader : readers)
        reader.join();
}

TEST_F(Rove, a_better_line_is_gone_over_to) {
    office_.goes_direct = true;
    // An offer is looked for at times only, so there are as many messages as that takes.
    auto const limit = std::chrono::steady_clock::now() + std::chrono::milliseconds(long_ms);
    auto more = [&](int i) {
        return i < 2000 ||
               ((i % 50 != 0 || office_.offers == 0) && std::chrono::steady_clock::now() < limit);
    };
    for (int i = 0; more(i); ++i) {
        std::string const text =
            std::to_string(i) + std::string(static_cast<size_t>(i % 7) * 99, 'x');
        EXPECT_EQ(send(text), 0);
        if (i % 50 != 49) continue;
        for (int j = i - 49; j <= i; ++j)
            EXPECT_EQ(receive().substr(0, std::to_string(j).size()), std::to_string(j));
    }
    EXPECT_GE(office_.offers, 1);
    office_.goes_direct = false;
    EXPECT_EQ(send("last"), 0);
    // What is not known to be taken goes through home once more.
    std::thread close([this] { EXPECT_EQ(rove_close(a_), 0); });
    EXPECT_EQ(receive(), "last");
    EXPECT_EQ(receive(), "");
    close.join();
    a_ = nullptr;
    EXPECT_EQ(letter_.kind, ROVE_GONE);
}

TEST_F(Rove, a_forked_child_has_no_mailbox) {
    pid_t child = ::fork();
    if (child == 0) {
        bool refused = send("from the child") == -1 && errno == ECHILD;
        ::_exit(refused ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(send("from the parent"), 0);
    EXPECT_EQ(receive(), "from the parent");
}

TEST(RoveAlone, without_a_home_there_is_no_mailbox) {
    ::setenv("ROVE_MAIL_SOCKET", "/nonexistent/mail.sock", 1);
    EXPECT_EQ(rove_open(0), nullptr);
    EXPECT_EQ(errno, EHOSTDOWN);
    EXPECT_EQ(rove_open(77u << 20), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

} // namespace
