// SPDX-License-Identifier: Apache-2.0
// Tests of the pages that threads point to.
#include "migrate/thread_pages.hh"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>

#include "image/layout.hh"
#include "warden/mapping.hh"
#include "wire/region.hh"

namespace rove::migrate {
namespace {

constexpr uint64_t mb = 1 << 20, page = 4096;
constexpr size_t rdi = 8, rsi = 9, rsp = 15;

wire::ThreadImage with_state(wire::ThreadState const& state) {
    wire::ThreadImage thread;
    thread.registers.assign(23, 0);
    thread.thread_state.assign(reinterpret_cast<char const*>(&state), sizeof state);
    return thread;
}

wire::ThreadImage polling(uint64_t address, uint64_t count) {
    wire::ThreadState state{};
    state.pending = wire::Pending::call;
    state.rest_call = SYS_poll;
    auto thread = with_state(state);
    thread.registers[rdi] = address;
    thread.registers[rsi] = count;
    return thread;
}

TEST(ThreadPages, what_threads_will_touch_at_once) {
    wire::ThreadState state{};
    state.fs_base = 9 * mb;
    state.clear_tid = 11 * mb + page - 4;
    auto thread = with_state(state);
    thread.registers[rdi] = 5 * mb + 100;
    thread.registers[rsp] = 7 * mb + 64;
    auto pages = needed_at_once({thread});
    auto has = [&](uint64_t address) {
        return !warden::intersect(pages, {{address & ~(page - 1), page}}).empty();
    };
    EXPECT_TRUE(has(5 * mb));
    EXPECT_FALSE(has(5 * mb + page));
    EXPECT_TRUE(has(7 * mb - page));
    EXPECT_TRUE(has(7 * mb + 4 * page));
    EXPECT_FALSE(has(7 * mb + 16 * page));
    EXPECT_TRUE(has(9 * mb));
    EXPECT_TRUE(has(9 * mb - page));
    EXPECT_TRUE(has(11 * mb));
    EXPECT_TRUE(image::check_pages(pages));
}

TEST(ThreadPages, registers_that_point_nowhere_do_no_harm) {
    wire::ThreadImage thread;
    thread.registers.assign(23, ~uint64_t{0});
    EXPECT_TRUE(image::check_pages(needed_at_once({thread})));
    EXPECT_TRUE(needed_at_once({wire::ThreadImage{}}).empty());
}

TEST(ThreadPages, arrays_of_polls_that_share_pages_are_told_once) {
    uint64_t two_pages = page / sizeof(pollfd) + 1;
    auto pages = pages_of_waits(
        {polling(8 * mb + 16, 1), polling(4 * mb, two_pages), polling(8 * mb + 64, two_pages)});
    ASSERT_EQ(pages.size(), 2u);
    EXPECT_EQ(pages[0].address, 4 * mb);
    EXPECT_EQ(pages[0].length, 2 * page);
    EXPECT_EQ(pages[1].address, 8 * mb);
    EXPECT_EQ(pages[1].length, 2 * page);
}

TEST(ThreadPages, what_is_left_of_a_sleep_may_cross_a_page) {
    wire::ThreadState state{};
    state.sleep_remaining = 3 * mb + page - 8;
    auto pages = pages_of_waits({with_state(state)});
    ASSERT_EQ(pages.size(), 1u);
    EXPECT_EQ(pages[0].address, 3 * mb);
    EXPECT_EQ(pages[0].length, 2 * page);
}

TEST(ThreadPages, who_does_not_wait_has_none) {
    EXPECT_TRUE(pages_of_waits({polling(4 * mb, 0), with_state({}), wire::ThreadImage{}}).empty());
}

} // namespace
} // namespace rove::migrate
