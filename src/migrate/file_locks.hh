// SPDX-License-Identifier: Apache-2.0
// File locks: who has locked a file, as /proc/locks tells.
#pragma once

#include <cstdint>
#include <string_view>

namespace rove::migrate {

struct FileLocks {
    int flock = 0;      // LOCK_SH, LOCK_EX, or 0: nobody has locked all of it by flock
    bool parts = false; // somebody has locked bytes of it, or has a lease
    bool waiting = false;
};

FileLocks parse_locks(
    std::string_view text, uint32_t device_major, uint32_t device_minor, uint64_t inode);

} // namespace rove::migrate
