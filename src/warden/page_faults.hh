// SPDX-License-Identifier: Apache-2.0
// Page faults: a guest's accesses to pages that are not there, and what it does to the memory where
// they lie, as the kernel tells it (userfaultfd).
//
// A thread that touches such a page waits until something has been put there; the kernel's own
// accesses for the thread wait, too. Whoever unmaps, moves or empties such memory waits until that
// has been read here. Until then nothing can be put anywhere.
#pragma once

#include <vector>

#include "base/fd.hh"
#include "base/result.hh"
#include "wire/session.hh"

namespace rove::warden {

class PageFaults {
public:
    /// By a fresh userfaultfd of that address space that does not block. ENOTSUP where the kernel
    /// cannot.
    static Result<PageFaults> begin(Fd fd);

    int number() const { return fd_.number(); }
    Status watch(wire::Range const& range) const;
    /// A page that is not there is zeros from then on, as anywhere.
    void unwatch(wire::Range const& range) const;

    struct Event {
        enum class What {
            touched, // by a thread that waits
            emptied, // it is zeros now, or nothing at all
        } what;
        wire::Range range;
    };
    /// What has happened; nobody waits because of it any more, but for those that have touched.
    std::vector<Event> read() const;

    /// Whole pages, of which none is there, and wakes who waits for them. How many bytes; if not
    /// all, something is to be read first. Into a guest that has ended they all go.
    Result<uint64_t> put(wire::Range const& range, char const* bytes) const;
    /// Zeros, if there is nothing and can be something, and wakes who waits.
    void put_nothing(uint64_t page) const;
    /// Who waits there looks again.
    void wake(wire::Range const& range) const;

private:
    explicit PageFaults(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

} // namespace rove::warden
