// SPDX-License-Identifier: Apache-2.0
// Tests of ages against theory, also with half of the nodes dead.
#include <gtest/gtest.h>

#include "gossip/testing/cluster.hh"
#include "gossip/window.hh"

namespace rove::gossip {
namespace {

using testing::Cluster;

Knobs fixed_window(size_t window, Algorithm algorithm) {
    Knobs knobs;
    knobs.algorithm = algorithm;
    knobs.window_min = knobs.window_max = window;
    knobs.average_age = 0;
    knobs.small_cluster = 0;
    return knobs;
}

Cluster::Ages settled_ages(Cluster& cluster, int samples) {
    double warm = 1.5 * maximum_age(cluster.cores.size(), cluster.knobs.window_min, Flow::push);
    cluster.run_steps(warm);
    Cluster::Ages mean;
    for (int i = 0; i < samples; ++i) {
        cluster.run_steps(7.3);
        Cluster::Ages ages = cluster.ages();
        mean.average += ages.average / samples;
        mean.maximum += ages.maximum / samples;
    }
    return mean;
}

struct Case {
    size_t nodes, window;
    Algorithm algorithm;
};
class ClosedForms : public ::testing::TestWithParam<Case> {};

TEST_P(ClosedForms, are_those_of_the_closed_forms) {
    auto [nodes, window, algorithm] = GetParam();
    Flow flow = algorithm == Algorithm::reg ? Flow::push : Flow::answered;
    Cluster cluster(nodes, fixed_window(window, algorithm));
    cluster.acquaint();
    Cluster::Ages ages = settled_ages(cluster, 40);
    EXPECT_NEAR(ages.average, average_age(nodes, window, flow), 0.05 * ages.average);
    EXPECT_NEAR(ages.maximum, maximum_age(nodes, window, flow), 0.05 * ages.maximum);
}

INSTANTIATE_TEST_SUITE_P(Gossip, ClosedForms,
    ::testing::Values(Case{64, 8, Algorithm::reg}, Case{64, 8, Algorithm::mindead},
        Case{64, 16, Algorithm::reg}, Case{64, 16, Algorithm::mindead},
        Case{256, 16, Algorithm::reg}, Case{256, 16, Algorithm::mindead},
        Case{256, 32, Algorithm::mindead}, Case{512, 20, Algorithm::mindead}));

TEST(Ages, the_dead_half_of_a_cluster_costs_the_others_nothing) {
    for (size_t nodes : {128u, 512u}) {
        size_t window = 16;
        Cluster cluster(nodes, fixed_window(window, Algorithm::mindead));
        cluster.acquaint();
        for (NodeIndex node = 0; node < nodes / 2; ++node)
            cluster.kill(node);
        cluster.run_steps(60);
        Cluster::Ages ages = settled_ages(cluster, 40);
        EXPECT_NEAR(
            ages.average, average_age(nodes / 2, window, Flow::answered), 0.06 * ages.average);
        EXPECT_NEAR(
            ages.maximum, maximum_age(nodes / 2, window, Flow::answered), 0.06 * ages.maximum);
    }
}

} // namespace
} // namespace rove::gossip
