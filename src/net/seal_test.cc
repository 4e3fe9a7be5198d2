// SPDX-License-Identifier: Apache-2.0
// Tests of the seal: what is changed, cut, repeated or from a stranger is not opened.
#include "net/seal.hh"

#include <random>
#include <set>

#include <gtest/gtest.h>

namespace rove::net {
namespace {

struct SealTest : testing::Test {
    std::string key = std::string(32, 'k');
    Sealer sealer = *Sealer::create(key);
    Opener opener{key};
    std::string sealed(std::string_view plain = "who is there") { return *sealer.seal(plain); }
    SealFault fault(std::string_view datagram) { return opener.open(datagram).fault; }
};

TEST_F(SealTest, opens_for_who_has_the_key) {
    std::string datagram = sealed();
    EXPECT_EQ(datagram.find("who"), std::string::npos);
    EXPECT_EQ(datagram.size(), seal_bytes + 12);
    auto opened = opener.open(datagram);
    EXPECT_EQ(opened.fault, SealFault::none);
    EXPECT_EQ(opened.plain, "who is there");
    EXPECT_EQ(opener.open(sealed("")).fault, SealFault::none);
    EXPECT_EQ(Opener(std::string(32, 'x')).open(sealed()).fault, SealFault::forged);
}

TEST_F(SealTest, a_changed_byte_is_noticed_wherever_it_is) {
    std::string const datagram = sealed();
    for (size_t at = 0; at < datagram.size(); ++at) {
        std::string changed = datagram;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        SealFault expected = at < 2    ? SealFault::no_datagram
                             : at == 2 ? SealFault::other_version
                                       : SealFault::forged;
        EXPECT_EQ(fault(changed), expected) << at;
    }
    EXPECT_EQ(fault(datagram), SealFault::none) << "none of them used up its counter";
}

TEST_F(SealTest, what_is_cut_off_is_noticed) {
    std::string const datagram = sealed();
    for (size_t length = 0; length < datagram.size(); ++length)
        EXPECT_EQ(fault(datagram.substr(0, length)),
            length < seal_bytes ? SealFault::no_datagram : SealFault::forged);
    EXPECT_EQ(fault(datagram + "x"), SealFault::forged);
}

TEST_F(SealTest, comes_once) {
    std::vector<std::string> all;
    for (int i = 0; i < 300; ++i)
        all.push_back(sealed());
    EXPECT_EQ(fault(all[5]), SealFault::none);
    EXPECT_EQ(fault(all[5]), SealFault::replayed);
    EXPECT_EQ(fault(all[3]), SealFault::none) << "a later one may overtake it";
    EXPECT_EQ(fault(all[3]), SealFault::replayed);
    EXPECT_EQ(fault(all[290]), SealFault::none);
    EXPECT_EQ(fault(all[4]), SealFault::replayed) << "too old to tell";
    EXPECT_EQ(fault(all[200]), SealFault::none);
}

TEST_F(SealTest, senders_are_told_apart) {
    Sealer other = *Sealer::create(key);
    std::string mine = sealed(), its = *other.seal("who is there");
    EXPECT_NE(mine, its) << "two senders never use one key";
    EXPECT_EQ(fault(mine), SealFault::none);
    EXPECT_EQ(fault(its), SealFault::none);
    EXPECT_EQ(fault(mine), SealFault::replayed);
}

TEST(ReplayWindow, is_as_good_as_remembering_all) {
    std::mt19937_64 random(3);
    ReplayWindow window;
    std::set<uint64_t> taken;
    uint64_t base = 200;
    for (int i = 0; i < 20000; ++i) {
        base += random() % 3;
        uint64_t counter = base - random() % 130;
        bool old = !taken.empty() && counter + 128 <= *taken.rbegin();
        EXPECT_EQ(window.take(counter), !old && taken.count(counter) == 0) << counter;
        if (!old) taken.insert(counter);
    }
    EXPECT_TRUE(window.take(~uint64_t{0}));
    EXPECT_FALSE(window.take(~uint64_t{0}));
    EXPECT_FALSE(window.take(0));
}

} // namespace
} // namespace rove::net
