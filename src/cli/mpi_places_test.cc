// SPDX-License-Identifier: Apache-2.0
#include "cli/mpi_places.hh"

#include <gtest/gtest.h>

namespace rove::cli {
namespace {

using Names = std::vector<std::string>;

Names begun(Places const& places, size_t size) {
    Names nodes;
    for (size_t rank = 0; rank < size; rank++)
        nodes.push_back(place_of(places, rank, size));
    return nodes;
}

TEST(MpiPlaces, spread_takes_the_nodes_with_the_most_room_in_blocks) {
    auto const places = spread_over(
        {{"full", 8, 1, 1.5}, {"small", 2, 1, 0}, {"large", 8, 1, 0.5}, {"fast", 2, 3, 0}}, 2);
    ASSERT_TRUE(places);
    EXPECT_EQ(begun(*places, 4), (Names{"fast", "fast", "large", "large"}));
    EXPECT_EQ(begun(*places, 5), (Names{"fast", "fast", "fast", "large", "large"}));
    EXPECT_EQ(begun(*places, 1), (Names{"fast"}));
}

TEST(MpiPlaces, spread_over_more_nodes_than_there_are_is_refused) {
    auto const places = spread_over({{"n1"}, {"n2"}}, 3);
    ASSERT_FALSE(places);
    EXPECT_EQ(
        places.error().sentence, "--spread 3 needs 3 nodes, and 2 are up; 'rove nodes' shows them");
    EXPECT_FALSE(spread_over({}, 1));
}

TEST(MpiPlaces, best_gives_each_free_core_one_rank_before_any_gets_two) {
    auto const places = best_first({{"slow", 2, 1, 0}, {"fast", 2, 2, 0.5}, {"full", 4, 1, 1}});
    ASSERT_TRUE(places);
    EXPECT_EQ(begun(*places, 4), (Names{"fast", "slow", "slow", "fast"}));
}

TEST(MpiPlaces, best_uses_nodes_of_half_a_core) {
    auto const places = best_first({{"n1", 0.5, 1, 0}, {"n2", 0.5, 1, 0}, {"n3", 0.5, 1, 0.1}});
    ASSERT_TRUE(places);
    EXPECT_EQ(begun(*places, 3), (Names{"n1", "n2", "n3"}));
}

TEST(MpiPlaces, best_where_all_are_full_takes_them_in_turn) {
    auto const places = best_first({{"n1", 2, 1, 1}, {"n2", 2, 1, 3}});
    ASSERT_TRUE(places);
    EXPECT_EQ(begun(*places, 3), (Names{"n1", "n2", "n1"}));
    EXPECT_FALSE(best_first({}));
}

TEST(MpiPlaces, a_job_has_as_many_slots_as_cores_have_nothing_to_do) {
    std::vector<Room> const rooms = {{"n1", 2, 1, 1}, {"n2", 4, 1, 0.5}, {"n3", 0.5, 1, 0}};
    EXPECT_EQ(allot("home", rooms)->slots, 3u);
    EXPECT_FALSE(allot("home", rooms)->places);
    auto const best = allot("best", rooms);
    ASSERT_TRUE(best && best->places);
    EXPECT_EQ(best->slots, 3u);
    EXPECT_EQ(best->places->nodes.size(), 3u);
    // Equal numbers on both: one on each.
    auto const spread = allot("spread:2", rooms);
    ASSERT_TRUE(spread && spread->places);
    EXPECT_EQ(spread->slots, 2u);
    EXPECT_EQ(text_of(*spread), "2 blocks n2 n3");
    EXPECT_EQ(text_of(*allot("home", rooms)), "3");
    EXPECT_EQ(begun(*spread->places, 2), (Names{"n2", "n3"}));
    EXPECT_EQ(allot("home", {{"n1", 2, 1, 1.5}})->slots, 0u);
    for (char const* wrong : {"", "worst", "spread", "spread:", "spread:0", "spread:4", "spread:x"})
        EXPECT_FALSE(allot(wrong, rooms)) << wrong;
}

TEST(MpiPlaces, go_through_the_environment) {
    for (Places const& places :
        {Places{Share::blocks, {"n1", "n2"}}, Places{Share::turns, {"x"}}}) {
        auto const read = places_of(text_of(places));
        ASSERT_TRUE(read);
        EXPECT_EQ(read->share, places.share);
        EXPECT_EQ(read->nodes, places.nodes);
    }
    for (char const* wrong : {"", "blocks", "turns", "both n1", "n1"})
        EXPECT_FALSE(places_of(wrong)) << wrong;
}

} // namespace
} // namespace rove::cli
