// SPDX-License-Identifier: Apache-2.0
// Files: what a process maps while it is away. Its deputy has mapped the file at home; the host
// asks by address which bytes those are, and for the bytes if it does not hold them.
#include <sys/stat.h>

#include "base/log.hh"
#include "migrate/steward.hh"
#include "sys/files.hh"
#include "sys/sockets.hh"
#include "tracee/proc.hh"

namespace rove::migrate {

using wire::SessionType;

namespace {

// What has just been written will hardly be mapped again: it would only fill the host's store.
constexpr Nanos settled_after = std::chrono::seconds(60);
constexpr Nanos stalled_limit = std::chrono::seconds(10); // of a host that is sent a file's bytes

// The part of a file's mapping that is [address, +length).
Result<image::Mapping> part_of(
    std::vector<image::Mapping> const& mappings, uint64_t address, uint64_t length) {
    for (image::Mapping mapping : mappings) {
        if (mapping.inode == 0 || mapping.start > address || mapping.end <= address ||
            mapping.end - address < length)
            continue;
        mapping.offset += address - mapping.start;
        mapping.start = address;
        mapping.end = address + length;
        return mapping;
    }
    return fail(ENOENT, "no file is mapped at {:#x}", address);
}

} // namespace

Status Steward::place_file(wire::FileWanted const& wanted, wire::FileFound& found) {
    auto mappings = TRY(tracee::whole_mappings(body_.pid(), "maps"));
    auto part = TRY(part_of(mappings, wanted.address, wanted.length));
    if (image::is_commons(part)) {
        found.key = segments_.keys()[TRY(segments_.add_commons(body_.pid(), part))];
        found.offset = part.offset;
        return {};
    }
    if (part.shared) {
        part = TRY(part_of(
            TRY(tracee::whole_mappings(body_.pid(), "smaps")), wanted.address, wanted.length));
        if (!image::confining_word(part).empty())
            return deny(EACCES, "{} can be written", part.path);
        Refusal refusal;
        TRY(leases_.take(body_.pid(), {part}, refusal));
    } else {
        Fd file = TRY(open_mapped(body_.pid(), part));
        auto changed = std::chrono::seconds(TRY(sys::fstat(file.number())).st_ctim.tv_sec);
        if (real_now() - changed < settled_after) found.passing = 1;
    }
    auto place = TRY(segments_.place(body_.pid(), nullptr, part));
    found.key = segments_.keys()[place.index];
    found.offset = place.offset;
    return {};
}

void Steward::find_file(wire::FileWanted const& wanted) {
    wire::FileFound found;
    found.question = wanted.question;
    if (auto placed = place_file(wanted, found); !placed) {
        LOG(debug, "mapped away: {}", placed.error().sentence());
        found.error = std::max(placed.error().code, 1);
    }
    (void)session_->send(SessionType::file_found, found);
}

// A file that has changed, or been cut off, meanwhile does not come whole. A host that is busy
// takes nothing in for a while, and the kernel would end the connection for that, too.
void Steward::send_bytes(wire::BytesWanted const& wanted) {
    (void)sys::set_dead_peer_timeout(session_->fd(), stalled_limit);
    auto ours = segments_.find(wanted.key);
    Status sent =
        ours ? send_segment(*session_, *ours, wanted.index) : Status(Failure(ours.error()));
    (void)sys::set_dead_peer_timeout(session_->fd(), silence_limit);
    if (sent) return;
    LOG(debug, "mapped away: {}", sent.error().sentence());
    wire::FileFound none;
    none.question = wanted.question;
    none.error = EIO;
    (void)session_->send(SessionType::file_found, none);
}

} // namespace rove::migrate
