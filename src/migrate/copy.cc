// SPDX-License-Identifier: Apache-2.0
// Copy: see copy.hh.
#include "migrate/copy.hh"

#include <sys/mman.h>

#include "warden/mapping.hh"

namespace rove::migrate {

using warden::intersect;
using warden::subtract;
using warden::unite;

Ranges take_slice(Ranges& from, uint64_t most) {
    Ranges slice;
    size_t whole = 0;
    while (whole < from.size() && from[whole].length <= most) {
        most -= from[whole].length;
        slice.push_back(from[whole++]);
    }
    from.erase(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(whole));
    if (!from.empty() && most > 0) {
        slice.push_back({from[0].address, most});
        from[0].address += most;
        from[0].length -= most;
    }
    return slice;
}

void Copy::lay_out(std::vector<wire::Vma> layout) {
    lose(warden::remade(layout_, layout));
    layout_ = std::move(layout);
}

void Copy::lose(Ranges const& pages) {
    there_ = subtract(there_, pages);
    current_ = subtract(current_, pages);
}

// What is not writable for the program is made so for a moment when all stands still.
Ranges Copy::takes(Ranges const& pages) const {
    Ranges writable;
    constexpr int both = PROT_READ | PROT_WRITE;
    for (auto const& vma : layout_)
        if (vma.kind <= wire::VmaKind::stack && (vma.prot & both) == both)
            writable.push_back({vma.start, vma.end - vma.start});
    return intersect(pages, writable);
}

void Copy::outdate(Ranges const& pages) {
    current_ = subtract(current_, pages);
}

void Copy::add(Ranges const& pages) {
    there_ = unite(there_, pages);
    current_ = unite(current_, pages);
}

Ranges Copy::missing(Ranges const& present, Ranges const& suspect) const {
    return subtract(present, subtract(current_, suspect));
}

Ranges Copy::surplus(Ranges const& present) const {
    return subtract(there_, present);
}

} // namespace rove::migrate
