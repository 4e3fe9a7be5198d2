// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "policy/invite.hh"
#include "policy/offers.hh"
#include "policy/place.hh"
#include "policy/testing/scene.hh"

namespace rove::policy {
namespace {

Offer offer(uint64_t process, double stretch_max) {
    Offer offer;
    offer.process = process;
    offer.stretch_max = static_cast<float>(stretch_max);
    offer.memory = 10 << 20;
    offer.features = 1;
    return offer;
}

TEST(Promises, count_as_load_at_once) {
    Promises promises;
    Knobs knobs;
    NodeView idle = Scene::node(0, 0);
    EXPECT_EQ(promises.answer(offer(1, 1.9), idle, knobs, 0), Refusal::none);
    EXPECT_EQ(promises.load(), 1);
    EXPECT_EQ(promises.answer(offer(2, 1.9), idle, knobs, 0), Refusal::load);
    promises.settle(1);
    EXPECT_EQ(promises.answer(offer(2, 1.9), idle, knobs, 0), Refusal::none);
}
TEST(Promises, end_by_themselves) {
    Promises promises;
    Knobs knobs;
    EXPECT_EQ(promises.answer(offer(1, 1.9), Scene::node(0, 0), knobs, 0), Refusal::none);
    promises.expire(2.9);
    EXPECT_EQ(promises.arriving(), 1u);
    promises.expire(3.2);
    EXPECT_EQ(promises.arriving(), 0u);
}
TEST(Promises, refuse_by_what_the_node_is) {
    Knobs knobs;
    NodeView node = Scene::node(0, 0);
    Offer large = offer(1, 9);
    large.memory = 15 * gib;
    EXPECT_EQ(Promises().answer(large, node, knobs, 0), Refusal::memory);
    Offer modern = offer(1, 9);
    modern.features = 3;
    EXPECT_EQ(Promises().answer(modern, node, knobs, 0), Refusal::features);
    node.takes = 0;
    EXPECT_EQ(Promises().answer(offer(1, 9), node, knobs, 0), Refusal::not_taking);
    Offer own = offer(1, 0);
    own.own = 1;
    EXPECT_EQ(Promises().answer(own, node, knobs, 0), Refusal::none);
}
// A hundred crowded nodes and one idle: never more than its share and one, whatever they offer and
// when.
TEST(Promises, nobody_is_flooded) {
    rc::check([] {
        double crowd = *rc::gen::inRange(2, 12);
        Knobs knobs;
        Promises promises;
        double load = 0;
        for (uint64_t process = 1; process <= 300; ++process) {
            Refusal refusal =
                promises.answer(offer(process, 0.98 * crowd), Scene::node(0, load), knobs, 0);
            if (refusal == Refusal::none && *rc::gen::arbitrary<bool>())
                promises.settle(process), load += 1;
            RC_ASSERT(static_cast<double>(promises.arriving()) <= knobs.arrivals_max);
            RC_ASSERT(load + promises.load() <= crowd);
        }
    });
}

std::vector<NodeIndex> nodes_of(Placement const& placement) {
    std::vector<NodeIndex> nodes;
    for (auto const& question : placement.ask)
        nodes.push_back(question.node);
    return nodes;
}
TEST(Place, a_program_starts_here_if_there_is_a_core) {
    Scene scene;
    scene.with_node(0);
    scene.snapshot.nodes = scene.nodes;
    Random random(1);
    EXPECT_TRUE(place(scene.snapshot, ProcessView(), scene.knobs, random).ask.empty());
}
TEST(Place, else_it_asks_the_emptiest_first) {
    Scene scene;
    scene.snapshot.self.load = 3;
    scene.with_node(2);
    scene.with_node(0);
    scene.with_node(1);
    scene.with_node(7);
    scene.snapshot.nodes = scene.nodes;
    Random random(1);
    Placement placement = place(scene.snapshot, ProcessView(), scene.knobs, random);
    // First whether they have a core to spare, then whether they are better than here.
    EXPECT_EQ(nodes_of(placement), (std::vector<NodeIndex>{2, 3, 2, 3}));
    EXPECT_LT(placement.ask[1].stretch_max, 1.1);
    EXPECT_GT(placement.ask[2].stretch_max, 3);
    EXPECT_LT(placement.ask[2].stretch_max, 4);
}
TEST(Place, memory_that_it_will_need_decides) {
    Scene scene;
    scene.snapshot.self.memory_free = 2 * gib;
    scene.with_node(0).memory_free = 4 * gib;
    scene.with_node(6);
    scene.snapshot.nodes = scene.nodes;
    ProcessView newcomer;
    newcomer.memory = 8 * gib;
    Random random(1);
    EXPECT_EQ(
        nodes_of(place(scene.snapshot, newcomer, scene.knobs, random)), std::vector<NodeIndex>{2});
    newcomer.stays = 1;
    EXPECT_TRUE(place(scene.snapshot, newcomer, scene.knobs, random).ask.empty());
}
TEST(Invite, an_idle_node_tells_the_most_crowded_that_it_has_heard_of_lately) {
    Scene scene;
    scene.with_node(1);
    scene.with_node(2);
    scene.with_node(9).age_s = 60;
    scene.with_node(5);
    scene.with_node(3);
    scene.snapshot.nodes = scene.nodes;
    Random random(1);
    EXPECT_EQ(invite(scene.snapshot, scene.knobs, random), (std::vector<NodeIndex>{4, 5}));
    scene.snapshot.self.load = 1;
    EXPECT_TRUE(invite(scene.snapshot, scene.knobs, random).empty());
    // One of less than a core has nothing to spare but all of it.
    scene.snapshot.self.cores = 0.5f;
    scene.snapshot.self.load = 0.1f;
    EXPECT_TRUE(invite(scene.snapshot, scene.knobs, random).empty());
    scene.snapshot.self.load = 0.01f;
    EXPECT_EQ(invite(scene.snapshot, scene.knobs, random).size(), 2u);
}

} // namespace
} // namespace rove::policy
