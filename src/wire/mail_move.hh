// SPDX-License-Identifier: Apache-2.0
// Mail move: what a process with a mailbox says to its home's daemon when it wants to be where
// another one is, or to have that one where it is itself; and what two homes say about that.
//
// A wish can be said twice: who is there already is not moved. So a process whose home was
// restarted before it has answered asks again.
// Hosted only.
#pragma once

#include "wire/mail.hh"

namespace rove::wire {

/// APPEND ONLY; numbers are the protocol.
enum class MailMoveWish : uint32_t {
    none = 0,
    to_node = 1, // the process itself to that node: a name, or home or best
    to_peer = 2, // the process itself to where the peer is
    invite = 3,  // the peer to where the process is
};

struct MailMove {
    uint32_t question = 0;
    MailMoveWish wish = MailMoveWish::none;
    MailAddress peer;
    std::string node;
};
template <class V> void describe(V& v, MailMove& m) {
    v.field("question", m.question);
    v.field("wish", m.wish);
    v.field("peer", m.peer);
    v.field("node", m.node);
}

/// It has been moved, or will not be: an errno value of rove.h.
struct MailMoved {
    uint32_t question = 0;
    int32_t code = 0;
};
template <class V> void describe(V& v, MailMoved& m) {
    v.field("question", m.question);
    v.field("code", m.code);
}

// --- between daemons: Ask with this verb; the answer's body is a MailTogetherReply

inline constexpr char mail_together_verb[] = "mailbox-together";

/// APPEND ONLY; numbers are the protocol.
enum class MailTogetherWish : uint32_t {
    none = 0,
    where = 1, // `from` is to be moved to where yours is: where is that?
    come = 2,  // on behalf of `from`, whose user must be yours' or root: move yours to where it is
};

struct MailTogetherQuestion {
    MailTogetherWish wish = MailTogetherWish::none;
    MailSender from;
    MailAddress to; // a mailbox of yours
};
template <class V> void describe(V& v, MailTogetherQuestion& m) {
    v.field("wish", m.wish);
    v.field("from", m.from);
    v.field("to", m.to);
}

struct MailTogetherReply {
    int32_t code = 0; // 0, or an errno value; EAGAIN: it is on its way, ask again
    MailSender to;
    std::string place; // of where: the node
};
template <class V> void describe(V& v, MailTogetherReply& m) {
    v.field("code", m.code);
    v.field("to", m.to);
    v.field("place", m.place);
}

} // namespace rove::wire
