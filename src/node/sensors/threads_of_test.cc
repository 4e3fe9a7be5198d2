// SPDX-License-Identifier: Apache-2.0
#include "node/sensors/threads_of.hh"

#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rove::node {
namespace {

std::set<pid_t> seen_of(pid_t process) {
    std::set<pid_t> seen;
    ThreadsOf threads(process);
    while (auto thread = threads.next()) {
        EXPECT_FALSE(thread->schedstat.empty());
        EXPECT_TRUE(seen.insert(thread->tid).second) << thread->tid;
    }
    return seen;
}

// A child that waits for its end.
class Child {
public:
    Child() : pid_(::fork()) {
        if (pid_ == 0)
            for (;;)
                ::pause();
    }
    ~Child() {
        (void)::kill(pid_, SIGKILL);
        (void)::waitpid(pid_, nullptr, 0);
    }
    pid_t pid() const { return pid_; }

private:
    pid_t pid_;
};

TEST(ThreadsOf, one_thread_is_the_process) {
    Child child;
    EXPECT_EQ(seen_of(child.pid()), std::set<pid_t>{child.pid()});
}

TEST(ThreadsOf, several_are_all_there) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    pid_t others[2] = {};
    std::thread threads[2];
    for (int i = 0; i < 2; ++i)
        threads[i] = std::thread([&, i] {
            others[i] = ::gettid();
            char none;
            (void)!::read(ends[0], &none, 1);
        });
    std::set<pid_t> seen;
    while ((seen = seen_of(::getpid())).size() < 3)
        (void)::poll(nullptr, 0, 1);
    ::close(ends[1]);
    for (auto& thread : threads)
        thread.join();
    ::close(ends[0]);
    EXPECT_EQ(seen, (std::set<pid_t>{::getpid(), others[0], others[1]}));
}

TEST(ThreadsOf, nobody_has_none) {
    pid_t ended = 0;
    {
        Child child;
        ended = child.pid();
    }
    EXPECT_EQ(seen_of(ended), std::set<pid_t>{});
}

} // namespace
} // namespace rove::node
