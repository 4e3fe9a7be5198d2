// SPDX-License-Identifier: Apache-2.0
// Tests of the configuration.
#include "node/config.hh"

#include <gtest/gtest.h>

namespace rove::node {
namespace {

TEST(Config, every_key_has_a_default_and_a_sentence) {
    Config config = Config::defaults();
    EXPECT_EQ(config.rows().size(), knobs.size());
    for (Config::Row const& row : config.rows())
        EXPECT_EQ(row.source, "default");
    for (Knob const& knob : knobs)
        EXPECT_TRUE(std::string_view(knob.sentence).ends_with(".")) << knob.key;
    EXPECT_EQ(config.text("run_dir"), "/run/rove");
    EXPECT_EQ(config.texts("guests.homes"), std::vector<std::string>{"*"});
}

TEST(Config, dotted_keys_and_sections_are_the_same) {
    auto dotted = Config::parse("guests.max = 3\nguests.memory = \"2G\"\n", "a.toml");
    auto section = Config::parse("[guests]\nmax = 3\nmemory = \"2G\"\n", "a.toml");
    ASSERT_TRUE(dotted) << dotted.error().sentence();
    ASSERT_TRUE(section) << section.error().sentence();
    EXPECT_EQ(dotted->number("guests.max"), 3);
    EXPECT_EQ(section->number("guests.memory"), 2ll << 30);
    EXPECT_EQ(section->rows()[7].key, "guests.max");
    EXPECT_EQ(section->rows()[7].source, "a.toml:2");
}

TEST(Config, peers_are_read) {
    auto config = Config::parse(
        "cluster.peers = [ { name = \"n2\", address = \"10.0.0.2:7946\" } ]", "a.toml");
    ASSERT_TRUE(config) << config.error().sentence();
    EXPECT_EQ(config->peers(), (std::vector<PeerEntry>{{"n2", "10.0.0.2:7946"}}));
}

TEST(Config, good_values_are_taken) {
    for (char const* text : {"links.port_range = \"50000-50100\"", "cpu.hide = [\"avx512f\"]",
             "node.name = \"n1.example\"",
             "node.listen = [\"[::]:7946\", \":7946\", \"10.0.0.1:7946\"]", "guests.nice = 19"})
        EXPECT_TRUE(Config::parse(text, "a.toml")) << text;
    EXPECT_EQ(parse_ports("5-7")->last, 7);
}

TEST(Config, the_policy_has_its_knobs_from_its_table) {
    auto config = Config::parse("[policy]\nresidence = 7\nrule = \"opportunity\"\n", "a.toml");
    ASSERT_TRUE(config) << config.error().sentence();
    policy::Knobs set = policy_knobs(*config), plain;
    EXPECT_EQ(set.residence, 7);
    EXPECT_EQ(set.rule, policy::Rule::opportunity);
    EXPECT_EQ(set.usher_bytes, plain.usher_bytes);
    EXPECT_EQ(policy_knobs(Config::defaults()).residence, plain.residence);
}

TEST(Config, page_has_every_key) {
    std::string page = configuration_page();
    for (Knob const& knob : knobs) {
        std::string last(knob.key);
        EXPECT_NE(page.find(last.substr(0, last.find('_'))), std::string::npos) << knob.key;
    }
    EXPECT_NE(page.find("*guests.cpu\\_weight* (number; default: 100)"), std::string::npos) << page;
}

struct Wrong {
    char const* text;
    char const* says;
};

class WrongConfig : public testing::TestWithParam<Wrong> {};

TEST_P(WrongConfig, is_told_with_line_and_column) {
    auto config = Config::parse(GetParam().text, "a.toml");
    ASSERT_FALSE(config);
    EXPECT_NE(config.error().what.find(GetParam().says), std::string::npos) << config.error().what;
}

INSTANTIATE_TEST_SUITE_P(Config, WrongConfig,
    testing::Values(Wrong{"guests.maxx = 3", "a.toml:1:"},
        Wrong{"\nguests.max = \"3\"", "a.toml:2:14: guests.max must be a whole number"},
        Wrong{"guests = 3", "there is no key 'guests'"},
        Wrong{"guests.nice = 40", "between 0 and 19"},
        Wrong{"guests.uid_base = 0", "between 100000 and"}, Wrong{"guests.homes = \"n1\"", "array"},
        Wrong{"cluster.peers = [ { name = \"n2\" } ]", "name, address"},
        Wrong{"log.level = \"loud\"", "debug, info"}, Wrong{"move.freeze = \"10\"", "time"},
        Wrong{"move.mode = \"x\"", "hybrid"}, Wrong{"move.freeze = \"-1s\"", "time"},
        Wrong{"guests.nice = -1", "between 0 and 19"},
        Wrong{"links.port_range = \"abc\"", "two ports"},
        Wrong{"links.port_range = \"9-8\"", "two ports"},
        Wrong{"cpu.hide = [\"avx2\", \"turbo\"]", "no CPU feature 'turbo'"},
        Wrong{"node.name = \"best\"", "not be home or best"},
        Wrong{"node.name = \"a/b c\"", "letters"},
        Wrong{"cluster.peers = [ { name = \"home\", address = \"a:1\" } ]", "no name of a node"},
        Wrong{"cluster.peers = [ { name = \"n2\", address = \"10.0.0.2\" } ]", "needs a port"},
        Wrong{"cluster.peers = [ { name = \"n2\", address = \"fe80::1\" } ]", "needs a port"},
        Wrong{"node.listen = [\"0.0.0.0\"]", "needs a port"}, Wrong{"x = ", "a.toml:1:"},
        Wrong{"[run_dir]\na = 1", "run_dir must be a text"},
        Wrong{"policy.gain = 1", "no key 'policy.gain'"}, Wrong{"policy.rule = \"x\"", "mosix or"},
        Wrong{"[policy]\nfuture = -1.0", "policy.future must be 0 or more"}));

} // namespace
} // namespace rove::node
