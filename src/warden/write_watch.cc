// SPDX-License-Identifier: Apache-2.0
// Write watch: see write_watch.hh.
#include "warden/write_watch.hh"

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>

#include "image/layout.hh"
#include "sys/process.hh"

namespace rove::warden {

namespace {

bool set_up(int fd) {
    constexpr uint64_t asynchronous = 1 << 15; // UFFD_FEATURE_WP_ASYNC, newer than the headers
    uffdio_api api{};
    api.api = UFFD_API;
    api.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | asynchronous;
    return ioctl(fd, UFFDIO_API, &api) == 0;
}

bool take(int fd, uint64_t start, uint64_t end) {
    uffdio_register all{};
    all.range = {start, end - start};
    all.mode = UFFDIO_REGISTER_MODE_WP;
    return ioctl(fd, UFFDIO_REGISTER, &all) == 0;
}

bool give_back(int fd, uint64_t start, uint64_t end) {
    uffdio_range all{start, end - start};
    return ioctl(fd, UFFDIO_UNREGISTER, &all) == 0;
}

enum class Mark { clear, set };
bool mark(int fd, uint64_t start, uint64_t end, Mark how) {
    uffdio_writeprotect part{};
    part.range = {start, end - start};
    part.mode = how == Mark::set ? UFFDIO_WRITEPROTECT_MODE_WP : 0;
    return ioctl(fd, UFFDIO_WRITEPROTECT, &part) == 0;
}

} // namespace

bool WriteWatch::follows_moves() {
    return sys::kernel_is_at_least(6, 13);
}

// What cannot be watched is not scanned. Of what is watched already the probe gets nothing (EBUSY).
void WriteWatch::widen(std::vector<wire::Vma> const& vmas) {
    if (!follows_moves()) return;
    int watch = fds_.watch.number(), probe = fds_.probe.number();
    for (auto const& vma : vmas) {
        if (vma.kind == wire::VmaKind::vdso || vma.kind == wire::VmaKind::vvar) continue;
        if ((vma.advice & image::advice_shared) != 0) continue; // none of it is the program's own
        if (!empty_ && (!take(probe, vma.start, vma.end) || !give_back(probe, vma.start, vma.end)))
            continue;
        if (take(watch, vma.start, vma.end) && !mark(watch, vma.start, vma.end, Mark::clear))
            (void)give_back(watch, vma.start, vma.end);
    }
    empty_ = false;
}

// What is not watched the kernel refuses (ENOENT): piece by piece, as the ranges are.
void WriteWatch::renew(std::vector<wire::Range> const& pages) {
    for (auto const& range : pages)
        (void)mark(fds_.watch.number(), range.address, range.address + range.length, Mark::set);
}

Result<WriteWatch> WriteWatch::begin(
    Userfaults fds, std::vector<wire::Vma> const& vmas, std::vector<wire::Range> const& pages) {
    if (!set_up(fds.watch.number()) || !set_up(fds.probe.number()))
        return fail(ENOTSUP, "the kernel does not watch writes asynchronously");
    WriteWatch watch(std::move(fds));
    int fd = watch.fds_.watch.number();
    size_t at = 0;
    for (auto const& vma : vmas) {
        while (at < pages.size() && pages[at].address + pages[at].length <= vma.start)
            ++at;
        if (at == pages.size() || pages[at].address >= vma.end) continue;
        watch.empty_ = false;
        if (!take(fd, vma.start, vma.end)) continue; // then all of it counts as written
        for (size_t i = at; i < pages.size() && pages[i].address < vma.end; ++i) {
            uint64_t start = std::max(pages[i].address, vma.start),
                     end = std::min(pages[i].address + pages[i].length, vma.end);
            if (!mark(fd, start, end, Mark::set))
                return fail(errno, "cannot watch writes at {:#x}", start);
        }
    }
    return watch;
}

} // namespace rove::warden
