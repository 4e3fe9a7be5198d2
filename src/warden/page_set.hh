// SPDX-License-Identifier: Apache-2.0
// Page set: ranges of addresses that are taken out piece by piece, in any order.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "wire/session.hh"

namespace rove::warden {

class PageSet {
public:
    bool empty() const { return pieces_.empty(); }
    uint64_t bytes() const { return bytes_; }
    void add(wire::Range const& range);
    /// What of it was there, ascending.
    std::vector<wire::Range> remove(wire::Range const& range);
    std::vector<wire::Range> within(wire::Range const& range) const;
    /// The first piece that ends behind this address, without what lies before it; length 0: none.
    wire::Range from(uint64_t address) const;

private:
    std::map<uint64_t, uint64_t> pieces_; // start → end; they do not touch
    uint64_t bytes_ = 0;
};

} // namespace rove::warden
