// SPDX-License-Identifier: Apache-2.0
// File locks: see file_locks.hh. A line is "1: FLOCK ADVISORY WRITE 1096 fe:00:10960897 0 EOF";
// "->" stands before the word of one who waits.
#include "migrate/file_locks.hh"

#include <algorithm>
#include <string>

#include <sys/file.h>

#include <fmt/format.h>

#include "base/text.hh"

namespace rove::migrate {

FileLocks parse_locks(
    std::string_view text, uint32_t device_major, uint32_t device_minor, uint64_t inode) {
    std::string file = fmt::format("{:02x}:{:02x}:{}", device_major, device_minor, inode);
    FileLocks found;
    for (std::string_view line : lines(text)) {
        auto fields = words(line);
        if (std::find(fields.begin(), fields.end(), file) == fields.end() || fields.size() < 4)
            continue;
        if (fields[1] == "->")
            found.waiting = true;
        else if (fields[1] != "FLOCK")
            found.parts = true;
        else if (fields[3] == "READ" && found.flock == 0)
            found.flock = LOCK_SH;
        else if (fields[3] != "READ")
            found.flock = LOCK_EX;
    }
    return found;
}

} // namespace rove::migrate
