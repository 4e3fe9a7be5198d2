// SPDX-License-Identifier: Apache-2.0
// Page faults: see page_faults.hh.
#include "warden/page_faults.hh"

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace rove::warden {

namespace {
constexpr uint64_t page = 4096;
}

Result<PageFaults> PageFaults::begin(Fd fd) {
    uffdio_api api{};
    api.api = UFFD_API;
    api.features = UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP;
    if (ioctl(fd.number(), UFFDIO_API, &api) != 0)
        return fail(ENOTSUP, "the kernel does not tell of pages that are missing");
    return PageFaults(std::move(fd));
}

Status PageFaults::watch(wire::Range const& range) const {
    uffdio_register all{};
    all.range = {range.address, range.length};
    all.mode = UFFDIO_REGISTER_MODE_MISSING;
    if (ioctl(number(), UFFDIO_REGISTER, &all) != 0)
        return fail(errno, "cannot watch for missing pages at {:#x}", range.address);
    return {};
}

void PageFaults::unwatch(wire::Range const& range) const {
    uffdio_range all{range.address, range.length};
    (void)ioctl(number(), UFFDIO_UNREGISTER, &all);
}

std::vector<PageFaults::Event> PageFaults::read() const {
    std::vector<Event> events;
    uffd_msg messages[32];
    for (;;) {
        ssize_t got = ::read(number(), messages, sizeof messages);
        if (got < static_cast<ssize_t>(sizeof messages[0])) return events;
        for (size_t i = 0; i < static_cast<size_t>(got) / sizeof messages[0]; ++i) {
            auto const& arg = messages[i].arg;
            if (messages[i].event == UFFD_EVENT_PAGEFAULT) {
                events.push_back(
                    {Event::What::touched, {arg.pagefault.address & ~(page - 1), page}});
            } else if (messages[i].event == UFFD_EVENT_REMAP) {
                events.push_back({Event::What::emptied, {arg.remap.from, arg.remap.len}});
            } else if (messages[i].event == UFFD_EVENT_REMOVE ||
                       messages[i].event == UFFD_EVENT_UNMAP) {
                events.push_back(
                    {Event::What::emptied, {arg.remove.start, arg.remove.end - arg.remove.start}});
            }
        }
    }
}

// The kernel puts nothing across the border of two mappings.
Result<uint64_t> PageFaults::put(wire::Range const& range, char const* bytes) const {
    uint64_t at = 0, step = range.length;
    while (at < range.length) {
        uffdio_copy copy{};
        copy.dst = range.address + at;
        copy.src = reinterpret_cast<uint64_t>(bytes) + at;
        copy.len = std::min(step, range.length - at);
        if (ioctl(number(), UFFDIO_COPY, &copy) == 0) {
            at += copy.len;
            step = 2 * copy.len;
        } else if (errno == ESRCH) {
            return range.length;
        } else if (errno == ENOENT && copy.len > page) {
            step = page;
        } else if (errno != EAGAIN) {
            return fail(errno, "cannot put a page of the guest at {:#x}", range.address + at);
        } else if (copy.copy > 0) {
            at += static_cast<uint64_t>(copy.copy);
        } else {
            break;
        }
    }
    return at;
}

// If that fails, the thread finds out by itself, or asks once more.
void PageFaults::put_nothing(uint64_t address) const {
    uffdio_zeropage zero{};
    zero.range = {address, page};
    if (ioctl(number(), UFFDIO_ZEROPAGE, &zero) != 0) wake({address, page});
}

void PageFaults::wake(wire::Range const& range) const {
    uffdio_range all{range.address, range.length};
    (void)ioctl(number(), UFFDIO_WAKE, &all);
}

} // namespace rove::warden
