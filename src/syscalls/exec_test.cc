// SPDX-License-Identifier: Apache-2.0
// Exec: lists of strings from a plan through a frame to the deputy's lists; and hostile ones.
#include "syscalls/exec.hh"

#include "abi/x86_64/numbers.hh"
#include "syscalls/testing/round_trip.hh"

namespace rove::syscalls {
namespace {

using namespace rove::syscalls::testing;

constexpr uint64_t words_of_strings = 8;

TEST(Exec, execve_is_execveat_in_the_working_directory) {
    uint64_t const args[6] = {1, 2, 3, 4, 5, 6};
    auto plain = executed_by(abi::nr_execve, args), at = executed_by(abi::nr_execveat, args);
    EXPECT_EQ(static_cast<int64_t>(plain.directory), -100);
    EXPECT_EQ(plain.path, 1u);
    EXPECT_EQ(plain.arguments, 2u);
    EXPECT_EQ(plain.environment, 3u);
    EXPECT_EQ(plain.flags, 0u);
    EXPECT_EQ(at.directory, 1u);
    EXPECT_EQ(at.path, 2u);
    EXPECT_EQ(at.arguments, 3u);
    EXPECT_EQ(at.environment, 4u);
    EXPECT_EQ(at.flags, 5u);
}

TEST(Exec, strings_arrive_as_two_lists) {
    static Plan plan;
    static char const path[] = "/bin/echo";
    static char const packed[] = "echo\0\0two words\0A=1";
    Executed what{7, reinterpret_cast<uint64_t>(path), 9, 0, 0};
    uint64_t const counts[2] = {3, 1};
    plan_exec(plan, what, counts, reinterpret_cast<uint64_t>(packed), sizeof packed, user_memory());
    std::vector<uint8_t> body(call_size(plan) + plan.in_bytes);
    write_call(plan, body.data());
    ASSERT_TRUE(gather(plan, body.data() + call_size(plan), user_memory()));

    ScratchMemory memory;
    static Placement placement;
    ASSERT_EQ(place(placement, body.data(), call_size(plan), memory.scratch()), 0);
    fill(placement, body.data() + call_size(plan));
    ASSERT_EQ(patch(placement), 0);
    EXPECT_EQ(placement.args[0], 7u);
    EXPECT_STREQ(reinterpret_cast<char const*>(placement.args[1]), path);
    EXPECT_EQ(placement.args[4], 9u);
    PackedStrings strings;
    ASSERT_TRUE(placed_strings(placement, strings));
    ASSERT_EQ(lists_size(strings), 6u);
    uint64_t lists[words_of_strings] = {};
    ASSERT_TRUE(make_lists(strings, lists));
    auto text = [&](int n) { return reinterpret_cast<char const*>(lists[n]); };
    EXPECT_STREQ(text(0), "echo");
    EXPECT_STREQ(text(1), "");
    EXPECT_STREQ(text(2), "two words");
    EXPECT_EQ(lists[3], 0u);
    EXPECT_STREQ(text(4), "A=1");
    EXPECT_EQ(lists[5], 0u);
}

bool lists_made(std::string_view bytes, uint64_t arguments, uint64_t environment) {
    uint64_t lists[words_of_strings] = {};
    return make_lists({reinterpret_cast<unsigned char const*>(bytes.data()), bytes.size(),
                          {arguments, environment}, false},
        lists);
}

TEST(Exec, counts_and_bytes_must_agree) {
    using namespace std::string_view_literals;
    EXPECT_TRUE(lists_made("a\0b\0"sv, 1, 1));
    EXPECT_TRUE(lists_made(""sv, 0, 0));
    EXPECT_FALSE(lists_made("a\0b\0"sv, 1, 0)); // more than was said
    EXPECT_FALSE(lists_made("a\0b\0"sv, 2, 1)); // fewer
    EXPECT_FALSE(lists_made("a\0b"sv, 1, 1));   // one has no end
    EXPECT_FALSE(lists_made(""sv, 1, 0));
}

TEST(Exec, more_strings_than_bytes_are_no_frame) {
    static Placement placement{};
    placement.args[2] = 1ull << 40;
    PackedStrings strings;
    EXPECT_FALSE(placed_strings(placement, strings));
    placement.args[2] = strings_missing;
    ASSERT_TRUE(placed_strings(placement, strings));
    EXPECT_TRUE(strings.missing);
}

} // namespace
} // namespace rove::syscalls
