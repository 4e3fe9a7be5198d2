// SPDX-License-Identifier: Apache-2.0
// A ring between two sides: what is put comes out, byte for byte, whatever the pieces; and whatever
// the other side writes into it, nothing outside of the rings is touched.
#include "wire/mail_ring_end.hh"

#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace rove::wire {
namespace {

struct Ring {
    std::unique_ptr<MailRing> memory = std::make_unique<MailRing>();
    MailRingEnd here{*memory, 0}, there{*memory, 1};
};

long put(MailRingEnd& end, std::string_view bytes) {
    return end.put(bytes.size(), [&](unsigned char* to, uint64_t done, uint64_t n) {
        std::memcpy(to, bytes.data() + done, n);
        return true;
    });
}

long get(MailRingEnd& end, std::string& bytes, uint64_t most) {
    std::string room(most, '\0');
    long got = end.get(most, [&](unsigned char const* from, uint64_t done, uint64_t n) {
        std::memcpy(room.data() + done, from, n);
        return true;
    });
    if (got > 0) bytes += room.substr(0, static_cast<size_t>(got));
    return got;
}

TEST(MailRing, ends_in_order) {
    Ring ring;
    std::string got;
    EXPECT_EQ(get(ring.there, got, 10), MailRingEnd::again);
    EXPECT_EQ(put(ring.here, "last"), 4);
    ring.here.end();
    EXPECT_EQ(get(ring.there, got, 10), 4);
    EXPECT_EQ(get(ring.there, got, 10), 0);
    EXPECT_FALSE(ring.there.is_over());
    ring.there.end();
    EXPECT_TRUE(ring.there.is_over());
}

TEST(MailRing, is_full_and_broken) {
    Ring ring;
    EXPECT_EQ(put(ring.here, std::string(mail_ring_bytes + 5, 'x')), long{mail_ring_bytes});
    EXPECT_FALSE(ring.here.writable());
    EXPECT_EQ(put(ring.here, "y"), MailRingEnd::again);
    ring.there.break_off();
    EXPECT_EQ(put(ring.here, "y"), MailRingEnd::broken_pipe);
    std::string got;
    EXPECT_EQ(get(ring.there, got, 10), MailRingEnd::reset);
}

TEST(MailRing, who_sleeps_is_woken_once_and_as_he_wants) {
    using Wake = MailRingEnd::Wake;
    Ring ring;
    EXPECT_EQ(put(ring.here, "a"), 1);
    EXPECT_EQ(ring.here.wake(sleep_for_bytes), Wake::nobody);
    ring.there.sleeps(sleep_for_bytes);
    EXPECT_EQ(ring.here.wake(sleep_for_room), Wake::nobody);
    EXPECT_EQ(ring.here.wake(sleep_for_bytes), Wake::by_bell);
    EXPECT_EQ(ring.here.wake(sleep_for_bytes), Wake::nobody);
    EXPECT_EQ(ring.there.wake(~0u), Wake::nobody);
    ring.there.sleeps(sleep_for_bytes | sleep_for_room | sleep_on_word);
    EXPECT_EQ(*ring.here.others_sleep_word(), *ring.there.sleep_word());
    EXPECT_EQ(ring.here.wake(sleep_for_room), Wake::by_word);
    EXPECT_EQ(*ring.there.sleep_word(), 0u);
}

TEST(MailRing, who_sleeps_for_room_is_woken_when_there_is_much) {
    Ring ring;
    std::string got;
    EXPECT_EQ(put(ring.here, std::string(mail_ring_bytes, 'x')), long{mail_ring_bytes});
    ring.here.sleeps(sleep_for_room);
    EXPECT_EQ(get(ring.there, got, 10), 10);
    EXPECT_EQ(ring.there.wake_for_room(), MailRingEnd::Wake::nobody);
    EXPECT_GT(get(ring.there, got, mail_ring_bytes / 2), 0);
    EXPECT_EQ(ring.there.wake_for_room(), MailRingEnd::Wake::by_bell);
}

TEST(MailRing, bytes_come_as_they_went) {
    rc::check([] {
        Ring ring;
        std::string sent, got;
        uint32_t const rounds = *rc::gen::inRange(1, 60);
        for (uint32_t i = 0; i < rounds; ++i) {
            uint32_t const length = *rc::gen::inRange(0, 40000), most = *rc::gen::inRange(1, 40000);
            std::string bytes(length, '\0');
            for (uint32_t at = 0; at < length; ++at)
                bytes[at] = static_cast<char>((sent.size() + at) % 251);
            if (long moved = put(ring.here, bytes); moved > 0)
                sent += bytes.substr(0, static_cast<size_t>(moved));
            (void)get(ring.there, got, most);
            RC_ASSERT(ring.there.readable() == (got.size() < sent.size()));
        }
        while (get(ring.there, got, 10000) > 0) {
        }
        RC_ASSERT(got == sent);
    });
}

TEST(MailRing, two_threads_lose_nothing) {
    Ring ring;
    constexpr size_t all = 8 << 20;
    std::thread writer([&] {
        std::string bytes(all, '\0');
        for (size_t at = 0; at < all; ++at)
            bytes[at] = static_cast<char>(at % 253);
        for (std::string_view rest = bytes; !rest.empty();) {
            long moved = put(ring.here, rest.substr(0, 30011));
            if (moved > 0) rest.remove_prefix(static_cast<size_t>(moved));
            if (moved < 0) std::this_thread::yield();
        }
        ring.here.end();
    });
    std::string got;
    for (long moved = 1; moved != 0;) {
        moved = get(ring.there, got, 20011);
        ASSERT_TRUE(moved >= 0 || moved == MailRingEnd::again);
        if (moved < 0) std::this_thread::yield();
    }
    writer.join();
    ASSERT_EQ(got.size(), all);
    for (size_t at = 0; at < all; ++at)
        ASSERT_EQ(got[at], static_cast<char>(at % 253));
}

// The other side writes what it likes to where the numbers are, at any time.
TEST(MailRing, numbers_that_make_no_sense_break_it) {
    rc::check([] {
        Ring ring;
        auto* words = reinterpret_cast<uint64_t*>(ring.memory.get());
        size_t const count = offsetof(MailRing, bytes) / sizeof(uint64_t);
        for (int i = 0; i < 20; ++i) {
            words[*rc::gen::inRange<size_t>(0, count)] = *rc::gen::oneOf(
                rc::gen::arbitrary<uint64_t>(), rc::gen::inRange<uint64_t>(0, 70000));
            auto inside = [&](unsigned char const* at, uint64_t n) {
                auto const* begin = ring.memory->bytes[0];
                return at >= begin && at + n <= begin + sizeof ring.memory->bytes;
            };
            long moved = ring.here.get(50000, [&](unsigned char const* from, uint64_t, uint64_t n) {
                RC_ASSERT(inside(from, n));
                return true;
            });
            RC_ASSERT(moved <= 50000);
            moved = ring.here.put(50000, [&](unsigned char* to, uint64_t, uint64_t n) {
                RC_ASSERT(inside(to, n));
                return true;
            });
            RC_ASSERT(moved <= 50000);
            (void)ring.here.wake(~0u);
            (void)ring.here.wake_for_room();
        }
    });
}

} // namespace
} // namespace rove::wire
