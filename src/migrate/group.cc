// SPDX-License-Identifier: Apache-2.0
// Group: memory that processes share, on its way, and processes that come home together.
//
// The household at the host has them all: it stops them, tells each steward which commons it brings
// home, and says when all that is to come has come. Then each commits on its own, and none of them
// can go on at the host any more: a steward that fails from there on, or dies, is asked again.
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>

#include "base/log.hh"
#include "migrate/steward.hh"
#include "migrate/urgent.hh"
#include "sys/sparse.hh"

namespace rove::migrate {

using wire::SessionType;

namespace {

constexpr size_t part_max = 4 << 20;
constexpr Nanos bytes_patience = std::chrono::seconds(10);
constexpr Nanos others_patience = std::chrono::seconds(20);

} // namespace

Fd const& Steward::commons_file(uint32_t index) const {
    Fd const* own = own_.find(segments_.keys()[index]);
    return own != nullptr ? *own : segments_.file(index);
}

// What the program has moved while it was away is mapped where it is now.
Status Steward::map_commons(
    wire::Vma const& vma, image::Step const& step, std::vector<wire::ExecCall>& calls) {
    auto there = static_cast<uint64_t>(TRY(
        body_.porter().take_fd(commons_file(vma.segment).number(), TRY(body_.control()).fd_first)));
    calls.push_back({SYS_mmap,
        {step.address, step.length, static_cast<uint64_t>(step.prot), MAP_SHARED | MAP_FIXED, there,
            vma.offset + (step.address - vma.start)},
        static_cast<int64_t>(step.address)});
    calls.push_back({SYS_close, {there}, -1});
    return {};
}

// Of a process that stands, and maps it alone.
Status Steward::send_commons(Session& to, uint32_t index, Progress& progress) {
    for (uint64_t at = 0;;) {
        auto data = TRY(sys::read_data(segments_.file(index).number(), at, part_max));
        if (data.bytes.empty()) return {};
        at = data.offset + data.bytes.size();
        progress.bytes += data.bytes.size();
        wire::SegmentBytes part{index, data.offset, std::move(data.bytes)};
        TRY(to.send(SessionType::commons_bytes, part));
        TRY(keep_sessions());
    }
}

std::set<uint32_t> Steward::commons_of(wire::Layout const& layout) const {
    std::set<uint32_t> indexes;
    for (auto const& vma : layout.vmas)
        if (vma.kind == wire::VmaKind::segment && segments_.is_commons(vma.segment))
            indexes.insert(vma.segment);
    return indexes;
}

Status Steward::send_all_commons(Session& to, wire::Layout const& layout, Progress& progress) {
    for (uint32_t index : commons_of(layout))
        TRY(segments_.is_own(index) ? send_own_file(to, index, progress)
                                    : send_commons(to, index, progress));
    return {};
}

// They live at the host now; what they held here is filled in again when they come back.
void Steward::empty_all_commons() {
    for (uint32_t index : commons_of(last_layout_))
        if (!segments_.is_own(index)) (void)sys::empty_file(segments_.file(index).number());
}

// From the host that has it, in parts.
Status Steward::fetch_commons(
    wire::CommonsWanted wanted, std::function<Status(wire::SegmentBytes const&)> const& store) {
    for (;;) {
        TRY(session_->send(SessionType::commons_wanted, wanted));
        auto frame = TRY(session_->wait({SessionType::commons_bytes}, bytes_patience));
        auto part = wire::decode<wire::SegmentBytes>(frame.body);
        if (!part || part->offset < wanted.offset || part->offset > wanted.key.length ||
            part->bytes.size() > wanted.key.length - part->offset)
            return fail(EBADMSG, "a malformed message from {}", host_);
        if (part->bytes.empty()) return {};
        TRY(store(*part));
        wanted.offset = part->offset + part->bytes.size();
        if (wanted.ended == 0) TRY(keep_sessions());
    }
}

// All processes that map it stand, here and there, so it does not matter what it holds meanwhile.
Status Steward::bring_commons(wire::SegmentKey const& key, Progress& progress) {
    uint32_t index = TRY(segments_.find(key));
    if (!segments_.is_commons(index) || segments_.is_own(index))
        return fail(EBADMSG, "a file as shared memory from {}", host_);
    int memory = segments_.file(index).number();
    TRY(sys::empty_file(memory));
    return fetch_commons({key, 0, 0}, [&](auto const& part) {
        progress.bytes += part.bytes.size();
        return sys::write_at(memory, as_bytes(part.bytes), part.offset);
    });
}

// Before the commit: the others have to come as far.
Status Steward::await_group() {
    TRY(session_->send(SessionType::group_ready));
    for (Deadline deadline = Deadline::after(others_patience);;) {
        auto go = session_->wait({SessionType::group_go}, std::chrono::milliseconds(20));
        if (go) return {};
        if (go.error().code != ETIMEDOUT) return Failure(go.error());
        if (deadline.passed()) return deny(ETIMEDOUT, "a process that shares its memory is late");
        TRY(keep_sessions());
    }
}

// The household asks again as long as it matters.
void Steward::come_along() {
    Progress progress;
    progress.began = progress.phase_began = monotonic_now();
    std::string from = host_;
    session_->forget_trouble();
    Status moved;
    {
        Urgent urgent;
        moved = move_home(progress);
    }
    if (!moved) {
        if (!executed()) LOG(debug, "does not come along: {}", moved.error().detail());
        return;
    }
    count_move(progress, true);
    LOG(debug, "{} → home with its group: {} bytes; {}", from, progress.bytes, progress.phases);
    report_state(
        "came_home", "shared_writable_memory", "with a process that shares memory with it");
}

} // namespace rove::migrate
