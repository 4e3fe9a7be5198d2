// SPDX-License-Identifier: Apache-2.0
#include "node/endpoints.hh"

#include <gtest/gtest.h>

namespace rove::node {
namespace {

TEST(Endpoints, text_and_back) {
    Endpoints endpoints;
    for (std::string const text : {"10.0.0.2:7946", "[fe80::1]:1", "[::1]:65535", "10.0.0.2:7947"})
        for (int again = 0; again < 2; ++again) {
            auto endpoint = endpoints.numeric(text);
            ASSERT_TRUE(endpoint) << text;
            EXPECT_EQ(endpoints.text_of(*endpoint), text);
        }
    auto mapped = endpoints.numeric("[::ffff:10.0.0.2]:7946");
    ASSERT_TRUE(mapped);
    EXPECT_EQ(endpoints.text_of(*mapped), "10.0.0.2:7946");
}

TEST(Endpoints, what_is_no_numeric_address_is_none) {
    Endpoints endpoints;
    for (char const* text : {"", "n1:7946", "10.0.0.2", "10.0.0.2:", "10.0.0.2:65536", "10.0.0:1"})
        EXPECT_FALSE(endpoints.numeric(text)) << text;
}

TEST(Endpoints, any_number_of_strangers_is_taken) {
    Endpoints endpoints;
    for (uint32_t i = 0; i < 10000; ++i) {
        std::string text = "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ":7";
        EXPECT_EQ(endpoints.text_of(endpoints.numeric(text).value()), text);
    }
}

} // namespace
} // namespace rove::node
