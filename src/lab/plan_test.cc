// SPDX-License-Identifier: Apache-2.0
// Plan: lab.json there and back, hostile ones, addresses.
#include "lab/plan.hh"

#include <gtest/gtest.h>

namespace rove::lab {
namespace {

Plan three_nodes() {
    Plan plan;
    plan.name = "lab";
    plan.subnet = 7;
    plan.nodes.resize(3);
    for (size_t i = 0; i < 3; ++i)
        plan.nodes[i].name = fmt::format("n{}", i + 1);
    plan.nodes[1].cpus = 0.25;
    plan.nodes[1].memory_bytes = 256 << 20;
    plan.nodes[1].swap_bytes = uint64_t(1) << 30;
    plan.nodes[1].rate_bits = 1000000000;
    plan.nodes[1].cpuset = "0-1,3";
    plan.nodes[1].hide = {"avx512f", "avx2"};
    plan.nodes[1].clock_s = -3600;
    plan.cuts.insert(cut_between("n3", "n1"));
    plan.dark.insert("n2");
    return plan;
}

TEST(Plan, json_round_trip) {
    auto read = parse_plan(to_json(three_nodes()));
    ASSERT_TRUE(read) << read.error().sentence();
    EXPECT_EQ(*read, three_nodes());
}

TEST(Plan, every_truncation_is_refused) {
    std::string text = to_json(three_nodes());
    for (size_t length = 0; length + 2 < text.size(); ++length)
        EXPECT_FALSE(parse_plan(text.substr(0, length))) << length;
}

TEST(Plan, hostile_values_are_refused) {
    std::string good = to_json(three_nodes());
    auto with = [&](std::string const& from, std::string const& to) {
        std::string text = good;
        size_t at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return text.replace(at, from.size(), to);
    };
    EXPECT_FALSE(parse_plan(with("\"subnet\":7", "\"subnet\":256")));
    EXPECT_FALSE(parse_plan(with("\"subnet\":7", "\"subnet\":-1")));
    EXPECT_FALSE(parse_plan(with("\"subnet\":7", "\"subnet\":\"7\"")));
    EXPECT_FALSE(parse_plan(with("\"name\":\"lab\"", "\"name\":\"../etc\"")));
    EXPECT_FALSE(parse_plan(with("\"name\":\"n2\"", "\"name\":\"n2; link del br0\"")));
    EXPECT_FALSE(parse_plan(with("\"name\":\"n2\"", "\"name\":\"n1\"")));
    EXPECT_FALSE(parse_plan(with("[[\"n1\",\"n3\"]]", "[[\"n1\",\"n9\"]]")));
    EXPECT_FALSE(parse_plan(with("[[\"n1\",\"n3\"]]", "[[\"n1\",\"n1\"]]")));
    EXPECT_FALSE(parse_plan(with("[[\"n1\",\"n3\"]]", "[[\"n1\"]]")));
    EXPECT_FALSE(parse_plan(with("\"dark\":[\"n2\"]", "\"dark\":[\"n\\n2\"]")));
    EXPECT_FALSE(parse_plan(with("\"avx512f\"", "\"avx\\\"]\"")));
    EXPECT_FALSE(parse_plan(with("\"clock_s\":-3600", "\"clock_s\":\"later\"")));
    EXPECT_FALSE(parse_plan("[]"));
    EXPECT_FALSE(parse_plan(std::string(100000, '[')));
}

TEST(Plan, addresses_follow_from_subnet_and_place) {
    Plan plan = three_nodes();
    EXPECT_EQ(plan.address_of("n1"), "10.77.7.1");
    EXPECT_EQ(plan.address_of("n3"), "10.77.7.3");
    EXPECT_EQ(plan.mac_of("n3"), "02:77:00:00:07:03");
}

TEST(Plan, cuts_have_no_direction) {
    Plan plan = three_nodes();
    plan.dark.clear();
    EXPECT_TRUE(plan.is_cut("n1", "n3"));
    EXPECT_TRUE(plan.is_cut("n3", "n1"));
    EXPECT_FALSE(plan.is_cut("n1", "n2"));
    plan.dark.insert("n2");
    EXPECT_TRUE(plan.is_cut("n1", "n2"));
}

TEST(Plan, the_smallest_free_subnet_is_taken) {
    EXPECT_EQ(allot_subnet({}), 0);
    EXPECT_EQ(allot_subnet({0, 1, 3}), 2);
    std::set<int> all;
    for (int i = 0; i < subnets_max; ++i)
        all.insert(i);
    EXPECT_EQ(allot_subnet(all), std::nullopt);
}

TEST(Plan, lab_names) {
    EXPECT_TRUE(good_lab_name("a-1"));
    EXPECT_TRUE(good_lab_name(std::string(32, 'a')));
    for (std::string bad : {"", "A", "a b", "../x", "-x", "."})
        EXPECT_FALSE(good_lab_name(bad)) << bad;
    EXPECT_FALSE(good_lab_name(std::string(33, 'a')));
}

} // namespace
} // namespace rove::lab
