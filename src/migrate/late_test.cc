// SPDX-License-Identifier: Apache-2.0
#include "migrate/late.hh"

#include <gtest/gtest.h>

#include <sys/mman.h>

#include "image/layout.hh"
#include "warden/mapping.hh"

namespace rove::migrate {
namespace {

constexpr uint64_t page = 4096, mb = 1 << 20;
constexpr int rw = PROT_READ | PROT_WRITE;

wire::Vma vma(
    uint64_t start, int prot, wire::VmaKind kind = wire::VmaKind::anonymous, uint16_t advice = 0) {
    wire::Vma made;
    made.start = start;
    made.end = start + mb;
    made.prot = static_cast<uint8_t>(prot);
    made.kind = kind;
    made.advice = advice;
    return made;
}

TEST(Late, only_memory_that_is_the_programs_own_may_come_late) {
    constexpr uint16_t locked = 32;
    wire::Layout layout;
    layout.vmas = {vma(1 * mb, rw), vma(2 * mb, PROT_READ), vma(3 * mb, rw, wire::VmaKind::segment),
        vma(4 * mb, rw, wire::VmaKind::stack), vma(5 * mb, rw, wire::VmaKind::anonymous, locked),
        vma(6 * mb, rw)};
    auto late = may_be_late(layout, {{1 * mb + page, 7 * mb}});
    ASSERT_EQ(late.size(), 2u);
    EXPECT_EQ(late[0].address, 1 * mb + page);
    EXPECT_EQ(late[0].length, mb - page);
    EXPECT_EQ(late[1].address, 6 * mb);
    EXPECT_EQ(late[1].length, mb);
}

TEST(Late, nothing_of_a_process_that_shares_memory_or_has_files_with_it) {
    for (uint8_t how : {wire::commons_shared, wire::commons_own}) {
        wire::Layout layout;
        layout.vmas = {vma(mb, rw)};
        layout.segments = {{1, 2, 3, 0}, {1, 2, 3, how}};
        EXPECT_TRUE(may_be_late(layout, {{mb, mb}}).empty());
        layout.segments.pop_back();
        EXPECT_FALSE(may_be_late(layout, {{mb, mb}}).empty());
    }
}

TEST(Late, scattered_pages_become_few_ranges_that_have_them_all) {
    Ranges pages;
    for (uint64_t i = 0; i < 10000; ++i)
        pages.push_back({mb + i * 3 * page, page});
    auto few = coarse(pages, 100);
    EXPECT_LE(few.size(), 100u);
    EXPECT_TRUE(image::check_pages(few));
    EXPECT_TRUE(warden::subtract(pages, few).empty());
    EXPECT_LE(wire::bytes_of(few), 4 * wire::bytes_of(pages));
    EXPECT_EQ(coarse(pages, 10000).size(), 10000u);
}

TEST(Choice, pages_come_late_when_they_would_take_too_long) {
    Left left;
    left.bytes = 500 * mb;
    left.able = true;
    left.freeze = std::chrono::milliseconds(10);
    EXPECT_FALSE(choose(Mode::automatic, left).late);
    EXPECT_NE(choose(Mode::automatic, left).why.find("within 10ms"), std::string::npos)
        << choose(Mode::automatic, left).why;
    left.too_long = true;
    EXPECT_TRUE(choose(Mode::automatic, left).late);
    EXPECT_NE(choose(Mode::automatic, left).why.find("nothing could go ahead"), std::string::npos);
    left.ahead = true;
    EXPECT_TRUE(choose(Mode::automatic, left).late);
    EXPECT_NE(choose(Mode::automatic, left).why.find("as fast as"), std::string::npos);
}

TEST(Choice, not_where_it_cannot_be) {
    Left left;
    left.too_long = left.able = true;
    left.device = true;
    EXPECT_FALSE(choose(Mode::automatic, left).late);
    EXPECT_FALSE(choose(Mode::post_copy, left).late);
    left.device = left.able = false;
    EXPECT_FALSE(choose(Mode::hybrid, left).late);
}

TEST(Choice, as_is_configured) {
    Left left;
    left.able = true;
    EXPECT_TRUE(choose(Mode::post_copy, left).late);
    EXPECT_TRUE(choose(Mode::hybrid, left).late);
    left.too_long = true;
    EXPECT_FALSE(choose(Mode::pre_copy, left).late);
    EXPECT_FALSE(choose(Mode::stop_and_copy, left).late);
    EXPECT_NE(choose(Mode::pre_copy, left).why.find("move.mode is pre-copy"), std::string::npos);
}

TEST(Late, a_mode_is_what_it_is_called) {
    EXPECT_EQ(mode_of(""), Mode::automatic);
    EXPECT_EQ(mode_of("auto"), Mode::automatic);
    EXPECT_FALSE(makes_rounds(mode_of("post-copy")));
    EXPECT_TRUE(always_late(mode_of("post-copy")));
    EXPECT_TRUE(makes_rounds(mode_of("hybrid")));
    EXPECT_TRUE(always_late(mode_of("hybrid")));
    EXPECT_TRUE(never_late(mode_of("pre-copy")));
    EXPECT_FALSE(makes_rounds(mode_of("stop-and-copy")));
}

} // namespace
} // namespace rove::migrate
