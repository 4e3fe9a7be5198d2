// SPDX-License-Identifier: Apache-2.0
// Tests of what is pure about moving: offers, CPU features, storm timing, reasons, PID names, /proc texts.
#include <map>

#include <gtest/gtest.h>

#include "node/cpu_features.hh"
#include "node/guests.hh"
#include "node/pid_name.hh"
#include "node/proc.hh"
#include "node/reasons.hh"
#include "node/sensors/load.hh"
#include "node/sensors/memory.hh"
#include "node/storm_timing.hh"
#include "sys/files.hh"
#include "wire/session.hh"

namespace rove::node {
namespace {

struct Offers : testing::Test {
    Offers() {
        offer.identity.home = "n1";
        offer.user = "ann";
        offer.memory_bytes = 100;
        offer.session_version = wire::session_version;
        offer.cpu_features = own;
    }
    wire::Refuse judge(uint64_t guests = 0, uint64_t used = 0, uint64_t free = 1000, bool fault = true) {
        return judge_offer(offer, grants, guests, used, free, own, fault, "n2");
    }
    CpuFeatures own = {1u << 28, 0, 1u << 5}; // avx, avx2
    Grants grants{2, 0, {"*"}, {"*"}, false};
    wire::Offer offer;
};

TEST_F(Offers, fit_is_accepted) { EXPECT_EQ(judge().text, ""); }
TEST_F(Offers, a_blocked_node_says_so) {
    grants.blocked = true;
    EXPECT_NE(judge().text.find("unblock"), std::string::npos);
}
TEST_F(Offers, a_full_node_says_so) {
    EXPECT_EQ(judge(1).text, "");
    EXPECT_NE(judge(2).text.find("full"), std::string::npos);
}
TEST_F(Offers, memory_is_counted) {
    EXPECT_NE(judge(0, 0, 99).text, "");
    grants.memory = 150;
    EXPECT_EQ(judge(1, 50).text, "");
    EXPECT_NE(judge(1, 51).text, "");
}
TEST_F(Offers, homes_and_users_are_checked) {
    grants.homes = {"n3"};
    EXPECT_NE(judge().text.find("guests.homes"), std::string::npos);
    grants.homes = {"n3", "n1"};
    grants.users = {"bob"};
    EXPECT_NE(judge().text.find("guests.users"), std::string::npos);
}
TEST_F(Offers, another_version_is_refused) {
    offer.session_version = wire::session_version + 1;
    EXPECT_NE(judge().text.find("version"), std::string::npos);
}
TEST_F(Offers, a_missing_feature_is_named) {
    offer.cpu_features = {1u << 28, 0, 1u << 5 | 1u << 16};
    EXPECT_EQ(judge().reason, "cpu_features");
    EXPECT_NE(judge().text.find("avx512f"), std::string::npos);
}
TEST_F(Offers, a_feature_that_cannot_be_hidden_is_refused) {
    offer.cpu_features = {1u << 28, 0, 0};
    EXPECT_EQ(judge().text, "");
    EXPECT_EQ(judge(0, 0, 1000, false).reason, "cpu_features");
}

TEST(CpuFeatures, comparison_takes_any_length) {
    EXPECT_TRUE(missing_features({}, {}).empty());
    EXPECT_TRUE(missing_features({1u << 28}, {1u << 28, 5}).empty());
    EXPECT_EQ(missing_features({1u << 28}, {}), std::vector<std::string>{"avx"});
    // Unnamed bits of known words are not compared, words that we do not know are.
    EXPECT_TRUE(missing_features({1u << 31}, {0}).empty());
    EXPECT_EQ(missing_features(CpuFeatures(20, 0), {}).size(), 0u);
    CpuFeatures newer(20, 0);
    newer[19] = 1;
    EXPECT_EQ(missing_features(newer, {}), std::vector<std::string>{"word 19"});
}
TEST(CpuFeatures, hidden_ones_are_missing) {
    auto all = cpu_features({}), less = cpu_features({"sse2", "no such"});
    EXPECT_EQ(missing_features(all, less), std::vector<std::string>{"sse2"});
    EXPECT_TRUE(missing_features(less, all).empty());
}

TEST(Storm, pauses_are_bounded_and_repeatable) {
    std::mt19937_64 one(7), two(7);
    for (int i = 0; i < 1000; ++i) {
        Nanos pause = storm_pause(50, Nanos(1000), one);
        EXPECT_EQ(pause, storm_pause(50, Nanos(1000), two));
        EXPECT_GE(pause, Nanos(1000));
        EXPECT_LE(pause, std::chrono::milliseconds(100));
    }
    // At most half of the time is spent moving.
    EXPECT_EQ(storm_pause(1, std::chrono::seconds(1), one), std::chrono::seconds(1));
}
TEST(Storm, a_seed_repeats_it_for_each_process) {
    EXPECT_EQ(storm_random(7, 1, 3)(), storm_random(7, 1, 3)());
    EXPECT_NE(storm_random(7, 1, 3)(), storm_random(7, 2, 3)());
    EXPECT_NE(storm_random(7, 1, 3)(), storm_random(7, 1, 4)());
    EXPECT_NE(storm_random(7, 1, 3)(), storm_random(uint64_t(7) << 32, 1, 3)());
    // A node that is not seen for a moment changes nothing unless it was chosen.
    for (uint64_t step = 0; step < 100; ++step) {
        auto all = storm_random(1, 1, step), fewer = all;
        std::string to = storm_target({"n1", "n2", "n3", "n4"}, "n1", all);
        if (to != "n4") {
            EXPECT_EQ(storm_target({"n3", "n2", "n1"}, "n1", fewer), to);
        }
    }
    std::map<std::string, int> times;
    for (uint64_t step = 0; step < 3000; ++step) {
        auto random = storm_random(1, 1, step);
        ++times[storm_target({"n1", "n2", "n3"}, "n2", random)];
    }
    EXPECT_GT(times["n1"], 1200);
    EXPECT_GT(times["n3"], 1200);
}
TEST(Storm, goes_elsewhere) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 100; ++i) EXPECT_NE(storm_target({"n1", "n2", "n3"}, "n2", random), "n2");
    EXPECT_EQ(storm_target({"n1"}, "n1", random), "");
}

TEST(Reasons, document_is_up_to_date) {
    auto path = std::string(__FILE__).substr(0, std::string(__FILE__).rfind("/src/")) + "/docs/reasons.md";
    if (::getenv("ROVE_WRITE_DOCS")) {
        ASSERT_TRUE(sys::write_file(path, reasons_document()));
    }
    auto text = sys::read_file(path);
    ASSERT_TRUE(text);
    EXPECT_EQ(*text, reasons_document()) << "ROVE_WRITE_DOCS=1 node_test writes it anew";
    EXPECT_EQ(find_reason("fork")->passes, Passes::at_once);
    EXPECT_EQ(find_reason("no such"), nullptr);
}

TEST(PidName, hostile_values_are_no_pid) {
    using boost::json::value;
    EXPECT_EQ(parse_pid(value(12)).pid, 12);
    EXPECT_EQ(parse_pid(value("12")).pid, 12);
    EXPECT_EQ(parse_pid(value("n1:12")).home, "n1");
    EXPECT_EQ(parse_pid(value("n1:12")).pid, 12);
    for (value const& wrong : {value(-1), value(0), value(1e9), value("x"), value("1:"), value("99999999999"), value(nullptr), value(true)})
        EXPECT_EQ(parse_pid(wrong).pid, 0) << wrong;
    EXPECT_EQ(parse_pid(pid_value("n1%3A12")).home, "n1");
    EXPECT_EQ(parse_pid(pid_value("%")).pid, 0);
}

TEST(ProcTexts, names_may_hold_anything) {
    auto stat = parse_proc_stat("7 (a) R 9 (b)) S 1 7 7 0 -1 4194560 1 2 3 4 50 6 7 8 20 0 1 0 12345 1000 77 0");
    ASSERT_TRUE(stat) << stat.error().sentence();
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->parent, 1);
    EXPECT_EQ(stat->cpu_ticks, 56u);
    EXPECT_EQ(stat->start_time, 12345u);
    EXPECT_EQ(stat->resident_pages, 77u);
    EXPECT_FALSE(parse_proc_stat(""));
    EXPECT_FALSE(parse_proc_stat("7 (a) S 1 2"));
    EXPECT_EQ(stat_state("7 (x) R 1"), 'R');
    EXPECT_EQ(stat_state("7 (x"), '?');
}
TEST(ProcTexts, status_needs_all_identities) {
    auto status = parse_proc_status("Name:\tx\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \nCapPrm:\t000001ffffffffff\nTracerPid:\t3\n");
    ASSERT_TRUE(status) << status.error().sentence();
    EXPECT_EQ(status->credentials.uids[2], 3u);
    EXPECT_EQ(status->groups.size(), 2u);
    EXPECT_EQ(status->credentials.capabilities, 0x1ffffffffffu);
    EXPECT_EQ(status->tracer, 3);
    EXPECT_FALSE(parse_proc_status("Uid:\t1\t2\t3\n"));
    EXPECT_FALSE(parse_proc_status("Uid:\t1\t2\t3\t4\n"));
}
TEST(Sensors, meminfo_is_read) {
    auto memory = parse_meminfo("MemTotal:       16 kB\nMemFree: 1 kB\nMemAvailable:   8 kB\n");
    ASSERT_TRUE(memory);
    EXPECT_EQ(memory->total, 16384u);
    EXPECT_EQ(memory->free, 8192u);
    EXPECT_FALSE(parse_meminfo("MemTotal: x kB"));
}
TEST(Sensors, load_rises_faster_than_it_falls) {
    Smoothed up, down;
    down.add(1, Nanos(0));
    up.add(0, Nanos(0));
    up.add(1, std::chrono::seconds(1));
    down.add(0, std::chrono::seconds(1));
    EXPECT_GT(up.value(), 1 - down.value());
}

} // namespace
} // namespace rove::node
