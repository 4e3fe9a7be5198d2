// SPDX-License-Identifier: Apache-2.0
// Kept: the memory of a guest that has left, for its return, as one warden hands it to the next.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hh"
#include "warden/holder.hh"
#include "warden/segments.hh"
#include "warden/write_watch.hh"
#include "wire/session.hh"

namespace rove::warden {

struct Kept {
    Holder holder;    // in whose memory it lies
    std::string name; // that its steward gave it
    uint64_t region;
    wire::Layout layout; // as of when the guest left; its segments are those of `segments`
    Segments segments;
    WriteWatch watch;
    std::vector<wire::Range> huge;
    Nanos monotonic_ahead{0}, boottime_ahead{0}; // of the namespace that the holder is in
    bool own_wall_clock = false;                 // the filter lets guests read it
};

} // namespace rove::warden
