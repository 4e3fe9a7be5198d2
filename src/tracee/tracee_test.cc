// SPDX-License-Identifier: Apache-2.0
#include "tracee/pagemap.hh"

#include <gtest/gtest.h>

#include <sys/mman.h>
#include <unistd.h>

#include "tracee/proc.hh"

namespace rove::tracee {
namespace {

constexpr uint64_t page = 4096;

// More pieces than fit into the kernel's buffer, and into ours.
TEST(Pagemap, FindsEachOfManyPiecesOnce) {
    constexpr size_t pages = 6000;
    void* memory =
        ::mmap(nullptr, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    ASSERT_EQ(::madvise(memory, pages * page, MADV_NOHUGEPAGE), 0);
    auto start = reinterpret_cast<uint64_t>(memory);
    for (size_t touched : {200u, 1200u, 6000u}) {
        for (size_t i = 0; i < touched; i += 2)
            static_cast<char volatile*>(memory)[i * page] = 1;
        auto pagemap = Pagemap::open(::getpid());
        ASSERT_TRUE(pagemap);
        std::vector<wire::Range> found;
        ASSERT_TRUE(pagemap->private_pages(start, start + pages * page, Backing::nothing, found));
        ASSERT_EQ(found.size(), touched / 2);
        for (size_t i = 0; i < found.size(); ++i) {
            EXPECT_EQ(found[i].address, start + 2 * i * page);
            EXPECT_EQ(found[i].length, page);
        }
    }
    (void)::munmap(memory, pages * page);
}

TEST(Proc, ReadsLimits) {
    char const* text =
        "Limit                     Soft Limit           Hard Limit           Units     \n"
        "Max cpu time              unlimited            unlimited            seconds   \n"
        "Max open files            1024                 1048576              files     \n";
    auto files = parse_limit(text, "Max open files");
    ASSERT_TRUE(files);
    EXPECT_EQ(files->soft, 1024u);
    EXPECT_EQ(files->hard, 1048576u);
    auto time = parse_limit(text, "Max cpu time");
    ASSERT_TRUE(time);
    EXPECT_EQ(time->soft, ~uint64_t{0});
    EXPECT_FALSE(parse_limit(text, "Max stack size"));
    EXPECT_FALSE(parse_limit("Max open files x y", "Max open files"));
}

} // namespace
} // namespace rove::tracee
