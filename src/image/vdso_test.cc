// SPDX-License-Identifier: Apache-2.0
#include "image/vdso.hh"

#include <dlfcn.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/time.h>

#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "image/maps.hh"

namespace {

using rove::image::vdso_of_calls;

std::string own_vdso() {
    std::ifstream file("/proc/self/maps");
    auto mappings = rove::image::parse_maps(std::string(std::istreambuf_iterator<char>(file), {}));
    if (!mappings) return "";
    for (auto const& mapping : *mappings)
        if (mapping.path == "[vdso]")
            return std::string(reinterpret_cast<char const*>(mapping.start), mapping.size());
    return "";
}

// The copy's functions, found where the C library finds those of the kernel.
class VdsoOfCalls : public ::testing::Test {
protected:
    void SetUp() override {
        std::string own = own_vdso();
        auto made = vdso_of_calls(own);
        ASSERT_TRUE(made) << made.error().sentence();
        ASSERT_EQ(made->size(), own.size());
        size_ = made->size();
        copy_ = static_cast<char*>(
            mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        ASSERT_NE(copy_, MAP_FAILED);
        std::memcpy(copy_, made->data(), size_);
        ASSERT_EQ(mprotect(copy_, size_, PROT_READ | PROT_EXEC), 0);
        library_ = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
    }
    void TearDown() override { munmap(copy_, size_); }
    template <class Function> Function* find(char const* name) const {
        auto* address = library_ ? static_cast<char*>(dlsym(library_, name)) : nullptr;
        if (!address) return nullptr;
        auto offset = address - reinterpret_cast<char*>(getauxval(AT_SYSINFO_EHDR));
        return reinterpret_cast<Function*>(copy_ + offset);
    }

    char* copy_ = nullptr;
    size_t size_ = 0;
    void* library_ = nullptr;
};

TEST_F(VdsoOfCalls, TellsTheTime) {
    auto* clock = find<int(clockid_t, timespec*)>("__vdso_clock_gettime");
    auto* day = find<int(timeval*, void*)>("__vdso_gettimeofday");
    auto* seconds = find<time_t(time_t*)>("__vdso_time");
    ASSERT_TRUE(clock && day && seconds);
    timespec before, there, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    ASSERT_EQ(clock(CLOCK_MONOTONIC, &there), 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    auto ns = [](timespec const& at) { return at.tv_sec * 1'000'000'000 + at.tv_nsec; };
    EXPECT_LE(ns(before), ns(there));
    EXPECT_LE(ns(there), ns(after));
    EXPECT_EQ(clock(12345, &there), -EINVAL);
    timeval now{};
    ASSERT_EQ(day(&now, nullptr), 0);
    time_t stored = 0, at = seconds(&stored);
    EXPECT_EQ(at, stored);
    EXPECT_GE(at, now.tv_sec);
    EXPECT_LE(at, time(nullptr));
}

TEST_F(VdsoOfCalls, TellsTheProcessor) {
    auto* where = find<long(unsigned*, unsigned*, void*)>("__vdso_getcpu");
    ASSERT_TRUE(where);
    unsigned cpu = ~0u, node = ~0u;
    EXPECT_EQ(where(&cpu, &node, nullptr), 0);
    EXPECT_NE(cpu, ~0u);
    EXPECT_NE(node, ~0u);
}

TEST_F(VdsoOfCalls, GivesRandomBytesButNoState) {
    auto* random = find<ssize_t(void*, size_t, unsigned, void*, size_t)>("__vdso_getrandom");
    if (!random) GTEST_SKIP() << "this kernel's vdso has no getrandom";
    char wanted[256] = "";
    EXPECT_EQ(random(nullptr, 0, 0, wanted, ~size_t{0}), -ENOSYS);
    char bytes[64] = "", zeros[64] = "";
    EXPECT_EQ(random(bytes, sizeof bytes, 0, wanted, sizeof wanted), 64);
    EXPECT_NE(std::memcmp(bytes, zeros, sizeof bytes), 0);
}

TEST(Vdso, RefusesWhatItIsNot) {
    EXPECT_FALSE(vdso_of_calls(""));
    EXPECT_FALSE(vdso_of_calls(std::string(8192, '\0')));
    std::string own = own_vdso();
    for (size_t length : {size_t{64}, size_t{300}, own.size() / 4})
        EXPECT_FALSE(vdso_of_calls(own.substr(0, length))) << length;
    std::string stranger = own;
    size_t at = stranger.find("__vdso_time");
    ASSERT_NE(at, stranger.npos);
    stranger.replace(at, 11, "__vdso_tine");
    auto refused = vdso_of_calls(stranger);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ENOTSUP);
}

} // namespace
