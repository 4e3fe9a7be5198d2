// SPDX-License-Identifier: Apache-2.0
// Own files: a file that a process maps shared and stores into may leave with it as long as nobody
// else has it, neither open nor mapped, and the process itself has no descriptor of it.
//
// The kernel counts who has a file open, and gives a write lease (fcntl(2), F_SETLEASE) to him who
// is the only one. A process that has closed what it mapped cannot be asked for that: so the
// steward opens the file anew and maps this one in the process, at the same places. If somebody
// else has it still, by a descriptor or by a mapping that he inherited, there is no lease. Whoever
// opens it later waits until the process is at home (or the kernel's patience ends, 45 s), the
// process itself, too.
#pragma once

#include <vector>

#include <sys/types.h>

#include "base/fd.hh"
#include "base/result.hh"
#include "image/maps.hh"
#include "migrate/body.hh"
#include "migrate/refusal.hh"
#include "wire/session.hh"

namespace rove::migrate {

class OwnFiles {
public:
    struct One {
        wire::SegmentKey key;
        uint32_t device_major = 0, device_minor = 0;
        Fd file;        // P has the same one
        int there = -1; // as this number, so that another steward finds it
    };

    // All that it maps, while it stands in the runtime and its porter serves. Fails with a word in
    // `refusal` if one is not to be had; those that have been taken are to be given back then.
    Status take(Body& body, std::vector<image::Mapping> const& mappings, Refusal& refusal);
    // Those of a steward that has died.
    Status take_over(Body& body);
    // Somebody waits for one to be given back, or has lost his patience.
    bool wanted() const;
    // The process has them as any other, and may be alone with them.
    void give_back(Body& body);
    // The process cannot be asked any more.
    void forget();

    bool empty() const { return held_.empty(); }
    std::vector<One> const& all() const { return held_; }
    Fd const* find(wire::SegmentKey const& key) const;

    // Bytes from `offset` on, at most a part; empty at the end.
    static Result<std::string> read(One const& one, uint64_t offset);
    // What differs is written, so that a file that was not stored into keeps its time.
    static Status write(One const& one, ByteView bytes, uint64_t offset);

private:
    Status take_one(Body& body, std::vector<image::Mapping> const& mappings, Refusal& refusal);
    Status note_in(Body& body) const;

    std::vector<One> held_;
};

// Of a process that runs: what a look from outside can tell.
Status check_written_file(pid_t pid, image::Mapping const& mapping, Refusal& refusal);

// A file that is locked by flock, as one that cannot be opened anew without losing that for a
// moment, is only taken from a process that nobody shares it with. This takes a fraction of a
// millisecond for each process of the machine; of those that are born meanwhile, children are
// looked at by `take`.
Status check_locked_files(pid_t pid, std::vector<image::Mapping> const& mappings, Refusal& refusal);

} // namespace rove::migrate
