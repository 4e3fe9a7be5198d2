// SPDX-License-Identifier: Apache-2.0
// Write watch: see write_watch.hh.
#include "warden/write_watch.hh"

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>

#include "sys/process.hh"

namespace rove::warden {

namespace {
bool watch_range(int fd, uint64_t start, uint64_t end) {
    uffdio_register all{};
    all.range = {start, end - start};
    all.mode = UFFDIO_REGISTER_MODE_WP;
    return ioctl(fd, UFFDIO_REGISTER, &all) == 0;
}
} // namespace

void WriteWatch::widen(std::vector<wire::Vma> const& vmas) const {
    // Before 6.13 a page that mremap has moved out of the watch takes its mark along, and would
    // look unwritten when it is watched again.
    if (!sys::kernel_is_at_least(6, 13)) return;
    for (auto const& vma : vmas)
        if (vma.kind != wire::VmaKind::vdso && vma.kind != wire::VmaKind::vvar)
            (void)watch_range(userfault_.number(), vma.start, vma.end); // else it is not scanned
}

Result<WriteWatch> WriteWatch::begin(
    Fd userfault, std::vector<wire::Vma> const& vmas, std::vector<wire::Range> const& pages) {
    constexpr uint64_t asynchronous = 1 << 15; // UFFD_FEATURE_WP_ASYNC, newer than the headers
    uffdio_api api{};
    api.api = UFFD_API;
    api.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | asynchronous;
    if (ioctl(userfault.number(), UFFDIO_API, &api) != 0)
        return fail(ENOTSUP, "the kernel does not watch writes asynchronously");
    WriteWatch watch(std::move(userfault));
    int fd = watch.userfault_.number();
    size_t at = 0;
    for (auto const& vma : vmas) {
        while (at < pages.size() && pages[at].address + pages[at].length <= vma.start)
            ++at;
        if (at == pages.size() || pages[at].address >= vma.end) continue;
        if (!watch_range(fd, vma.start, vma.end)) continue; // then all of it counts as written
        for (size_t i = at; i < pages.size() && pages[i].address < vma.end; ++i) {
            uint64_t start = std::max(pages[i].address, vma.start),
                     end = std::min(pages[i].address + pages[i].length, vma.end);
            uffdio_writeprotect part{};
            part.range = {start, end - start};
            part.mode = UFFDIO_WRITEPROTECT_MODE_WP;
            if (ioctl(fd, UFFDIO_WRITEPROTECT, &part) != 0)
                return fail(errno, "cannot watch writes at {:#x}", start);
        }
    }
    return watch;
}

} // namespace rove::warden
