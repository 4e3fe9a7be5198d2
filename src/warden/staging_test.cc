// SPDX-License-Identifier: Apache-2.0
#include "warden/staging.hh"

#include <gtest/gtest.h>

#include <csignal>
#include <sys/socket.h>

#include <cstring>
#include <string>
#include <thread>

namespace rove::warden {
namespace {

// More chunks than there are: the last one is used again.
TEST(Staging, all_that_was_put_in_comes_out_in_order) {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    Fd ours(ends[0]), theirs(ends[1]);
    auto staging = Staging::make(3 * Staging::chunk_size);
    ASSERT_TRUE(staging) << staging.error().sentence();
    std::string sent, got;
    std::thread reader([&] {
        char bytes[65536];
        for (ssize_t n; (n = recv(theirs.number(), bytes, sizeof bytes, 0)) > 0;)
            got.append(bytes, static_cast<size_t>(n));
    });
    for (size_t i = 0; i < 8; ++i) {
        size_t count = i % 2 ? Staging::chunk_size : 1000 * i + 17;
        memset(staging->chunk(), 'a' + static_cast<int>(i), count);
        sent.append(count, static_cast<char>('a' + i));
        auto done = staging->send(ours.number(), count);
        EXPECT_TRUE(done) << done.error().sentence();
    }
    ours.close();
    reader.join();
    EXPECT_TRUE(got == sent);
}

TEST(Staging, a_socket_that_has_ended_is_an_error) {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    Fd ours(ends[0]);
    Fd(ends[1]).close();
    auto staging = Staging::make(2 * Staging::chunk_size);
    ASSERT_TRUE(staging);
    (void)signal(SIGPIPE, SIG_IGN); // as a keeper has it: splice raises it
    EXPECT_FALSE(staging->send(ours.number(), 100));
    EXPECT_FALSE(staging->send(ours.number(), 100));
}

} // namespace
} // namespace rove::warden
