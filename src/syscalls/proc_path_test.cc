// SPDX-License-Identifier: Apache-2.0
#include "syscalls/proc_path.hh"

#include <gtest/gtest.h>

#include <string>

namespace rove::syscalls {
namespace {

ProcPath kind(std::string const& path, int32_t* number = nullptr) {
    int32_t unused = -1;
    return classify_proc_path(path.data(), path.size(), 42, number ? number : &unused);
}

TEST(ProcPath, OwnFilesUnderAllNames) {
    for (char const* path :
        {"/proc/self/maps", "/proc/thread-self/smaps", "/proc/42/mem", "//proc//42/pagemap",
            "/proc/self/task/43/numa_maps", "/proc/self/map_files/400000-401000"})
        EXPECT_EQ(kind(path), ProcPath::memory) << path;
    EXPECT_EQ(kind("/proc/self/status"), ProcPath::counts);
    EXPECT_EQ(kind("/proc/42/task/42/stat"), ProcPath::counts);
}

TEST(ProcPath, NothingElse) {
    for (char const* path :
        {"", "/", "/proc", "/proc/self", "/proc/43/maps", "/proc/self/mapsx", "/proc/stat",
            "/proc/self/task/x/maps", "maps", "/process/self/maps", "/proc/self/mountinfo"})
        EXPECT_EQ(kind(path), ProcPath::other) << path;
    EXPECT_EQ(kind(std::string("/proc/self/map\0s", 16)), ProcPath::other);
}

TEST(ProcPath, Descriptors) {
    int32_t number = -1;
    EXPECT_EQ(kind("/proc/self/fd/300", &number), ProcPath::descriptor);
    EXPECT_EQ(number, 300);
    EXPECT_EQ(kind("/dev/fd/7", &number), ProcPath::descriptor);
    EXPECT_EQ(number, 7);
    EXPECT_EQ(kind("/proc/self/fd"), ProcPath::other);
}

TEST(ProcPath, RelativeOnes) {
    EXPECT_TRUE(may_be_proc_path("maps", 4));
    EXPECT_TRUE(may_be_proc_path("self/status", 11));
    EXPECT_FALSE(may_be_proc_path("maps/x", 6));
    EXPECT_FALSE(may_be_proc_path("", 0));
}

std::string less(std::string text) {
    text.resize(count_one_less(text.data(), text.size()));
    return text;
}

TEST(ProcPath, OneThreadLess) {
    EXPECT_EQ(less("Name:\tx\nThreads:\t2\nSigQ:\t0\n"), "Name:\tx\nThreads:\t1\nSigQ:\t0\n");
    EXPECT_EQ(less("Name:\tx\nThreads:\t10\nSigQ:\t0\n"), "Name:\tx\nThreads:\t9\nSigQ:\t0\n");
    EXPECT_EQ(less("Name:\tx\nThreads:\t100\nSigQ"), "Name:\tx\nThreads:\t99\nSigQ");
    EXPECT_EQ(less("Name:\tx\nThreads:\t1"), "Name:\tx\nThreads:\t1") << "the number may go on";
    EXPECT_EQ(less("Name:\tx\n"), "Name:\tx\n");
    EXPECT_EQ(less(""), "");
    EXPECT_EQ(less("1 (a) 7) R 0 1 1 0 -1 4 5 0 0 0 6 0 0 0 20 0 12 0 99\n"),
        "1 (a) 7) R 0 1 1 0 -1 4 5 0 0 0 6 0 0 0 20 0 11 0 99\n");
    EXPECT_EQ(less("1 (a) R 0"), "1 (a) R 0");
}

} // namespace
} // namespace rove::syscalls
