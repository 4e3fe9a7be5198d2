// SPDX-License-Identifier: Apache-2.0
// Messages: sendmsg, recvmsg, sendmmsg, recvmmsg: name, buffers and control messages behind a
// msghdr.
//
// The headers go as copies of the plan's own. What the kernel changes in them (lengths and flags)
// returns as views into them, so that the caller's pointers stay as they are. Descriptors in
// control messages are home's numbers on both sides.
#include "abi/x86_64/messages.hh"
#include "abi/x86_64/numbers.hh"
#include "syscalls/builder.hh"

namespace rove::syscalls {

namespace {

using abi::MessageHeader;
using abi::MultiMessage;

constexpr uint64_t name_max = 128;           // sockaddr_storage
constexpr uint64_t control_max = 0x7fffffff; // beyond: ENOBUFS
constexpr uint64_t messages_max = 1024;      // of one sendmmsg: the kernel clips there
constexpr uint64_t flag_dontwait = 0x40;
constexpr uint64_t flag_zerocopy = 0x4000000;
constexpr uint64_t flag_wait_for_one = 0x10000;

/// Address families' names: shorter or longer ones are cut or refused by the kernel.
uint64_t name_length(MessageHeader const& m) {
    return m.name_length > name_max ? name_max : m.name_length;
}

/// Name and control messages are both a pointer and, after the call, a length in the header. Of
/// several messages some may not be received, and the kernel leaves gaps between control messages:
/// what has to return as it was travels both ways.
enum class Among { one, several };

Direction buffer_direction(Direction message, Among among) {
    return message == Direction::out && among == Among::several ? Direction::inout : message;
}

void walk_name(Builder& build, int index, size_t offset, MessageHeader const& m,
    Direction direction, Clip clip) {
    if (static_cast<int32_t>(m.name_length) < 0) return; // refused by its length alone
    int const made =
        build.add(inside(index, offset + offsetof(MessageHeader, name)), m.name, name_length(m),
            direction, clip, static_cast<uint16_t>(offset + offsetof(MessageHeader, name_length)));
    if (made >= 0) build.segment(made).other = static_cast<uint8_t>(index);
}

void walk_control(Builder& build, int index, size_t offset, MessageHeader const& m,
    Direction direction, Clip clip) {
    if (m.control_length > control_max) return; // refused by its length alone
    int const made = build.add(inside(index, offset + offsetof(MessageHeader, control)), m.control,
        m.control_length, direction, clip,
        static_cast<uint16_t>(offset + offsetof(MessageHeader, control_length)));
    if (made >= 0) build.segment(made).other = static_cast<uint8_t>(index);
}

/// Segments for what the header at `offset` of segment `index` points to. `m` is the plan's copy.
void walk_message(Builder& build, int index, size_t offset, MessageHeader& m, Direction direction,
    Among among, uint64_t skip, int& data) {
    bool const receives = direction == Direction::out;
    Direction const buffers = buffer_direction(direction, among);
    walk_name(build, index, offset, m, buffers, receives ? Clip::by_u32 : Clip::whole);
    walk_control(build, index, offset, m, receives ? Direction::inout : direction,
        receives ? Clip::by_u64 : Clip::whole);
    data = -1;
    if (m.vector_count != 0 && build.vector(inside(index, offset + offsetof(MessageHeader, vector)),
                                   m.vector, m.vector_count, direction, skip, data))
        m.vector_count = 1;
}

Verdict walk_single(Builder& build, Direction direction) {
    Plan& plan = build.plan;
    uint64_t const address = plan.args[1];
    if ((plan.args[2] & flag_zerocopy) != 0)
        return Verdict::comes_home; // the socket would keep references to scratch memory
    auto* const m = static_cast<MessageHeader*>(build.local(sizeof(MessageHeader)));
    if (!m || !build.read_or_hole(argument(1), m, address, sizeof *m)) return Verdict::forward;
    uint64_t const skip = direction == Direction::in ? build.limits.done : 0;
    if (skip != 0) m->control = m->control_length = 0; // it has gone with the first part
    int const index = build.in(argument(1), reinterpret_cast<uint64_t>(m), sizeof *m);
    int data;
    walk_message(build, index, 0, *m, direction, Among::one, skip, data);
    if (direction == Direction::out) plan.cut = false; // to receive less is no surprise
    if (direction == Direction::out) {
        if (m->name != 0)
            build.view(index, offsetof(MessageHeader, name_length),
                address + offsetof(MessageHeader, name_length), 4);
        build.view(index, offsetof(MessageHeader, control_length),
            address + offsetof(MessageHeader, control_length), 12); // and the flags behind it
    }
    return Verdict::forward;
}

void forget(Plan& plan, Segment const& s) {
    if (s.direction == Direction::in || s.direction == Direction::inout) plan.in_bytes -= s.valid;
    if (s.direction == Direction::out || s.direction == Direction::inout)
        plan.out_bytes_max -= s.valid;
}

/// How many messages fit, and their segments. A call that is cut is continued by the guest.
Verdict walk_several(Builder& build, Direction direction) {
    Plan& plan = build.plan;
    bool const receives = direction == Direction::out;
    uint64_t count = static_cast<uint32_t>(plan.args[2]);
    uint64_t const done = build.limits.done;
    uint64_t const address = plan.args[1] + done * sizeof(MultiMessage);
    if ((plan.args[3] & flag_zerocopy) != 0) return Verdict::comes_home;
    if (count > messages_max) count = messages_max;
    count = count > done ? count - done : 0;
    plan.args[2] = count;
    if (done != 0 && receives && (plan.args[3] & flag_wait_for_one) != 0)
        plan.args[3] |= flag_dontwait;
    if (receives) build.inout(argument(4), plan.args[4], 16); // the timeout, and what is left of it
    if (count == 0) return Verdict::forward;

    // Each takes 3 to 6 segments and 80 bytes of the plan's own.
    constexpr uint64_t fit_segments = (segments_max - 2) / 6;
    constexpr uint64_t fit_local = sizeof plan.local / (sizeof(MultiMessage) + sizeof(Piece));
    constexpr uint64_t fit = fit_segments < fit_local ? fit_segments : fit_local;
    if (count > fit) {
        count = fit;
        plan.cut = true;
    }
    auto* const m = static_cast<MultiMessage*>(build.local(count * sizeof(MultiMessage)));
    if (!m) return Verdict::forward;
    uint64_t const readable =
        build.user.read(m, address, count * sizeof(MultiMessage)) / sizeof(MultiMessage);
    if (readable == 0) {
        build.hole(argument(1));
        return Verdict::forward;
    }
    if (readable < count) {
        count = readable; // the next round finds the fault; one that comes after a success is not
                          // reported
        plan.cut = true;
    }
    int const index =
        build.in(argument(1), reinterpret_cast<uint64_t>(m), count * sizeof(MultiMessage));
    uint64_t fitted = 0;
    for (; fitted < count && !build.overflow; ++fitted) {
        size_t const offset = fitted * sizeof(MultiMessage);
        uint8_t const before = plan.count;
        uint64_t const room = plan.bytes_max;
        bool const was_cut = plan.cut;
        int data;
        plan.cut = false;
        if (receives) m[fitted].length = 0; // remains so if it is not received
        walk_message(build, index, offset, m[fitted].header, direction, Among::several, 0, data);
        bool const too_long = plan.cut || build.overflow;
        plan.cut = was_cut;
        if (too_long && fitted != 0) { // this one begins the next round
            for (unsigned i = before; i < plan.count; ++i)
                forget(plan, plan.segments[i]);
            plan.count = before;
            plan.bytes_max = room;
            build.overflow = false;
            plan.cut = true;
            break;
        }
        uint64_t const at = address + offset;
        auto const nth = static_cast<uint16_t>(fitted);
        if (receives) {
            if (data >= 0) {
                Segment& s = build.segment(data);
                s.clip = Clip::by_u32;
                s.other = static_cast<uint8_t>(index);
                s.unit = static_cast<uint16_t>(offset + offsetof(MultiMessage, length));
            }
            if (m[fitted].header.name != 0)
                build.view(index, offset + offsetof(MessageHeader, name_length),
                    at + offsetof(MessageHeader, name_length), 4, Clip::if_above, nth);
            build.view(index, offset + offsetof(MessageHeader, control_length),
                at + offsetof(MessageHeader, control_length), 20, Clip::if_above, nth);
        } else {
            build.view(index, offset + offsetof(MultiMessage, length),
                at + offsetof(MultiMessage, length), 4, Clip::if_above, nth);
        }
    }
    plan.args[2] = fitted;
    plan.cut_at = fitted;
    return Verdict::forward;
}

} // namespace

WALKER(sendmsg) {
    return walk_single(build, Direction::in);
}
WALKER(recvmsg) {
    return walk_single(build, Direction::out);
}
WALKER(sendmmsg) {
    return walk_several(build, Direction::in);
}
WALKER(recvmmsg) {
    return walk_several(build, Direction::out);
}

} // namespace rove::syscalls
