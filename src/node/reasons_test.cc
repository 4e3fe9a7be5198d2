// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "node/reasons.hh"
#include "sys/files.hh"

namespace rove::node {
namespace {

TEST(Reasons, document_is_up_to_date) {
    std::string const path = ROVE_TREE "/docs/reasons.md";
    if (::getenv("ROVE_WRITE_DOCS")) {
        ASSERT_TRUE(sys::write_file(path, reasons_document()));
    }
    auto text = sys::read_file(path);
    ASSERT_TRUE(text);
    EXPECT_EQ(*text, reasons_document()) << "ROVE_WRITE_DOCS=1 node_test writes it anew";
    EXPECT_EQ(find_reason("fork")->passes, Passes::at_once);
    EXPECT_EQ(find_reason("no such"), nullptr);
}

} // namespace
} // namespace rove::node
