// SPDX-License-Identifier: Apache-2.0
// PostOffice parts: what post_office.cc and post_lines.cc share.
#pragma once

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
        wire::MailAddress address;
        uint64_t number = 0;  // of the last line
        bool open = false;    // this side has not said that it is closed
        bool calling = false; // the other's home is being asked
        Nanos since{0};
    };
    std::map<uint64_t, Partner> partners; // by the other's incarnation
    bool counts = false;                  // it was asked to, over this connection
    std::map<uint64_t, uint64_t> talks;   // what it has said of that, by the same
    struct Held {
        std::string node; // of the other end
        Fd socket;
    };
    std::map<uint64_t, Held> held; // lines to other nodes, by number
};

struct PostOffice::Awaited {
    uint64_t incarnation = 0; // whose mailbox it is for
    wire::MailLine line;
};

inline wire::MailRefused refusal(wire::MailAddress const& peer, int code) {
    return {peer, code};
}

} // namespace rove::node
