// SPDX-License-Identifier: Apache-2.0
// Sensors: the texts of the kernel, of both versions of the cgroups and absurd ones, and this
// machine.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/sensors/cores.hh"
#include "node/sensors/group_cpu.hh"
#include "node/sensors/load.hh"
#include "node/sensors/memory.hh"
#include "node/sensors/run_queue.hh"
#include "node/sensors/strain.hh"
#include "node/sensors/thread_times.hh"
#include "sys/files.hh"

namespace rove::node {
namespace {

using namespace std::chrono_literals;
constexpr char const* absurd[] = {"", "\n", " ", "some", "some total=", "some total=-1",
    "some total=99999999999999999999", "total=1", "max", "-", "1", "1 2", "1 2 3", "\xff\xfe",
    "pgmajfault", "pgmajfault x", "0.1 0.2 0.3 x/y 5", "18446744073709551616 1"};

TEST(Cores, the_least_grant_counts) {
    EXPECT_DOUBLE_EQ(cores_granted(8, {}, std::nullopt), 8);
    EXPECT_DOUBLE_EQ(cores_granted(8, {2.5, 3}, 4), 2.5);
    EXPECT_DOUBLE_EQ(cores_granted(8, {100}, 4), 4);
    EXPECT_DOUBLE_EQ(cores_granted(1, {2.5}, 4), 1);
    EXPECT_GT(cores_granted(8, {0}, std::nullopt), 0);
}
TEST(Cores, quotas_of_both_versions) {
    EXPECT_DOUBLE_EQ(quota_of("50000\n", "100000\n").value(), 0.5);
    EXPECT_FALSE(quota_of("-1\n", "100000\n"));
    EXPECT_DOUBLE_EQ(quota_of("150000 100000\n", "").value(), 1.5);
    EXPECT_FALSE(quota_of("max 100000\n", ""));
    EXPECT_FALSE(quota_of("50000", "0"));
    for (char const* text : absurd)
        EXPECT_EQ(quota_of(text, "").has_value(), std::string_view(text) == "1 2") << text;
    for (char const* text : absurd)
        EXPECT_FALSE(quota_of(text, "x")) << text;
}
TEST(Cores, of_this_machine) {
    EXPECT_GT(Cores().read(), 0);
    EXPECT_LE(Cores().read(), static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN)));
}

TEST(Memory, meminfo_is_read) {
    auto memory = parse_meminfo("MemTotal:       16 kB\nMemFree: 1 kB\nMemAvailable:   8 kB\n");
    ASSERT_TRUE(memory);
    EXPECT_EQ(memory->total, 16384u);
    EXPECT_EQ(memory->free, 8192u);
    EXPECT_FALSE(parse_meminfo("MemTotal: x kB"));
    for (char const* text : absurd)
        EXPECT_FALSE(parse_meminfo(text)) << text;
}
TEST(Memory, file_cache_is_as_good_as_free) {
    char const* v1 = "cache 9\ninactive_file 1\ntotal_cache 900\ntotal_inactive_file 300\n";
    auto group = parse_group_memory("1000\n", "700\n", v1);
    ASSERT_TRUE(group);
    MemoryState state = limited({5000, 4000}, *group);
    EXPECT_EQ(state.total, 1000u);
    EXPECT_EQ(state.free, 600u);
    char const* v2 = "anon 400\nfile 300\ninactive_file 200\npgmajfault 7\n";
    state = limited({5000, 4000}, parse_group_memory("1000\n", "700\n", v2).value());
    EXPECT_EQ(state.free, 500u);
}
TEST(Memory, the_machine_may_have_less_than_the_group) {
    auto group = parse_group_memory("1000\n", "0\n", "").value();
    EXPECT_EQ(limited({5000, 10}, group).free, 10u);
    EXPECT_EQ(limited({500, 10}, group).total, 500u);
}
TEST(Memory, without_a_limit_nothing_changes) {
    for (char const* none : {"max\n", "-1\n", "9223372036854771712\n"}) {
        auto group = parse_group_memory(none, "700\n", "");
        ASSERT_TRUE(group) << none;
        EXPECT_EQ(limited({5000, 4000}, *group).free, 4000u) << none;
    }
}
TEST(Memory, absurd_counters) {
    // More in use than allowed, more cache than use.
    EXPECT_EQ(limited({5000, 4000}, {1000, 2000, 0}).free, 0u);
    EXPECT_EQ(limited({5000, 4000}, {1000, 100, 900}).free, 1000u);
    EXPECT_FALSE(parse_group_memory("many\n", "7\n", ""));
    EXPECT_FALSE(parse_group_memory("7\n", "", ""));
}
TEST(Memory, of_this_machine) {
    MemoryState state = Memory().read();
    EXPECT_GT(state.total, 0u);
    EXPECT_LE(state.free, state.total);
}

TEST(Strain, faults_of_either_version) {
    EXPECT_EQ(count_faults("pgmajfault 1\ntotal_pgmajfault 12\n"), 12u);
    EXPECT_EQ(count_faults("pgfault 9\npgmajfault 3\n"), 3u);
    for (char const* text : absurd)
        EXPECT_FALSE(count_faults(text)) << text;
}
TEST(Strain, the_total_of_some) {
    EXPECT_EQ(parse_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=123\n"
                             "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"),
        123u);
    EXPECT_FALSE(parse_pressure("full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"));
    for (char const* text : absurd)
        EXPECT_FALSE(parse_pressure(text)) << text;
}

TEST(Strain, growth) {
    Growth growth;
    EXPECT_FALSE(growth.per_second(5, 1s));
    EXPECT_DOUBLE_EQ(growth.per_second(15, 3s).value(), 5);
    EXPECT_FALSE(growth.per_second(14, 4s)); // another counter
    EXPECT_FALSE(growth.per_second(std::nullopt, 5s));
    EXPECT_FALSE(growth.per_second(14, 6s));
    EXPECT_FALSE(growth.per_second(15, 6s));
}
TEST(Strain, of_this_machine) {
    Strain strain;
    strain.look(1s);
    EXPECT_FALSE(strain.values().paging_per_s);
    strain.look(2s);
    EXPECT_TRUE(strain.values().paging_per_s);
}

TEST(GroupCpu, both_versions) {
    EXPECT_EQ(parse_group_cpu("28093912\n"), 28093912ns);
    EXPECT_EQ(parse_group_cpu("usage_usec 5\nuser_usec 3\nsystem_usec 2\n"), 5us);
    EXPECT_FALSE(parse_group_cpu("usage_usec 18446744073709551615\n"));
    EXPECT_FALSE(parse_group_cpu("-5\n"));
    EXPECT_FALSE(parse_group_cpu("user_usec 3\n"));
}

TEST(RunQueue, loadavg) {
    EXPECT_EQ(parse_running("3.35 2.05 2.31 11/132 29985\n"), 11u);
    for (char const* text : absurd)
        EXPECT_FALSE(parse_running(text)) << text;
}

TEST(ThreadTimes, schedstat) {
    auto time = parse_schedstat("198674 2235388 2\n");
    ASSERT_TRUE(time);
    EXPECT_EQ(time->run_ns, 198674u);
    EXPECT_EQ(time->wait_ns, 2235388u);
    for (char const* text : {"", "1", "1 x 2", "-1 2 3", "18446744073709551616 1 1"})
        EXPECT_FALSE(parse_schedstat(text)) << text;
}
TEST(ThreadTimes, what_was_done_since_the_look_before) {
    ThreadTimes times;
    times.begin_look(1s);
    times.saw(1, {100, 1000});
    times.saw(2, {50, 0});
    EXPECT_FALSE(times.end_look());
    times.begin_look(2s);
    times.saw(1, {130, 1005});
    times.saw(3, {7, 9}); // born since, while 2 has ended
    auto done = times.end_look();
    ASSERT_TRUE(done);
    EXPECT_EQ(done->run_ns, 37u);
    EXPECT_EQ(done->wait_ns, 14u);
    times.begin_look(3s);
    times.saw(3, {3, 4}); // another thread under that number
    done = times.end_look();
    EXPECT_EQ(done->run_ns, 3u);
    EXPECT_EQ(done->wait_ns, 4u);
}

TEST(ThreadTimes, nobody_has_waited_for_longer_than_since_the_look_before) {
    ThreadTimes times;
    times.begin_look(1s);
    times.saw(1, {0, 0});
    times.saw(2, {0, 0});
    (void)times.end_look();
    times.begin_look(3s);
    times.saw(1, {500'000'000, 30'000'000'000}); // it slept for half a minute, and was throttled
    times.saw(2, {0, 700'000'000});
    auto done = times.end_look();
    ASSERT_TRUE(done);
    EXPECT_EQ(done->run_ns, 500'000'000u);
    EXPECT_EQ(done->wait_ns, 1'500'000'000u + 700'000'000u);
}

// Two who burn what they get: whoever else runs here, they want a core each.
class Burning {
public:
    Burning() {
        for (pid_t& pid : pids_)
            if (pid = ::fork(); pid == 0)
                for (unsigned volatile turn = 0;;)
                    turn = turn + 1;
    }
    ~Burning() {
        for (pid_t pid : pids_) {
            (void)::kill(pid, SIGKILL);
            (void)::waitpid(pid, nullptr, 0);
        }
    }

private:
    pid_t pids_[2];
};
// What it says from then on; a crowded machine takes its time.
double measured(RunQueue& queue) {
    int answers = 0;
    double last = 0;
    for (Nanos end = monotonic_now() + 60s; answers < 3 && monotonic_now() < end;) {
        RunQueue::Step step = queue.step(monotonic_now());
        if (step.runnable) {
            last = *step.runnable;
            ++answers;
        }
        timespec rest = to_timespec(step.rest);
        (void)::nanosleep(&rest, nullptr);
    }
    return last;
}
TEST(RunQueue, counts_those_that_want_a_core) {
    Burning burning;
    double of_machine = measured(*machine_run_queue());
    double of_namespace = measured(*namespace_run_queue());
    EXPECT_GT(of_namespace, 1.5);
    // That one's counter knows of other namespaces, too.
    EXPECT_GT(of_machine, 1.5);
}
TEST(RunQueue, leaves_nothing_open_between_looks) {
    auto open = [] { return sys::list_directory("/proc/self/fd").value().size(); };
    auto queue = namespace_run_queue();
    size_t const before = open();
    Burning burning;
    (void)measured(*queue);
    EXPECT_EQ(open(), before);
}
TEST(RunQueue, no_step_is_long) {
    auto queue = namespace_run_queue();
    std::vector<Nanos> steps;
    for (int i = 0; i < 100; ++i) {
        Nanos before = clock_now(CLOCK_THREAD_CPUTIME_ID);
        (void)queue->step(monotonic_now() + i * 1s);
        steps.push_back(clock_now(CLOCK_THREAD_CPUTIME_ID) - before);
    }
    std::sort(steps.begin(), steps.end());
    // Most of them: this machine's interrupts count, too.
    EXPECT_LT(steps[steps.size() * 9 / 10], 2ms);
}

} // namespace
} // namespace rove::node
