// SPDX-License-Identifier: Apache-2.0
// PostOffice parts: what post_office.cc and post_lines.cc share.
#pragma once

#include "node/guest_ring.hh"
#include "node/post_office.hh"

namespace rove::node {

struct PostOffice::Box {
    wire::MailAddress address;
    pid_t pid = 0;
    uid_t uid = 0;
    uint64_t start_time = 0; // of the process: with the PID it names it
    uint64_t opened = 0;     // the greater, the later
    Fd socket;               // none: not heard of since this daemon began
    bool closed = false;
    struct Packet {
        std::string bytes;
        Fd descriptor;
    };
    std::deque<Packet> outbox;
    bool delivering = false;
    size_t calls = 0; // that are not answered yet
    // What stands between it and another mailbox. A line is never made while one is on its way: a
    // process that has written on the first and ended would lose what the second one displaces.
    struct Partner {
        wire::MailAddress address; // the other's
        uint64_t number = 0;       // of the last line
        bool open = false;         // this side has not said that it is closed
        bool calling = false;      // the other's home is being asked
        bool gone = false;         // this side was told so
        Nanos since{0};
        // Of better carriers, see post_direct.cc:
        uint64_t used = 0;        // the line that is worth one
        uint64_t direct = 0;      // number of the last one that was told
        std::string direct_place; // where its end on this side is
        Nanos told_at{0};
        bool going_direct = false, go_again = false, asking = false;
        std::shared_ptr<Event> arrived; // since an attempt began: it has moved
    };
    std::map<uint64_t, Partner> partners; // by the other's incarnation
    bool counts = false;                  // it was asked to, over this connection
    std::map<uint64_t, uint64_t> talks;   // what it has said of that, by the same
    struct Held {
        std::string node; // of the other end
        Fd socket;
    };
    std::map<uint64_t, Held> held; // lines to other nodes, by number
    struct AwayEnd {
        std::string place;
        uint64_t number = 0;
    };
    std::map<uint64_t, AwayEnd> away_ends; // those that lie at hosts, by ticket
    bool at_home = false;                  // it polls: its ends must be here
    size_t going_direct = 0;               // of its lines
    size_t move_wishes = 0;                // that are not answered yet
    size_t joining = 0;                    // others: it is on its way to them, or will be
};

struct PostOffice::Awaited {
    enum class Kind : uint8_t {
        line,     // through home: to be handed over
        offered,  // our end of a better one, whose process is at home
        guest,    // the same of a guest here
        follower, // whoever left an end behind wants to go on with it
    };
    uint64_t incarnation = 0; // whose mailbox it is for
    wire::MailLine line;
    Kind kind = Kind::line;
    uint64_t ticket = 0;
    std::shared_ptr<GuestEnd> end;
};

struct PostOffice::Between {
    std::string own, other; // nodes
    bool pair = false;      // a socket pair, of which the kernel keeps what was written
};

struct PostOffice::Offered {
    uint64_t incarnation = 0; // whom to tell
    wire::MailDirect what;
    Between between;
    Fd socket; // if it is at home
};

struct PostOffice::GuestEnd {
    std::string home, other; // other: the node where the line's other end is
    pid_t process = 0;
    Fd socket; // or
    std::shared_ptr<GuestRing> ring;
    bool fetched = false;
    Nanos since{0};
    Nanos followed_at{0}; // somebody was about to have it
};

inline constexpr size_t line_token_size = 32, awaited_lines_max = 4096;
inline constexpr Nanos line_token_patience = std::chrono::seconds(5);

inline wire::MailRefused refusal(wire::MailAddress const& peer, int code) {
    return {peer, code};
}

} // namespace rove::node
