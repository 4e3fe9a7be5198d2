// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tracee/tracee.hh"

namespace rove::tracee {
namespace {

TEST(Gadgets, are_looked_for_in_small_mappings_first) {
    constexpr size_t size = 64 << 20;
    constexpr unsigned char bytes[] = {0x0f, 0x05, 0xc3};
    // Below everything else, as a program without a place of its own choice is.
    void* low = ::mmap(reinterpret_cast<void*>(0x10000000), size, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    ASSERT_NE(low, MAP_FAILED);
    std::memcpy(low, bytes, sizeof bytes);
    ASSERT_EQ(::mprotect(low, size, PROT_READ | PROT_EXEC), 0);
    auto memory = RemoteMemory::open(::getpid());
    ASSERT_TRUE(memory);
    auto found = find_gadgets(::getpid(), *memory);
    ASSERT_TRUE(found);
    auto start = reinterpret_cast<uint64_t>(low);
    for (uint64_t at : {found->call, found->lone_call, found->back}) {
        EXPECT_NE(at, 0u);
        EXPECT_FALSE(at >= start && at < start + size);
    }
    EXPECT_TRUE(still_there(*found, *memory));
    (void)::munmap(low, size);
}

} // namespace
} // namespace rove::tracee
