// SPDX-License-Identifier: Apache-2.0
// Statement: what is said about one node, and the messages that carry such.
//
// A bulletin itself does not pass through here: the edge keeps bulletins beside the vector and puts
// them into the datagram, the core only says whose came (Actions::fresh) and whose go out. Ages
// travel, timestamps never: no two clocks are compared.
#pragma once

#include <cstdint>
#include <vector>

namespace rove::gossip {

/// A small dense number that the edge gives to each node it has met; it means nothing to others.
using NodeIndex = uint32_t;
/// Milliseconds of any clock that only this node reads. It may jump.
using Time = int64_t;
using Millis = uint32_t;

enum class State : uint8_t { unknown, alive, suspect, dead, left };

struct Statement {
    NodeIndex node = 0;
    State state = State::unknown;
    uint8_t urgency = 0; // how often it is still to be sent before all else
    uint32_t issue = 0;  // counts a node's bulletins in one incarnation
    Millis age = 0;      // alive: of the bulletin; else for how long it has been silent, or gone
    uint64_t incarnation = 0;
    bool operator==(Statement const&) const = default;
};

enum class Kind : uint8_t {
    push,   // the sender's entry and its window; wants an answer
    pull,   // the sender's entry; wants the other's window
    ask,    // the sender's entry; wants an answer
    answer, // the sender's entry, or all that was asked for
    news,   // the sender's entry and what is urgent; no answer
};

struct Message {
    Kind kind = Kind::push;
    std::vector<Statement> statements; // the sender's own first
};

} // namespace rove::gossip
