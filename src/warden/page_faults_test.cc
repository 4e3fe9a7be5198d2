// SPDX-License-Identifier: Apache-2.0
#include "warden/page_faults.hh"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace rove::warden {
namespace {

constexpr uint64_t page = 4096;
using What = PageFaults::Event::What;

class PageFaultsTest : public ::testing::Test {
protected:
    void SetUp() override {
        Fd device(open("/dev/userfaultfd", O_RDWR | O_CLOEXEC));
        if (!device) GTEST_SKIP() << "there is no /dev/userfaultfd for us";
        Fd fd(ioctl(device.number(), USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK));
        ASSERT_TRUE(fd);
        auto begun = PageFaults::begin(std::move(fd));
        ASSERT_TRUE(begun);
        faults.emplace(std::move(*begun));
        memory = static_cast<char*>(
            mmap(nullptr, 16 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        ASSERT_NE(memory, MAP_FAILED);
        start = reinterpret_cast<uint64_t>(memory);
        ASSERT_TRUE(faults->watch({start, 16 * page}));
    }
    void TearDown() override {
        if (faults) faults->unwatch({start, 16 * page});
        if (memory) munmap(memory, 16 * page);
    }
    PageFaults::Event next() {
        pollfd event{faults->number(), POLLIN, 0};
        EXPECT_EQ(poll(&event, 1, 10000), 1);
        auto events = faults->read();
        EXPECT_EQ(events.size(), 1u);
        return events.empty() ? PageFaults::Event{What::emptied, {}} : events[0];
    }

    std::optional<PageFaults> faults;
    char* memory = nullptr;
    uint64_t start = 0;
};

TEST_F(PageFaultsTest, who_touches_a_page_waits_for_it) {
    char seen = 0;
    std::thread program([&] { seen = memory[3 * page + 7]; });
    auto event = next();
    EXPECT_EQ(event.what, What::touched);
    EXPECT_EQ(event.range.address, start + 3 * page);
    std::string bytes(page, 'b');
    EXPECT_EQ(faults->put({start + 3 * page, page}, bytes.data()).value_or(0), page);
    program.join();
    EXPECT_EQ(seen, 'b');
}

TEST_F(PageFaultsTest, so_does_the_kernel) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    ssize_t written = 0;
    std::thread program([&] { written = write(ends[1], memory, 2); });
    EXPECT_EQ(next().what, What::touched);
    std::string bytes(page, 'k');
    EXPECT_TRUE(faults->put({start, page}, bytes.data()));
    program.join();
    char got[2] = {};
    EXPECT_EQ(written, 2);
    EXPECT_EQ(read(ends[0], got, 2), 2);
    EXPECT_EQ(got[1], 'k');
    close(ends[0]);
    close(ends[1]);
}

TEST_F(PageFaultsTest, pages_are_put_across_the_border_of_two_mappings) {
    ASSERT_EQ(mprotect(memory + 5 * page, page, PROT_READ), 0);
    std::string bytes(16 * page, 'x');
    EXPECT_EQ(faults->put({start, 16 * page}, bytes.data()).value_or(0), 16 * page);
    EXPECT_EQ(std::count(memory, memory + 16 * page, 'x'), 16 * static_cast<long>(page));
}

TEST_F(PageFaultsTest, what_was_nothing_is_zeros) {
    char seen = 1;
    std::thread program([&] { seen = memory[page]; });
    auto event = next();
    faults->put_nothing(event.range.address);
    program.join();
    EXPECT_EQ(seen, 0);
}

TEST_F(PageFaultsTest, what_is_emptied_is_told_and_nothing_is_put_before) {
    std::thread program([&] { madvise(memory + 2 * page, 2 * page, MADV_DONTNEED); });
    pollfd ready{faults->number(), POLLIN, 0};
    ASSERT_EQ(poll(&ready, 1, 10000), 1);
    std::string bytes(page, 'x');
    EXPECT_EQ(faults->put({start, page}, bytes.data()).value_or(1), 0u);
    auto event = next();
    program.join();
    EXPECT_EQ(event.what, What::emptied);
    EXPECT_EQ(event.range.address, start + 2 * page);
    EXPECT_EQ(event.range.length, 2 * page);
    EXPECT_EQ(faults->put({start, page}, bytes.data()).value_or(0), page);
}

TEST_F(PageFaultsTest, what_is_unmapped_or_moved_away_is_told) {
    std::string bytes(page, 'm');
    EXPECT_TRUE(faults->put({start + 8 * page, page}, bytes.data()));
    std::atomic<bool> ended = false;
    char moved = 0;
    std::thread program([&] {
        munmap(memory + 15 * page, page);
        void* place = mmap(nullptr, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        auto* to = static_cast<char*>(
            mremap(memory + 8 * page, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, place));
        moved = to[1];
        munmap(to, page);
        ended = true;
    });
    std::vector<uint64_t> emptied;
    while (!ended) {
        pollfd event{faults->number(), POLLIN, 0};
        (void)poll(&event, 1, 1);
        for (auto const& each : faults->read()) {
            EXPECT_EQ(each.what, What::emptied);
            EXPECT_EQ(each.range.length, page);
            emptied.push_back(each.range.address);
        }
    }
    program.join();
    EXPECT_EQ(moved, 'm');
    ASSERT_GE(emptied.size(), 3u);
    EXPECT_EQ(emptied.front(), start + 15 * page);
    EXPECT_EQ(emptied[1], start + 8 * page);
}

} // namespace
} // namespace rove::warden
