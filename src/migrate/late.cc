// SPDX-License-Identifier: Apache-2.0
// Late: see late.hh.
#include "migrate/late.hh"

#include <sys/mman.h>

#include <algorithm>

#include "base/text.hh"
#include "base/units.hh"
#include "image/layout.hh"
#include "warden/mapping.hh"

namespace rove::migrate {

namespace {

constexpr uint64_t page = 4096;
constexpr uint16_t locked = 32;
constexpr std::string_view words[] = {
    "auto", "stop-and-copy", "pre-copy", "post-copy", "hybrid"}; // as the enumerators are

} // namespace

std::string_view word_of(Mode mode) {
    return words[static_cast<size_t>(mode)];
}

Mode mode_of(std::string const& word) {
    auto found = std::find(std::begin(words), std::end(words), word);
    return found == std::end(words) ? Mode::automatic
                                    : static_cast<Mode>(found - std::begin(words));
}

Choice choose(Mode mode, Left const& left) {
    std::string size = print_size(left.bytes), limit = print_duration(left.freeze);
    bool wanted = left.too_long || always_late(mode);
    if (!wanted)
        return {false, fmt::format("{}, {}, went within {}",
                           left.ahead ? "what was left" : "all that it has", size, limit)};
    std::string stood = fmt::format("{} went while it stood", size);
    if (never_late(mode)) return {false, fmt::format("move.mode is {}; {}", word_of(mode), stood)};
    if (!left.able)
        return {false, fmt::format("{}, as its host cannot wait for pages of what runs", stood)};
    if (left.device) return {false, fmt::format("{}, as a device may write to its memory", stood)};
    if (always_late(mode)) return {true, fmt::format("move.mode is {}", word_of(mode))};
    return {true, fmt::format("{}{} would have taken longer than {}",
                      left.ahead ? "it writes as fast as its pages go: the last "
                                 : "nothing could go ahead: ",
                      size, limit)};
}

Ranges may_be_late(wire::Layout const& layout, Ranges const& pages) {
    for (auto const& key : layout.segments)
        if (key.commons != 0) return {};
    Ranges own;
    constexpr int both = PROT_READ | PROT_WRITE;
    for (auto const& vma : layout.vmas)
        if (vma.kind == wire::VmaKind::anonymous && (vma.prot & both) == both &&
            (vma.advice & (locked | image::advice_shared)) == 0)
            own.push_back({vma.start, vma.end - vma.start});
    return warden::intersect(pages, own);
}

Ranges coarse(Ranges const& pages, size_t most) {
    Ranges few = pages;
    for (uint64_t block = 2 * page; few.size() > most; block *= 2) {
        Ranges fewer;
        for (auto const& range : few) {
            uint64_t start = range.address & ~(block - 1),
                     end = (range.address + range.length + block - 1) & ~(block - 1);
            if (!fewer.empty() && fewer.back().address + fewer.back().length >= start)
                fewer.back().length = end - fewer.back().address;
            else
                fewer.push_back({start, end - start});
        }
        few = std::move(fewer);
    }
    return few;
}

} // namespace rove::migrate
