// SPDX-License-Identifier: Apache-2.0
// Text and bytes: edges, and bytes that somebody else chose.
#include "base/text.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/bytes.hh"

namespace rove {
namespace {
using testing::ElementsAre;

TEST(Text, split_keeps_empty_parts) {
    EXPECT_THAT(split("a,,b", ','), ElementsAre("a", "", "b"));
    EXPECT_THAT(split("", ','), ElementsAre(""));
}
TEST(Text, words_drop_blanks) {
    EXPECT_THAT(words("  a\t b\n"), ElementsAre("a", "b"));
}
TEST(Text, lines_need_no_end) {
    EXPECT_THAT(lines("a\n\nb"), ElementsAre("a", "", "b"));
    EXPECT_THAT(lines("a\n"), ElementsAre("a"));
    EXPECT_TRUE(lines("").empty());
}
TEST(Text, numbers_are_whole_texts) {
    EXPECT_EQ(parse_number<int>("-7").value(), -7);
    EXPECT_EQ(parse_number<uint64_t>("ff", 16).value(), 255u);
    EXPECT_EQ(parse_number<uint8_t>("256").error().code, ERANGE);
    for (char const* bad : {"", " 1", "1 ", "+1", "1x", "0x1"})
        EXPECT_FALSE(parse_number<int>(bad)) << bad;
    EXPECT_FALSE(parse_number<unsigned>("-1"));
}
TEST(Text, decimals) {
    EXPECT_DOUBLE_EQ(parse_decimal("0.25").value(), 0.25);
    for (char const* bad : {"", "inf", "nan", "1,5", "1e400"})
        EXPECT_FALSE(parse_decimal(bad)) << bad;
}
TEST(Text, join_is_split_backwards) {
    EXPECT_TRUE(rc::check([](std::string const& text) {
        std::vector<std::string> parts;
        for (auto part : split(text, ','))
            parts.emplace_back(part);
        RC_ASSERT(join(parts, ",") == text);
    }));
}
TEST(Text, printable_hides_control) {
    EXPECT_EQ(printable("a\x1b[1m\n"), "a\\x1b[1m\\x0a");
}

TEST(Bytes, reader_returns_what_writer_wrote) {
    ByteWriter writer;
    writer.put<uint32_t>(7);
    writer.text("seven");
    writer.put<int64_t>(-1);
    ByteReader reader(writer.all());
    EXPECT_EQ(reader.get<uint32_t>().value(), 7u);
    EXPECT_EQ(reader.text(10).value(), "seven");
    EXPECT_EQ(reader.get<int64_t>().value(), -1);
    EXPECT_TRUE(reader.finish());
}
TEST(Bytes, lengths_are_not_believed) {
    ByteWriter writer;
    writer.put<uint32_t>(0xffffffff);
    EXPECT_EQ(ByteReader(writer.all()).counted(100).error().code, EBADMSG);
    EXPECT_EQ(ByteReader(writer.all()).counted(0xffffffff).error().code, EBADMSG);
    ByteReader reader(writer.all());
    EXPECT_FALSE(reader.get<uint64_t>());
    EXPECT_FALSE(reader.finish());
}

} // namespace
} // namespace rove
