// SPDX-License-Identifier: Apache-2.0
// Write watch: which of a guest's pages are as they came. Home, or where it was before, may still
// have those, and need not be sent them again.
//
// By userfaultfd's asynchronous write protection: the kernel itself notes the first write to a
// page, its own writes too (Linux 6.7). Memory that is mapped anew is not watched: it counts as
// written.
#pragma once

#include <vector>

#include "base/fd.hh"
#include "base/result.hh"
#include "wire/session.hh"

namespace rove::warden {

/// Two userfaultfds of one address space. The kernel lets go of a whole mapping when mremap moves
/// something beside it with which it merges, and leaves its pages' marks where they are. What the
/// second one can have the first one does not watch (any more): then these marks mean nothing.
struct Userfaults {
    Fd watch, probe;
};

class WriteWatch {
public:
    /// Of `pages`, which lie in `vmas` (sorted), by a userfaultfd of that address space. From then
    /// on; it ends with this object. ENOTSUP where the kernel cannot.
    static Result<WriteWatch> begin(
        Userfaults fds, std::vector<wire::Vma> const& vmas, std::vector<wire::Range> const& pages);

    /// Whether the kernel gives up the mark of a page that mremap moves out of the watch (6.13). If
    /// not, such a page would look unwritten when it is watched again.
    static bool follows_moves();

    /// Watches what these map as well, if it is not watched yet; what is there counts as written.
    void widen(std::vector<wire::Vma> const& vmas);

    /// From now on these count as unwritten, as far as they are watched.
    void renew(std::vector<wire::Range> const& pages);

private:
    explicit WriteWatch(Userfaults fds) : fds_(std::move(fds)) {}
    Userfaults fds_;
    bool empty_ = true; // nothing was ever watched
};

} // namespace rove::warden
