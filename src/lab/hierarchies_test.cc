// SPDX-License-Identifier: Apache-2.0
// Hierarchies: the cgroup mounts of the three kinds of machine there are.
#include "lab/hierarchies.hh"

#include <gtest/gtest.h>

namespace rove::lab {
namespace {

TEST(Hierarchies, version_2_alone) {
    auto all = parse_hierarchies("35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 "
                                 "rw,nsdelegate,memory_recursiveprot\n"
                                 "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0], (Hierarchy{"/sys/fs/cgroup", 2, ""}));
    EXPECT_EQ(procs_files(all, "lab", "n1"),
        std::vector<std::string>{"/sys/fs/cgroup/rove-lab.lab/n1/init/cgroup.procs"});
}

TEST(Hierarchies, version_1_and_the_empty_2_beside_it) {
    auto all = parse_hierarchies(
        "25 24 0:22 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755\n"
        "30 25 0:25 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        "31 25 0:26 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
        "32 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:3 - cgroup cgroup rw,cpu,cpuacct\n"
        "33 25 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "34 25 0:28 / /sys/fs/cgroup/memory-again rw - cgroup cgroup rw,memory\n"
        "35 25 0:28 / /mnt/memory rw - cgroup cgroup rw,memory\n");
    ASSERT_EQ(all.size(), 4u);
    EXPECT_EQ(all[1].options, "name=systemd");
    EXPECT_EQ(all[2].options, "cpu,cpuacct");
    EXPECT_TRUE(all[2].has("cpuacct"));
    EXPECT_TRUE(all[2].has("cpu"));
    EXPECT_FALSE(all[2].has("cpuset"));
    EXPECT_FALSE(all[0].has("cpu"));
}

TEST(Hierarchies, nonsense_is_passed_over) {
    EXPECT_TRUE(parse_hierarchies("").empty());
    EXPECT_TRUE(parse_hierarchies(" - \n - cgroup\nx - cgroup2 y\n").empty());
}

} // namespace
} // namespace rove::lab
