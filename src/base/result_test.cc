// SPDX-License-Identifier: Apache-2.0
// Result: TRY passes values on and errors out.
#include "base/result.hh"

#include <memory>

#include <gtest/gtest.h>

namespace rove {
namespace {

Result<int> half(int number) {
    if (number % 2 != 0) return fail(EINVAL, "{} is odd", number);
    return number / 2;
}
Result<int> quarter(int number) {
    return TRY(half(TRY(half(number))));
}
Status even(int number) {
    TRY(half(number));
    return {};
}
Status both(int a, int b) {
    TRY(even(a));
    TRY(even(b));
    return {};
}
Result<std::unique_ptr<int>> boxed(int number) {
    return std::make_unique<int>(TRY(half(number)));
}
Result<int> unboxed(int number) {
    auto box = TRY(boxed(number));
    return *box;
}

TEST(Result, value_passes_through) {
    EXPECT_EQ(quarter(8).value(), 2);
}
TEST(Result, error_returns_early) {
    auto result = quarter(6);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, EINVAL);
    EXPECT_EQ(result.error().what, "3 is odd");
    EXPECT_STREQ(result.error().where.name(), "result_test.cc");
    EXPECT_GT(result.error().where.line, 10);
}
TEST(Result, status_in_try) {
    EXPECT_TRUE(both(2, 4));
    EXPECT_FALSE(both(2, 3));
}
TEST(Result, move_only_values) {
    EXPECT_EQ(unboxed(10).value(), 5);
}
TEST(Result, error_reads_as_a_sentence) {
    Error error(ENOENT, "cannot open x");
    EXPECT_EQ(error.sentence(), "cannot open x: No such file or directory");
    EXPECT_NE(error.detail().find("result_test.cc:"), std::string::npos);
    Failure wrapped = fail(error, "cannot start {}", "n1");
    EXPECT_EQ(wrapped.value().what, "cannot start n1: cannot open x");
    EXPECT_EQ(wrapped.value().code, ENOENT);
}
TEST(Result, what_is_a_sentence_already_stays_as_it_is) {
    Failure stopped = deny(EBUSY, "process {} is stopped", 7);
    EXPECT_EQ(stopped.value().sentence(), "process 7 is stopped");
    EXPECT_EQ(stopped.value().code, EBUSY);
    Failure wrapped = fail(stopped.value(), "cannot move it");
    EXPECT_EQ(wrapped.value().sentence(), "cannot move it: process 7 is stopped");
}

} // namespace
} // namespace rove
