// SPDX-License-Identifier: Apache-2.0
// Mail: a guest's own ends of lines between mailboxes: sockets that its warden has handed over,
// connected to the other mailbox's host. What goes over them is no forwarded call.
#include "guest/guest.hh"

#include "rt/futex.hh"
#include "wire/mail_call.hh"

namespace rove::guest {

namespace {

using wire::MailEnd;
using wire::MailOp;
using wire::MailWait;

constexpr long none_such = -2, interrupted = -4, bad_ticket = -9, bad_address = -14, invalid = -22,
               no_room = -24, no_such_call = -38;
constexpr int64_t second_ns = 1000000000;

// The search begins where the ticket says, so that the first look mostly finds it.
MailEnd* find(uint64_t ticket, uint64_t begin) {
    for (uint32_t i = 0; i < wire::mail_ends_max; ++i) {
        MailEnd& end = control().mail_ends[(begin + i) % wire::mail_ends_max];
        if (__atomic_load_n(&end.ticket, __ATOMIC_ACQUIRE) == ticket) return &end;
    }
    return nullptr;
}

int descriptor(uint64_t ticket) {
    MailEnd* end = ticket != 0 ? find(ticket, ticket) : nullptr;
    return end ? end->fd : -1;
}

long take(uint64_t ticket) {
    if (ticket == 0) return invalid;
    int fd = -1;
    long got;
    {
        rt::Lock asking(&control().service_lock);
        got = ask_warden({wire::ServiceType::take_line, 0, static_cast<int64_t>(ticket)}, &fd, 1);
    }
    if (got < 0 || fd < 0) return got < 0 ? got : none_such;
    rt::Lock lock(&control().lock);
    MailEnd* end = find(ticket, ticket) ? nullptr : find(0, ticket);
    if (!end) {
        sys(3, fd);
        return no_room;
    }
    end->fd = fd;
    __atomic_store_n(&end->ticket, ticket, __ATOMIC_RELEASE);
    return 0;
}

// The host's daemon has a copy of the socket, so it lives on.
long leave(uint64_t ticket) {
    rt::Lock lock(&control().lock);
    MailEnd* end = ticket != 0 ? find(ticket, ticket) : nullptr;
    if (!end) return bad_ticket;
    __atomic_store_n(&end->ticket, 0, __ATOMIC_RELEASE);
    return sys(3, end->fd);
}

long transfer(MailOp op, uint64_t ticket, uint64_t at, uint64_t length) {
    int fd = descriptor(ticket);
    if (fd < 0) return bad_ticket;
    uint64_t part = program_part(at, length);
    if (part == 0 && length > 0) return bad_address;
    length = part;
    constexpr uint32_t at_once = 0x40, no_signal = 0x4000, more_follows = 0x8000;
    uint32_t flags = at_once | no_signal | (op == MailOp::send_more ? more_follows : 0);
    long moved;
    do
        moved = op == MailOp::receive ? sys(45, fd, at, length, at_once, 0, 0)
                                      : sys(44, fd, at, length, flags, 0, 0);
    while (moved == interrupted);
    if (moved > 0) count(counts_of(wire::mail_call).bytes, static_cast<uint64_t>(moved));
    return moved;
}

struct Polled {
    int32_t fd;
    int16_t events, ready;
};

/// Waits for one of them, or until something is to be seen to before the program goes on.
long poll_all(Slot& slot, Polled* polled, uint64_t count, int64_t patience) {
    if (!goes_on(slot)) return 0;
    if (deliverable(slot) != 0) return interrupted;
    if (own(slot).stop) {
        own(slot).stop = 0;
        drain_link(slot);
        if (!goes_on(slot)) return 0;
        if (deliverable(slot) != 0) return interrupted;
    }
    int64_t time[2] = {patience / second_ns, patience % second_ns};
    uint64_t const args[6] = {word(polled), count, patience < 0 ? 0 : word(&time[0]), 0, 0, 0};
    uint32_t outcome = 0;
    long ready = rove_call(271, args, &own(slot).stop, &outcome);
    if (outcome == 0 && ready != interrupted) return ready;
    if (!goes_on(slot)) return 0;
    own(slot).stop = 0;
    drain_link(slot);
    return goes_on(slot) && deliverable(slot) != 0 ? interrupted : 0;
}

long wait(Slot& slot, uint64_t list, uint64_t count, int64_t patience) {
    if (count > wire::mail_ends_max) return invalid;
    Polled polled[wire::mail_ends_max];
    long unknown = 0;
    for (uint64_t i = 0; i < count; ++i) {
        MailWait entry;
        if (!copy_in(&entry, list + i * sizeof entry, sizeof entry)) return bad_address;
        polled[i] = {descriptor(entry.ticket), static_cast<int16_t>(entry.events & 5), 0};
        if (polled[i].fd < 0) ++unknown;
    }
    long ready = poll_all(slot, polled, count, unknown > 0 ? 0 : patience);
    if (ready < 0 || ready + unknown == 0) return ready;
    constexpr int16_t not_there = 0x20;
    for (uint64_t i = 0; i < count; ++i) {
        uint32_t seen = polled[i].fd < 0 ? not_there : static_cast<uint16_t>(polled[i].ready);
        if (!copy_out(list + i * sizeof(MailWait) + offsetof(MailWait, ready), &seen, sizeof seen))
            return bad_address;
    }
    return ready + unknown;
}

} // namespace

long mail(Slot& slot, uint64_t const args[6]) {
    // A child that shares its parent's memory has descriptors of its own.
    if (own(slot).shares != 0) return no_such_call;
    auto op = static_cast<MailOp>(args[0]);
    switch (op) {
    case MailOp::take:
        return take(args[1]);
    case MailOp::leave:
        return leave(args[1]);
    case MailOp::end: {
        int fd = descriptor(args[1]);
        return fd < 0 ? bad_ticket : sys(48, fd, 1); // shutdown, SHUT_WR
    }
    case MailOp::send:
    case MailOp::send_more:
    case MailOp::receive:
        return transfer(op, args[1], args[2], args[3]);
    case MailOp::wait:
        return wait(slot, args[1], args[2], static_cast<int64_t>(args[3]));
    }
    return no_such_call;
}

} // namespace rove::guest
