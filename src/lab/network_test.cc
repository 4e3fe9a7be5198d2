// SPDX-License-Identifier: Apache-2.0
// Network: the texts that go to ip, tc and nft; and what the daemons are told and say.
#include "lab/network.hh"

#include <gtest/gtest.h>

#include "lab/board.hh"
#include "lab/daemon.hh"

namespace rove::lab {
namespace {

Plan two_nodes() {
    Plan plan;
    plan.name = "lab";
    plan.nodes.resize(2);
    plan.nodes[0].name = "n1";
    plan.nodes[1].name = "n2";
    return plan;
}

TEST(Network, a_cut_drops_both_directions) {
    Plan plan = two_nodes();
    EXPECT_EQ(cut_rules(plan).find("drop"), std::string::npos);
    plan.cuts.insert(cut_between("n1", "n2"));
    EXPECT_NE(cut_rules(plan).find("iifname \"n1\" oifname \"n2\" drop"), std::string::npos);
    EXPECT_NE(cut_rules(plan).find("iifname \"n2\" oifname \"n1\" drop"), std::string::npos);
    plan.dark.insert("n2");
    EXPECT_NE(cut_rules(plan).find("  iifname \"n2\" drop"), std::string::npos);
}

TEST(Network, bursts_fit_the_rate) {
    EXPECT_EQ(shape_command("eth0", 10000000000),
        "qdisc replace dev eth0 root tbf rate 10000000000bit burst 1250000b latency 50ms\n");
    EXPECT_NE(shape_command("eth0", 1000000).find("burst 16384b"), std::string::npos);
}

TEST(Network, the_configuration_names_every_peer) {
    Plan plan = two_nodes();
    plan.nodes[0].hide = {"avx2", "avx512f"};
    std::string text = daemon_config(plan, plan.nodes[0]);
    EXPECT_NE(text.find("node.listen = [\"10.77.0.1:7946\"]"), std::string::npos) << text;
    EXPECT_NE(text.find("{ name = \"n2\", address = \"10.77.0.2:7946\" }"), std::string::npos);
    EXPECT_NE(text.find("cpu.hide = [\"avx2\", \"avx512f\"]"), std::string::npos) << text;
}

TEST(Board, states_by_name) {
    auto board =
        parse_board(R"([{"name":"n1","state":"up","load":0.1},{"name":"n2","state":"dead"}])");
    ASSERT_TRUE(board);
    EXPECT_EQ(board->at("n1"), "up");
    EXPECT_EQ(board->at("n2"), "dead");
}

TEST(Board, nonsense_is_refused) {
    for (std::string text :
        {"", "{}", "[1]", "[{}]", R"([{"name":1,"state":"up"}])", "[{\"name\":"})
        EXPECT_FALSE(parse_board(text)) << text;
}

} // namespace
} // namespace rove::lab
