// SPDX-License-Identifier: Apache-2.0
// Pagemap: which pages of a process are its own, by PAGEMAP_SCAN or, on older kernels, page by
// page.
#pragma once

#include <vector>

#include <sys/types.h>

#include "base/fd.hh"
#include "base/result.hh"
#include "wire/session.hh"

namespace rove::tracee {

// What a mapping's pages are when they are nobody's own.
enum class Backing { nothing, file };

inline Backing backing_of(wire::Vma const& vma) {
    return vma.kind == wire::VmaKind::segment ? Backing::file : Backing::nothing;
}

class Pagemap {
public:
    static Result<Pagemap> open(pid_t pid);
    // Of /proc/PID/pagemap, opened elsewhere.
    static Pagemap of(Fd file) { return Pagemap(std::move(file)); }

    // Appends the private pages in [start, end) that hold something: present or swapped, not the
    // zero page, not a file's own page. Adjacent ranges are joined.
    Status private_pages(
        uint64_t start, uint64_t end, Backing backing, std::vector<wire::Range>& ranges) const;

    // Appends the pages in [start, end) that may have been written since they were taken: of those
    // that hold something all but those that asynchronous write protection has seen no write to.
    // False: the kernel cannot tell.
    Result<bool> suspect_pages(
        uint64_t start, uint64_t end, std::vector<wire::Range>& ranges) const;

    // Appends the private pages in [start, end) that hold something, are watched by asynchronous
    // write protection, and have been written; from now on they count as unwritten.
    Result<bool> take_written_pages(
        uint64_t start, uint64_t end, Backing backing, std::vector<wire::Range>& ranges) const;

private:
    struct Wanted; // of which categories
    struct PageRegion;
    explicit Pagemap(Fd file) : file_(std::move(file)) {}
    Result<bool> scan(
        uint64_t start, uint64_t end, Wanted const& wanted, std::vector<PageRegion>& found) const;
    Result<bool> scan(
        uint64_t start, uint64_t end, Wanted const& wanted, std::vector<wire::Range>& ranges) const;
    Status read(uint64_t start, uint64_t end, std::vector<wire::Range>& ranges) const;
    Fd file_;
};

} // namespace rove::tracee
