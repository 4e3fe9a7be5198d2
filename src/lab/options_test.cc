// SPDX-License-Identifier: Apache-2.0
// Options: what `lab up` makes of its arguments.
#include "lab/options.hh"

#include <gtest/gtest.h>

namespace rove::lab {
namespace {

Machine const machine{4, uint64_t(8) << 30};

Result<std::vector<NodePlan>> with(std::vector<std::string> per_node) {
    UpOptions options;
    options.per_node = std::move(per_node);
    return plan_nodes(options, machine);
}

TEST(Options, defaults_are_the_contracts) {
    auto nodes = with({});
    ASSERT_TRUE(nodes);
    ASSERT_EQ(nodes->size(), 3u);
    NodePlan expected;
    expected.name = "n3";
    expected.cpus = 0.5;
    expected.memory_bytes = uint64_t(1) << 30;
    expected.rate_bits = 10000000000;
    EXPECT_EQ(nodes->back(), expected);
}

TEST(Options, a_node_has_its_own) {
    auto nodes = with({"n2:cpus=0.25,mem=256M,swap=1G,cpuset=1,rate=1gbit,hide=avx512f,clock=+3h"});
    ASSERT_TRUE(nodes) << nodes.error().sentence();
    NodePlan const& node = (*nodes)[1];
    EXPECT_EQ(node.cpus, 0.25);
    EXPECT_EQ(node.memory_bytes, uint64_t(256) << 20);
    EXPECT_EQ(node.swap_bytes, uint64_t(1) << 30);
    EXPECT_EQ(node.cpuset, "1");
    EXPECT_EQ(node.rate_bits, 1000000000u);
    EXPECT_EQ(node.hide, std::vector<std::string>{"avx512f"});
    EXPECT_EQ(node.clock_s, 3 * 3600);
    EXPECT_EQ((*nodes)[0].cpus, 0.5);
}

TEST(Options, a_part_without_equals_sign_continues_a_list) {
    auto nodes = with({"n1:cpuset=0,2-3,hide=avx512f,avx2,clock=-2m"});
    ASSERT_TRUE(nodes) << nodes.error().sentence();
    EXPECT_EQ((*nodes)[0].cpuset, "0,2-3");
    EXPECT_EQ((*nodes)[0].hide, (std::vector<std::string>{"avx512f", "avx2"}));
    EXPECT_EQ((*nodes)[0].clock_s, -120);
}

TEST(Options, nonsense_is_refused_with_a_sentence) {
    for (std::string text : {"n4:cpus=1", "cpus=1", "n1", "n1:", "n1:cpus", "n1:cpux=1", "n1:cpus=",
             "n1:cpus=-1", "n1:cpus=nan", "n1:mem=lots", "n1:mem=1K", "n1:swap=1", "n1:rate=fast",
             "n1:cpuset=4", "n1:cpuset=1-0", "n1:cpuset=", "n1:hide=", "n1:hide=\"x", "n1:clock=3",
             "n0:cpus=1", ":cpus=1", "n1:cpus=1,,mem=1G"}) {
        auto nodes = with({text});
        ASSERT_FALSE(nodes) << text;
        EXPECT_FALSE(nodes.error().sentence().empty());
    }
    UpOptions options;
    options.nodes = 0;
    EXPECT_FALSE(plan_nodes(options, machine));
    options.nodes = nodes_max + 1;
    EXPECT_FALSE(plan_nodes(options, machine));
}

TEST(Options, more_than_the_machine_has_is_a_warning) {
    auto nodes = with({"n1:cpus=64", "n2:mem=1T"});
    ASSERT_TRUE(nodes);
    EXPECT_EQ(excesses(*nodes, machine).size(), 2u);
    EXPECT_TRUE(excesses(*with({}), machine).empty());
}

} // namespace
} // namespace rove::lab
