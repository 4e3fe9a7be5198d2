// SPDX-License-Identifier: Apache-2.0
// Tests of who is taken for the caller.
#include "node/caller.hh"

#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "sys/files.hh"
#include "sys/process.hh"
#include "sys/sockets.hh"

namespace rove::node {
namespace {

struct CallerTest : testing::Test {
    CallerTest() {
        auto made = sys::unix_listen(path, 0666);
        EXPECT_TRUE(made) << made.error().sentence();
        listener = std::move(*made);
    }
    ~CallerTest() override {
        if (pid > 0) {
            (void)::kill(pid, SIGKILL);
            (void)::waitpid(pid, nullptr, 0);
        }
        (void)::unlink(path.c_str());
    }
    // A child that connects; it may end at once.
    void connect(std::function<bool()> const& before, bool stay) {
        auto child = sys::fork_running([&] {
            if (!before()) return 1;
            auto socket = sys::unix_connect(path);
            while (socket && stay)
                (void)::pause();
            return socket ? 0 : 1;
        });
        ASSERT_TRUE(child);
        pid = child->pid;
        auto accepted = sys::accept(listener.number());
        ASSERT_TRUE(accepted) << accepted.error().sentence();
        socket = std::move(*accepted);
    }
    std::string path = "/tmp/caller-test-" + std::to_string(::getpid());
    Fd listener, socket;
    pid_t pid = 0;
};

TEST_F(CallerTest, who_connected_is_the_caller_until_he_ends) {
    connect([] { return true; }, true);
    auto caller = caller_of(socket.number());
    ASSERT_TRUE(caller);
    EXPECT_EQ(caller->pid, pid);
    EXPECT_EQ(caller->uid, ::geteuid());
    EXPECT_TRUE(same_caller(*caller));
    // As soon as he is dead, not when somebody has noticed.
    (void)::kill(pid, SIGKILL);
    (void)sys::wait_pidfd(caller->pidfd->number(), Deadline::after(std::chrono::seconds(10)));
    EXPECT_FALSE(same_caller(*caller));
    (void)::waitpid(pid, nullptr, 0);
    // The number is somebody else's now.
    caller->pid = ::getpid();
    EXPECT_FALSE(same_caller(*caller));
    pid = 0;
}

TEST_F(CallerTest, who_had_ended_before_we_looked_is_nobody) {
    connect([] { return true; }, false);
    (void)::waitpid(pid, nullptr, 0);
    pid = 0;
    auto caller = caller_of(socket.number());
    ASSERT_TRUE(caller);
    EXPECT_FALSE(same_caller(*caller));
    EXPECT_FALSE(same_caller(Caller())) << "another node's question";
}

TEST_F(CallerTest, who_has_more_rights_by_now_is_not_the_one_who_connected) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    connect([] { return ::setresuid(65534, 65534, 0) == 0; }, true);
    auto caller = caller_of(socket.number());
    ASSERT_TRUE(caller);
    EXPECT_EQ(caller->uid, 65534u);
    auto same = same_caller(*caller);
    ASSERT_FALSE(same);
    EXPECT_EQ(same.error().code, EPERM);
}

} // namespace
} // namespace rove::node
