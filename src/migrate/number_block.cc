// SPDX-License-Identifier: Apache-2.0
// Number block: see number_block.hh.
#include "migrate/number_block.hh"

#include <algorithm>

#include "wire/region.hh"

namespace rove::migrate {

namespace {
constexpr int top_number = 32768; // a table of 256 KiB
constexpr int ample = 2 * static_cast<int>(wire::slots_max) +
                      64;      // a link per thread, another for its next host, and the porter's own
constexpr int porters_own = 6; // sockets, streams of pages
constexpr int spare = 40;      // threads that are still to come
} // namespace

std::optional<NumberBlock> number_block(int highest, int threads, uint64_t hard_limit) {
    auto limit = static_cast<int>(std::min<uint64_t>(hard_limit, 1 << 20));
    int top = std::min(limit, std::max(top_number, highest + 1 + 2 * ample));
    int room = top - (highest + 1);
    if (room < threads + porters_own) return {};
    // Where numbers are few, most of them remain the program's.
    int size = room >= 2 * ample ? ample : std::min(room, std::max(2 * threads + spare, room / 4));
    return NumberBlock{top - size, top - 1};
}

} // namespace rove::migrate
