// SPDX-License-Identifier: Apache-2.0
// Tests of the closed forms against the numbers of the literature.
#include "gossip/window.hh"

#include <gtest/gtest.h>

namespace rove::gossip {
namespace {

TEST(Window, ages_are_those_of_the_table) {
    struct Row {
        size_t nodes, window;
        double average, maximum;
    };
    // Computed from the published formulas; the ones up to 512 nodes were simulated there, too.
    for (Row row : {Row{16, 4, 4.82, 12.1}, Row{64, 8, 9.56, 37.0}, Row{64, 16, 6.35, 18.5},
             Row{256, 8, 33.5, 194.8}, Row{256, 16, 18.3, 97.4}, Row{256, 32, 11.0, 48.7},
             Row{256, 64, 7.79, 24.4}, Row{512, 20, 28.1, 174.0}, Row{1024, 32, 35.0, 239.9},
             Row{2048, 20, 104.9, 839.2}, Row{2048, 64, 35.7, 262.3}, Row{10000, 64, 159.9, 1529},
             Row{10000, 256, 44.1, 382}}) {
        EXPECT_NEAR(
            average_age(row.nodes, row.window, Flow::push), row.average, 0.005 * row.average)
            << row.nodes << " nodes, window " << row.window;
        EXPECT_NEAR(
            maximum_age(row.nodes, row.window, Flow::push), row.maximum, 0.005 * row.maximum)
            << row.nodes << " nodes, window " << row.window;
    }
}

TEST(Window, is_the_smallest_that_reaches_the_age) {
    for (size_t nodes : {16u, 100u, 512u, 5000u})
        for (double age : {6.0, 20.0, 60.0}) {
            size_t window = window_for_average(nodes, age, Flow::push);
            EXPECT_TRUE(window == nodes || average_age(nodes, window, Flow::push) < age);
            EXPECT_TRUE(window == 1 || average_age(nodes, window - 1, Flow::push) >= age);
            window = window_for_maximum(nodes, age, Flow::push);
            EXPECT_TRUE(window == nodes || maximum_age(nodes, window, Flow::push) < age);
            EXPECT_TRUE(window == 1 || maximum_age(nodes, window - 1, Flow::push) >= age);
        }
    EXPECT_EQ(window_for_average(1000, 0.1, Flow::push), 1000u) << "nothing is that young";
}

TEST(Window, half_of_the_entries_are_younger_than_the_median) {
    // 256 nodes, window 16: behind the window (ages of 2.4 on average) every 15.4 steps one by lot.
    EXPECT_NEAR(entries_up_to(256, 16, 2.4 + 15.4 * 0.693, Flow::push), 128, 3);
    EXPECT_NEAR(entries_up_to(256, 16, 1e6, Flow::push), 256, 1e-6);
}

TEST(Window, answers_make_all_younger) {
    for (size_t nodes : {16u, 256u, 10000u})
        for (size_t window : {4u, 16u}) {
            EXPECT_LT(
                average_age(nodes, window, Flow::answered), average_age(nodes, window, Flow::push));
            EXPECT_LT(
                maximum_age(nodes, window, Flow::answered), maximum_age(nodes, window, Flow::push));
        }
}

TEST(Window, tiny_clusters_have_ages_too) {
    EXPECT_EQ(average_age(1, 1, Flow::answered), 0);
    EXPECT_EQ(average_age(2, 2, Flow::answered), 0.5);
    for (size_t nodes : {3u, 4u, 8u}) {
        double age = average_age(nodes, nodes, Flow::answered);
        EXPECT_GT(age, 0.5);
        EXPECT_LT(age, 6);
    }
}

} // namespace
} // namespace rove::gossip
