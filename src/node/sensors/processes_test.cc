// SPDX-License-Identifier: Apache-2.0
#include "node/sensors/processes.hh"

#include <csignal>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rove::node {
namespace {

using namespace std::chrono_literals;

constexpr char const* stat_text =
    "77 (a) R 1 (b) S 1 77 77 0 -1 4194304 500 0 12 0 30 4 0 0 20 0 3 0 1234 99999 250 "
    "18446744073709551615 4096 8192 140000 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0\n";

TEST(ProcessSensor, stat_behind_any_name) {
    auto activity = parse_activity(stat_text);
    ASSERT_TRUE(activity);
    EXPECT_EQ(activity->cpu_ticks, 34u);
    EXPECT_EQ(activity->faults, 12u);
    EXPECT_EQ(activity->threads, 3);
    EXPECT_EQ(activity->resident_pages, 250u);
    EXPECT_EQ(activity->code, 4096u);
    EXPECT_EQ(activity->stack, 140000u);
    for (size_t length = 0; length < 110; ++length)
        EXPECT_FALSE(parse_activity(std::string_view(stat_text).substr(0, length)));
    EXPECT_FALSE(parse_activity("1 (x) R a b c d e f g h i j k l m n o p q r s t u v w x y z"));
}
TEST(ProcessSensor, other_texts) {
    EXPECT_EQ(parse_read_written("rchar: 5\nwchar: 7\nsyscr: 1\nread_bytes: 0\n"), 12u);
    EXPECT_FALSE(parse_read_written("rchar: x\nwchar: 7\n"));
    EXPECT_EQ(parse_swapped("VmRSS:\t 8 kB\nVmSwap:\t 3 kB\n"), 3072u);
    EXPECT_EQ(parse_swapped("Name:\tVmSwap: 9 kB\n"), 0u);
    EXPECT_EQ(parse_swapped("VmSwap:\n"), 0u);
}

// A child that does something for ever.
class Child {
public:
    template <class Do> explicit Child(Do something) : pid(::fork()) {
        if (pid == 0) {
            something();
            ::_exit(0);
        }
    }
    ~Child() { end(); }
    void end() {
        if (std::exchange(ended_, true)) return;
        (void)::kill(pid, SIGKILL);
        (void)::waitpid(pid, nullptr, 0);
    }
    pid_t const pid;

private:
    bool ended_ = false;
};
// What a child waits for until it may begin.
class Gate {
public:
    Gate() { EXPECT_EQ(::pipe(ways_), 0); }
    ~Gate() {
        (void)::close(ways_[0]);
        (void)::close(ways_[1]);
    }
    void pass() const {
        char go;
        (void)!::read(ways_[0], &go, 1);
    }
    void open() const { EXPECT_EQ(::write(ways_[1], "x", 1), 1); }

private:
    int ways_[2];
};
void burn() {
    for (unsigned volatile turn = 0;;)
        turn = turn + 1;
}
void rest(Nanos time) {
    std::this_thread::sleep_for(time);
}

TEST(ProcessSensor, one_that_burns_and_one_that_sleeps) {
    Child burns(burn), sleeps([] { ::pause(); });
    ProcessSensor sensor;
    pid_t both[] = {burns.pid, sleeps.pid};
    EXPECT_TRUE(sensor.sample(both, monotonic_now()).empty()); // nothing to compare with
    rest(600ms);
    auto counted = sensor.sample(both, monotonic_now());
    ASSERT_EQ(counted.size(), 2u);
    policy::Counted const& busy = counted[burns.pid];
    EXPECT_GE(busy.passed_s, 0.6);
    EXPECT_GT(busy.cpu_s, 0);
    // Whatever it did not get it waited for.
    EXPECT_NEAR(busy.wanted_s, busy.passed_s, 0.25 * busy.passed_s);
    EXPECT_LT(counted[sleeps.pid].wanted_s, 0.05);
    EXPECT_GT(sensor.memory(burns.pid).value(), 4096u);
}
TEST(ProcessSensor, threads_count_together) {
    Child burns([] {
        std::thread other(burn);
        burn();
    });
    ProcessSensor sensor;
    pid_t one[] = {burns.pid};
    rest(50ms);
    (void)sensor.sample(one, monotonic_now());
    rest(600ms);
    policy::Counted busy = sensor.sample(one, monotonic_now())[burns.pid];
    EXPECT_NEAR(busy.wanted_s, 2 * busy.passed_s, 0.5 * busy.passed_s);
}
TEST(ProcessSensor, bytes_and_memory) {
    Gate gate;
    Child writes([&] {
        gate.pass();
        size_t size = 64 << 20;
        void* memory =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        std::memset(memory, 1, size);
        char bytes[1000] = {};
        int nowhere = ::open("/dev/null", O_WRONLY);
        for (int i = 0; i < 30; ++i)
            (void)!::write(nowhere, bytes, sizeof bytes);
        ::pause();
    });
    ProcessSensor sensor;
    pid_t one[] = {writes.pid};
    (void)sensor.sample(one, monotonic_now());
    gate.open();
    double through_calls = 0;
    for (int turn = 0; turn < 200 && through_calls < 30000; ++turn) {
        rest(20ms);
        for (auto const& [pid, counted] : sensor.sample(one, monotonic_now()))
            through_calls += counted.read_written;
    }
    EXPECT_EQ(through_calls, 30001); // and the gate's byte
    EXPECT_GE(sensor.memory(writes.pid).value(), 64u << 20);
}
TEST(ProcessSensor, who_ends_is_left_out) {
    Child first([] { ::pause(); });
    ProcessSensor sensor;
    pid_t one[] = {first.pid};
    (void)sensor.sample(one, monotonic_now());
    rest(10ms);
    EXPECT_EQ(sensor.sample(one, monotonic_now()).size(), 1u);
    first.end();
    EXPECT_TRUE(sensor.sample(one, monotonic_now()).empty());
    EXPECT_FALSE(sensor.memory(first.pid));
    EXPECT_TRUE(sensor.sample({}, monotonic_now()).empty());
}
TEST(ProcessSensor, another_program_is_noticed) {
    Gate gate;
    Child executes([&] {
        gate.pass();
        (void)::execl("/bin/sleep", "sleep", "100", nullptr);
    });
    ProcessSensor sensor;
    pid_t one[] = {executes.pid};
    (void)sensor.sample(one, monotonic_now());
    rest(10ms);
    (void)sensor.sample(one, monotonic_now());
    EXPECT_FALSE(sensor.executed(executes.pid));
    gate.open();
    bool seen = false;
    for (int turn = 0; turn < 200 && !seen; ++turn) {
        rest(20ms);
        (void)sensor.sample(one, monotonic_now());
        seen = sensor.executed(executes.pid);
    }
    EXPECT_TRUE(seen);
    rest(10ms);
    (void)sensor.sample(one, monotonic_now());
    EXPECT_FALSE(sensor.executed(executes.pid));
}

} // namespace
} // namespace rove::node
