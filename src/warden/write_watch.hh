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

class WriteWatch {
public:
    /// Of `pages`, which lie in `vmas` (sorted), by a userfaultfd of that address space. From then
    /// on; it ends with this object. ENOTSUP where the kernel cannot.
    static Result<WriteWatch> begin(
        Fd userfault, std::vector<wire::Vma> const& vmas, std::vector<wire::Range> const& pages);

    /// Watches what these map as well, if it is not watched yet; what is there counts as written.
    void widen(std::vector<wire::Vma> const& vmas) const;

private:
    explicit WriteWatch(Fd userfault) : userfault_(std::move(userfault)) {}
    Fd userfault_;
};

} // namespace rove::warden
