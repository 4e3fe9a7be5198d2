// SPDX-License-Identifier: Apache-2.0
// Left at home: what becomes of P's memory when the program runs elsewhere.
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>

#include "image/layout.hh"
#include "migrate/steward.hh"
#include "warden/mapping.hh"

namespace rove::migrate {

namespace {
constexpr uint64_t page = 4096;
constexpr Nanos keep_pages = std::chrono::minutes(1);
} // namespace

// P's memory is at the host now; what stays is file mappings without pages, and what `ps` shows.
// Anonymous pages are the kernel's to take at once; what it has not needed is given up a little
// later: a process that comes back soon finds its pages in place. Those that a call of a deputy
// still reads are kept.
void Steward::drop_pages(std::vector<image::Mapping> const& mappings, tracee::Stat const& stat,
    std::vector<wire::Range> const& kept) {
    uint64_t keep_start = stat.arg_start & ~(page - 1),
             keep_end = (stat.env_end + page - 1) & ~(page - 1);
    std::vector<wire::ExecCall> calls;
    bool hold = wire::bytes_of(last_layout_.present) <= wire::kept_bytes_max;
    held_ = hold ? warden::subtract(last_layout_.present, kept) : std::vector<wire::Range>{};
    lazily_held_ = !hold;
    stale_.clear();
    stale_until_ = monotonic_now() + keep_pages;
    auto drop = [&](image::Mapping const& mapping, uint64_t start, uint64_t end) {
        if (start >= end) return;
        bool anonymous = mapping.inode == 0;
        uint64_t advice = anonymous ? MADV_FREE : MADV_DONTNEED;
        for (auto const& [address, length] :
            warden::subtract({wire::Range{start, end - start}}, kept)) {
            if (!hold) calls.push_back({SYS_madvise, {address, length, advice}, -1});
            if (!hold && anonymous && (mapping.prot & PROT_WRITE) != 0)
                held_.push_back({address, length});
            if (hold || anonymous)
                stale_.push_back({SYS_madvise, {address, length, MADV_DONTNEED}, -1});
        }
    };
    for (auto const& mapping : mappings) {
        auto kind = image::kind_of(mapping);
        if (image::is_foreign(mapping, body_.region()) || mapping.shared ||
            kind == wire::VmaKind::vdso || kind == wire::VmaKind::vvar || mapping.has("lo"))
            continue;
        drop(mapping, mapping.start, std::min(mapping.end, std::max(mapping.start, keep_start)));
        drop(mapping, std::max(mapping.start, std::min(mapping.end, keep_end)), mapping.end);
    }
    if (!hold) held_ = warden::intersect(held_, last_layout_.present);
    unneeded_ = std::move(calls);
}

// While the program runs there; it takes a tenth of a second for some gigabytes.
void Steward::tidy_after_move() {
    if (!unneeded_.empty()) (void)body_.porter().calls_tolerant(unneeded_);
    unneeded_.clear();
    unneeded_watch_.reset();
}

} // namespace rove::migrate
