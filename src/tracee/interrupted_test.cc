// SPDX-License-Identifier: Apache-2.0
// A call that a seizure has interrupted: the program hears of nothing but its own signals.
#include <gtest/gtest.h>

#include <csignal>

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracee/proc.hh"
#include "tracee/tracee.hh"

namespace rove::tracee {
namespace {

struct Seen {
    int volatile rounds, handled, result, code;
};
Seen* seen = nullptr;

// A child in epoll_pwait, where alone its signal may come.
class InterruptedTest : public testing::Test {
protected:
    void SetUp() override {
        seen = static_cast<Seen*>(
            ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
        child_ = ::fork();
        if (child_ == 0) {
            (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
            struct sigaction action {};
            action.sa_handler = [](int) { seen->handled = seen->handled + 1; };
            action.sa_flags = SA_RESTART;
            (void)::sigaction(SIGUSR1, &action, nullptr);
            sigset_t usr, none;
            sigemptyset(&none);
            sigemptyset(&usr);
            sigaddset(&usr, SIGUSR1);
            (void)::sigprocmask(SIG_BLOCK, &usr, nullptr);
            int epoll = ::epoll_create1(0);
            for (;;) {
                epoll_event event;
                seen->rounds = seen->rounds + 1;
                seen->result = ::epoll_pwait(epoll, &event, 1, -1, &none);
                seen->code = errno;
            }
        }
        sleeps();
    }
    void TearDown() override {
        (void)::kill(child_, SIGKILL);
        (void)::waitpid(child_, nullptr, 0);
    }
    // Waits until it does.
    bool sleeps() const {
        Deadline deadline = Deadline::after(std::chrono::seconds(20));
        while (!deadline.passed()) {
            if (seen->rounds > 0 && read_stat(child_).value().state == 'S') return true;
            ::usleep(1000);
        }
        return false;
    }

    pid_t child_ = 0;
};

TEST_F(InterruptedTest, GoesOnWithoutASignal) {
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(Tracee::seize(child_));
        ASSERT_TRUE(sleeps());
    }
    EXPECT_EQ(seen->rounds, 1);
}

TEST_F(InterruptedTest, EndsForASignalThatComesMeanwhile) {
    {
        auto held = Tracee::seize(child_);
        ASSERT_TRUE(held);
        ASSERT_EQ(::kill(child_, SIGUSR1), 0);
    }
    Deadline deadline = Deadline::after(std::chrono::seconds(20));
    while (seen->rounds < 2 && !deadline.passed())
        ::usleep(1000);
    EXPECT_EQ(seen->handled, 1);
    EXPECT_EQ(seen->rounds, 2);
    EXPECT_EQ(seen->result, -1);
    EXPECT_EQ(seen->code, EINTR);
}

} // namespace
} // namespace rove::tracee
