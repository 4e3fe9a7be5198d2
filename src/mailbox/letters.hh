// SPDX-License-Identifier: Apache-2.0
// Letters: what has arrived and was not read yet, in the order of arrival, read in any order.
#pragma once

#include <cstdint>
#include <limits>
#include <list>
#include <optional>
#include <string_view>

#include "mailbox/buffer.hh"

namespace rove::mailbox {

/// A mailbox that we have talked with, by the order of meeting.
using Peer = uint32_t;

struct Letter {
    enum class Kind : uint8_t { message, gone };
    Kind kind = Kind::message;
    Peer sender = 0;
    Buffer bytes;
    // Of a sender that is gone: how many of our messages it is not known to have taken.
    uint64_t undelivered = 0;
};

struct Filter {
    std::optional<Peer> sender;
    size_t length_min = 0, length_max = std::numeric_limits<size_t>::max();
    size_t pattern_at = 0; // where in the message the pattern must stand
    std::string_view pattern;

    /// A notice has no bytes: the sender alone decides.
    bool fits(Letter const& letter) const;
    /// That a message fits is known before its bytes are.
    bool fits_all(Peer from, size_t length) const;
};

class Letters {
public:
    void add(Letter letter) { all_.push_back(std::move(letter)); }
    bool empty() const { return all_.empty(); }
    size_t count() const { return all_.size(); }
    /// The oldest one that fits; null if there is none. It stays.
    Letter const* find(Filter const& filter) const;
    /// Takes out one that find() gave.
    Letter take(Letter const* found);
    /// No letter lies in another's room any more.
    void fetch_home();

private:
    std::list<Letter> all_;
};

} // namespace rove::mailbox
