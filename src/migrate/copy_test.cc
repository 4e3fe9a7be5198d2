// SPDX-License-Identifier: Apache-2.0
#include "migrate/copy.hh"

#include <gtest/gtest.h>

#include <sys/mman.h>

namespace rove::migrate {
namespace {

using wire::Vma;
using wire::VmaKind;

constexpr int rw = PROT_READ | PROT_WRITE;

Vma vma(uint64_t start, uint64_t end, int prot = rw, VmaKind kind = VmaKind::anonymous) {
    Vma made;
    made.start = start;
    made.end = end;
    made.prot = static_cast<uint8_t>(prot);
    made.kind = kind;
    return made;
}

std::vector<std::pair<uint64_t, uint64_t>> pairs(Ranges const& ranges) {
    std::vector<std::pair<uint64_t, uint64_t>> all;
    for (auto const& range : ranges)
        all.emplace_back(range.address, range.address + range.length);
    return all;
}
using Pairs = std::vector<std::pair<uint64_t, uint64_t>>;

TEST(Copy, takes_only_what_is_mapped_there_and_writable) {
    Copy copy({vma(0x1000, 0x4000), vma(0x6000, 0x8000, PROT_READ),
        vma(0x8000, 0x9000, rw, VmaKind::vvar)});
    EXPECT_EQ(pairs(copy.takes({{0x2000, 0x8000}})), (Pairs{{0x2000, 0x4000}}));
}

TEST(Copy, what_was_written_since_is_sent_again) {
    Copy copy({vma(0x1000, 0x9000)});
    copy.add({{0x1000, 0x4000}});
    copy.outdate({{0x2000, 0x1000}});
    Ranges present{{0x1000, 0x5000}}, suspect{{0x4000, 0x2000}};
    // 0x2000 is old, 0x4000 was written after the last look, 0x5000 was never there.
    EXPECT_EQ(pairs(copy.missing(present, suspect)), (Pairs{{0x2000, 0x3000}, {0x4000, 0x6000}}));
    EXPECT_TRUE(copy.surplus(present).empty());
}

TEST(Copy, what_the_program_has_given_up_is_surplus_even_if_it_was_written_before) {
    Copy copy({vma(0x1000, 0x9000)});
    copy.add({{0x1000, 0x3000}});
    copy.outdate({{0x2000, 0x1000}});
    EXPECT_EQ(pairs(copy.surplus({{0x1000, 0x1000}})), (Pairs{{0x2000, 0x4000}}));
}

TEST(Copy, nothing_is_there_any_more_where_something_else_was_mapped) {
    Copy copy({vma(0x1000, 0x9000)});
    copy.add({{0x1000, 0x8000}});
    copy.lay_out({vma(0x1000, 0x3000), vma(0x3000, 0x5000, rw, VmaKind::stack),
        vma(0x6000, 0x9000, PROT_READ)});
    EXPECT_EQ(pairs(copy.missing({{0x1000, 0x8000}}, {})), (Pairs{{0x3000, 0x6000}}));
    EXPECT_EQ(pairs(copy.surplus({})), (Pairs{{0x1000, 0x3000}, {0x6000, 0x9000}}));
}

TEST(Copy, what_the_host_has_lost_is_neither_there_nor_surplus) {
    Copy copy({vma(0x1000, 0x9000)});
    copy.add({{0x1000, 0x4000}});
    copy.lose({{0x2000, 0x1000}, {0x8000, 0x1000}});
    EXPECT_EQ(pairs(copy.missing({{0x1000, 0x4000}}, {})), (Pairs{{0x2000, 0x3000}}));
    EXPECT_EQ(pairs(copy.surplus({})), (Pairs{{0x1000, 0x2000}, {0x3000, 0x5000}}));
}

TEST(Copy, a_mapping_that_was_away_for_a_look_holds_nothing) {
    Copy copy({vma(0x1000, 0x3000)});
    copy.add({{0x1000, 0x2000}});
    copy.lay_out({});
    copy.lay_out({vma(0x1000, 0x3000)});
    EXPECT_TRUE(copy.empty());
}

} // namespace
} // namespace rove::migrate
