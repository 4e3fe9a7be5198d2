// SPDX-License-Identifier: Apache-2.0
// RoundTrips: how far the other nodes are, as the policy counts with it.
//
// The shortest of the last minutes counts: whatever is longer has waited for a processor or for
// other packets, and a forwarded call on an idle way does not. It is remembered beyond the
// connection that it was measured on; a way that has become longer is noticed after ten minutes.
// Two kernels need less for their answers than two programs: that these are woken is added.
#pragma once

#include <map>
#include <string>

#include "base/clock.hh"
#include "policy/view.hh"

namespace rove::node {

class RoundTrips {
public:
    // What a forwarded call takes beside the way: 8 µs if both ends spin, 70 if both sleep.
    static constexpr Nanos waking = std::chrono::microseconds(30);

    // Between the kernels.
    void saw(std::string const& node, Nanos round_trip, Nanos now);
    // Between programs; the first guess if nothing was measured.
    float seconds(std::string const& node) const;

private:
    struct Shortest {
        Nanos now, before; // in the present five minutes, and in those before
        Nanos since;       // when these have begun
    };
    std::map<std::string, Shortest> known_;
};

} // namespace rove::node
