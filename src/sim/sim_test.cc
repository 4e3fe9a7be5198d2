// SPDX-License-Identifier: Apache-2.0
// The simulator on small clusters: what the policy must keep, and that the simulator itself is
// right.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "sim/false_alarms.hh"
#include "sim/report.hh"
#include "sim/swf.hh"
#include "sim/workload.hh"

namespace rove::sim {
namespace {

struct Simulated {
    Scenario scenario;
    Jobs jobs;
    Bounds bounds;
    Figures figures;
    Totals totals;

    Simulated(std::string const& text, char const* policy, uint64_t seed = 1) {
        auto parsed = parse_scenario(text, "test");
        EXPECT_TRUE(parsed) << parsed.error().sentence();
        scenario = *parsed;
        auto made = make_jobs(scenario, seed);
        EXPECT_TRUE(made);
        bounds = find_bounds(scenario, *made);
        World world(scenario, *find_strategy(policy), *made, seed);
        world.run();
        jobs = world.jobs();
        figures = figures_of(world, scenario, bounds);
        totals = world.totals();
    }
    double operator[](std::string const& name) const {
        for (auto const& [figure, value] : figures)
            if (figure == name) return value;
        ADD_FAILURE() << "no figure " << name;
        return -1;
    }
};

std::string batch(int nodes, int count, double size, std::string const& more = "") {
    return fmt::format("[[node]]\ncount = {}\n[[workload]]\narrivals = \"batch\"\ncount = "
                       "{}\nsizes = \"fixed\"\nsize_s = {}\n{}",
        nodes, count, size, more);
}

TEST(Machine, shares_its_cores_and_knows_what_is_left) {
    Machine machine(2, 1, 1 << 30, 0);
    for (JobIndex job = 0; job < 4; ++job)
        machine.add(job, 10, 1, 0, false, 0);
    EXPECT_EQ(machine.load(), 4);
    EXPECT_NEAR(machine.next_end(), 20, 1e-9);
    EXPECT_NEAR(machine.remove(3, 10), 5, 1e-9); // half a core for ten seconds
    EXPECT_NEAR(machine.remove(2, 10), 5, 1e-9);
    EXPECT_NEAR(machine.next_end(), 15, 1e-9); // a core each
    EXPECT_EQ(machine.take_ended(14), Machine::nobody);
    EXPECT_NE(machine.take_ended(15), Machine::nobody);
    EXPECT_NE(machine.take_ended(15), Machine::nobody);
    EXPECT_EQ(machine.load(), 0);
}
TEST(Machine, becomes_slow_when_memory_is_demanded_twice) {
    Machine machine(1, 1, 100, 4);
    machine.add(0, 10, 1, 100, false, 0);
    EXPECT_NEAR(machine.next_end(), 10, 1e-9);
    machine.add(1, 10, 1, 100, false, 0);
    EXPECT_NEAR(machine.next_end(), 2 * 10 * 5, 1e-9);
}
TEST(Bounds, of_what_can_be_worked_out_by_hand) {
    auto scenario = *parse_scenario(batch(2, 3, 60), "test");
    Bounds bounds = find_bounds(scenario, *make_jobs(scenario, 1));
    EXPECT_NEAR(bounds.makespan_s, 90, 1e-6);
    EXPECT_NEAR(bounds.fair_slowdown, 1.5, 1e-6);
    EXPECT_NEAR(*bounds.shortest_first_slowdown, (1 + 1 + 2) / 3.0, 1e-6);
}

class Policies : public ::testing::TestWithParam<char const*> {};
INSTANTIATE_TEST_SUITE_P(World, Policies, ::testing::Values("mosix", "opportunity"));

TEST_P(Policies, one_process_on_two_nodes_never_moves) {
    Simulated run(batch(2, 1, 600), GetParam());
    EXPECT_EQ(run["moves"] + run["placed_away"], 0);
}
TEST_P(Policies, of_three_processes_on_two_nodes_one_moves_once) {
    // Two can have a core for themselves when the first has ended.
    Simulated run(batch(2, 3, 600, "homes = 1"), GetParam());
    EXPECT_EQ(run["moves"], 1);
    EXPECT_LT(run["makespan_ratio"], 1.01);
}
TEST_P(Policies, short_peaks_move_nobody) {
    Simulated run(
        "[[node]]\ncount = 2\n[[workload]]\narrivals = \"batch\"\ncount = 1\nhomes = 1\nsizes "
        "= \"fixed\"\nsize_s = 3000\n"
        "[[workload]]\narrivals = \"peaks\"\nhomes = 1\nseconds = 3000\ncount = 2\nsizes = "
        "\"fixed\"\nsize_s = 0.3\nnative = true\n",
        GetParam());
    EXPECT_EQ(run["moves"], 0);
    EXPECT_EQ(run.jobs.size(), 101u);
}
TEST_P(Policies, nobody_floods_a_node_that_joins) {
    Simulated run(
        "[[node]]\ncount = 30\n[[node]]\ncount = 1\nabsent = true\n[[workload]]\narrivals = "
        "\"batch\"\ncount = 150\nhomes = 30\n"
        "sizes = \"fixed\"\nsize_s = 100\n[[event]]\nwhat = \"join\"\nat_s = 20\nfirst = 30\n",
        GetParam());
    EXPECT_LE(run["joined_over_share"], 1);
    EXPECT_GT(run["moves"], 0);
}
TEST_P(Policies, come_near_to_knowing_all_and_moving_for_nothing) {
    Simulated run("[[node]]\ncount = 64\n[[workload]]\narrivals = \"poisson\"\nutilisation = "
                  "0.6\nseconds = 200\nsize_max_s = 100\n",
        GetParam());
    EXPECT_LE(run["slowdown_ratio"], 1.05);
    EXPECT_LE(run["makespan_ratio"], 1.05);
    EXPECT_EQ(run["unfinished"], 0);
}
TEST_P(Policies, nothing_is_lost_but_with_its_node) {
    for (char const* board : {"false", "true"}) {
        Simulated run(
            fmt::format("real_gossip = {}\nloss = 0.05\n[[node]]\ncount = "
                        "16\n[[workload]]\narrivals = \"poisson\"\nutilisation = 0.9\n"
                        "seconds = 120\nsize_max_s = 60\n[[event]]\nwhat = \"kill\"\nat_s = "
                        "30\nfirst = 3\n[[event]]\nwhat = \"drain\"\n"
                        "at_s = 50\nfirst = 5\n[[event]]\nwhat = \"split\"\nat_s = 60\nfirst = "
                        "8\ncount = 8\n[[event]]\nwhat = \"heal\"\nat_s = 90\n",
                board),
            GetParam());
        EXPECT_EQ(run["lost_elsewhere"], 0);
        EXPECT_EQ(run["unfinished"], 0);
        EXPECT_LT(run["drained_s"], 10);
        for (Job const& job : run.jobs)
            EXPECT_TRUE(job.state == JobState::done || job.home == 3 || job.host == 3);
    }
}
TEST_P(Policies, memory_that_runs_out_makes_processes_leave) {
    std::string text = "[[node]]\ncount = 4\ncores = 4\nmemory = \"8G\"\n[[workload]]\narrivals = "
                       "\"batch\"\ncount = 4\nhomes = 1\n"
                       "sizes = \"fixed\"\nsize_s = 100\nmemory = \"5G\"\n";
    Simulated native(text, "none"), ours(text, GetParam());
    EXPECT_GT(native["makespan_s"], 300);
    EXPECT_LT(ours["makespan_s"], 110);
}
TEST_P(Policies, a_seed_repeats_a_run) {
    std::string text = "[[node]]\ncount = 8\n[[workload]]\narrivals = \"poisson\"\nseconds = "
                       "60\nsize_max_s = 60\n";
    Simulated one(text, GetParam(), 7), two(text, GetParam(), 7), other(text, GetParam(), 8);
    EXPECT_EQ(one.figures, two.figures);
    EXPECT_NE(one.figures, other.figures);
}

TEST(Swf, reads_what_the_archive_writes) {
    auto jobs = parse_swf("; Computer: x\n\n  57  25574 -1 10 4 -1 -1 -1 -1 -1 -1 4 1 2 -1 -1 -1 "
                          "-1\r\n1 0 -1 1451 -1 -1 -1 128 -1\n2 9 -1 -1 1 0 0 1 0");
    ASSERT_TRUE(jobs);
    ASSERT_EQ(jobs->size(), 2u); // the third did not run
    EXPECT_EQ(jobs->at(0).processors, 128u);
    EXPECT_EQ(jobs->at(1).submit_s, 25574);
    EXPECT_EQ(jobs->at(1).run_s, 10);
    EXPECT_EQ(parse_swf("1 0 -1 1451 4 -1 -1 1\n1 0 -1 1451 4 -1 -1 1\n", 1)->size(), 1u);
    for (char const* bad : {"1 2 3", "a", "1 0 -1 1451 1e300 -1 -1 1", "1 0 -1 nan 4 -1 -1 1",
             "1 0 -1 10 9999999 -1 -1 1"})
        EXPECT_FALSE(parse_swf(bad)) << bad;
}
TEST(Workload, lifetimes_follow_the_law) {
    auto scenario =
        *parse_scenario("[[node]]\n[[workload]]\narrivals = \"batch\"\ncount = 20000\n", "test");
    size_t above[3] = {};
    double limits[3] = {2, 10, 100};
    Jobs const jobs = *make_jobs(scenario, 3);
    for (Job const& job : jobs)
        for (int i = 0; i < 3; ++i)
            above[i] += job.work_s > limits[i];
    for (int i = 0; i < 3; ++i)
        EXPECT_NEAR(static_cast<double>(above[i]) / 20000 * limits[i], 1, 0.15) << limits[i];
}
TEST(FalseAlarms, are_none_but_for_who_is_silent_for_long) {
    EXPECT_EQ(try_false_alarms(16, 0.05, 0, 120, 1).dead, 0u);
    FalseAlarms slow = try_false_alarms(16, 0, 2, 120, 1);
    EXPECT_GT(slow.pauses, 10u);
    EXPECT_GT(slow.suspicions, 0u);
    EXPECT_EQ(slow.dead, 0u);
    EXPECT_GT(try_false_alarms(16, 0, 6, 120, 1).dead, 0u) << "it would be seen";
}
TEST(Scenario, says_what_is_wrong_and_where) {
    auto wrong = [](char const* text) {
        auto parsed = parse_scenario(text, "s.toml");
        return parsed ? std::string() : parsed.error().sentence();
    };
    EXPECT_EQ(wrong("[[node]]\ncores = 2\n"), "");
    EXPECT_EQ(wrong("[[node]]\ncorse = 2\n"), "s.toml:2:9: there is no key 'corse' here");
    EXPECT_EQ(
        wrong("[[node]]\ncores = -2\n"), "s.toml:2:9: cores must be a number from 0.01 to 1024");
    EXPECT_NE(
        wrong("policies = [\"best\"]\n[[node]]\n").find("no policy 'best'"), std::string::npos);
    EXPECT_NE(wrong("[[node]]\n[[event]]\nwhat = \"burn\"\n").find("cannot be 'burn'"),
        std::string::npos);
    EXPECT_NE(wrong("node = 3\n").find("[[node]]"), std::string::npos);
    EXPECT_NE(wrong("[[node").find("s.toml:1:"), std::string::npos);
}

} // namespace
} // namespace rove::sim
