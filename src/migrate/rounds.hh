// SPDX-License-Identifier: Apache-2.0
// Rounds: when pages are sent ahead once more, and when the program is to stand still for the rest.
//
// Each round sends what was written during the one before. As long as that becomes less, another
// round makes the freeze shorter. When it does not any more, the program writes as fast as its
// pages go, and is stopped with what is left: holding up its threads now and then would end their
// transfers early.
//
// Pure: bytes and times are told.
#pragma once

#include <cstdint>

#include "base/clock.hh"

namespace rove::migrate {

constexpr Nanos freeze_usual = std::chrono::milliseconds(10);

class Rounds {
public:
    enum class Next { send, freeze };

    // `freeze`: how long the program may stand still, if that can be had.
    explicit Rounds(Nanos freeze);

    // Whether rounds make the freeze shorter at all, of a process with so many bytes. And whether
    // so many take longer than it is wanted to last.
    bool worth(uint64_t bytes) const;
    // So much was written since the last round began.
    Next next(uint64_t bytes);
    // The round has gone.
    void gone(uint64_t bytes, Nanos took);

private:
    Nanos time_of(uint64_t bytes) const;

    Nanos for_pages_;           // of the freeze, what is left for pages
    double bytes_per_ns_ = 1.5; // until a round has told
    uint64_t last_ = ~uint64_t{0};
    int rounds_ = 0;
};

} // namespace rove::migrate
