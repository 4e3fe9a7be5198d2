// SPDX-License-Identifier: Apache-2.0
// Stores: what a process keeps in own files, on its way to the host and back.
//
// While it is away, its stores are at the host, and the file at home is as it was left. It is
// brought up to date before anybody can see it: when the process comes home, for whatever reason,
// and when it has ended, while the lease still keeps all others waiting.
#include "base/log.hh"
#include "migrate/steward.hh"

namespace rove::migrate {

using wire::SessionType;

Status Steward::take_own_files(std::vector<image::Mapping> const& mappings) {
    TRY(own_.take(body_, mappings, refusal_));
    name_own_files();
    return {};
}

void Steward::name_own_files() {
    for (auto const& one : own_.all())
        segments_.add_own(one.key, one.device_major, one.device_minor);
}

void Steward::give_own_files_back() {
    if (own_.empty()) return;
    own_.give_back(body_);
    segments_.forget_own();
}

// A deputy's call would read them at home, or write to them there.
Status Steward::check_waits(
    wire::Layout const& layout, std::vector<wire::Range> const& waits) const {
    for (auto const& vma : layout.vmas) {
        if (vma.kind != wire::VmaKind::segment || !segments_.is_own(vma.segment)) continue;
        for (auto const& range : waits)
            if (range.address < vma.end && range.address + range.length > vma.start)
                return deny(EAGAIN, "it waits with what lies in a file; try again");
    }
    return {};
}

Status Steward::send_own_file(Session& to, uint32_t index, Progress& progress) {
    for (auto const& one : own_.all()) {
        if (one.key != segments_.keys()[index]) continue;
        for (uint64_t at = 0; at < one.key.length;) {
            wire::SegmentBytes part{index, at, TRY(OwnFiles::read(one, at))};
            at += part.bytes.size();
            progress.bytes += part.bytes.size();
            TRY(to.send(SessionType::commons_bytes, part));
            TRY(keep_sessions());
        }
        return {};
    }
    return fail(EPROTO, "a file of its own is not here");
}

Status Steward::bring_own_files(Progress& progress, bool ended) {
    for (auto const& one : own_.all())
        TRY(fetch_commons({one.key, 0, static_cast<uint8_t>(ended)}, [&](auto const& part) {
            progress.bytes += part.bytes.size();
            return OwnFiles::write(one, as_bytes(part.bytes), part.offset);
        }));
    return {};
}

// Its end may be told by home, by the host, or by both; natively all that it had stored stays.
void Steward::bring_last_stores() {
    if (!session_ || own_.empty()) return;
    Progress progress;
    Status brought;
    for (int tries = 0; tries < 2; ++tries) {
        session_->forget({SessionType::trouble, SessionType::commons_bytes});
        brought = bring_own_files(progress, true);
        if (brought || session_->trouble().guest_ended == 0) break;
    }
    if (!brought) LOG(warn, "what it stored last is lost: {}", brought.error().sentence());
    own_.forget();
    segments_.forget_own();
}

} // namespace rove::migrate
