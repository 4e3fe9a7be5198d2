// SPDX-License-Identifier: Apache-2.0
// Large scratch: memory for a call that a slot's own cannot hold.
#pragma once

#include "deputy/deputy.hh"

namespace rove::deputy {

/// A page behind it cannot be touched; all is given back in the end.
struct LargeScratch {
    static constexpr uint64_t page = 4096;
    uint64_t address = 0, size = 0; // without that page
    bool get(Slot const& slot, uint64_t wanted) {
        size = ((wanted + 0x1fff) & ~0xfffull) + page;
        // Where the host's kernel will hardly put a mapping of the program, which would be made
        // here at the same place.
        uint64_t hint = rt::region_base() + wire::region_align + slot.index * (64ull << 20);
        long at = sys(9, hint, size, 3, 0x4022, -1, 0); // NORESERVE
        if (at < 0 && at > -4096) return false;
        address = static_cast<uint64_t>(at);
        size -= page;
        sys(10, address + size, page, 0);
        return true;
    }
    LargeScratch() = default;
    ~LargeScratch() {
        if (address != 0) sys(11, address, size + page);
    }
    LargeScratch(LargeScratch const&) = delete;
    LargeScratch& operator=(LargeScratch const&) = delete;
};

} // namespace rove::deputy
