// SPDX-License-Identifier: Apache-2.0
// Tests of the TLS ends and of the key.
#include "net/tls.hh"

#include <gtest/gtest.h>

#include "net/key.hh"
#include "sys/files.hh"

namespace rove::net {
namespace {

struct Talk {
    Tls client, server;
    Status client_status, server_status;

    static Talk between(std::string const& client_key, std::string const& server_key) {
        Talk talk{
            *Tls::create(client_key, Role::client), *Tls::create(server_key, Role::server), {}, {}};
        for (int round = 0; round < 6; ++round) {
            std::string to_server = talk.client.take_output();
            if (!to_server.empty() && talk.server_status)
                talk.server_status = talk.server.feed(to_server);
            std::string to_client = talk.server.take_output();
            if (!to_client.empty() && talk.client_status)
                talk.client_status = talk.client.feed(to_client);
        }
        return talk;
    }
};

TEST(Tls, same_key_talks_both_ways) {
    std::string key(32, 'k');
    Talk talk = Talk::between(key, key);
    ASSERT_TRUE(talk.client.established());
    ASSERT_TRUE(talk.server.established());
    ASSERT_TRUE(talk.client.write("question"));
    ASSERT_TRUE(talk.server.feed(talk.client.take_output()));
    EXPECT_EQ(*talk.server.read(), "question");
    std::string big(300000, 'x');
    ASSERT_TRUE(talk.server.write(big));
    ASSERT_TRUE(talk.client.feed(talk.server.take_output()));
    EXPECT_EQ(*talk.client.read(), big);
}

TEST(Tls, wrong_key_is_told_on_both_sides) {
    Talk talk = Talk::between(std::string(32, 'a'), std::string(32, 'b'));
    ASSERT_FALSE(talk.server_status);
    EXPECT_EQ(talk.server_status.error().code, EACCES) << talk.server_status.error().sentence();
    ASSERT_FALSE(talk.client_status);
    EXPECT_EQ(talk.client_status.error().code, EACCES) << talk.client_status.error().sentence();
}

TEST(Tls, noise_ends_the_handshake) {
    Tls server = *Tls::create(std::string(32, 'a'), Role::server);
    EXPECT_FALSE(server.feed("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    EXPECT_FALSE(server.established());
}

TEST(Key, purposes_differ) {
    ClusterKey key{"0123456789abcdef0123456789abcdef"};
    EXPECT_EQ(derive(key, "peer")->size(), 32u);
    EXPECT_NE(*derive(key, "peer"), *derive(key, "gossip"));
}

TEST(Key, readable_by_others_is_refused) {
    std::string path = testing::TempDir() + "rove_key_test";
    ASSERT_TRUE(sys::write_file(path, "0123456789abcdef0123\n", 0644));
    EXPECT_EQ(load_cluster_key(path).error().code, EACCES);
    ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
    EXPECT_EQ(load_cluster_key(path)->secret, "0123456789abcdef0123");
    ASSERT_TRUE(sys::write_file(path, "short\n"));
    EXPECT_EQ(load_cluster_key(path).error().code, EINVAL);
    (void)sys::remove_file(path);
}

} // namespace
} // namespace rove::net
