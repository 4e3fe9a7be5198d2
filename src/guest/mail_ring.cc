// SPDX-License-Identifier: Apache-2.0
// Mail ring: ends of lines between mailboxes of guests of this host: memory that both map, in the
// region, and a socket as bell (wire/mail_ring.hh). A message costs no call of the kernel unless
// the other side sleeps.
#include "guest/guest.hh"

#include "wire/mail_ring.hh"

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

void ring_bell(MailEnd const& end) {
    constexpr uint32_t at_once = 0x40, no_signal = 0x4000;
    char const byte = 1;
    (void)sys(44, end.fd, &byte, 1, at_once | no_signal, 0, 0); // full: it has not been heard yet
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
    if (moved > 0 && ring.must_ring()) ring_bell(end);
    return moved;
}

long end_ring(MailEnd& end) {
    auto ring = view(end);
    ring.end();
    if (ring.must_ring()) ring_bell(end);
    return 0;
}

uint32_t look_at_ring(MailEnd& end, uint32_t events, bool sleeps) {
    constexpr uint32_t in = 1, out = 4, hung_up = 0x10;
    auto ring = view(end);
    if (sleeps)
        ring.sleeps();
    else
        ring.wakes();
    uint32_t found = (end.ring & wire::mail_ring_alone) != 0 ? in | hung_up : 0;
    if (ring.readable()) found |= in;
    if (ring.writable()) found |= out;
    return found & (events | hung_up);
}

void hear_ring(MailEnd& end, uint32_t seen) {
    constexpr uint32_t at_once = 0x40, in = 1, hung_up = 0x10;
    char bells[64];
    if ((seen & in) != 0) (void)sys(45, end.fd, bells, sizeof bells, at_once, 0, 0);
    if ((seen & hung_up) != 0) end.ring |= wire::mail_ring_alone;
}

} // namespace rove::guest
