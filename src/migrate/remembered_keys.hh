// SPDX-License-Identifier: Apache-2.0
// RememberedKeys: what the bytes of files hash to, as the stewards of a node tell one another.
//
// Each process has a steward of its own, and a compiler of 33 MB is executed by one process after
// the other: hashing it takes 10 ms each time. So the keys stand in a file of the daemon's
// directory, by device, inode and time of the last change. They are believed, and added, only while
// nobody has the file open for writing, and on file systems of which it is known that whatever
// writes to a file, through a mapping too, changes that time.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>

#include <sys/stat.h>

#include "base/clock.hh"
#include "wire/session.hh"

namespace rove::migrate {

class RememberedKeys {
public:
    // Remembers nothing.
    RememberedKeys() = default;
    // The file is made when the first key is added. One that cannot be read or written, or that
    // holds something else, is as good as an empty one. What changed less than `settled` ago is not
    // remembered: a change soon after another one may have the same time (FAT: two seconds).
    explicit RememberedKeys(std::string path, Nanos settled = std::chrono::seconds(4))
        : path_(std::move(path)), settled_(settled) {}

    // `file` is open for reading. Of its bytes [offset, +length).
    std::optional<wire::SegmentKey> find(int file, uint64_t offset, uint64_t length);
    // `hashed_since`: its state when hashing began.
    void add(
        int file, struct stat const& hashed_since, uint64_t offset, wire::SegmentKey const& key);

private:
    // device, inode, time of the last change in ns, offset, length
    using Which = std::tuple<uint64_t, uint64_t, uint64_t, uint64_t, uint64_t>;
    static Which which(struct stat const& status, uint64_t offset, uint64_t length);
    void read();

    std::string path_;
    Nanos settled_{};
    bool was_read_ = false;
    std::map<Which, wire::SegmentKey> keys_;
};

} // namespace rove::migrate
