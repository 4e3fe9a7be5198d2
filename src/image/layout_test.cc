// SPDX-License-Identifier: Apache-2.0
#include "image/layout.hh"

#include <gtest/gtest.h>
#include <sys/mman.h>

namespace rove::image {
namespace {

using What = Step::What;

Mapping mapping(uint64_t start, uint64_t end, int prot = PROT_READ | PROT_WRITE) {
    Mapping one;
    one.start = start;
    one.end = end;
    one.prot = prot;
    return one;
}
wire::Vma vma(uint64_t start, uint64_t end, int prot = PROT_READ | PROT_WRITE) {
    wire::Vma one;
    one.start = start;
    one.end = end;
    one.prot = static_cast<uint8_t>(prot);
    return one;
}
bool never(Mapping const&, wire::Vma const&) {
    return false;
}

TEST(Reconcile, leaves_alone_what_is_right) {
    EXPECT_TRUE(reconcile({mapping(0x1000, 0x3000)}, {vma(0x1000, 0x3000)}, 0, never).empty());
}

TEST(Reconcile, unmaps_maps_and_protects_the_pieces_that_differ) {
    auto steps = reconcile(
        {mapping(0x1000, 0x5000)}, {vma(0x2000, 0x3000, PROT_READ), vma(0x4000, 0x7000)}, 0, never);
    ASSERT_EQ(steps.size(), 4u);
    EXPECT_EQ(steps[0].what, What::unmap);
    EXPECT_EQ(steps[0].address, 0x1000u);
    EXPECT_EQ(steps[1].what, What::unmap);
    EXPECT_EQ(steps[1].address, 0x3000u);
    EXPECT_EQ(steps[2].what, What::protect);
    EXPECT_EQ(steps[2].prot, PROT_READ);
    EXPECT_EQ(steps[3].what, What::map_anonymous);
    EXPECT_EQ(steps[3].address, 0x5000u);
    EXPECT_EQ(steps[3].length, 0x2000u);
}

TEST(Reconcile, lets_a_stack_grow) {
    auto stack = mapping(0x9000, 0xa000);
    stack.flags = "rd wr gd";
    auto wanted = vma(0x6000, 0xa000);
    wanted.kind = wire::VmaKind::stack;
    auto steps = reconcile({stack}, {wanted}, 0, never);
    ASSERT_EQ(steps.size(), 1u);
    EXPECT_EQ(steps[0].what, What::grow_stack);
    EXPECT_EQ(steps[0].address, 0x6000u);
}

TEST(Layout, refuses_hostile_lists) {
    EXPECT_TRUE(check_vmas({vma(0x1000, 0x2000), vma(0x2000, 0x3000)}, 0, 0));
    EXPECT_FALSE(check_vmas({vma(0x2000, 0x3000), vma(0x1000, 0x2000)}, 0, 0));
    EXPECT_FALSE(check_vmas({vma(0x1000, 0x1000)}, 0, 0));
    EXPECT_FALSE(check_vmas({vma(0x1001, 0x2000)}, 0, 0));
    EXPECT_FALSE(check_vmas({vma(0x1000, 1ull << 48)}, 0, 0));
    EXPECT_FALSE(check_vmas({vma(0x40000000, 0x40001000)}, 0x40000000, 0));
    auto segment = vma(0x1000, 0x2000);
    segment.kind = wire::VmaKind::segment;
    EXPECT_FALSE(check_vmas({segment}, 0, 0));
    EXPECT_TRUE(check_vmas({segment}, 0, 1));
}

TEST(Layout, refuses_pages_out_of_order) {
    EXPECT_TRUE(check_pages({}));
    EXPECT_TRUE(check_pages({{0x1000, 0x1000}, {0x2000, 0x3000}}));
    EXPECT_FALSE(check_pages({{0x2000, 0x1000}, {0x1000, 0x1000}}));
    EXPECT_FALSE(check_pages({{0x1000, 0x2000}, {0x2000, 0x1000}}));
    EXPECT_FALSE(check_pages({{0x1000, 0}}));
    EXPECT_FALSE(check_pages({{0x1001, 0x1000}}));
    EXPECT_FALSE(check_pages({{0x1000, ~uint64_t{0xfff}}}));
}

TEST(Layout, says_what_cannot_leave) {
    auto shared = mapping(0x1000, 0x2000);
    shared.shared = true;
    EXPECT_EQ(confining_word(shared), "shared_writable_memory");
    shared.prot = PROT_READ;
    shared.inode = 7;
    shared.flags = "rd sh mr";
    EXPECT_EQ(confining_word(shared), "");
    EXPECT_FALSE(is_commons(shared));
    shared.path = "/dev/zero (deleted)";
    EXPECT_TRUE(is_commons(shared));
    EXPECT_FALSE(is_written_file(shared));
    shared.path = "/tmp/hsperfdata_root/77";
    EXPECT_FALSE(is_written_file(shared));
    shared.flags = "rd sh mr mw";
    EXPECT_TRUE(is_written_file(shared)); // it could be made writable
    shared.path = "/memfd:own (deleted)";
    EXPECT_FALSE(is_written_file(shared));
    auto huge = mapping(0x1000, 0x2000);
    huge.flags = "rd wr ht";
    EXPECT_EQ(confining_word(huge), "hugetlbfs");
    EXPECT_EQ(confining_word(mapping(0x1000, 0x2000)), "");
}

} // namespace
} // namespace rove::image
