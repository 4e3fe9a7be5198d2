// SPDX-License-Identifier: Apache-2.0
#include "node/readable.hh"

#include <signal.h>
#include <sys/time.h>

#include <gtest/gtest.h>

#include "base/clock.hh"

namespace rove::node {
namespace {

// A daemon is sent a signal whenever a keeper ends; a process that was taken for ended then was
// forgotten.
TEST(Readable, signals_make_nothing_readable) {
    auto empty = sys::pipe().value();
    static volatile sig_atomic_t came;
    came = 0;
    struct sigaction counted {
    }, before{};
    counted.sa_handler = [](int) { came = came + 1; };
    ASSERT_EQ(::sigaction(SIGALRM, &counted, &before), 0);
    itimerval often{{0, 50}, {0, 50}}, never{};
    ASSERT_EQ(::setitimer(ITIMER_REAL, &often, nullptr), 0);
    unsigned readable = 0;
    for (Deadline end = Deadline::after(std::chrono::seconds(10)); came < 2000 && !end.passed();)
        readable += is_readable(empty.reader.number());
    ASSERT_EQ(::setitimer(ITIMER_REAL, &never, nullptr), 0);
    (void)::sigaction(SIGALRM, &before, nullptr);
    EXPECT_EQ(readable, 0u) << "of " << came << " signals";
    empty.writer.close();
    EXPECT_TRUE(is_readable(empty.reader.number()));
}

} // namespace
} // namespace rove::node
