// SPDX-License-Identifier: Apache-2.0
// Thread pages: see thread_pages.hh.
#include "migrate/thread_pages.hh"

#include <poll.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>

#include "warden/mapping.hh"

namespace rove::migrate {

namespace {

constexpr uint64_t page = 4096;
constexpr uint64_t user_space_end = 0x7ffffffff000;
constexpr uint64_t of_stack = 32 << 10;
constexpr size_t rdi = 8, rsi = 9, rsp = 15; // in gregset_t's order
constexpr size_t pointers = 17;

} // namespace

Ranges needed_at_once(std::vector<wire::ThreadImage> const& threads) {
    Ranges pages;
    auto add = [&](uint64_t address, uint64_t length) {
        if (address < page || address >= user_space_end) return;
        uint64_t start = address & ~(page - 1),
                 end = std::min((address + length + page - 1) & ~(page - 1), user_space_end);
        pages = warden::unite(pages, {{start, end - start}});
    };
    for (auto const& image : threads) {
        for (size_t i = 0; i < std::min(pointers, image.registers.size()); ++i)
            add(image.registers[i], 8);
        if (image.registers.size() > rsp) add(image.registers[rsp] - page, of_stack);
        wire::ThreadState state;
        if (image.thread_state.size() != sizeof state) continue;
        std::memcpy(&state, image.thread_state.data(), sizeof state);
        add(state.fs_base - page, 2 * page);
        for (uint64_t address : {state.rseq_address, state.robust_list, state.clear_tid})
            add(address, 64);
    }
    return pages;
}

Ranges pages_of_waits(std::vector<wire::ThreadImage> const& threads) {
    Ranges pages;
    for (auto const& image : threads) {
        wire::ThreadState state;
        if (image.thread_state.size() != sizeof state || image.registers.size() <= rsi) continue;
        std::memcpy(&state, image.thread_state.data(), sizeof state);
        if (state.sleep_remaining != 0) // of a sleep that home's kernel goes on with
            pages.push_back({state.sleep_remaining & ~(page - 1), 2 * page});
        if (state.pending != wire::Pending::call || state.rest_call != SYS_poll ||
            image.registers[rsi] == 0)
            continue;
        uint64_t start = image.registers[rdi] & ~(page - 1);
        uint64_t end =
            (image.registers[rdi] + image.registers[rsi] * sizeof(pollfd) + page - 1) & ~(page - 1);
        pages.push_back({start, end - start});
    }
    std::sort(pages.begin(), pages.end(),
        [](auto const& a, auto const& b) { return a.address < b.address; });
    // Arrays may share pages.
    Ranges apart;
    for (auto const& range : pages) {
        uint64_t end = range.address + range.length;
        if (apart.empty() || apart.back().address + apart.back().length < range.address)
            apart.push_back(range);
        else
            apart.back().length = std::max(apart.back().length, end - apart.back().address);
    }
    return apart;
}

} // namespace rove::migrate
