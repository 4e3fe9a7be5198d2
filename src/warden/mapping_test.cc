// SPDX-License-Identifier: Apache-2.0
#include "warden/mapping.hh"

#include <gtest/gtest.h>

#include <sys/mman.h>
#include <sys/syscall.h>

#include "image/layout.hh"
#include "warden/builder.hh"

namespace rove::warden {
namespace {

using wire::Vma;
using wire::VmaKind;

constexpr uint64_t region = 0x200000000000;

Vma vma(uint64_t start, uint64_t end, uint8_t prot, VmaKind kind = VmaKind::anonymous,
    uint32_t segment = 0, uint64_t offset = 0) {
    Vma made;
    made.start = start;
    made.end = end;
    made.prot = prot;
    made.kind = kind;
    made.segment = segment;
    made.offset = offset;
    return made;
}
int no_segment(uint32_t) {
    return -1;
}

TEST(Mapping, the_same_layout_needs_no_calls) {
    std::vector<Vma> layout{
        vma(0x1000, 0x3000, 3), vma(0x5000, 0x9000, 5, VmaKind::segment, 1, 0x2000)};
    EXPECT_TRUE(mapping_calls(layout, layout, no_segment).empty());
}

TEST(Mapping, segments_are_mapped_with_their_descriptors_and_offsets) {
    auto calls = mapping_calls({}, {vma(0x5000, 0x9000, 5, VmaKind::segment, 7, 0x2000)},
        [](uint32_t segment) { return int(segment) + 20; });
    ASSERT_EQ(calls.size(), 1u);
    EXPECT_EQ(calls[0].number, uint64_t{SYS_mmap});
    EXPECT_EQ(calls[0].args[0], 0x5000u);
    EXPECT_EQ(calls[0].args[3], uint64_t{MAP_PRIVATE | MAP_FIXED});
    EXPECT_EQ(calls[0].args[4], 27u);
    EXPECT_EQ(calls[0].args[5], 0x2000u);
    EXPECT_EQ(calls[0].want, 0x5000);
}

TEST(Mapping, only_differences_are_applied) {
    std::vector<Vma> before{
        vma(0x1000, 0x8000, 3), vma(0x10000, 0x14000, 5, VmaKind::segment, 0, 0)};
    std::vector<Vma> after{vma(0x1000, 0x4000, 3), vma(0x4000, 0x6000, 1),
        vma(0x10000, 0x12000, 5, VmaKind::segment, 0, 0), vma(0x12000, 0x14000, 3)};
    auto calls = mapping_calls(before, after, no_segment);
    ASSERT_EQ(calls.size(), 3u);
    EXPECT_EQ(calls[0].number, uint64_t{SYS_munmap});
    EXPECT_EQ(calls[0].args[0], 0x6000u);
    EXPECT_EQ(calls[0].args[1], 0x2000u);
    EXPECT_EQ(calls[1].number, uint64_t{SYS_mmap});
    EXPECT_EQ(calls[1].args[0], 0x12000u);
    EXPECT_EQ(calls[2].number, uint64_t{SYS_mprotect});
    EXPECT_EQ(calls[2].args[0], 0x4000u);
}

TEST(Mapping, a_split_segment_at_matching_offsets_stays) {
    std::vector<Vma> whole{vma(0x10000, 0x14000, 1, VmaKind::segment, 3, 0x1000)};
    std::vector<Vma> split{vma(0x10000, 0x12000, 1, VmaKind::segment, 3, 0x1000),
        vma(0x12000, 0x14000, 1, VmaKind::segment, 3, 0x3000)};
    EXPECT_TRUE(mapping_calls(whole, split, no_segment).empty());
    split[1].offset = 0x4000;
    EXPECT_EQ(mapping_calls(whole, split, no_segment).size(), 1u);
}

TEST(Mapping, pages_arrive_in_writable_mappings) {
    std::vector<Vma> layout{vma(0x1000, 0x2000, 1), vma(0x2000, 0x3000, 5), vma(0x3000, 0x4000, 0)};
    auto open = writable_where_present(layout, {{0x2000, 0x2000}});
    EXPECT_EQ(open[0].prot, 1);
    EXPECT_EQ(open[1].prot, 3);
    EXPECT_EQ(open[2].prot, 3);
    auto calls = mapping_calls(open, layout, no_segment);
    ASSERT_EQ(calls.size(), 2u);
    EXPECT_EQ(calls[0].args[2], 5u);
    EXPECT_EQ(calls[1].args[2], 0u);
}

TEST(Mapping, unsound_layouts_are_refused) {
    wire::Layout layout;
    layout.vmas = {vma(0x1000, 0x3000, 3)};
    EXPECT_TRUE(check_layout(layout, region));
    auto refused = [&](std::vector<Vma> vmas) {
        wire::Layout bad;
        bad.vmas = std::move(vmas);
        return !check_layout(bad, region);
    };
    EXPECT_TRUE(refused({vma(0x1000, 0x3000, 3), vma(0x2000, 0x4000, 3)}));
    EXPECT_TRUE(refused({vma(0x3000, 0x1000, 3)}));
    EXPECT_TRUE(refused({vma(0x1001, 0x3000, 3)}));
    EXPECT_TRUE(refused({vma(region - 0x1000, region + 0x1000, 3)}));
    EXPECT_TRUE(refused({vma(0x1000, 0x900000000000, 3)}));
    EXPECT_TRUE(refused({vma(0x1000, 0x3000, 8)}));
    EXPECT_TRUE(refused({vma(0x1000, 0x3000, 3, VmaKind::segment, 0, 0)}));
    layout.present = {{0x1000, ~0ull << 12}};
    EXPECT_FALSE(check_layout(layout, region));
    layout.present = {{region + 0x1000, 0x1000}};
    EXPECT_FALSE(check_layout(layout, region));
}

TEST(Mapping, only_commons_may_be_shared_and_written) {
    wire::Layout layout;
    layout.segments = {{1, 2, 0x2000, 0}, {3, 4, 0x2000, 1}};
    auto sound = [&](uint32_t segment, uint8_t prot, bool shared) {
        layout.vmas = {vma(0x1000, 0x3000, prot, VmaKind::segment, segment, 0)};
        if (shared) layout.vmas[0].advice |= image::advice_shared;
        return check_layout(layout, region).has_value();
    };
    EXPECT_TRUE(sound(0, 1, true));
    EXPECT_FALSE(sound(0, 3, true));
    EXPECT_TRUE(sound(0, 3, false));
    EXPECT_TRUE(sound(1, 3, true));
    EXPECT_FALSE(sound(1, 3, false));
}

TEST(Mapping, ranges_are_subtracted_and_intersected) {
    std::vector<wire::Range> a{{0x1000, 0x4000}, {0x8000, 0x2000}},
        b{{0x2000, 0x1000}, {0x4000, 0x5000}};
    auto both = intersect(a, b);
    ASSERT_EQ(both.size(), 3u);
    EXPECT_EQ(both[0].address, 0x2000u);
    EXPECT_EQ(both[0].length, 0x1000u);
    EXPECT_EQ(both[1].address, 0x4000u);
    EXPECT_EQ(both[1].length, 0x1000u);
    EXPECT_EQ(both[2].address, 0x8000u);
    EXPECT_EQ(both[2].length, 0x1000u);
    auto either = unite(a, b);
    ASSERT_EQ(either.size(), 1u); // 0x1000–0x5000, 0x4000–0x9000 and 0x8000–0xa000
    EXPECT_EQ(either[0].address, 0x1000u);
    EXPECT_EQ(either[0].length, 0x9000u);
    EXPECT_EQ(unite(a, {}).size(), 2u);
    EXPECT_EQ(unite({{0x1000, 0x1000}}, {{0x2000, 0x1000}}).size(), 1u);
    EXPECT_EQ(unite({{0x1000, 0x1000}}, {{0x3000, 0x1000}}).size(), 2u);
    EXPECT_TRUE(intersect(a, {}).empty());
    EXPECT_TRUE(intersect({}, b).empty());
}

} // namespace
} // namespace rove::warden
