// SPDX-License-Identifier: Apache-2.0
// Segments: the file bytes that a process maps, named by their content.
//
// A segment is one mapped range of one file, as it is when the process leaves. Hashes are
// remembered by file identity and time of the last change, so that a second move reads nothing; a
// file that has changed is another segment.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <time.h>

#include "base/fd.hh"
#include "base/result.hh"
#include "image/layout.hh"
#include "migrate/remembered_keys.hh"
#include "tracee/memory.hh"
#include "wire/session.hh"

namespace rove::migrate {

// The mapped file itself for reading, even if its name is gone; by name if the kernel does not let
// us.
Result<Fd> open_mapped(pid_t pid, image::Mapping const& mapping);

class Segments {
public:
    Segments() = default;
    explicit Segments(RememberedKeys remembered) : remembered_(std::move(remembered)) {}
    // The place of a file mapping of `pid` in the list; hashes it and adds it if it is new. A file
    // that cannot be opened is read from the memory of the process, if that is given: it must stand
    // still, or do without its memory.
    Result<image::SegmentPlace> place(
        pid_t pid, tracee::RemoteMemory const* memory, image::Mapping const& mapping);
    // Adds exactly these bytes of the mapping's file, if they have that key; their index.
    Result<uint32_t> add_known(
        pid_t pid, image::Mapping const& mapping, wire::SegmentKey const& key);
    // The mapping shows what the host calls by that key, though the file has other bytes by now:
    // natively the program would see those, too.
    uint32_t add_changed(image::Mapping const& mapping, wire::SegmentKey const& key);
    // This kernel's functions for programs, which another kernel cannot give; their index.
    Result<uint32_t> place_vdso();
    // Commons that the process maps there: its own memory, open for reading and writing; the index.
    Result<uint32_t> add_commons(pid_t pid, image::Mapping const& mapping);
    // A file that only this process has now, see own_files.hh, until it is forgotten.
    void add_own(wire::SegmentKey const& key, uint32_t device_major, uint32_t device_minor);
    void forget_own();
    bool is_own(uint32_t index) const { return keys_[index].commons == wire::commons_own; }
    bool is_commons(uint32_t index) const { return keys_[index].commons != 0; }
    Fd const& file(uint32_t index) const { return sources_[index].file; }
    // Its file had last been changed some time before it was hashed, and will hardly change now.
    bool settled(uint32_t index) const { return sources_[index].settled; }
    std::vector<wire::SegmentKey> const& keys() const { return keys_; }
    // Bytes [offset, +length) of a segment; shorter at its end.
    Result<std::string> read(uint32_t index, uint64_t offset, uint64_t length) const;
    // Index of a key; ENOENT if it is not one of ours.
    Result<uint32_t> find(wire::SegmentKey const& key) const;
    // Whether the mapping shows the file bytes that the segment has from `offset` on.
    bool shows(
        image::Mapping const& mapping, uint32_t index, uint64_t offset, uint64_t vma_start) const;

private:
    struct Source {
        Fd file;          // none: only the copy
        std::string copy; // bytes, when the file could not be opened
        uint32_t device_major = 0, device_minor = 0;
        uint64_t inode = 0, file_offset = 0, length = 0;
        uint64_t end = 0;   // of the mapped range in the file, page aligned
        timespec changed{}; // the file, when it was hashed
        bool own = false;   // now
        bool settled =
            false; // and that was some time before: another change would have another time
    };
    // The bytes are still those of the key.
    bool unchanged(uint32_t index);
    static Source source_of(image::Mapping const& mapping);
    static Result<wire::SegmentKey> key_of_file(Source const& source);
    Result<wire::SegmentKey> remembered_key(Source const& source);

    RememberedKeys remembered_;
    std::vector<wire::SegmentKey> keys_;
    std::vector<Source> sources_;
};

} // namespace rove::migrate
