// SPDX-License-Identifier: Apache-2.0
// Mail ring: ends of lines between mailboxes of guests of this host: memory that both map, in the
// region, and a socket as bell (wire/mail_ring.hh). A message costs no call of the kernel unless
// the other side sleeps, and then one to wake it and one to sleep.
#include "guest/guest.hh"

#include "wire/mail_ring_end.hh"

namespace rove::guest {

namespace {

using wire::MailEnd;
using wire::MailOp;
using wire::MailRing;
using wire::MailRingEnd;

constexpr int private_anonymous = 0x4022, fixed = 0x10, shared = 1; // with MAP_NORESERVE

uint64_t address_of(MailEnd const& end) {
    auto index = static_cast<uint64_t>(&end - control().mail_ends);
    return rt::region_base() + wire::rings_offset + index * sizeof(MailRing);
}

MailRingEnd view(MailEnd const& end) {
    return {*reinterpret_cast<MailRing*>(address_of(end)), (end.ring & wire::mail_ring_side) - 1};
}

void wake(MailEnd const& end, MailRingEnd::Wake how) {
    constexpr uint32_t at_once = 0x40, no_signal = 0x4000, futex_wake = 1;
    char const byte = 1;
    if (how == MailRingEnd::Wake::by_word)
        (void)sys(202, view(end).others_sleep_word(), futex_wake, 1, 0, 0, 0);
    if (how == MailRingEnd::Wake::by_bell) // full: it has not been heard yet
        (void)sys(44, end.fd, &byte, 1, at_once | no_signal, 0, 0);
}

uint32_t how_to_wake(uint32_t events, RingSleep sleep) {
    constexpr uint32_t in = 1, out = 4;
    return ((events & in) != 0 ? wire::sleep_for_bytes : 0) |
           ((events & out) != 0 ? wire::sleep_for_room : 0) |
           (sleep == RingSleep::on_word ? wire::sleep_on_word : 0);
}

} // namespace

long map_ring(MailEnd& end, int memory, uint32_t side) {
    long at = sys(9, address_of(end), sizeof(MailRing), 3, shared | fixed, memory, 0);
    sys(3, memory);
    if (at < 0 && at > -4096) return at;
    end.ring = side;
    return 0;
}

void unmap_ring(MailEnd& end) {
    if (end.ring == 0) return;
    end.ring = 0;
    sys(9, address_of(end), sizeof(MailRing), 0, private_anonymous | fixed, -1, 0);
}

void unmap_rings() {
    uint64_t base = rt::region_base() + wire::rings_offset;
    sys(9, base, wire::region_size - wire::rings_offset, 0, private_anonymous | fixed, -1, 0);
}

long ring_transfer(MailEnd& end, MailOp op, uint64_t at, uint64_t length) {
    auto ring = view(end);
    bool const gets = op == MailOp::receive;
    long moved = gets ? ring.get(length, [&](unsigned char const* from, uint64_t done,
                                             uint64_t n) { return copy_out(at + done, from, n); })
                      : ring.put(length, [&](unsigned char* to, uint64_t done, uint64_t n) {
                            return copy_in(to, at + done, n);
                        });
    bool alone = (end.ring & wire::mail_ring_alone) != 0;
    if (moved == MailRingEnd::again && alone)
        return gets ? MailRingEnd::reset : MailRingEnd::broken_pipe;
    if (moved > 0) wake(end, gets ? ring.wake_for_room() : ring.wake(wire::sleep_for_bytes));
    return moved;
}

long end_ring(MailEnd& end) {
    auto ring = view(end);
    ring.end();
    wake(end, ring.wake(~0u));
    return 0;
}

uint32_t look_at_ring(MailEnd& end, uint32_t events, RingSleep sleep) {
    constexpr uint32_t in = 1, out = 4, hung_up = 0x10;
    auto ring = view(end);
    if (sleep == RingSleep::no)
        ring.wakes();
    else
        ring.sleeps(how_to_wake(events, sleep));
    uint32_t found = (end.ring & wire::mail_ring_alone) != 0 ? in | hung_up : 0;
    if (ring.readable()) found |= in;
    if (ring.writable()) found |= out;
    return found & (events | hung_up);
}

RingWait wait_on_ring(MailEnd& end, uint32_t events) {
    return {view(end).sleep_word(), how_to_wake(events, RingSleep::on_word)};
}

void hear_ring(MailEnd& end, uint32_t seen) {
    constexpr uint32_t at_once = 0x40, in = 1, hung_up = 0x10;
    char bells[64];
    if ((seen & in) != 0) (void)sys(45, end.fd, bells, sizeof bells, at_once, 0, 0);
    if ((seen & hung_up) != 0) end.ring |= wire::mail_ring_alone;
}

} // namespace rove::guest
