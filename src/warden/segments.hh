// SPDX-License-Identifier: Apache-2.0
// Segments: file contents that guests map, kept on this host under the name of their hash.
//
// They lie as read-only files in <run_dir>/segments, a directory of the daemon's user, and are
// shared by all wardens of the node: written once, compared with their hash, renamed into place.
// A guest gets them as mappings of read-only descriptors, so nobody can change them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hh"
#include "base/result.hh"
#include "wire/session.hh"

namespace rove::warden {

/// Memory that guests have in common, by device and inode here.
using Commons = std::pair<uint64_t, uint64_t>;

class Segments {
public:
    Segments() = default;
    Segments(std::string directory, uint64_t bytes_max);

    /// Those of `used` that this host does not hold; the others are open from now on. What is not
    /// used any more is not asked for: the file it was read from may be another by now.
    Result<std::vector<uint32_t>> open(
        std::vector<wire::SegmentKey> const& keys, std::vector<uint32_t> const& used);
    /// A part of a missing one, in order. True when all are complete.
    Result<bool> receive(wire::SegmentBytes const& part);

    /// One more, of a guest that runs: its index. False in holds(): its bytes are to come.
    /// `passing`: not to be stored for others.
    Result<uint32_t> add(wire::SegmentKey const& key, bool passing);
    bool holds(uint32_t index) const { return open_[index] != nullptr; }
    /// Memory that processes have in common, as zeros; its index.
    Result<uint32_t> add_commons(wire::SegmentKey const& key);
    /// The commons that another warden's guest has brought here as well; false if it is none.
    bool share(Segments const& other, uint64_t device, uint64_t inode);
    bool is_commons(uint32_t index) const { return keys_[index].commons != 0; }
    bool is_own(uint32_t index) const { return keys_[index].commons == wire::commons_own; }
    /// How many files it has with it that are this guest's alone.
    uint32_t count_own() const;
    bool has_commons() const { return !commons().empty(); }
    std::set<Commons> commons() const;
    /// The same files, for the warden of a child in this process; what is still to come is not.
    Segments duplicate() const;

    /// The same files for a guest whose memory maps them already.
    void inherit(Segments const& former);
    /// Whether that key's file is one of those, and mapped as such.
    bool inherited(wire::SegmentKey const& key) const { return inherited_.contains(key); }

    int number(uint32_t index) const;
    /// Which segment a mapping of the guest is, by device and inode.
    std::optional<uint32_t> find(uint64_t device, uint64_t inode) const;

    /// Bytes that are mapped instead of a vdso's; its descriptor.
    Result<int> replace_vdso(uint32_t index, std::string const& bytes);
    /// Whose vdso that file stands in for.
    std::optional<uint32_t> find_vdso(uint64_t device, uint64_t inode) const;
    std::vector<wire::SegmentKey> const& keys() const { return keys_; }

private:
    struct Incoming {
        Fd fd;
        std::string path; // empty: nowhere but in memory
        uint64_t written = 0;
    };
    Result<Incoming> begin(wire::SegmentKey const& key);
    Result<Fd> open_stored(wire::SegmentKey const& key) const;
    Result<Fd> executable(Fd stored) const;
    Status keep(uint32_t index, Fd fd);
    Status finish(uint32_t index);
    void make_room(uint64_t wanted) const;
    void drop_incoming();

    std::string directory_;
    uint64_t bytes_max_ = 0;
    std::vector<wire::SegmentKey> keys_;
    std::vector<uint32_t> wanted_;                // asked for and not complete
    std::vector<std::shared_ptr<Fd const>> open_; // with the wardens of children
    std::map<std::pair<uint64_t, uint64_t>, uint32_t> by_inode_;
    std::map<uint32_t, Incoming> incoming_;
    std::map<wire::SegmentKey, std::shared_ptr<Fd const>> inherited_;
    bool passing_ = false; // what is wanted
    struct Replacement {
        uint32_t index;
        std::shared_ptr<Fd const> file;
    };
    std::map<std::pair<uint64_t, uint64_t>, Replacement> vdsos_; // by inode
};

/// XXH3-128 and length.
wire::SegmentKey key_of(std::string_view bytes);
/// Of the bytes of a file.
Result<wire::SegmentKey> key_of_file(int fd);

} // namespace rove::warden
