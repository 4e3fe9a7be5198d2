// SPDX-License-Identifier: Apache-2.0
// Tests of errands: they answer, and the loop does not stand still for those that do not.
#include "node/errand.hh"

#include <thread>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <gtest/gtest.h>

#include "base/fd.hh"

namespace rove::node {
namespace {

using std::chrono::milliseconds;

struct ErrandTest : testing::Test {
    ~ErrandTest() override {
        while (::waitpid(-1, nullptr, 0) > 0) {
        }
    }
    std::optional<std::string> run(std::function<std::string()> const& work,
        std::vector<int> const& keep = {}, Nanos limit = std::chrono::seconds(20)) {
        bool done = false;
        std::optional<std::string> answer;
        start(io,
            [](ErrandTest& test, std::function<std::string()> what, std::vector<int> kept,
                Nanos time, bool& ended, std::optional<std::string>& said) -> Task<> {
                said = co_await run_errand(test.io, what, kept, time);
                ended = true;
            }(*this, work, keep, limit, done, answer));
        for (; !done; ++rounds)
            io.run_one_for(milliseconds(5));
        return answer;
    }
    asio::io_context io{1};
    asio::executor_work_guard<asio::io_context::executor_type> busy = asio::make_work_guard(io);
    size_t rounds = 0;
};

TEST_F(ErrandTest, the_answer_comes) {
    EXPECT_EQ(run([] { return std::string("well"); }), "well");
    EXPECT_EQ(run([] { return std::string(); }), "");
    std::string longer(300000, 'x');
    EXPECT_EQ(run([&] { return longer; }), longer);
}

TEST_F(ErrandTest, who_does_not_come_back_is_killed_and_the_loop_goes_on) {
    Nanos began = monotonic_now();
    auto stuck = [] {
        for (;;)
            (void)::pause();
        return std::string();
    };
    EXPECT_EQ(run(stuck, {}, milliseconds(100)), std::nullopt);
    EXPECT_GE(rounds, 5u);
    EXPECT_LT(monotonic_now() - began, std::chrono::seconds(10));
    EXPECT_EQ(run([]() -> std::string { ::_exit(0); }), std::nullopt);
    EXPECT_EQ(run([]() -> std::string { ::abort(); }), std::nullopt);
    EXPECT_EQ(run([] { return std::string(2 << 20, 'x'); }), std::nullopt);
}

TEST_F(ErrandTest, only_the_descriptors_that_are_named_are_open) {
    Fd kept(::open("/dev/null", O_RDONLY)), other(::open("/dev/null", O_RDONLY));
    auto open_ones = [&] {
        std::string all;
        for (int number : {kept.number(), other.number()})
            all += ::fcntl(number, F_GETFD) < 0 ? '-' : '+';
        return all;
    };
    EXPECT_EQ(run(open_ones, {kept.number()}), "+-");
    EXPECT_EQ(run(open_ones), "--");
}

} // namespace
} // namespace rove::node
