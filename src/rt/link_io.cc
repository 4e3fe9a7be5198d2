// SPDX-License-Identifier: Apache-2.0
// Link I/O: see link_io.hh.
//
// Waiting: spin for a while, then block. With both ends on different CPUs this halves a round trip;
// with both on one CPU, or beside a busy thread, spinning only hurts, so after two misses it is
// left out for 16, 32, … 2048 waits, until one hits again. After a miss it looks for longer: the
// other end has most likely gone to sleep as well, and answers only when it has been woken. If both
// then missed that, both would go on sleeping though both could spin.
//
// It spins with receives: a look by poll first is one more call, and the receive after it waits for
// the CPU that still has the socket's lock, when a receive that is under way finds the packet in
// the backlog (0.5 µs of a 4 KiB answer).
#include "rt/link_io.hh"

#include "rt/memory.hh"

namespace rove::rt {

using wire::LinkHeader;

namespace {

constexpr long eagain = -11;
constexpr long eintr = -4;
constexpr uint32_t looks_usual = 200, looks_after_miss = 800; // a look takes about 0.25 µs
constexpr int dont_wait = 0x40;

/// Makes room behind the bytes that are there; returns how much.
uint32_t make_room(Slot& slot) {
    auto& p = own(slot);
    if (p.input_begin == p.input_end) p.input_begin = p.input_end = 0;
    if (p.input_begin > 0 && p.input_end == input_size) {
        memmove(buffer(slot), buffer(slot) + p.input_begin, p.input_end - p.input_begin);
        p.input_end -= p.input_begin;
        p.input_begin = 0;
    }
    return input_size - p.input_end;
}

long receive_now(Slot& slot) {
    auto& p = own(slot);
    uint32_t room = make_room(slot);
    return sys(45, slot.link_fd, buffer(slot) + p.input_end, room, dont_wait);
}

/// Blocks for at least one byte more. `outcome` as of rove_call; mid-frame waits ignore `stop`.
long receive_blocking(Slot& slot, bool interruptible, uint32_t* outcome) {
    auto& p = own(slot);
    uint32_t room = make_room(slot);
    uint64_t args[6] = {
        static_cast<uint64_t>(slot.link_fd), word(buffer(slot) + p.input_end), room, 0, 0, 0};
    *outcome = 0;
    if (interruptible) return rove_call(45, args, &p.stop, outcome);
    return sys(45, slot.link_fd, args[1], room, 0);
}

/// Keeps the link's window well below the room that its socket has: only then the kernel
/// acknowledges what is longer than a segment when it arrives, on the CPU that brings it, and not
/// in our receive, which then takes 2 µs more. It has to be said when such a segment has come, as
/// the kernel thinks anew of its windows then (since 6.6).
void settle_window(Slot& slot) {
    own(slot).window_settled = 1;
    uint32_t window = 512 << 10;
    (void)sys(54, slot.link_fd, 6, 10, &window,
        sizeof window); // setsockopt, IPPROTO_TCP, TCP_WINDOW_CLAMP
}

bool add(Slot& slot, long got) {
    constexpr long segment = 1500;
    if (got <= 0) return false;
    if (got > segment && !own(slot).window_settled) settle_window(slot);
    own(slot).input_end += static_cast<uint32_t>(got);
    return true;
}

void spin_missed(rt::Private& p) {
    constexpr uint32_t pause_first = 16, pause_most = 2048;
    if (++p.spin_misses < 2) return;
    p.spin_pause = p.spin_pause == 0           ? pause_first
                   : p.spin_pause < pause_most ? p.spin_pause * 2
                                               : pause_most;
    p.spin_skip = p.spin_pause;
}

/// More input, spinning first if that has paid lately.
Got more(Slot& slot, bool interruptible) {
    auto& p = own(slot);
    if (p.spin_skip > 0) {
        --p.spin_skip;
    } else {
        uint32_t looks = p.spin_misses > 0 ? looks_after_miss : looks_usual;
        for (uint32_t i = 0; i < looks; ++i) {
            if (interruptible && p.stop) return Got::interrupted;
            long got = receive_now(slot);
            if (got == eagain || got == eintr) continue;
            if (!add(slot, got)) return Got::closed;
            p.spin_misses = 0;
            p.spin_pause = 0;
            return Got::frame;
        }
        spin_missed(p);
    }
    for (;;) {
        uint32_t outcome = 0;
        long got = receive_blocking(slot, interruptible, &outcome);
        bool made = outcome == 0 || outcome == 3; // 3: it had its result when it was called off
        if (!made || got == eintr) {
            if (interruptible) return Got::interrupted;
            continue;
        }
        return add(slot, got) ? Got::frame : Got::closed;
    }
}

void skip_bells(Slot& slot) {
    auto& p = own(slot);
    while (p.input_begin < p.input_end && buffer(slot)[p.input_begin] == bell)
        ++p.input_begin;
}

Got header_from_input(Slot& slot, LinkHeader& header) {
    auto& p = own(slot);
    while (p.input_end - p.input_begin < sizeof header) {
        if (Got got = more(slot, false); got != Got::frame) return got;
    }
    memcpy(&header, buffer(slot) + p.input_begin, sizeof header);
    p.input_begin += sizeof header;
    bool good = header.magic == wire::link_magic && header.version == wire::link_version &&
                header.reserved == 0 && header.reserved2 == 0 &&
                header.length <= wire::link_body_max;
    return good ? Got::frame : Got::closed;
}

} // namespace

Got wait_header(Slot& slot, LinkHeader& header) {
    auto& p = own(slot);
    for (;;) {
        skip_bells(slot);
        if (p.input_begin < p.input_end) return header_from_input(slot, header);
        if (Got got = more(slot, true); got != Got::frame) return got;
    }
}

Got poll_header(Slot& slot, LinkHeader& header) {
    auto& p = own(slot);
    for (;;) {
        skip_bells(slot);
        if (p.input_begin < p.input_end) return header_from_input(slot, header);
        long got = receive_now(slot);
        if (got == eagain || got == eintr) return Got::interrupted;
        if (!add(slot, got)) return Got::closed;
    }
}

void put_back(Slot& slot, LinkHeader const&) {
    own(slot).input_begin -= sizeof(LinkHeader);
}

unsigned char* take(Slot& slot, uint32_t n) {
    auto& p = own(slot);
    if (n > input_size) return nullptr;
    if (input_size - p.input_begin < n) {
        memmove(buffer(slot), buffer(slot) + p.input_begin, p.input_end - p.input_begin);
        p.input_end -= p.input_begin;
        p.input_begin = 0;
    }
    while (p.input_end - p.input_begin < n) {
        if (more(slot, false) != Got::frame) return nullptr;
    }
    auto* at = buffer(slot) + p.input_begin;
    p.input_begin += n;
    return at;
}

uint32_t take_some(Slot& slot, uint32_t most, unsigned char** at) {
    auto& p = own(slot);
    if (p.input_begin == p.input_end && more(slot, false) != Got::frame) return 0;
    uint32_t there = p.input_end - p.input_begin;
    uint32_t n = there < most ? there : most;
    *at = buffer(slot) + p.input_begin;
    p.input_begin += n;
    return n;
}

bool take_to(Slot& slot, void* to, uint64_t n) {
    auto& p = own(slot);
    auto* at = static_cast<unsigned char*>(to);
    uint64_t there = p.input_end - p.input_begin;
    uint64_t first = there < n ? there : n;
    memcpy(at, buffer(slot) + p.input_begin, first);
    p.input_begin += static_cast<uint32_t>(first);
    at += first;
    n -= first;
    // The rest of a frame is on its way: it is hardly worth going to sleep for.
    for (uint32_t spins = p.spin_skip > 0 ? looks_usual : 0; n > 0;) {
        bool spin = spins < looks_usual;
        long got = sys(45, slot.link_fd, at, n, spin ? dont_wait : 0x100); // MSG_WAITALL
        if (got == eintr) continue;
        if (got == eagain) {
            ++spins;
            continue;
        }
        if (got <= 0) return false;
        at += got;
        n -= static_cast<uint64_t>(got);
    }
    return true;
}

bool send_bytes(Slot& slot, void const* bytes, uint64_t n) {
    auto const* at = static_cast<unsigned char const*>(bytes);
    while (n > 0) {
        long put = sys(44, slot.link_fd, at, n, 0x4000); // MSG_NOSIGNAL
        if (put == eintr) continue;
        if (put <= 0) return false;
        at += put;
        n -= static_cast<uint64_t>(put);
    }
    return true;
}

bool send_all(Slot& slot, Vector* vectors, int count) {
    // A guest uses writev, whose arguments its filter can check; SIGPIPE means nothing there. A
    // deputy has the program's disposition of SIGPIPE and must not raise it.
    if (count == 1)
        return send_bytes(slot, reinterpret_cast<void*>(vectors->base), vectors->length);
    while (count > 0) {
        if (vectors->length == 0) {
            ++vectors;
            --count;
            continue;
        }
        long put;
        if (control().is_guest) {
            put = sys(20, slot.link_fd, vectors, count);
        } else {
            struct {
                uint64_t name;
                uint32_t name_length, padding;
                uint64_t vectors, count, space, space_length;
                uint32_t flags, padding2;
            } message{0, 0, 0, word(vectors), static_cast<uint64_t>(count), 0, 0, 0, 0};
            put = sys(46, slot.link_fd, &message, 0x4000);
        }
        if (put == eintr) continue;
        if (put <= 0) return false;
        pass(vectors, count, static_cast<uint64_t>(put));
    }
    return true;
}

void ring_bell(Slot& slot) {
    unsigned char byte = bell;
    (void)sys(44, slot.link_fd, &byte, 1, 0x4000 | 1); // MSG_OOB
}

} // namespace rove::rt
