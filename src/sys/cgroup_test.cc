// SPDX-License-Identifier: Apache-2.0
// Cgroup: the texts of both versions, and a real group where this machine lets us make one.
#include "sys/cgroup.hh"

#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "sys/cgroup_files.hh"
#include "sys/files.hh"
#include "sys/process.hh"

namespace rove::sys {
namespace {
using testing::ElementsAre;
using namespace std::chrono_literals;

constexpr char const* v1_mounts =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 /a /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
    "37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

TEST(CgroupPlaces, v1_by_controller) {
    auto own = parse_proc_cgroup("4:memory:/a/b\n2:cpu,cpuacct:/\n6:freezer:/f\n0::/x\n").value();
    auto places = find_cgroup_places(parse_mountinfo(v1_mounts).value(), own).value();
    EXPECT_FALSE(places.unified);
    EXPECT_EQ(places.controllers["memory"].own, "/sys/fs/cgroup/memory/b");
    EXPECT_EQ(places.controllers["memory"].top, "/sys/fs/cgroup/memory");
    EXPECT_EQ(places.controllers["cpu"].own, "/sys/fs/cgroup/cpu,cpuacct");
    EXPECT_EQ(places.controllers["freezer"].own, "/sys/fs/cgroup/freezer/f");
    EXPECT_FALSE(places.controllers.contains("pids"));
}
TEST(CgroupPlaces, v2_is_one_place) {
    auto mounts =
        parse_mountinfo("29 22 0:25 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
    auto places =
        find_cgroup_places(mounts.value(), parse_proc_cgroup("0::/user.slice/s.scope\n").value())
            .value();
    EXPECT_TRUE(places.unified);
    EXPECT_EQ(places.controllers["memory"].own, "/sys/fs/cgroup/user.slice/s.scope");
    EXPECT_EQ(places.controllers["cpu"].own, places.controllers["memory"].own);
}
TEST(CgroupPlaces, group_outside_of_the_mount_is_its_top) {
    auto mounts = parse_mountinfo("29 22 0:25 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    auto places = find_cgroup_places(mounts.value(), parse_proc_cgroup("0::/..\n").value()).value();
    EXPECT_EQ(places.controllers["cpu"].own, "/sys/fs/cgroup");
}
TEST(CgroupFiles, limits) {
    EXPECT_EQ(parse_limit("max\n").value(), std::nullopt);
    EXPECT_EQ(parse_limit("9223372036854771712\n").value(), std::nullopt);
    EXPECT_EQ(parse_limit("4096\n").value(), 4096u);
    EXPECT_FALSE(parse_limit("many"));
    EXPECT_DOUBLE_EQ(parse_cpu_max("50000 100000\n").value().value(), 0.5);
    EXPECT_EQ(parse_cpu_max("max 100000\n").value(), std::nullopt);
    EXPECT_FALSE(parse_cpu_max("1 0"));
    EXPECT_EQ(parse_cfs("-1", "100000").value(), std::nullopt);
}
TEST(CgroupFiles, lists) {
    EXPECT_THAT(parse_cpu_list("0-2,5\n").value(), ElementsAre(0, 1, 2, 5));
    EXPECT_TRUE(parse_cpu_list("\n").value().empty());
    for (char const* bad : {"-1", "2-1", "0-99999999", "a", "1,", "0-"})
        EXPECT_FALSE(parse_cpu_list(bad)) << bad;
    EXPECT_THAT(parse_members("12\n0\n7\n").value(), ElementsAre(12, 7));
    EXPECT_EQ(parse_keyed("a 1\nusage_usec 77\n", "usage_usec").value(), 77u);
    EXPECT_FALSE(parse_keyed("a 1\n", "b"));
}

// Each test that needs a real group makes one of its own, away from this process's.
class RealCgroup : public testing::Test {
protected:
    void SetUp() override {
        auto top = Cgroup::top();
        if (!top) GTEST_SKIP() << top.error().sentence();
        auto made = top->create("rove-test-" + std::to_string(::getpid()));
        if (!made) GTEST_SKIP() << made.error().sentence();
        group = *made;
    }
    void TearDown() override {
        if (!group) return;
        EXPECT_TRUE(group->kill_all(5s));
        EXPECT_TRUE(group->remove());
        EXPECT_FALSE(group->exists());
    }
    // A child of the group that computes until it is killed.
    Child spinning() {
        Spawn what;
        what.command = {"sh", "-c", "while :; do :; done"};
        what.cgroup_procs = group->procs_files();
        what.death_signal = SIGKILL;
        return spawn(what).value();
    }
    std::optional<Cgroup> group;
};

TEST_F(RealCgroup, limits_read_back) {
    auto done = group->set_cpus(0.5);
    if (!done) GTEST_SKIP() << done.error().sentence();
    EXPECT_DOUBLE_EQ(group->cpus_limit().value_or(0), 0.5);
    ASSERT_TRUE(group->set_memory(64u << 20, 0));
    EXPECT_EQ(group->memory_limit().value_or(0), 64u << 20);
    ASSERT_TRUE(group->set_memory(128u << 20, 32u << 20));
    EXPECT_EQ(group->memory_limit().value_or(0), 128u << 20);
    EXPECT_TRUE(group->set_cpu_weight(50));
    EXPECT_TRUE(group->set_pids(10));
    EXPECT_TRUE(group->set_cpuset("0"));
    EXPECT_THAT(group->cpuset().value(), ElementsAre(0));
    auto below = group->create("below").value();
    EXPECT_DOUBLE_EQ(below.cpus_limit().value_or(0), 0.5);
    EXPECT_THAT(group->children().value(), ElementsAre("below"));
}
TEST_F(RealCgroup, members_freeze_and_die) {
    Child child = spinning();
    EXPECT_THAT(group->members().value(), ElementsAre(child.pid));
    EXPECT_EQ(Cgroup::of(child.pid).value().directories(), group->directories());
    ASSERT_TRUE(group->freeze(5s));
    // It counts as frozen a moment before the processor has left it, and is counted then.
    auto deadline = Deadline::after(10s);
    Nanos before{-1}, seen = group->cpu_time().value();
    for (int alike = 0; alike < 100 && !deadline.passed();
         before = std::exchange(seen, group->cpu_time().value()))
        alike = seen == before ? alike + 1 : 0;
    EXPECT_EQ(group->cpu_time().value(), before);
    ASSERT_TRUE(group->thaw());
    while (group->cpu_time().value() <= before && !deadline.passed()) {
    }
    EXPECT_GT(group->cpu_time().value(), before);
    ASSERT_TRUE(group->freeze(5s));
    ASSERT_TRUE(group->kill_all(5s)); // frozen ones, too
    EXPECT_EQ(sys::wait(child.pid).value().signal, SIGKILL);
}
TEST_F(RealCgroup, what_was_removed_by_halves_is_there_until_all_of_it_is_gone) {
    auto below = group->create("below").value();
    auto paths = below.directories();
    for (auto const& path : paths) {
        EXPECT_TRUE(below.exists());
        EXPECT_THAT(group->children().value(), ElementsAre("below"));
        ASSERT_TRUE(remove_directory(path));
    }
    EXPECT_FALSE(below.exists());
    below = group->create("below").value();
    ASSERT_TRUE(remove_directory(paths.front()));
    EXPECT_TRUE(below.remove());
    EXPECT_FALSE(below.exists());
}
TEST_F(RealCgroup, name_is_one_component) {
    for (char const* bad : {"", ".", "..", "a/b"})
        EXPECT_FALSE(group->create(bad)) << bad;
}

} // namespace
} // namespace rove::sys
