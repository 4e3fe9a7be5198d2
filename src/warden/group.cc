// SPDX-License-Identifier: Apache-2.0
// Group: guests that share memory leave as one.
//
// The memory that they share (commons) is a file in memory that this household made, so that only
// its guests can map it. Each guest that is asked to leave waits, parked, until all that map the
// same stand. Then each steward takes its guest home, and of each commons one steward takes the
// bytes. When all have said that only the commit is missing, they are let go, and from then on none
// of them goes on here, whatever happens to its steward. Until then whoever goes on, or ends, calls
// it off for all.
#include <signal.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <utility>

#include "sys/sparse.hh"
#include "warden/household.hh"
#include "warden/warden.hh"

namespace rove::warden {

using wire::SessionType;

namespace {

constexpr Nanos call_interval = std::chrono::milliseconds(500);
constexpr size_t part_max = 4 << 20;

} // namespace

bool Warden::may_share() const {
    return guest_ && !ended_ && !shares_ && stage_ >= Stage::running && stage_ != Stage::over;
}

// A child may have been born with more than what its warden was told of, so it is looked up with
// all.
Result<std::set<Commons>> Warden::mapped_commons() const {
    std::set<Commons> found;
    if (!may_share()) return found;
    auto maps = TRY(guest_->maps());
    if (maps.empty()) return fail(ESRCH, "the guest's mappings are not shown");
    for (auto const& mapping : maps) {
        if (!mapping.shared || mapping.inode == 0) continue;
        Commons file{makedev(mapping.device_major, mapping.device_minor), mapping.inode};
        bool known = std::any_of(
            household_.wardens().begin(), household_.wardens().end(), [&](auto const& warden) {
                auto index = warden->segments_.find(file.first, file.second);
                return index && warden->segments_.is_commons(*index) &&
                       !warden->segments_.is_own(*index);
            });
        if (known) found.insert(file);
    }
    return found;
}

// The list of one that runs may change while it is read: until it stands, all count that it was
// ever given.
std::set<Commons> Warden::commons() const {
    auto mapped = mapped_commons();
    auto found = mapped.value_or(std::set<Commons>{});
    if (may_share() && (!mapped || !stands())) found.merge(segments_.commons());
    return found;
}

std::vector<Warden*> Household::group_of(Warden& warden) const {
    std::vector<Warden*> group{&warden};
    auto common = warden.commons();
    std::vector<std::pair<Warden*, std::set<Commons>>> others;
    if (common.empty()) return group;
    for (auto const& other : wardens_)
        if (other.get() != &warden) others.emplace_back(other.get(), other->commons());
    for (bool grown = true; grown;) {
        grown = false;
        for (auto& [other, theirs] : others) {
            bool meets = std::any_of(theirs.begin(), theirs.end(),
                [&](auto const& file) { return common.contains(file); });
            if (!meets) continue;
            group.push_back(other);
            common.insert(theirs.begin(), theirs.end());
            theirs.clear();
            grown = true;
        }
    }
    return group;
}

bool Household::awaits_birth() const {
    return std::any_of(
        wardens_.begin(), wardens_.end(), [](auto const& warden) { return warden->unborn(); });
}

// Asked again and again while this guest waits: who runs may fork.
bool Warden::group_stands() {
    auto mine = mapped_commons();
    if (!mine || mine->empty()) return mine.has_value();
    auto group = household_.group_of(*this);
    bool all = !household_.awaits_birth();
    for (Warden* each : group) {
        if (each->stands()) continue;
        each->call_along();
        all = false;
    }
    return all;
}

// One that has no steward yet gets one soon.
void Warden::call_along() {
    if (!control_ || (stage_ != Stage::running && !group_going_)) return;
    if (monotonic_now() - called_along_ < call_interval) return;
    called_along_ = monotonic_now();
    (void)send(SessionType::group_home, wire::Empty{});
}

void Warden::share_commons() {
    for (auto const& [device, inode] : commons())
        for (auto const& other : household_.wardens())
            if (!segments_.find(device, inode))
                (void)segments_.share(other->segments_, device, inode);
}

// Of those that map a commons the first one's steward takes it home.
Status Warden::tell_group(wire::Parked& parked) {
    auto mine = TRY(mapped_commons());
    if (mine.empty()) return {};
    parked.shares = static_cast<uint32_t>(household_.group_of(*this).size());
    if (group_going_) return {}; // they are home, and in use there
    for (auto const& [device, inode] : mine) {
        auto first = std::find_if(
            household_.wardens().begin(), household_.wardens().end(), [&](auto const& each) {
                return each->commons().contains({device, inode});
            });
        if (first == household_.wardens().end() || first->get() != this) continue;
        auto index = segments_.find(device, inode);
        if (!index) return fail(EPROTO, "the guest maps memory that is none of its commons");
        parked.commons.push_back(segments_.keys()[*index]);
    }
    return {};
}

// One whose process has ended stores nothing after its last bytes have been read.
Status Warden::send_commons(wire::CommonsWanted const& wanted) {
    auto known = std::find(segments_.keys().begin(), segments_.keys().end(), wanted.key);
    wire::SegmentBytes part;
    part.index = static_cast<uint32_t>(known - segments_.keys().begin());
    if (wanted.key.commons == 0 || known == segments_.keys().end() ||
        !segments_.holds(part.index)) {
        // A file that it had unmapped before it came here.
        if (wanted.key.commons == wire::commons_own) return send(SessionType::commons_bytes, part);
        return fail(EPROTO, "commons that are not here");
    }
    bool own = segments_.is_own(part.index);
    if (own && wanted.ended != 0 && stage_ != Stage::parked && stage_ != Stage::over) {
        last_wanted_ = wanted;
        return signal_guest(SIGKILL);
    }
    if (stage_ != Stage::parked && !(own && stage_ == Stage::over))
        return fail(EPROTO, "commons that are in use");
    auto data = TRY(sys::read_data(segments_.number(part.index), wanted.offset, part_max));
    part.offset = data.offset;
    part.bytes = std::move(data.bytes);
    return send(SessionType::commons_bytes, part);
}

// Of one that arrives, and stands where it was.
Status Warden::take_commons(wire::SegmentBytes const& part) {
    if (stage_ != Stage::arriving || part.index >= segments_.keys().size() ||
        !segments_.is_commons(part.index) || !segments_.holds(part.index))
        return fail(EPROTO, "commons while {}", stage_name(stage_));
    uint64_t length = segments_.keys()[part.index].length;
    if (part.offset > length || part.bytes.size() > length - part.offset)
        return fail(EBADMSG, "commons at {:#x} of {:#x}", part.offset, length);
    return sys::write_at(segments_.number(part.index), as_bytes(part.bytes), part.offset);
}

Status Warden::ready_to_go() {
    if (stage_ != Stage::parked || !group_told_) return {}; // it was called off meanwhile
    if (group_going_) return send(SessionType::group_go, wire::Empty{});
    group_ready_ = true;
    auto group = household_.group_of(*this);
    bool all =
        std::all_of(group.begin(), group.end(), [](Warden* each) { return each->group_ready(); });
    for (Warden* each : group)
        if (all) each->group_goes();
    return {};
}

void Warden::group_goes() {
    group_going_ = true;
    if (control_) (void)send(SessionType::group_go, wire::Empty{});
}

// What the others' stewards rely on is not so any more.
void Warden::leave_group() {
    if (group_going_) return;
    bool counted = std::exchange(group_told_, false);
    counted |= std::exchange(standing_, false) && segments_.has_commons();
    group_ready_ = false;
    if (!counted) return;
    for (auto const& other : household_.wardens())
        if (other.get() != this) other->group_stays();
}

void Warden::group_stays() {
    if (group_going_ || !std::exchange(group_told_, false)) return;
    group_ready_ = false;
    trouble("shared_writable_memory",
        Error(EBUSY, "a process that shares memory with it does not come along"));
}

} // namespace rove::warden
