// SPDX-License-Identifier: Apache-2.0
// RoundTrips: how far the other nodes are, as the policy counts with it.
//
// The shortest of the last minutes counts: whatever is longer has waited for a processor or for
// other packets, and a forwarded call on an idle way does not. It is remembered beyond the
// connection that it was measured on; a way that has become longer is noticed after ten minutes.
#pragma once

#include <map>
#include <string>

#include "base/clock.hh"
#include "policy/view.hh"

namespace rove::node {

class RoundTrips {
public:
    void saw(std::string const& node, Nanos round_trip, Nanos now);
    // The first guess if nothing was measured.
    float seconds(std::string const& node) const;

private:
    struct Shortest {
        Nanos now, before; // in the present five minutes, and in those before
        Nanos since;       // when these have begun
    };
    std::map<std::string, Shortest> known_;
};

} // namespace rove::node
