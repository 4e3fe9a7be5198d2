// SPDX-License-Identifier: Apache-2.0
// Leases: a file that a process maps shared and read-only may leave with it as long as nobody opens
// it for writing.
//
// What is written to such a file shows in the mapping at once. So the steward holds a read lease
// (fcntl(2), F_SETLEASE) on each while the process is away: there is none to be had while a writer
// has the file open, and one who comes later waits, until the process is at home or the kernel's
// patience ends (45 s).
#pragma once

#include <vector>

#include <sys/types.h>

#include "base/fd.hh"
#include "base/result.hh"
#include "image/maps.hh"
#include "migrate/refusal.hh"

namespace rove::migrate {

class Leases {
public:
    // Takes those that are not held yet; before the files are read. Fails with a word in `refusal`
    // if one is not to be had.
    Status take(pid_t pid, std::vector<image::Mapping> const& mappings, Refusal& refusal);
    // Somebody waits for one to be given back.
    bool wanted() const;
    void give_back() { held_.clear(); }

private:
    struct Held {
        dev_t device = 0;
        ino_t inode = 0;
        Fd file; // none: of a file that only root can write, where the file system has no leases
    };
    std::vector<Held> held_;
};

} // namespace rove::migrate
