// SPDX-License-Identifier: Apache-2.0
// Mail: a guest's own ends of lines between mailboxes: sockets that its warden has handed over,
// connected to the other mailbox's host. What goes over them is no forwarded call.
#include "guest/guest.hh"

#include "rt/futex.hh"
#include "rt/memory.hh"
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

MailEnd* known(uint64_t ticket) {
    return ticket != 0 ? find(ticket, ticket) : nullptr;
}

long take(uint64_t ticket) {
    if (ticket == 0) return invalid;
    int fds[2] = {-1, -1}; // a socket; or a bell, and the memory of a ring
    long got;
    {
        rt::Lock asking(&control().service_lock);
        got = ask_warden({wire::ServiceType::take_line, 0, static_cast<int64_t>(ticket)}, fds, 2);
    }
    bool const is_ring = got > 0; // our side of it, from 1 on
    if (fds[0] < 0 || (is_ring && fds[1] < 0)) return got < 0 ? got : none_such;
    rt::Lock lock(&control().lock);
    MailEnd* end = find(ticket, ticket) ? nullptr : find(0, ticket);
    long mapped = end ? 0 : no_room;
    if (end && is_ring) mapped = map_ring(*end, fds[1], got == 1 ? 1 : 2);
    if (mapped < 0) {
        sys(3, fds[0]);
        if (!end && is_ring) sys(3, fds[1]);
        return mapped;
    }
    end->fd = fds[0];
    __atomic_store_n(&end->ticket, ticket, __ATOMIC_RELEASE);
    return 0;
}

// The host's daemon has a copy of the socket, so it lives on.
long leave(uint64_t ticket) {
    rt::Lock lock(&control().lock);
    MailEnd* end = known(ticket);
    if (!end) return bad_ticket;
    __atomic_store_n(&end->ticket, 0, __ATOMIC_RELEASE);
    unmap_ring(*end);
    return sys(3, end->fd);
}

long transfer(MailOp op, uint64_t ticket, uint64_t at, uint64_t length) {
    MailEnd* end = known(ticket);
    if (!end) return bad_ticket;
    uint64_t part = program_part(at, length);
    if (part == 0 && length > 0) return bad_address;
    length = part;
    constexpr uint32_t at_once = 0x40, no_signal = 0x4000, more_follows = 0x8000;
    uint32_t flags = at_once | no_signal | (op == MailOp::send_more ? more_follows : 0);
    long moved;
    do
        moved = end->ring != 0          ? ring_transfer(*end, op, at, length)
                : op == MailOp::receive ? sys(45, end->fd, at, length, at_once, 0, 0)
                                        : sys(44, end->fd, at, length, flags, 0, 0);
    while (moved == interrupted);
    if (moved > 0) count(counts_of(wire::mail_call).bytes, static_cast<uint64_t>(moved));
    return moved;
}

struct Polled {
    int32_t fd;
    int16_t events, ready;
};

/// A call that waits, until it ends or something is to be seen to before the program goes on.
long wait_in(Slot& slot, uint32_t number, uint64_t const args[6]) {
    if (!goes_on(slot)) return 0;
    if (deliverable(slot) != 0) return interrupted;
    if (own(slot).stop) {
        own(slot).stop = 0;
        drain_link(slot);
        if (!goes_on(slot)) return 0;
        if (deliverable(slot) != 0) return interrupted;
    }
    uint32_t outcome = 0;
    long result = rove_call(number, args, &own(slot).stop, &outcome);
    if (outcome == 0 && result != interrupted) return result;
    if (!goes_on(slot)) return 0;
    own(slot).stop = 0;
    drain_link(slot);
    return goes_on(slot) && deliverable(slot) != 0 ? interrupted : 0;
}

long poll_all(Slot& slot, Polled* polled, uint64_t count, int64_t patience) {
    int64_t time[2] = {patience / second_ns, patience % second_ns};
    uint64_t const args[6] = {word(polled), count, patience < 0 ? 0 : word(&time[0]), 0, 0, 0};
    return wait_in(slot, 271, args);
}

/// The word says nothing of an other side that is no more, so its bell is looked at now and then.
long sleep_on_word(Slot& slot, MailEnd& end, uint32_t events, Polled* bell, int64_t patience) {
    constexpr long timed_out = -110;
    int64_t const most = patience < 0 || patience > second_ns ? second_ns : patience;
    int64_t time[2] = {most / second_ns, most % second_ns};
    auto const [at, value] = wait_on_ring(end, events);
    uint64_t const args[6] = {word(at), 0, value, word(&time[0]), 0, 0}; // FUTEX_WAIT, shared
    long woken = wait_in(slot, 202, args);
    if (woken == timed_out) return poll_all(slot, bell, 1, 0);
    return woken == interrupted ? woken : 0;
}

long wait(Slot& slot, uint64_t list, uint64_t count, int64_t patience) {
    if (count > wire::mail_ends_max) return invalid;
    Polled polled[wire::mail_ends_max];
    MailEnd* ends[wire::mail_ends_max];
    uint32_t found[wire::mail_ends_max];
    long unknown = 0, at_once = 0, rings = 0;
    bool const may_sleep = patience != 0;
    RingSleep const sleep = !may_sleep   ? RingSleep::no
                            : count == 1 ? RingSleep::on_word
                                         : RingSleep::by_bell;
    for (uint64_t i = 0; i < count; ++i) {
        MailWait entry;
        if (!copy_in(&entry, list + i * sizeof entry, sizeof entry)) return bad_address;
        ends[i] = known(entry.ticket);
        polled[i] = {ends[i] ? ends[i]->fd : -1, static_cast<int16_t>(entry.events & 5), 0};
        found[i] = 0;
        if (!ends[i]) ++unknown;
        if (!ends[i] || ends[i]->ring == 0) continue;
        ++rings;
        polled[i].events = 1; // its bell
        found[i] = entry.events & 5;
        if (look_at_ring(*ends[i], found[i], sleep) != 0) ++at_once;
    }
    bool const nothing_yet = unknown + at_once == 0;
    bool const on_word = sleep == RingSleep::on_word && nothing_yet && ends[0]->ring != 0;
    bool const all_known = at_once > 0 && rings == static_cast<long>(count);
    long ready = 0;
    if (on_word)
        ready = sleep_on_word(slot, *ends[0], found[0], polled, patience);
    else if (!all_known)
        ready = poll_all(slot, polled, count, nothing_yet ? patience : 0);
    bool const heard = ready > 0;
    for (uint64_t i = 0; i < count; ++i) {
        if (!ends[i] || ends[i]->ring == 0) continue;
        if (heard) hear_ring(*ends[i], static_cast<uint16_t>(polled[i].ready));
        uint32_t const events = found[i];
        found[i] = look_at_ring(*ends[i], events, RingSleep::no);
        ready += ready >= 0 ? (found[i] != 0) - (polled[i].ready != 0) : 0;
    }
    if (ready < 0 || ready + unknown == 0) return ready;
    constexpr int16_t not_there = 0x20;
    for (uint64_t i = 0; i < count; ++i) {
        uint32_t seen = !ends[i]             ? uint32_t{not_there}
                        : ends[i]->ring != 0 ? found[i]
                                             : static_cast<uint16_t>(polled[i].ready);
        if (!copy_out(list + i * sizeof(MailWait) + offsetof(MailWait, ready), &seen, sizeof seen))
            return bad_address;
    }
    return ready + unknown;
}

} // namespace

void forget_mail_ends() {
    auto& ends = control().mail_ends;
    for (auto const& end : ends) {
        if (end.ring == 0) continue;
        unmap_rings();
        break;
    }
    memset(ends, 0, sizeof ends);
}

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
        MailEnd* end = known(args[1]);
        if (!end) return bad_ticket;
        return end->ring != 0 ? end_ring(*end) : sys(48, end->fd, 1); // shutdown, SHUT_WR
    }
    case MailOp::send:
    case MailOp::send_more:
    case MailOp::receive:
        return transfer(op, args[1], args[2], args[3]);
    case MailOp::is_memory: {
        MailEnd* end = known(args[1]);
        return end ? end->ring != 0 : bad_ticket;
    }
    case MailOp::wait:
        return wait(slot, args[1], args[2], static_cast<int64_t>(args[3]));
    }
    return no_such_call;
}

} // namespace rove::guest
