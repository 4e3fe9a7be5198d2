// SPDX-License-Identifier: Apache-2.0
// Holder: the warden's end of the process that keeps a guest's memory beyond the guest, and makes
// another guest in it (guest/holder.cc).
//
// It is spoken to only while no guest is in that memory. Without it, or when it ends, the memory
// is gone, and nothing but speed is lost.
#pragma once

#include <sys/types.h>

#include "base/fd.hh"
#include "base/result.hh"

namespace rove::warden {

/// A PID for one that hardly any program has, the `n`th from the last; 0 if that cannot be told.
pid_t holder_pid(unsigned n);

class Holder {
public:
    /// It has that PID here, and `socket` leads to it.
    static Result<Holder> of(pid_t pid, Fd socket);
    Holder(Holder&&) = default;
    Holder& operator=(Holder&&) = delete;
    /// It ends. Who reaps it is the caller's business.
    ~Holder();

    pid_t pid() const { return pid_; }
    int pidfd() const { return pidfd_.number(); }
    /// It waits in the kernel, and reads nothing that a program could write from then on.
    Status await() const;
    /// The runtime's memory there becomes zeros.
    Status clear() const;
    /// A guest that obeys `command`, as a new one does. Its control page has been written.
    Status make_guest(pid_t pid, int command, int service) const;

private:
    Holder(pid_t pid, Fd socket, Fd pidfd)
        : pid_(pid), socket_(std::move(socket)), pidfd_(std::move(pidfd)) {}
    Status expect(int64_t result) const;

    pid_t pid_;
    Fd socket_, pidfd_;
};

} // namespace rove::warden
