// SPDX-License-Identifier: Apache-2.0
// Write watch: see write_watch.hh.
#include "warden/write_watch.hh"

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>

namespace rove::warden {

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
        uffdio_register all{};
        all.range = {vma.start, vma.end - vma.start};
        all.mode = UFFDIO_REGISTER_MODE_WP;
        if (ioctl(fd, UFFDIO_REGISTER, &all) != 0) continue; // then all of it counts as written
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
