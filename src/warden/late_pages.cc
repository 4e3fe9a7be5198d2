// SPDX-License-Identifier: Apache-2.0
// Late pages: see late_pages.hh.
#include "warden/late_pages.hh"

#include <algorithm>

namespace rove::warden {

namespace {

constexpr uint64_t around = 64 << 10;     // comes with a page that is waited for
constexpr uint64_t ahead_max = 512 << 10; // of the rest, asked for at a time
constexpr uint64_t none = 0;

} // namespace

LatePages::LatePages(std::vector<wire::Range> const& pages) {
    for (auto const& range : pages)
        unasked_.add(range);
}

std::vector<wire::Range> LatePages::within(wire::Range const& range) const {
    auto found = unasked_.within(range), asked = asked_.within(range);
    found.insert(found.end(), asked.begin(), asked.end());
    return found;
}

void LatePages::want(wire::Range const& range) {
    wanted_.push_back(range);
}

wire::Pages LatePages::ask(std::vector<wire::Range> ranges) {
    for (auto const& range : ranges) {
        (void)unasked_.remove(range);
        asked_.add(range);
        under_way_ += range.length;
        cursor_ = range.address + range.length;
    }
    return {std::move(ranges)};
}

std::optional<wire::Pages> LatePages::next(bool waited_for) {
    while (!wanted_.empty()) {
        auto& range = wanted_.front();
        uint64_t end = range.address + range.length;
        auto part = unasked_.from(range.address);
        if (part.length == none || part.address >= end) {
            wanted_.pop_front();
            continue;
        }
        if (under_way_ + around > wire::late_asked_max) return std::nullopt;
        uint64_t block = part.address & ~(around - 1);
        range.address = block + around; // the rest of a long one follows
        range.length = end > range.address ? end - range.address : 0;
        return ask(unasked_.within({block, around}));
    }
    if (waited_for || under_way_ + wire::late_part_max > ahead_max) return std::nullopt;
    auto part = unasked_.from(cursor_);
    if (part.length == none) part = unasked_.from(0);
    if (part.length == none) return std::nullopt;
    std::vector<wire::Range> ranges;
    constexpr size_t ranges_max = 64;
    for (uint64_t room = wire::late_part_max;
         part.length != none && room > 0 && ranges.size() < ranges_max;) {
        part.length = std::min(part.length, room);
        room -= part.length;
        ranges.push_back(part);
        part = unasked_.from(part.address + part.length);
    }
    return ask(std::move(ranges));
}

void LatePages::remove(wire::Range const& range) {
    (void)unasked_.remove(range);
    (void)asked_.remove(range);
}

void LatePages::answered(uint64_t bytes) {
    under_way_ -= std::min(bytes, under_way_);
}

void LatePages::ask_again() {
    under_way_ = 0;
    for (auto const& range : asked_.remove({0, ~uint64_t{0}}))
        unasked_.add(range);
}

} // namespace rove::warden
