// SPDX-License-Identifier: Apache-2.0
// The wrappers against the real kernel: what they promise beyond the call itself.
#include <csignal>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/testing/directory.hh"
#include "sys/files.hh"
#include "sys/loop.hh"
#include "sys/namespaces.hh"
#include "sys/process.hh"
#include "sys/sockets.hh"
#include "sys/timers.hh"

namespace rove::sys {
namespace {
using testing::ElementsAre;
using namespace std::chrono_literals;

class Directory : public testing::Test {
protected:
    void SetUp() override {
        path = directory / "tree";
        ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
    }
    void TearDown() override {
        EXPECT_TRUE(remove_tree(path));
        EXPECT_FALSE(exists(path));
    }
    TestDirectory directory;
    std::string path;
};

TEST_F(Directory, files_come_back_as_written) {
    std::string content(100000, 'x');
    ASSERT_TRUE(write_file(path + "/a", content));
    EXPECT_EQ(read_file(path + "/a").value(), content);
    EXPECT_EQ(read_file(path + "/a", 99999).error().code, EFBIG);
    ASSERT_TRUE(replace_file(path + "/a", "new", 0600));
    EXPECT_EQ(read_file(path + "/a").value(), "new");
    EXPECT_EQ(stat(path + "/a").value().st_mode & 0777, 0600u);
    EXPECT_THAT(list_directory(path).value(), ElementsAre("a"));
    EXPECT_EQ(read_file(path + "/missing").error().code, ENOENT);
    EXPECT_EQ(write_knob(path + "/missing", "1").error().code, ENOENT);
}
TEST_F(Directory, trees_are_made_and_removed_without_following_links) {
    ASSERT_TRUE(make_directories(path + "/a/b/c"));
    ASSERT_TRUE(make_directories(path + "/kept"));
    ASSERT_TRUE(write_file(path + "/kept/file", ""));
    ASSERT_EQ(::symlink((path + "/kept").c_str(), (path + "/a/b/link").c_str()), 0);
    ASSERT_TRUE(remove_tree(path + "/a"));
    EXPECT_TRUE(exists(path + "/kept/file"));
    EXPECT_TRUE(remove_tree(path + "/a"));
}
TEST_F(Directory, unix_socket_knows_its_peer) {
    Fd listener = unix_listen(path + "/s", 0600, SOCK_SEQPACKET).value();
    Fd client = unix_connect(path + "/s", SOCK_SEQPACKET).value();
    Fd server = accept(listener.number()).value();
    EXPECT_EQ(peer_credentials(server.number()).value().pid, ::getpid());
    // A second listener replaces the socket of a dead one.
    EXPECT_TRUE(unix_listen(path + "/s", 0600));
}
TEST(Sockets, what_a_peer_said_before_it_ended_is_heard) {
    auto [ours, theirs] = socket_pair(SOCK_SEQPACKET).value();
    ASSERT_EQ(::send(theirs.number(), "last words", 10, 0), 10);
    ASSERT_EQ(::send(ours.number(), "unread", 6, 0), 6);
    theirs.close();
    std::string heard;
    char bytes[64];
    for (;;) {
        ssize_t got = ::recv(ours.number(), bytes, sizeof bytes, MSG_DONTWAIT);
        if (got < 0 && may_follow(errno)) continue;
        if (got <= 0) break;
        heard.append(bytes, static_cast<size_t>(got));
    }
    EXPECT_EQ(heard, "last words");
}

TEST(Spawn, output_and_status) {
    EXPECT_EQ(run_command({"sh", "-c", "echo out; echo err >&2"}).value(), "out\nerr\n");
    auto failed = run_command({"sh", "-c", "echo why; exit 3"});
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().what.find("failed with 3: why"), std::string::npos);
    EXPECT_EQ(run_command({"/no/such/program"}).error().code, ENOENT);
    EXPECT_EQ(run_command({"sh", "-c", "read x < /dev/zero"}, 50ms).error().code, ETIMEDOUT);
}
TEST(Spawn, descriptors_may_swap_places) {
    Pipe one = pipe().value();
    Pipe two = pipe().value();
    Spawn what;
    int first = one.writer.number();
    int second = two.writer.number();
    what.command = {"bash", "-c", fmt::format("echo $NAME >&{}; echo b >&{}", second, first)};
    what.environment = std::vector<std::string>{"NAME=a", "PATH=/usr/bin:/bin"};
    what.descriptors = {{first, second}, {second, first}};
    Child child = spawn(what).value();
    EXPECT_EQ(sys::wait(child.pid).value().shell_status(), 0);
    one.writer.close();
    two.writer.close();
    EXPECT_EQ(read_rest(one.reader.number()).value(), "a\n");
    EXPECT_EQ(read_rest(two.reader.number()).value(), "b\n");
}
TEST(Process, ending_by_signal) {
    Child child = fork_running([] {
        ::pause();
        return 0;
    }).value();
    EXPECT_FALSE(wait_pidfd(child.pidfd.number(), Deadline::after(1ms)).value());
    EXPECT_EQ(wait_nonblocking(child.pid).value(), std::nullopt);
    ASSERT_TRUE(pidfd_send_signal(child.pidfd.number(), SIGTERM));
    EXPECT_TRUE(wait_pidfd(child.pidfd.number(), Deadline::after(10s)).value());
    EXPECT_EQ(sys::wait(child.pid).value().shell_status(), 128 + SIGTERM);
    EXPECT_EQ(sys::kill(child.pid, 0).error().code, ESRCH);
}
TEST(Process, start_time_of_hostile_names) {
    EXPECT_EQ(parse_start_time("7 (a) 1) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20\n")
                  .value(),
        4711u);
    for (char const* bad : {"", "7 a S 1", "7 (a) S 1 2"})
        EXPECT_FALSE(parse_start_time(bad)) << bad;
    EXPECT_GT(process_start_time(::getpid()).value(), 0u);
}

TEST(Sockets, endpoints_are_numeric) {
    EXPECT_EQ(Endpoint::parse("10.1.2.3", 700).value().text(), "10.1.2.3:700");
    EXPECT_EQ(Endpoint::parse("::1", 7).value().text(), "[::1]:7");
    EXPECT_FALSE(Endpoint::parse("localhost", 1));
    EXPECT_FALSE(Endpoint::parse("1.2.3", 1));
}
TEST(Sockets, tcp_round_trip) {
    Fd listener = tcp_listen(Endpoint::parse("127.0.0.1", 0).value()).value();
    auto at = local_endpoint(listener.number()).value();
    Fd client = tcp_connect(at, 5s).value();
    Fd server = accept(listener.number()).value();
    EXPECT_EQ(remote_endpoint(client.number()).value().text(), at.text());
    ASSERT_TRUE(set_dead_peer_timeout(client.number(), 3s));
    ASSERT_TRUE(send_all(client.number(), as_bytes("hello")));
    char text[5];
    ASSERT_TRUE(recv_exact(server.number(), text, 5));
    EXPECT_EQ(recv_exact(server.number(), text, 1, Deadline::after(1ms)).error().code, ETIMEDOUT);
    client.close();
    EXPECT_EQ(recv_exact(server.number(), text, 1).error().code, EPIPE);
    listener.close();
    EXPECT_EQ(tcp_connect(at, 5s).error().code, ECONNREFUSED);
}
TEST(Sockets, descriptors_travel) {
    auto [ours, theirs] = socket_pair(SOCK_SEQPACKET).value();
    Pipe sent = pipe().value();
    ASSERT_TRUE(
        send_fds(ours.number(), as_bytes("x"), {sent.reader.number(), sent.writer.number()}));
    auto got = recv_fds(theirs.number(), 16).value();
    EXPECT_EQ(as_text(got.bytes), "x");
    ASSERT_EQ(got.fds.size(), 2u);
    sent.writer.close();
    ASSERT_TRUE(write_all(got.fds[1].number(), as_bytes("through")));
    got.fds.clear();
    EXPECT_EQ(read_rest(sent.reader.number()).value(), "through");
    ours.close();
    EXPECT_TRUE(recv_fds(theirs.number(), 16).value().bytes.empty());
}

TEST(Loop, serves_descriptors_and_timers) {
    Loop loop;
    auto ends = socket_pair().value();
    Fd& ours = ends.first; // clang 14 captures no structured bindings
    Fd& theirs = ends.second;
    std::string seen;
    auto cancelled = loop.after(1ms, [&] { seen += "never"; });
    loop.after(0ms, [&] {
        seen += "timer ";
        loop.cancel(cancelled);
        ASSERT_TRUE(send_all(ours.number(), as_bytes("x")));
    });
    loop.watch(theirs.number(), POLLIN, [&](short) {
        seen += "ready";
        loop.unwatch(theirs.number());
    });
    ASSERT_TRUE(loop.run());
    EXPECT_EQ(seen, "timer ready");
}

TEST(Loop, several_run_as_one) {
    Loop one, other;
    auto ends = socket_pair().value();
    std::string seen;
    // Of two that are due in one round, the first may take away what the second waits for.
    one.watch(ends.first.number(), POLLIN, [&](short) {
        seen += "one ";
        one.unwatch(ends.first.number());
        other.unwatch(ends.second.number());
    });
    other.watch(ends.second.number(), POLLIN, [&](short) { seen += "never "; });
    (void)other.after(0ms, [&] { seen += "timer"; });
    ASSERT_TRUE(send_all(ends.first.number(), as_bytes("x")));
    ASSERT_TRUE(send_all(ends.second.number(), as_bytes("x")));
    ASSERT_TRUE(Loop::run_together({&one, &other}));
    EXPECT_EQ(seen, "one timer");
    bool due = false;
    (void)one.after(1ms, [&] { due = true; });
    while (!due) // nothing else would end the wait
        ASSERT_TRUE(Loop::run_together({&one, &other}));
}

TEST(Timers, timer_and_signal) {
    Fd timer = timer_fd().value();
    EXPECT_EQ(read_timer(timer.number()).value(), 0u);
    Fd signals = signal_fd({SIGUSR2}).value();
    EXPECT_FALSE(read_signal(signals.number()).value());
    ASSERT_EQ(::raise(SIGUSR2), 0);
    EXPECT_EQ(
        read_signal(signals.number()).value().value().ssi_signo, static_cast<unsigned>(SIGUSR2));
    ASSERT_TRUE(set_timer(timer.number(), 1ns));
    pollfd ready{timer.number(), POLLIN, 0};
    ASSERT_EQ(::poll(&ready, 1, 10000), 1);
    EXPECT_EQ(read_timer(timer.number()).value(), 1u);
}

TEST(Namespaces, own_id_is_stable) {
    EXPECT_EQ(namespace_id(::getpid(), "net").value(), namespace_id(::getppid(), "net").value());
}

} // namespace
} // namespace rove::sys
