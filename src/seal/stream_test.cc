// SPDX-License-Identifier: Apache-2.0
// Tests of the sealed stream: what is doubled, missing, moved, changed, turned around or of another
// connection does not open; and nothing that comes is read further than it is there.
#include "seal/stream.hh"

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace rove::seal {

// Here, where gtest looks for them.
static bool operator==(Found const& a, Found const& b) {
    return a.what == b.what && a.length == b.length && a.whole == b.whole;
}
static std::ostream& operator<<(std::ostream& out, Found const& found) {
    return out << static_cast<int>(found.what) << ' ' << found.length << ' ' << found.whole;
}

namespace {

using Bytes = std::basic_string<uint8_t>;
using What = Found::What;

Bytes bytes_of(std::string_view text) {
    return {text.begin(), text.end()};
}
Bytes const secret = bytes_of("a secret of 16 b");

Found found_in(Bytes const& bytes) {
    // A copy with nothing behind it, so that a sanitizer sees who reads on.
    std::vector<uint8_t> const there(bytes.begin(), bytes.end());
    return find(there.data(), there.size());
}

Bytes put(Stream& stream, Bytes const& text) {
    Bytes record(head_size + text.size() + tag_size, 0);
    EXPECT_EQ(put(stream, text.data(), text.size(), record.data()), record.size());
    return record;
}
// What the record says, or "" if it does not open.
Bytes take(Stream& stream, Bytes const& record) {
    Found const found = found_in(record);
    if (found.what != What::text) return {};
    Bytes text(found.length, 0);
    if (!take(stream, record.data(), found, text.data())) {
        EXPECT_EQ(text, Bytes(text.size(), 0));
        return {};
    }
    return text;
}

// Both sides of a connection, and what went over it to begin.
struct Ends {
    Stream home, host;
    Bytes home_salt = Bytes(salt_size, 'h'), host_salt = Bytes(salt_size, 'g');
    Bytes home_record = Bytes(salt_record_size, 0), host_record = home_record;

    explicit Ends(Use use = Use::link) { connect(use, use, secret, secret); }
    void connect(Use home_use, Use host_use, Bytes const& at_home, Bytes const& at_host) {
        begin(home, home_use, Side::home, home_salt.data(), home_record.data());
        begin(host, host_use, Side::host, host_salt.data(), host_record.data());
        agree(home, at_home.data(), Purpose{}, host_record.data() + head_size);
        agree(host, at_host.data(), Purpose{}, home_record.data() + head_size);
    }
};

struct SealedStream : testing::Test {
    void SetUp() override {
        if (!is_available()) GTEST_SKIP() << "no AES-NI or no PCLMULQDQ";
    }
};

TEST_F(SealedStream, both_directions) {
    for (Use use : {Use::link, Use::control, Use::pages}) {
        Ends ends(use);
        for (int i = 0; i < 100; ++i) {
            Bytes const question = bytes_of("question " + std::to_string(i));
            Bytes const answer = bytes_of("answer " + std::to_string(i));
            Bytes const there = put(ends.home, question), back = put(ends.host, answer);
            EXPECT_EQ(there.find(question), Bytes::npos);
            EXPECT_EQ(take(ends.host, there), question);
            EXPECT_EQ(take(ends.home, back), answer);
        }
        EXPECT_EQ(ends.home.sent, 100U);
        EXPECT_EQ(ends.home.opened, 100U);
    }
}

TEST_F(SealedStream, records_are_as_described) {
    Ends ends;
    EXPECT_EQ(ends.home_record, (Bytes{0x53, 1, 16, 0} + ends.home_salt));
    EXPECT_EQ(found_in(ends.home_record), (Found{What::salt, 16, 20}));
    Bytes const record = put(ends.home, Bytes(0x123, 1));
    EXPECT_EQ(record.substr(0, 4), (Bytes{0x53, 2, 0x23, 1}));
    EXPECT_EQ(found_in(record), (Found{What::text, 0x123, 0x123 + 20}));
}

TEST_F(SealedStream, keys_are_as_described) {
    Ends ends(Use::pages);
    auto encrypted = [](Bytes const& key, Bytes const& block) {
        Key expanded;
        expand(expanded, key.data());
        Bytes result(16, 0);
        encrypt_block(expanded, block.data(), result.data());
        return result;
    };
    Bytes const salts = encrypted(encrypted(secret, ends.home_salt), ends.host_salt);
    Bytes const both = encrypted(salts, Bytes(16, 0)); // the purpose
    auto first_round = [](Key const& key) { return Bytes(key.rounds[0], 16); };
    EXPECT_EQ(first_round(ends.home.out), encrypted(both, Bytes{3, 1} + Bytes(14, 0)));
    EXPECT_EQ(first_round(ends.home.in), encrypted(both, Bytes{3, 2} + Bytes(14, 0)));
    EXPECT_EQ(std::memcmp(&ends.home.in, &ends.host.out, sizeof(Key)), 0);
    EXPECT_EQ(std::memcmp(&ends.home.out, &ends.host.in, sizeof(Key)), 0);
}

TEST_F(SealedStream, of_another_purpose) {
    for (size_t byte : {0, 4, 15}) {
        Ends ends;
        Purpose other{};
        other.bytes[byte] = 1;
        agree(ends.host, secret.data(), other, ends.home_salt.data());
        EXPECT_EQ(take(ends.host, put(ends.home, bytes_of("crossed"))), Bytes());
        EXPECT_EQ(take(ends.home, put(ends.host, bytes_of("crossed"))), Bytes());
        agree(ends.home, secret.data(), other, ends.host_salt.data());
        ends.home.sent = ends.home.opened = ends.host.sent = ends.host.opened = 0;
        EXPECT_EQ(take(ends.host, put(ends.home, bytes_of("together"))), bytes_of("together"));
    }
}

TEST_F(SealedStream, every_length) {
    Ends ends;
    for (uint64_t n = 1; n <= text_max; n += n < 300 ? 1 : 97) {
        Bytes const text(n, static_cast<uint8_t>(n));
        EXPECT_EQ(take(ends.host, put(ends.home, text)), text);
    }
    Bytes const longest(text_max, 'x');
    Bytes const record = put(ends.home, longest);
    EXPECT_EQ(record.size(), record_max);
    EXPECT_EQ(take(ends.host, record), longest);
    // What is no record is not made.
    Bytes room(record_max + 1, 0);
    uint64_t const sent = ends.home.sent;
    EXPECT_EQ(put(ends.home, longest.data(), 0, room.data()), 0U);
    EXPECT_EQ(put(ends.home, room.data(), text_max + 1, room.data()), 0U);
    EXPECT_EQ(ends.home.sent, sent);
}

TEST_F(SealedStream, in_the_memory_where_it_lies) {
    Ends ends;
    for (uint64_t n : {1, 16, 127, 128, 1000, 8172}) {
        Bytes const text(n, 'z');
        Bytes memory = Bytes(head_size, 0) + text + Bytes(tag_size, 0);
        ASSERT_EQ(put(ends.home, memory.data() + head_size, n, memory.data()), memory.size());
        Found const found = found_in(memory);
        ASSERT_TRUE(take(ends.host, memory.data(), found, memory.data()));
        EXPECT_EQ(memory.substr(0, n), text);
        memory = Bytes(100, 0) + put(ends.home, text);
        ASSERT_TRUE(take(ends.host, memory.data() + 100, found, memory.data()));
        EXPECT_EQ(memory.substr(0, n), text);
    }
}

TEST_F(SealedStream, comes_once_and_in_order) {
    Ends ends;
    Bytes const first = put(ends.home, bytes_of("first")),
                second = put(ends.home, bytes_of("second")),
                third = put(ends.home, bytes_of("third"));
    EXPECT_EQ(take(ends.host, second), Bytes()) << "the first is missing";
    EXPECT_EQ(take(ends.host, first), bytes_of("first"));
    EXPECT_EQ(take(ends.host, first), Bytes()) << "doubled";
    EXPECT_EQ(take(ends.host, third), Bytes()) << "overtaken";
    EXPECT_EQ(take(ends.host, second), bytes_of("second"));
    EXPECT_EQ(take(ends.host, third), bytes_of("third"));
    EXPECT_EQ(ends.host.opened, 3U);
}

TEST_F(SealedStream, is_not_turned_around) {
    Ends ends;
    Bytes const record = put(ends.home, bytes_of("to the host"));
    EXPECT_EQ(take(ends.home, record), Bytes());
    // Nor if the salt was, too: both directions are still two.
    Stream alone;
    Bytes own(salt_record_size, 0);
    begin(alone, Use::link, Side::home, ends.home_salt.data(), own.data());
    agree(alone, secret.data(), Purpose{}, own.data() + head_size);
    EXPECT_EQ(take(alone, put(alone, bytes_of("hello"))), Bytes());
}

TEST_F(SealedStream, is_of_this_connection_alone) {
    Bytes const text = bytes_of("for you");
    Ends ends, same;
    Bytes const record = put(ends.home, text);
    EXPECT_EQ(take(same.host, record), text) << "the same salts: the same stream";
    auto refused = [&](auto change, char const* why) {
        Ends other;
        change(other);
        EXPECT_EQ(take(other.host, record), Bytes()) << why;
    };
    refused([](Ends& made) { made.connect(Use::control, Use::control, secret, secret); }, "use");
    refused([](Ends& made) { made.connect(Use::pages, Use::pages, secret, secret); }, "use");
    refused(
        [](Ends& made) {
            Bytes const another = bytes_of("a secret of 16 c");
            made.connect(Use::link, Use::link, another, another);
        },
        "secret");
    for (Bytes Ends::*salt : {&Ends::home_salt, &Ends::host_salt})
        for (size_t at = 0; at < salt_size; ++at)
            refused(
                [&](Ends& made) {
                    (made.*salt)[at] ^= 1;
                    made.connect(Use::link, Use::link, secret, secret);
                },
                "salt");
    refused(
        [](Ends& made) {
            std::swap(made.home_salt, made.host_salt);
            made.connect(Use::link, Use::link, secret, secret);
        },
        "salts of the other sides");
}

TEST_F(SealedStream, both_must_mean_the_same) {
    Ends ends;
    ends.connect(Use::link, Use::pages, secret, secret);
    EXPECT_EQ(take(ends.host, put(ends.home, bytes_of("a"))), Bytes());
    ends.connect(Use::link, Use::link, secret, bytes_of("another secret, "));
    EXPECT_EQ(take(ends.host, put(ends.home, bytes_of("a"))), Bytes());
    begin(ends.host, Use::link, Side::home, ends.host_salt.data(), ends.host_record.data());
    agree(ends.host, secret.data(), Purpose{}, ends.home_salt.data());
    EXPECT_EQ(take(ends.host, put(ends.home, bytes_of("a"))), Bytes()) << "two homes";
}

TEST_F(SealedStream, a_changed_bit_is_noticed_wherever_it_is) {
    Ends ends;
    Bytes const record = put(ends.home, bytes_of("some words, and then some more"));
    for (size_t at = 0; at < record.size(); ++at)
        for (int bit = 0; bit < 8; ++bit) {
            Bytes changed = record + Bytes(300, 0); // a longer one is there, too
            changed[at] = static_cast<uint8_t>(changed[at] ^ 1 << bit);
            EXPECT_EQ(take(ends.host, changed), Bytes()) << at;
            // Also if the head was looked at before.
            Bytes text(30, 0);
            EXPECT_FALSE(take(ends.host, changed.data(), found_in(record), text.data()));
        }
    EXPECT_NE(take(ends.host, record), Bytes()) << "none of them was counted";
}

TEST_F(SealedStream, says_nothing_before_both_salts_are_known) {
    Ends ends;
    Bytes const record = put(ends.home, bytes_of("early"));
    Stream early;
    Bytes own(salt_record_size, 0);
    begin(early, Use::link, Side::host, ends.host_salt.data(), own.data());
    EXPECT_EQ(early.begun, 1);
    EXPECT_EQ(take(early, record), Bytes());
    Bytes room(100, 0);
    EXPECT_EQ(put(early, record.data(), 5, room.data()), 0U);
    agree(early, secret.data(), Purpose{}, ends.home_salt.data());
    EXPECT_EQ(early.begun, 2);
    EXPECT_EQ(take(early, record), bytes_of("early"));
    EXPECT_FALSE(take(early, ends.home_record.data(), found_in(ends.home_record), room.data()))
        << "a salt is no text";
}

TEST_F(SealedStream, what_is_not_all_there_is_waited_for) {
    Ends ends;
    for (Bytes const& record : {ends.home_record, put(ends.home, Bytes(500, 'a'))}) {
        auto const whole = static_cast<uint32_t>(record.size());
        for (size_t n = 0; n < whole; ++n)
            EXPECT_EQ(found_in(record.substr(0, n)),
                (Found{What::nothing_yet, 0, n < head_size ? 0 : whole}));
        EXPECT_EQ(found_in(record).whole, whole);
        EXPECT_EQ(found_in(record + record), found_in(record));
    }
}

TEST(SealedStreamFind, nonsense_is_seen_at_once) {
    for (Bytes const& bytes : {Bytes{0}, Bytes{0x52}, Bytes{0x53, 0}, Bytes{0x53, 3},
             Bytes{0x53, 255}, Bytes{0x53, 1, 15, 0}, Bytes{0x53, 1, 17, 0}, Bytes{0x53, 1, 16, 1},
             Bytes{0x53, 1, 0, 0}, Bytes{0x53, 2, 0, 0}, Bytes{0x53, 2, 0xed, 0x1f},
             Bytes{0x53, 2, 0xff, 0xff}, bytes_of("GET / HTTP/1.1\r\n\r\n")})
        EXPECT_EQ(found_in(bytes), (Found{What::nonsense, 0, 0}));
    EXPECT_EQ(found_in({0x53, 2, 0xec, 0x1f}), (Found{What::nothing_yet, 0, 8192}));
}

TEST(SealedStreamFind, of_any_bytes) {
    EXPECT_TRUE(rc::check([](Bytes const& rest, uint8_t kind, uint16_t length) {
        Bytes const bytes =
            Bytes{0x53, static_cast<uint8_t>(kind % 4), static_cast<uint8_t>(length),
                static_cast<uint8_t>(length >> 8 & 0x2f)} +
            rest;
        Found const found = found_in(bytes);
        RC_ASSERT(found.whole <= record_max);
        switch (found.what) {
        case What::nothing_yet:
            RC_ASSERT(found.whole > bytes.size());
            break;
        case What::salt:
            RC_ASSERT(found.length == salt_size && found.whole == salt_record_size);
            RC_ASSERT(found.whole <= bytes.size());
            break;
        case What::text:
            RC_ASSERT(found.length >= 1U && found.length <= text_max);
            RC_ASSERT(found.whole == head_size + found.length + tag_size);
            RC_ASSERT(found.whole <= bytes.size());
            break;
        case What::nonsense:
            RC_ASSERT(found.whole == 0U && found.length == 0U);
            break;
        }
    }));
}

} // namespace
} // namespace rove::seal
