// SPDX-License-Identifier: Apache-2.0
// Park: how a guest is brought to a stand, described, or set going again.
//
// Threads park by themselves at the boundary of a call or on a kick; this side only asks, looks and
// believes nothing that it reads from the guest without checking it.
#include <signal.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/fault.hh"
#include "base/log.hh"
#include "warden/mapping.hh"
#include "warden/numbers.hh"
#include "warden/warden.hh"

namespace rove::warden {

using wire::Phase;
using wire::SessionType;
using wire::Slot;
using wire::SlotState;

namespace {

constexpr Nanos kick_interval = std::chrono::milliseconds(5);
constexpr Nanos sharing_patience = std::chrono::milliseconds(500);

bool in_use(SlotState state) {
    return state != SlotState::free && state != SlotState::gone;
}

} // namespace

Result<std::vector<std::pair<uint32_t, Slot>>> Warden::live_slots() const {
    // Where threads are or were: the others' pages would have to be made to be read. All of a batch
    // at once.
    std::vector<std::pair<uint32_t, Slot>> live;
    std::vector<SlotState> states(slots_end_, SlotState::free);
    constexpr size_t batch = 512; // below the kernel's limit of 1024 pieces
    for (uint32_t first = 1; first < slots_end_; first += batch) {
        uint32_t count = std::min<uint32_t>(batch, slots_end_ - first);
        std::vector<iovec> there(count);
        for (uint32_t i = 0; i < count; ++i)
            there[i] = {reinterpret_cast<void*>(guest_->slot(first + i) + offsetof(Slot, state)),
                sizeof(SlotState)};
        iovec here{&states[first], count * sizeof(SlotState)};
        ssize_t got = process_vm_readv(guest_->pid(), &here, 1, there.data(), there.size(), 0);
        if (got != static_cast<ssize_t>(here.iov_len))
            return fail(got < 0 ? errno : EFAULT, "cannot read the guest's slots");
    }
    for (uint32_t index = 1; index < slots_end_; ++index)
        if (in_use(states[index]))
            live.emplace_back(index, TRY(guest_->get<Slot>(guest_->slot(index))));
    return live;
}

std::string Warden::slot_states() const {
    std::string text;
    auto slots = live_slots();
    if (!slots) return "they cannot be read";
    for (auto const& [index, slot] : *slots) {
        text += fmt::format("{}:{} seq {} pending {} tid {}; ", index, static_cast<int>(slot.state),
            slot.sequence, static_cast<int>(slot.thread.pending), slot.tid);
    }
    return text;
}

Status Warden::park() {
    FAULT_POINT("warden_park");
    if (group_going_) {
        auto parked = TRY(describe_parked());
        return send(SessionType::parked, parked);
    }
    if (shares_) {
        error_reason_ = "shared_address_space";
        return deny(EBUSY, "it shares its parent's memory until it executes another program");
    }
    refuse_file();
    TRY(guest_->set_phase(Phase::parking));
    enter(Stage::parking);
    parking_since_ = monotonic_now();
    kick();
    // The kicks are there before it goes on: it comes to nothing of its own.
    return stopped_ ? guest_->signal(SIGCONT) : Status{};
}

// Its creator is held by the kernel until it executes something, or ends; most do at once.
bool Warden::child_shares() const {
    for (uint32_t index = wire::vfork_slots; index < spare_slot; ++index) {
        auto state = guest_->get<SlotState>(guest_->slot(index) + offsetof(Slot, state));
        if (state && in_use(*state)) return true;
    }
    return false;
}

// A kick makes a computing thread look at the phase; it may be lost on one that is just on its way
// back from the runtime, so it is repeated until all stand.
void Warden::kick() {
    park_timer_ = 0;
    if (ended_ || stage_ != Stage::parking) return;
    auto slots = live_slots();
    if (!slots) return; // it has ended: its pidfd says so
    for (auto const& [index, slot] : *slots)
        if (slot.state != SlotState::parked) (void)guest_->signal_thread(slot.tid, SIGURG);
    check_parked();
    if (stage_ != Stage::parking) return;
    if (monotonic_now() - parking_since_ > sharing_patience && child_shares()) {
        trouble("shared_address_space",
            Error(EBUSY, "a child shares its memory until it executes another program"));
        return (void)resume();
    }
    // Early looks are cheap, and most programs stand within a fraction of a millisecond.
    bool early = monotonic_now() - parking_since_ < kick_interval;
    park_timer_ =
        loop_.after(early ? std::chrono::microseconds(200) : kick_interval, [this] { kick(); });
}

void Warden::check_parked() {
    auto slots = live_slots();
    if (!slots || slots->empty()) return;
    for (auto const& [index, slot] : *slots)
        if (slot.state != SlotState::parked) return;
    // A thread that has said that it ends still has its kernel's last acts before it: it wakes who
    // joins it and gives up its robust locks.
    if (guest_->thread_count().value_or(0) > slots->size()) return;
    standing_ = true;
    if (!group_stands()) return;
    share_commons();
    auto parked = describe_parked();
    if (!parked) {
        trouble("", parked.error());
        (void)resume();
        return;
    }
    enter(Stage::parked);
    standing_ = false;
    group_told_ = parked->shares != 0;
    (void)send(SessionType::parked, *parked);
}

Result<wire::Parked> Warden::describe_parked() {
    wire::Parked parked;
    parked.layout.vmas = TRY(guest_->mappings(segments_, known_mappings_));
    parked.layout.segments = segments_.keys();
    auto patched = TRY(take_patches_back(parked.layout.vmas));
    auto format = image::machine_format();
    for (auto const& [index, slot] : TRY(live_slots())) {
        uint64_t begin = guest_->slot(index), end = begin + wire::slot_size;
        if (slot.index != index || slot.frame < begin || slot.frame >= end)
            return fail(EBADMSG, "slot {} has a frame at {:#x}", index, slot.frame);
        // The frame's length is taken from the frame itself, within the slot.
        size_t length = std::min<uint64_t>(end - slot.frame, image::frame_size(format) + 4096);
        std::string bytes(length, '\0');
        TRY(guest_->read(slot.frame, bytes.data(), length));
        auto parts = TRY(image::parse_frame(slot.frame, as_bytes(bytes), format));
        wire::ThreadImage thread;
        thread.slot = index;
        thread.tid = slot.tid;
        thread.registers = std::move(parts.registers);
        thread.xsave = TRY(image::pack_area(as_bytes(parts.xsave), format));
        thread.thread_state.assign(reinterpret_cast<char const*>(&slot.thread), sizeof slot.thread);
        if (slot.tid == guest_->pid()) {
            parked.state.threads.insert(parked.state.threads.begin(), std::move(thread));
        } else {
            parked.state.threads.push_back(std::move(thread));
        }
    }
    parked.state.actions.resize(sizeof(wire::Control::actions));
    TRY(guest_->read(guest_->control_field(offsetof(wire::Control, actions)),
        parked.state.actions.data(), parked.state.actions.size()));
    parked.state.brk_start =
        TRY(guest_->get<uint64_t>(guest_->control_field(offsetof(wire::Control, brk_start))));
    parked.state.brk_now =
        TRY(guest_->get<uint64_t>(guest_->control_field(offsetof(wire::Control, brk_now))));
    parked.state.monotonic_ns = (monotonic_now() + monotonic_ahead_).count();
    parked.state.coarse_ns = (clock_now(CLOCK_MONOTONIC_COARSE) + monotonic_ahead_).count();
    parked.state.boottime_ns = (boottime_now() + boottime_ahead_).count();
    parked.state.limits = state_->limits;
    parked.state.dumpable = state_->dumpable;
    constexpr uint16_t advised_huge = 16;
    for (auto& vma : parked.layout.vmas) {
        bool ours = std::any_of(huge_.begin(), huge_.end(), [&](auto const& range) {
            return vma.start < range.address + range.length && vma.end > range.address;
        });
        if (ours) vma.advice &= static_cast<uint16_t>(~advised_huge);
    }
    parked.layout.present = subtract(TRY(guest_->private_pages(parked.layout.vmas)), patched);
    parked.unchanged = unchanged_pages(parked.layout.present);
    note_parked(parked);
    TRY(tell_group(parked));
    parked.layout.brk_start = parked.state.brk_start;
    parked.layout.brk_now = parked.state.brk_now;
    parked.state.account = tally();
    return parked;
}

// All threads. One that has asked to go home asks again: whoever heard it may be no more.
Status Warden::go_on() {
    if (shares_) return {}; // it never stands, and what it reads is its parent's
    uint64_t resumes = guest_->control_field(offsetof(wire::Control, resumes));
    TRY(guest_->put(resumes, TRY(guest_->get<uint32_t>(resumes)) + 1));
    TRY(guest_->set_phase(Phase::serving));
    // They wait on a futex that only they could wake; a kick ends the wait as well.
    for (auto const& [index, slot] : TRY(live_slots()))
        (void)guest_->signal_thread(slot.tid, SIGURG);
    return {};
}

Status Warden::resume() {
    if (stage_ == Stage::running) return send(SessionType::running, wire::Empty{});
    if (stage_ != Stage::parking && stage_ != Stage::parked)
        return fail(EPROTO, "resume while {}", stage_name(stage_));
    if (group_going_) { // its like may use at home by now what it would use here
        TRY(send(SessionType::running, wire::Empty{}));
        called_along_ = Nanos(0);
        call_along();
        return {};
    }
    if (stage_ == Stage::parking && !standing_) LOG(note, "not all have parked: {}", slot_states());
    if (park_timer_ != 0) loop_.cancel(park_timer_);
    park_timer_ = 0;
    pages_.close();
    onward_.close();
    staging_.reset();
    if (stopped_) TRY(guest_->signal(SIGSTOP));
    TRY(go_on());
    enter(Stage::running);
    TRY(send(SessionType::running, wire::Empty{}));
    leave_group();
    return {};
}

} // namespace rove::warden
