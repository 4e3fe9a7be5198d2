// SPDX-License-Identifier: Apache-2.0
// Hostile bytes: properties of both decoders, and the named ways to be malformed.
#include "abi/x86_64/numbers.hh"
#include "syscalls/testing/hostile.hh"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cerrno>

namespace rove::syscalls {
namespace {

using namespace rove::syscalls::testing;

struct Body {
    CallHead head{};
    std::vector<WireSegment> segments;
    std::vector<uint8_t> in;

    std::vector<uint8_t> bytes() const {
        std::vector<uint8_t> all(sizeof head + segments.size() * sizeof(WireSegment) + in.size());
        memcpy(all.data(), &head, sizeof head);
        if (!segments.empty())
            memcpy(
                all.data() + sizeof head, segments.data(), segments.size() * sizeof(WireSegment));
        if (!in.empty())
            memcpy(all.data() + sizeof head + segments.size() * sizeof(WireSegment), in.data(),
                in.size());
        return all;
    }
};

WireSegment part(Direction direction, uint32_t length, uint8_t holder, uint16_t offset = 0) {
    WireSegment w{};
    w.length = w.valid = length;
    w.direction = direction;
    w.holder = holder;
    w.holder_offset = offset;
    return w;
}

/// ioctl: a row that says nothing about its arguments, so that any segments will do.
Body body(std::vector<WireSegment> segments) {
    Body b;
    b.head.nr = abi::nr_ioctl;
    b.segments = std::move(segments);
    b.head.segment_count = static_cast<uint8_t>(b.segments.size());
    for (auto const& w : b.segments)
        if (w.direction == Direction::in || w.direction == Direction::inout)
            b.head.in_bytes += w.valid;
    b.in.resize(b.head.in_bytes, 0x11);
    return b;
}

TEST(Hostile, sound_bodies_pass) {
    EXPECT_EQ(receive_call(body({}).bytes(), 0), 0);
    EXPECT_EQ(receive_call(
                  body({part(Direction::in, 100, 2), part(Direction::out, 50, 16, 8)}).bytes(), 20),
        0);
}

TEST(Hostile, malformed_bodies_are_refused) {
    auto const refused = [](Body const& b) { return receive_call(b.bytes(), 0) == -EBADMSG; };
    EXPECT_TRUE(refused(body({part(Direction::in, 100, 6)})));  // no such argument
    EXPECT_TRUE(refused(body({part(Direction::in, 100, 16)}))); // holds itself
    EXPECT_TRUE(refused(
        body({part(Direction::in, 100, 17), part(Direction::in, 100, 2)}))); // held by a later one
    EXPECT_TRUE(refused(
        body({part(Direction::in, 100, 2), part(Direction::in, 4, 16, 93)}))); // beyond its holder
    EXPECT_TRUE(refused(
        body({part(Direction::out, 100, 2), part(Direction::in, 4, 16, 0)}))); // in nothing sent
    EXPECT_TRUE(refused(body(
        {part(Direction::in, 100, 2), part(Direction::in, 4, holder_view)}))); // a view goes back
    Body b = body({part(Direction::in, 100, 2)});
    b.head.in_bytes = 99;
    EXPECT_TRUE(refused(b));
    b = body({part(Direction::in, 100, 2)});
    b.segments[0].valid = 101;
    EXPECT_TRUE(refused(b));
    b = body({part(Direction::in, 100, 2)});
    b.segments[0].reserved = 1;
    EXPECT_TRUE(refused(b));
    b = body({part(Direction::in, 100, 2)});
    b.segments[0].flags = flag_vector;
    EXPECT_TRUE(refused(b));
    b = body({});
    b.head.flags = 1;
    EXPECT_TRUE(refused(b));
    b = body({});
    b.head.nr = 60000;
    EXPECT_TRUE(refused(b));
    b = body({});
    b.head.nr = abi::nr_read;
    b.head.args[1] = 0x1000; // an address of the guest's, translated by no segment
    EXPECT_TRUE(refused(b));
    b = body({});
    b.head.segment_count = segments_max + 1;
    EXPECT_TRUE(refused(b));
}

TEST(Hostile, calls_that_no_deputy_performs) {
    for (unsigned nr : std::initializer_list<unsigned>{abi::nr_munmap, abi::nr_fork, abi::nr_execve,
             abi::nr_io_uring_setup, abi::nr_futex, 400}) {
        Body b = body({});
        b.head.nr = static_cast<uint16_t>(nr);
        EXPECT_EQ(receive_call(b.bytes(), 0), -EPERM) << nr;
    }
}

TEST(Hostile, too_much_is_refused_before_it_is_used) {
    Body b = body({part(Direction::out, 0xffffffff, 2)});
    EXPECT_EQ(receive_call(b.bytes(), 0), -ENOMEM);
    b = body({part(Direction::out, 0xffffffff, 2), part(Direction::out, 0xffffffff, 1)});
    EXPECT_LT(receive_call(b.bytes(), 0), 0);
    b = body({part(Direction::out, 60000, 2), part(Direction::out, 60000, 1)});
    EXPECT_EQ(receive_call(b.bytes(), 0), -ENOMEM);
}

TEST(Place, keeps_alignment_of_large_buffers) {
    WireSegment w = part(Direction::in, 4096, 2);
    w.align = 512;
    Body b = body({part(Direction::in, 10, 1), w});
    Placement placement;
    auto const bytes = b.bytes();
    ASSERT_EQ(place(placement, bytes.data(), bytes.size(), small_scratch()), 0);
    EXPECT_EQ(placement.placed[1].address % 4096, 512u);
}

TEST(Place, waits_for_the_whole_head) {
    auto const bytes = body({part(Direction::in, 10, 1)}).bytes();
    Placement placement;
    EXPECT_EQ(place(placement, bytes.data(), 10, small_scratch()), -EAGAIN);
    EXPECT_EQ(place(placement, bytes.data(), 60, small_scratch()), -EAGAIN);
}

TEST(Properties, any_segments) {
    rc::check("segments of any kind stay inside the scratch", [] {
        auto const count = *rc::gen::inRange(0, 12);
        std::vector<WireSegment> segments;
        for (int i = 0; i < count; ++i) {
            WireSegment w{};
            w.length = *rc::gen::element(
                0u, 1u, 8u, 16u, 100u, 511u, 512u, 5000u, 30000u, 0xfffffff0u, 0xffffffffu);
            w.valid = *rc::gen::inRange(0, 4) == 0 ? w.length / 2 : w.length;
            w.align = *rc::gen::inRange<uint16_t>(0, 4097);
            w.holder = *rc::gen::element<uint8_t>(0, 1, 5, 6, 15, 16, 17, 18, 254, 255);
            w.holder_offset = *rc::gen::element<uint16_t>(0, 1, 8, 92, 93, 65535);
            w.unit = *rc::gen::element<uint16_t>(0, 1, 8, 100, 65535);
            w.direction = static_cast<Direction>(*rc::gen::inRange(0, 5));
            w.clip = static_cast<Clip>(*rc::gen::inRange(0, 8));
            w.flags = *rc::gen::inRange<uint8_t>(0, 17);
            w.other = *rc::gen::inRange<uint8_t>(0, 14);
            segments.push_back(w);
        }
        Body b = body({});
        uint64_t in = 0;
        for (auto const& w : segments)
            if (w.direction == Direction::in || w.direction == Direction::inout) in += w.valid;
        b.segments = segments;
        b.head.segment_count = static_cast<uint8_t>(count);
        b.head.in_bytes = static_cast<uint32_t>(in);
        b.in.resize(in < 200000 ? in : 0, 0xff);
        (void)receive_call(b.bytes(), *rc::gen::arbitrary<long>());
    });
    rc::check("bytes of any kind do no harm", [](std::vector<uint8_t> const& bytes) {
        (void)receive_call(bytes, 0);
        (void)receive_reply(bytes);
    });
}

std::vector<uint8_t> reply_of(std::vector<uint32_t> const& lengths, uint32_t total) {
    ReplyHead head{0, total, static_cast<uint16_t>(lengths.size()), 0};
    std::vector<uint8_t> all(sizeof head + lengths.size() * 4 + total, 0x22);
    memcpy(all.data(), &head, sizeof head);
    if (!lengths.empty()) memcpy(all.data() + sizeof head, lengths.data(), lengths.size() * 4);
    return all;
}

TEST(Replies, sound_and_malformed) {
    EXPECT_TRUE(receive_reply(reply_of({1, 100, 4096, 120}, 4317)));
    EXPECT_TRUE(receive_reply(reply_of({0, 0, 0, 0}, 0)));
    EXPECT_TRUE(receive_reply(reply_of({0, 5, 0, 60}, 65)));
    EXPECT_TRUE(receive_reply(reply_of({}, 0))) << "not performed";
    EXPECT_FALSE(receive_reply(reply_of({0, 0, 0}, 0)));
    EXPECT_FALSE(receive_reply(reply_of({0, 0, 0, 0, 0}, 0)));
    EXPECT_FALSE(receive_reply(reply_of({2, 0, 0, 0}, 2)));
    EXPECT_FALSE(receive_reply(reply_of({1, 0, 0, 0}, 2)));
    EXPECT_FALSE(receive_reply(reply_of({0, 0, 0, 121}, 121)));
    EXPECT_FALSE(receive_reply({}));
}

TEST(Properties, any_lengths) {
    rc::check("a reply of any lengths is written where it belongs", [] {
        auto const lengths = *rc::gen::container<std::vector<uint32_t>>(
            4, rc::gen::element(0u, 1u, 99u, 120u, 4096u, 5000u));
        uint32_t total = 0;
        for (uint32_t n : lengths)
            total += n;
        bool const sound =
            lengths[0] <= 1 && lengths[1] <= 100 && lengths[2] <= 4096 && lengths[3] <= 120;
        RC_ASSERT(receive_reply(reply_of(lengths, total)) == sound);
    });
}

} // namespace
} // namespace rove::syscalls
