// SPDX-License-Identifier: Apache-2.0
// Mail direct: what a process with a mailbox, its home's daemon and the daemons of hosts say to
// each other about lines between the places where two processes are, which need not be their homes.
//
// An end of a process that is away lies at its host under a ticket, a random number that no other
// end has. The host's daemon keeps a copy of it: where the process goes, the end stays behind, and
// what still comes there is passed on to it.
// Hosted only.
#pragma once

#include "wire/mail.hh"

namespace rove::wire {

/// A line of which more use is made than a word now and then.
struct MailUsed {
    uint64_t number = 0;
    MailAddress peer;
    bool at_home = false; // this process polls its mailbox: its ends must be home's
};
template <class V> void describe(V& v, MailUsed& m) {
    v.field("number", m.number);
    v.field("peer", m.peer);
    v.field("at_home", m.at_home);
}

/// A better carrier for the line to that mailbox. Each side says one byte on it and goes on with
/// what it has, until it has heard the other's.
struct MailDirect {
    MailLine line;
    uint64_t ticket = 0; // of the guest's end, see mail_call.hh; 0: it comes with this packet
};
template <class V> void describe(V& v, MailDirect& m) {
    v.field("line", m.line);
    v.field("ticket", m.ticket);
}

/// A guest wants the end that has come for it under this ticket.
struct MailFetch {
    std::string home;
    int32_t process = 0;
    uint64_t ticket = 0;
};
template <class V> void describe(V& v, MailFetch& m) {
    v.field("home", m.home);
    v.field("process", m.process);
    v.field("ticket", m.ticket);
}

/// `ring`: not 0 if the end is memory (mail_ring.hh) and its bell: our side + 1. The bell comes
/// first.
struct MailFetched {
    int32_t code = 0; // an errno value
    uint32_t ring = 0;
};
template <class V> void describe(V& v, MailFetched& m) {
    v.field("code", m.code);
    v.field("ring", m.ring);
}

/// The end under this ticket has stayed behind where the process was: it wants to go on with it.
struct MailFollow {
    uint64_t ticket = 0;
};
template <class V> void describe(V& v, MailFollow& m) {
    v.field("ticket", m.ticket);
}

struct MailFollowed {
    uint64_t ticket = 0;
    int32_t code = 0; // an errno value: nobody has it any more
};
template <class V> void describe(V& v, MailFollowed& m) {
    v.field("ticket", m.ticket);
    v.field("code", m.code);
}

// --- between daemons: Ask with these verbs; the answer's body is a MailReply where nothing else is
// said

inline constexpr char mail_direct_verb[] = "mailbox-direct", mail_end_verb[] = "mailbox-end";

/// A better carrier, in two steps: an end for that mailbox shall wait for a connection; with a
/// token: the connection is there, and its process is to be told. The answer is a MailDirectReply.
struct MailDirectQuestion {
    MailQuestion line;
    std::string place;         // the node where the asking side's end will be
    bool through_home = false; // the line goes from home to home now
    std::string token;
};
template <class V> void describe(V& v, MailDirectQuestion& m) {
    v.field("line", m.line);
    v.field("place", m.place);
    v.field("through_home", m.through_home);
    v.field("token", m.token);
}

struct MailDirectReply {
    MailReply line;
    std::string place; // the node where the end that waits is
};
template <class V> void describe(V& v, MailDirectReply& m) {
    v.field("line", m.line);
    v.field("place", m.place);
}

/// APPEND ONLY; numbers are the protocol.
enum class MailEndWish : uint32_t {
    none = 0,
    await = 1,   // an end that waits for a connection: places and token
    connect = 2, // an end, connected to one of these places
    follow = 3,  // its process is gone from there: pass on what comes: places and token
    part = 4,    // it has no process any more
    known = 5,   // the host asks: is there still a process that may follow it?
};

/// Of a home to the host of one of its processes, about the end under this ticket; `known` the
/// other way.
struct MailEndQuestion {
    MailEndWish wish = MailEndWish::none;
    int32_t process = 0;
    uint64_t ticket = 0;
    std::string other; // the node where the line's other end is
    std::vector<std::string> places;
    std::string token;
};
template <class V> void describe(V& v, MailEndQuestion& m) {
    v.field("wish", m.wish);
    v.field("process", m.process);
    v.field("ticket", m.ticket);
    v.field("other", m.other);
    v.field("places", m.places);
    v.field("token", m.token);
}

} // namespace rove::wire
