// SPDX-License-Identifier: Apache-2.0
#include "warden/write_watch.hh"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "tracee/pagemap.hh"

namespace rove::warden {
namespace {

constexpr uint64_t page = 4096;

Userfaults make_userfaults() {
    auto make = [] {
        return Fd(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY)));
    };
    return {make(), make()};
}

wire::Vma vma(uint64_t start, uint64_t end) {
    wire::Vma made;
    made.start = start;
    made.end = end;
    return made;
}

TEST(WriteWatch, tells_the_pages_that_were_not_written_since) {
    Userfaults fds = make_userfaults();
    if (!fds.watch) GTEST_SKIP() << "this kernel lets nobody have a userfaultfd";
    auto* memory = static_cast<char*>(
        mmap(nullptr, 16 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(memory, MAP_FAILED);
    memset(memory, 1, 12 * page);
    auto start = reinterpret_cast<uint64_t>(memory);
    std::vector<wire::Vma> vmas(1);
    vmas[0].start = start;
    vmas[0].end = start + 16 * page;
    auto watch = WriteWatch::begin(std::move(fds), vmas, {{start, 12 * page}});
    if (!watch) GTEST_SKIP() << watch.error().sentence();

    memory[2 * page + 5] = 2; // by the program
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    ASSERT_EQ(write(ends[1], "x", 1), 1);
    ASSERT_EQ(read(ends[0], memory + 4 * page, 1), 1); // by the kernel
    close(ends[0]);
    close(ends[1]);
    memory[13 * page] = 3; // a page that was not there
    madvise(memory + 6 * page, page, MADV_DONTNEED);
    memory[6 * page] = 4; // nor was this one any more
    madvise(memory + 8 * page, page, MADV_DONTNEED);
    EXPECT_EQ(memory[9 * page], 1); // a look is no write

    auto pagemap = tracee::Pagemap::open(getpid());
    ASSERT_TRUE(pagemap);
    std::vector<wire::Range> suspect;
    auto told = pagemap->suspect_pages(start, start + 16 * page, suspect);
    ASSERT_TRUE(told && *told);
    std::string pages(16, '-');
    for (auto const& range : suspect)
        for (uint64_t at = range.address; at < range.address + range.length; at += page)
            pages[(at - start) / page] = 's';
    EXPECT_EQ(pages.substr(0, 8), "--s-s-s-"); // the next one is not there
    EXPECT_EQ(pages.substr(9, 5), "---ss");

    // Taken, they count as unwritten, until the next write.
    auto taken = [&] {
        std::vector<wire::Range> written;
        EXPECT_TRUE(pagemap->take_written_pages(
            start, start + 16 * page, tracee::Backing::nothing, written));
        std::string text(16, '-');
        for (auto const& range : written)
            for (uint64_t at = range.address; at < range.address + range.length; at += page)
                text[(at - start) / page] = 'w';
        return text;
    };
    EXPECT_EQ(taken(), "--w-w-w------w--");
    EXPECT_EQ(taken(), std::string(16, '-'));
    memory[3 * page] = 5;
    memory[13 * page] = 6;
    EXPECT_EQ(taken(), "---w---------w--");

    // Those that are renewed as well; others are as they were.
    memory[3 * page] = memory[4 * page] = memory[13 * page] = 8;
    watch->renew({{start + 4 * page, page}, {start + 13 * page, page}});
    EXPECT_EQ(taken(), "---w------------");
    memory[4 * page] = 9;
    EXPECT_EQ(taken(), "----w-----------");

    // Memory that is mapped anew is watched when it is asked for, and then counts as written.
    auto* more = static_cast<char*>(mmap(memory + 8 * page, page, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    ASSERT_NE(more, MAP_FAILED);
    *more = 7;
    EXPECT_EQ(taken(), std::string(16, '-'));
    suspect.clear();
    ASSERT_TRUE(pagemap->suspect_pages(start, start + 12 * page, suspect));
    ASSERT_EQ(suspect.size(), 1u);
    EXPECT_EQ(suspect[0].address, start + 8 * page);
    EXPECT_EQ(suspect[0].length, page);
    watch->widen({vma(start, start + 8 * page), vma(start + 8 * page, start + 9 * page),
        vma(start + 9 * page, start + 16 * page)});
    EXPECT_EQ(taken(), "--------w-------");
    munmap(memory, 16 * page);
}

// Memory that mremap brings back to where it was merges with what lies beside it, and the kernel
// watches none of it any more. What was written meanwhile must not look unwritten.
TEST(WriteWatch, knows_nothing_of_what_the_kernel_has_let_go_of) {
    Userfaults fds = make_userfaults();
    if (!fds.watch) GTEST_SKIP() << "this kernel lets nobody have a userfaultfd";
    auto* memory = static_cast<char*>(
        mmap(nullptr, 16 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    auto* other =
        static_cast<char*>(mmap(nullptr, 16 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_TRUE(memory != MAP_FAILED && other != MAP_FAILED);
    memset(memory, 1, 16 * page);
    auto start = reinterpret_cast<uint64_t>(memory), place = reinterpret_cast<uint64_t>(other);
    auto watch = WriteWatch::begin(std::move(fds), {}, {});
    if (!watch || !WriteWatch::follows_moves()) GTEST_SKIP() << "this kernel does not watch writes";
    auto pagemap = tracee::Pagemap::open(getpid());
    ASSERT_TRUE(pagemap);
    auto taken = [&] {
        std::vector<wire::Range> written;
        EXPECT_TRUE(pagemap->take_written_pages(
            start, start + 16 * page, tracee::Backing::nothing, written));
        return wire::bytes_of(written) / page;
    };
    watch->widen({vma(start, start + 16 * page)});
    EXPECT_EQ(taken(), 16u);
    constexpr int move = MREMAP_MAYMOVE | MREMAP_FIXED;
    ASSERT_EQ(mremap(memory + 4 * page, page, page, move, other), other);
    watch->widen({vma(place, place + page)});
    ASSERT_EQ(mremap(other, page, page, move, memory + 4 * page), memory + 4 * page);
    memset(memory, 2, 16 * page);
    watch->widen({vma(start, start + 16 * page), vma(start, start + 4 * page),
        vma(start + 4 * page, start + 5 * page), vma(start + 5 * page, start + 16 * page)});
    EXPECT_EQ(taken(), 16u);
    munmap(memory, 16 * page);
    munmap(other, 16 * page);
}

} // namespace
} // namespace rove::warden
