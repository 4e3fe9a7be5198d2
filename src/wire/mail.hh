// SPDX-License-Identifier: Apache-2.0
// Mail: what a process with a mailbox and its home's daemon say to each other, and what two daemons
// do about a line between mailboxes of two homes.
//
// Packets on <run_dir>/mail.sock (SOCK_SEQPACKET): a MailHead and a described body. Who the process
// is, the socket says (SO_PEERCRED), not the packet. Lines themselves are in mailbox/frames.hh.
// Hosted only.
#pragma once

#include "wire/describe.hh"

namespace rove::wire {

inline constexpr uint16_t mail_version = 1;
inline constexpr size_t mail_packet_max = 4 << 10;

/// APPEND ONLY; numbers are the protocol.
enum class MailType : uint16_t {
    none = 0,
    open = 1,    // process → daemon, first: MailOpen
    opened = 2,  // daemon → process: MailOpened
    denied = 3,  // daemon → process, instead of opened: MailDenied
    call = 4,    // process → daemon: MailCall
    line = 5,    // daemon → process: MailLine, with a descriptor
    refused = 6, // daemon → process: MailRefused
    find = 7,    // process → daemon: MailFind
    found = 8,   // daemon → process: MailFound
    ended = 9,   // process → daemon: MailEnded
    // Of lines that need not go through home, see mail_direct.hh:
    used = 10,     // process → daemon: MailUsed
    direct = 11,   // daemon → process: MailDirect, with a descriptor if the end is at home
    fetch = 12,    // warden → its host's daemon, instead of open: MailFetch
    fetched = 13,  // daemon → warden: MailFetched, with a descriptor if the code is 0, or two
    count = 14,    // daemon → process: MailCount
    counted = 15,  // process → daemon: MailCounted
    follow = 16,   // process → daemon: MailFollow
    followed = 17, // daemon → process: MailFollowed, with a descriptor if the code is 0
    left = 18,     // process → daemon: MailFollow, of an end that it has no use for any more
    // Of processes that want to be together, see mail_move.hh:
    move = 19,  // process → daemon: MailMove
    moved = 20, // daemon → process: MailMoved
};

struct MailHead {
    uint16_t version = mail_version;
    MailType type = MailType::none;
    uint32_t reserved = 0;
};
static_assert(sizeof(MailHead) == 8);

struct MailAddress {
    std::string home;
    int32_t process = 0;
    uint64_t incarnation = 0;
};
template <class V> void describe(V& v, MailAddress& m) {
    v.field("home", m.home);
    v.field("process", m.process);
    v.field("incarnation", m.incarnation);
}

/// A new mailbox, or one that the daemon before this one has opened.
struct MailOpen {
    uint64_t incarnation = 0; // 0: new
};
template <class V> void describe(V& v, MailOpen& m) {
    v.field("incarnation", m.incarnation);
}

struct MailOpened {
    MailAddress own;
};
template <class V> void describe(V& v, MailOpened& m) {
    v.field("own", m.own);
}

struct MailDenied {
    int32_t code = 0; // an errno value
};
template <class V> void describe(V& v, MailDenied& m) {
    v.field("code", m.code);
}

/// A line to that mailbox is wanted, with a number higher than this.
struct MailCall {
    MailAddress to;
    uint64_t above = 0;
};
template <class V> void describe(V& v, MailCall& m) {
    v.field("to", m.to);
    v.field("above", m.above);
}

/// The descriptor that comes with it is one end of a stream; `speaks`: the receiver of this packet
/// may send messages, `hears`: it may be sent some.
struct MailLine {
    MailAddress peer;
    uint64_t number = 0;
    bool speaks = false, hears = false;
};
template <class V> void describe(V& v, MailLine& m) {
    v.field("peer", m.peer);
    v.field("number", m.number);
    v.field("speaks", m.speaks);
    v.field("hears", m.hears);
}

struct MailRefused {
    MailAddress peer;
    int32_t code = 0; // ESRCH: there is no such mailbox, and there never will be; EPERM
};
template <class V> void describe(V& v, MailRefused& m) {
    v.field("peer", m.peer);
    v.field("code", m.code);
}

/// The mailbox that a process has now.
struct MailFind {
    uint32_t question = 0;
    std::string home;
    int32_t process = 0;
};
template <class V> void describe(V& v, MailFind& m) {
    v.field("question", m.question);
    v.field("home", m.home);
    v.field("process", m.process);
}

struct MailFound {
    uint32_t question = 0;
    int32_t code = 0; // 0, or an errno value
    MailAddress address;
};
template <class V> void describe(V& v, MailFound& m) {
    v.field("question", m.question);
    v.field("code", m.code);
    v.field("address", m.address);
}

/// The process has closed its end of that line.
struct MailEnded {
    uint64_t number = 0;
};
template <class V> void describe(V& v, MailEnded& m) {
    v.field("number", m.number);
}

// --- between daemons: Ask with this verb; the body is a MailQuestion, the answer's a MailReply.

inline constexpr char mail_verb[] = "mailbox";

/// Who wants to send, as his home knows him: enough to decide as for a signal.
struct MailSender {
    MailAddress address;
    uint32_t real_uid = 0, effective_uid = 0, saved_uid = 0;
    bool may_kill = false; // CAP_KILL among its capabilities, at home
};
template <class V> void describe(V& v, MailSender& m) {
    v.field("address", m.address);
    v.field("real_uid", m.real_uid);
    v.field("effective_uid", m.effective_uid);
    v.field("saved_uid", m.saved_uid);
    v.field("may_kill", m.may_kill);
}

/// A line to this mailbox of yours; incarnation 0: only, which mailbox the process has.
struct MailQuestion {
    MailSender from;
    MailAddress to;
    uint64_t above = 0;
};
template <class V> void describe(V& v, MailQuestion& m) {
    v.field("from", m.from);
    v.field("to", m.to);
    v.field("above", m.above);
}

/// Where to connect to, and the token to say first, once and within seconds.
struct MailReply {
    int32_t code = 0; // 0, or an errno value
    MailSender to;
    bool speaks = false; // the asking side's process may send
    uint64_t number = 0;
    std::vector<std::string> places; // numeric address and port, any will do
    std::string token;
};
template <class V> void describe(V& v, MailReply& m) {
    v.field("code", m.code);
    v.field("to", m.to);
    v.field("speaks", m.speaks);
    v.field("number", m.number);
    v.field("places", m.places);
    v.field("token", m.token);
}

template <class T> std::string mail_packet(MailType type, T const& body) {
    MailHead head;
    head.type = type;
    return std::string(reinterpret_cast<char const*>(&head), sizeof head) + encode(body);
}

/// From now on it shall say how much it has to say to whom, not more often than this.
struct MailCount {
    uint32_t every_ms = 0;
};
template <class V> void describe(V& v, MailCount& m) {
    v.field("every_ms", m.every_ms);
}

/// Of one line's peer: messages in both directions since this mailbox was opened. A process says
/// this of itself, and is believed in what concerns itself only: where it is best placed.
struct MailTalk {
    uint64_t incarnation = 0; // of the peer
    uint64_t messages = 0;
};
template <class V> void describe(V& v, MailTalk& m) {
    v.field("incarnation", m.incarnation);
    v.field("messages", m.messages);
}

inline constexpr size_t mail_talks_max = 200;

struct MailCounted {
    std::vector<MailTalk> talks; // those that have changed, mail_talks_max at most
};
template <class V> void describe(V& v, MailCounted& m) {
    v.field("talks", m.talks);
}

struct MailPacket {
    MailType type = MailType::none;
    std::string_view body;
};
/// Nothing if the bytes are not a packet of this version.
inline std::optional<MailPacket> open_mail_packet(std::string_view bytes) {
    MailHead head;
    if (bytes.size() < sizeof head || bytes.size() > mail_packet_max) return std::nullopt;
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.version != mail_version || head.reserved != 0) return std::nullopt;
    return MailPacket{head.type, bytes.substr(sizeof head)};
}

} // namespace rove::wire
