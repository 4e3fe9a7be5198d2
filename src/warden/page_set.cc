// SPDX-License-Identifier: Apache-2.0
// Page set: see page_set.hh.
#include "warden/page_set.hh"

#include <algorithm>

namespace rove::warden {

void PageSet::add(wire::Range const& range) {
    if (range.length == 0) return;
    (void)remove(range);
    uint64_t start = range.address, end = range.address + range.length;
    bytes_ += range.length;
    auto next = pieces_.lower_bound(start);
    if (next != pieces_.end() && next->first == end) {
        end = next->second;
        next = pieces_.erase(next);
    }
    if (next != pieces_.begin() && std::prev(next)->second == start)
        std::prev(next)->second = end;
    else
        pieces_.emplace(start, end);
}

std::vector<wire::Range> PageSet::within(wire::Range const& range) const {
    std::vector<wire::Range> found;
    uint64_t end = range.address + range.length;
    for (auto piece = from(range.address); piece.length != 0 && piece.address < end;
         piece = from(piece.address + piece.length)) {
        piece.length = std::min(piece.length, end - piece.address);
        found.push_back(piece);
    }
    return found;
}

std::vector<wire::Range> PageSet::remove(wire::Range const& range) {
    auto found = within(range);
    for (auto const& part : found) {
        uint64_t start = part.address, end = part.address + part.length;
        auto piece = std::prev(pieces_.upper_bound(start));
        uint64_t piece_end = piece->second;
        piece->second = start;
        if (piece->first == start) pieces_.erase(piece);
        if (piece_end > end) pieces_.emplace(end, piece_end);
        bytes_ -= part.length;
    }
    return found;
}

wire::Range PageSet::from(uint64_t address) const {
    auto piece = pieces_.upper_bound(address);
    if (piece != pieces_.begin() && std::prev(piece)->second > address) --piece;
    if (piece == pieces_.end()) return {};
    uint64_t start = std::max(piece->first, address);
    return {start, piece->second - start};
}

} // namespace rove::warden
