// SPDX-License-Identifier: Apache-2.0
#include "warden/late_pages.hh"

#include <gtest/gtest.h>

namespace rove::warden {
namespace {

constexpr uint64_t kb = 1 << 10, mb = 1 << 20;

bool same(std::vector<wire::Range> const& a, std::vector<wire::Range> const& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](auto const& x, auto const& y) {
        return x.address == y.address && x.length == y.length;
    });
}

TEST(PageSet, is_what_was_added_without_what_was_removed) {
    PageSet set;
    set.add({4 * kb, 8 * kb});
    set.add({12 * kb, 4 * kb});
    set.add({64 * kb, 64 * kb});
    EXPECT_EQ(set.bytes(), 76 * kb);
    EXPECT_TRUE(same(set.remove({8 * kb, 60 * kb}), {{8 * kb, 8 * kb}, {64 * kb, 4 * kb}}));
    EXPECT_TRUE(same(set.within({0, mb}), {{4 * kb, 4 * kb}, {68 * kb, 60 * kb}}));
    EXPECT_TRUE(same(set.remove({80 * kb, 4 * kb}), {{80 * kb, 4 * kb}}));
    EXPECT_EQ(set.from(80 * kb).address, 84 * kb);
    EXPECT_EQ(set.from(100 * kb).length, 28 * kb);
    EXPECT_EQ(set.from(128 * kb).length, 0u);
    EXPECT_EQ(set.bytes(), 60 * kb);
}

TEST(PageSet, adding_twice_counts_once) {
    PageSet set;
    set.add({0, 16 * kb});
    set.add({8 * kb, 16 * kb});
    EXPECT_EQ(set.bytes(), 24 * kb);
    EXPECT_TRUE(same(set.within({0, mb}), {{0, 24 * kb}}));
}

TEST(LatePages, what_is_waited_for_comes_first_with_what_lies_around_it) {
    LatePages late({{mb, 4 * mb}});
    auto rest = late.next(false);
    ASSERT_TRUE(rest);
    EXPECT_TRUE(same(rest->ranges, {{mb, 128 * kb}}));
    late.want({2 * mb + 72 * kb, 4 * kb});
    auto waited = late.next(false);
    ASSERT_TRUE(waited);
    EXPECT_TRUE(same(waited->ranges, {{2 * mb + 64 * kb, 64 * kb}}));
    // Then what follows it.
    auto next = late.next(false);
    ASSERT_TRUE(next);
    EXPECT_TRUE(same(next->ranges, {{2 * mb + 128 * kb, 128 * kb}}));
}

TEST(LatePages, what_has_been_asked_for_is_not_asked_for_again) {
    LatePages late({{0, 64 * kb}});
    EXPECT_TRUE(late.next(false));
    late.want({8 * kb, 4 * kb});
    EXPECT_FALSE(late.next(false));
    EXPECT_FALSE(late.within({8 * kb, 4 * kb}).empty());
    late.remove({0, 64 * kb});
    EXPECT_TRUE(late.empty());
}

TEST(LatePages, everything_comes_once) {
    std::vector<wire::Range> pages;
    for (uint64_t i = 0; i < 1000; ++i)
        pages.push_back({i * 12 * kb, 8 * kb});
    LatePages late(pages);
    late.want({500 * 12 * kb, 4 * kb});
    PageSet come;
    while (!late.empty()) {
        auto wanted = late.next(false);
        ASSERT_TRUE(wanted);
        for (auto const& range : wanted->ranges) {
            EXPECT_TRUE(come.within(range).empty());
            come.add(range);
            late.remove(range);
            late.answered(range.length);
        }
    }
    EXPECT_TRUE(same(come.within({0, 1000 * 12 * kb}), pages));
}

TEST(LatePages, so_much_is_asked_for_and_no_more) {
    LatePages late({{0, 64 * mb}});
    uint64_t bytes = 0;
    while (auto wanted = late.next(false))
        bytes += wire::bytes_of(wanted->ranges);
    EXPECT_EQ(bytes, 512 * kb);
    for (uint64_t at = mb; at < 64 * mb; at += mb)
        late.want({at, 4 * kb});
    while (auto wanted = late.next(false))
        bytes += wire::bytes_of(wanted->ranges);
    EXPECT_EQ(bytes, wire::late_asked_max);
}

TEST(LatePages, what_was_asked_for_is_under_way_even_if_nobody_wants_it_any_more) {
    LatePages late({{0, 64 * mb}});
    while (late.next(false)) {
    }
    late.remove({0, mb});
    EXPECT_FALSE(late.next(false));
    late.answered(128 * kb);
    EXPECT_TRUE(late.next(false));
    EXPECT_FALSE(late.next(false));
}

TEST(LatePages, only_what_is_waited_for_until_it_runs) {
    LatePages late({{0, mb}});
    EXPECT_FALSE(late.next(true));
    late.want({0, 4 * kb});
    EXPECT_TRUE(late.next(true));
    EXPECT_FALSE(late.next(true));
}

TEST(LatePages, a_long_range_is_brought_to_its_end) {
    LatePages late({{0, 512 * kb}});
    late.want({96 * kb, 200 * kb});
    uint64_t end = 0;
    while (auto wanted = late.next(true))
        end = wanted->ranges.back().address + wanted->ranges.back().length;
    EXPECT_EQ(end, 320 * kb);
}

TEST(LatePages, another_one_is_asked_for_what_has_not_come) {
    LatePages late({{0, 128 * kb}});
    EXPECT_TRUE(late.next(false));
    late.remove({0, 64 * kb});
    EXPECT_FALSE(late.next(false));
    late.ask_again();
    auto wanted = late.next(false);
    ASSERT_TRUE(wanted);
    EXPECT_TRUE(same(wanted->ranges, {{64 * kb, 64 * kb}}));
}

TEST(LatePages, what_is_the_programs_no_more_is_not_asked_for) {
    LatePages late({{0, 128 * kb}});
    late.want({0, 4 * kb});
    late.remove({0, 128 * kb});
    EXPECT_TRUE(late.empty());
    EXPECT_FALSE(late.next(false));
}

} // namespace
} // namespace rove::warden
