// SPDX-License-Identifier: Apache-2.0
// Tests of replies: HTTP in pieces, JSON that lies, refusals with their codes.
#include <gtest/gtest.h>

#include "client/control.hh"
#include "client/http.hh"
#include "client/requests.hh"

namespace rove::client {
namespace {

TEST(ReplyParser, takes_bytes_one_by_one) {
    ReplyParser parser;
    for (char c : std::string("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"))
        ASSERT_TRUE(parser.feed(std::string_view(&c, 1)));
    EXPECT_TRUE(parser.done());
    EXPECT_EQ(parser.status(), 200);
    EXPECT_EQ(parser.take_body(), "[]");
}

TEST(ReplyParser, chunks_come_as_they_are_sent) {
    ReplyParser parser(Stream::yes);
    ASSERT_TRUE(parser.feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n"));
    EXPECT_EQ(parser.take_body(), "{}\n");
    ASSERT_TRUE(parser.feed("3\r\n[]\n\r\n0\r\n\r\n"));
    EXPECT_EQ(parser.take_body(), "[]\n");
    EXPECT_TRUE(parser.done());
}

TEST(ReplyParser, refuses_what_is_no_reply) {
    for (std::string const& text :
        {std::string("hello\r\n\r\n"), std::string("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
            std::string("HTTP/1.1 200 OK\r\nA: ") + std::string(20'000, 'x')}) {
        ReplyParser parser;
        EXPECT_FALSE(parser.feed(text)) << text.substr(0, 40);
    }
    ReplyParser cut_off;
    ASSERT_TRUE(cut_off.feed("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[]"));
    EXPECT_FALSE(cut_off.end());
}

TEST(Understand, codes_become_exit_codes) {
    EXPECT_TRUE(understand(200, "[]"));
    EXPECT_EQ(understand(409, R"({"error":"no","code":3})").error().code, Exit::confined);
    EXPECT_EQ(understand(409, R"({"error":"no","code":1e300})").error().code, Exit::failed);
    EXPECT_EQ(understand(409, R"({"error":"no","code":"x"})").error().code, Exit::failed);
    EXPECT_EQ(understand(500, "oops").error().code, Exit::no_daemon);
    EXPECT_EQ(understand(200, "oops").error().code, Exit::no_daemon);
    EXPECT_EQ(understand(200, std::string(1000, '[')).error().code, Exit::no_daemon);
}

TEST(Json, is_valid_utf8_whatever_it_holds) {
    EXPECT_EQ(valid_utf8("a\xff\xc3\xa4\xed\xa0\x80"),
        "a\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT_EQ(pid_body("12"), R"({"pid":12})");
    EXPECT_EQ(pid_body("n1:12"), R"({"pid":"n1:12"})");
}

} // namespace
} // namespace rove::client
