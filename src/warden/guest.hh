// SPDX-License-Identifier: Apache-2.0
// Guest: the process R as its warden sees it: memory, mappings, threads, what it has used.
//
// All that is read from it is hostile: the program may have written anything there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/bytes.hh"
#include "base/fd.hh"
#include "base/result.hh"
#include "image/frame.hh"
#include "image/maps.hh"
#include "sandbox/guest_process.hh"
#include "tracee/pagemap.hh"
#include "warden/segments.hh"
#include "wire/region.hh"
#include "wire/session.hh"

namespace rove::warden {

/// What the first moment of a guest needs: all of it is fixed before it is cloned.
struct Birth {
    wire::Prepare const* order = nullptr;
    int fd_first = 0;          // the builder's socket gets this number, the service socket the next
    uint32_t uid = 0, gid = 0; // inside
    int64_t realtime_offset_ns = 0;
    int command = -1, service = -1;          // ours, their ends
    std::string token;                       // of the session
    std::vector<Fd> const* joined = nullptr; // namespaces of the household's first guest, if any
};

/// What the guest mapped at some time, with flags, and how many calls it had made by then that can
/// change them.
struct KnownMappings {
    uint64_t changes = 0;
    std::vector<image::Mapping> list;
};

class Holder;

class Guest {
public:
    static Result<Guest> create(Birth const& birth);
    /// In the memory that the holder has; nobody else is in it.
    static Result<Guest> revive(Birth const& birth, Holder const& holder);
    /// One that another guest has made: a child of ours.
    static Result<Guest> born(pid_t pid, uint64_t region);

    pid_t pid() const { return process_.pid; }
    pid_t outside_pid() const { return outside_pid_; }
    int pidfd() const { return process_.pidfd.number(); }
    uint64_t region() const { return region_; }

    Status read(uint64_t from, void* to, size_t count) const;
    Status write(uint64_t to, void const* from, size_t count) const;
    template <class T> Result<T> get(uint64_t from) const {
        T value;
        TRY(read(from, &value, sizeof value));
        return value;
    }
    template <class T> Status put(uint64_t to, T const& value) const {
        return write(to, &value, sizeof value);
    }
    uint64_t control_field(size_t offset) const { return region_ + wire::control_offset + offset; }
    uint64_t slot(uint32_t index) const { return wire::slot_address(region_, index); }
    Status set_phase(wire::Phase phase) const;
    /// Its empty namespaces, for the next guest of the household.
    Result<std::vector<Fd>> namespaces() const;

    /// Writes even where the guest may not.
    Status write_forced(uint64_t to, void const* from, size_t count) const;

    // guest_mappings.cc
    Result<std::vector<image::Mapping>> maps() const;
    Result<KnownMappings> known_mappings() const;
    /// Without the runtime's region. Segments are recognised by their inodes. `before` saves the
    /// reading of flags if no call since then can have changed them.
    Result<std::vector<wire::Vma>> mappings(
        Segments const& segments, KnownMappings const& before) const;
    /// Private pages that hold something.
    Result<std::vector<wire::Range>> private_pages(std::vector<wire::Vma> const& vmas) const;
    /// Of those that hold something all but those that a WriteWatch has seen no write to.
    Result<std::vector<wire::Range>> suspect_pages() const;
    /// Those of private_pages that it has seen one to, once: they count as unwritten from then on.
    Result<std::vector<wire::Range>> take_written_pages(std::vector<wire::Vma> const& vmas) const;
    /// How often the program has made that call.
    Result<uint64_t> calls_made(uint32_t number) const;

    Result<std::vector<pid_t>> threads() const;
    Status signal_thread(pid_t tid, int signal) const;
    Status signal(int number) const;
    // Threads that its kernel still has.
    Result<size_t> thread_count() const;
    Result<std::string> proc_file(std::string const& name) const;
    Fd open_proc(std::string const& name, int flags) const;
    Status set_proc_file(std::string const& name, std::string const& text) const;

private:
    Status find_outside();
    Result<tracee::Pagemap> pagemap() const;
    Result<uint64_t> mapping_changes() const;

    sandbox::Newborn process_;
    pid_t outside_pid_ = 0;
    uint64_t region_ = 0;
    Fd proc_; // its directory in the host's /proc
};

} // namespace rove::warden
