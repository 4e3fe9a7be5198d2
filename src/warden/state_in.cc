// SPDX-License-Identifier: Apache-2.0
// State in: what a process that arrives is besides its memory: threads, actions, limits, accounts.
#include <sys/resource.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <set>

#include "base/fault.hh"
#include "sys/files.hh"
#include "warden/numbers.hh"
#include "warden/warden.hh"

namespace rove::warden {

using wire::ExecOp;
using wire::ExecReply;
using wire::SessionType;

Status Warden::state(wire::ProcessState message) {
    FAULT_POINT("warden_state");
    if (message.threads.empty() || message.threads.size() >= wire::slots_max)
        return fail(EBADMSG, "a state with {} threads", message.threads.size());
    if (message.actions.size() != sizeof(wire::Control::actions))
        return fail(EBADMSG, "{} bytes of signal actions", message.actions.size());
    for (int64_t time : {message.monotonic_ns, message.coarse_ns, message.boottime_ns})
        TRY(check_clock(time));
    std::set<uint32_t> slots;
    for (auto const& thread : message.threads) {
        if (thread.slot == 0 || thread.slot >= wire::vfork_slots ||
            !slots.insert(thread.slot).second)
            return fail(EBADMSG, "a thread in slot {}", thread.slot);
        if (thread.thread_state.size() != sizeof(wire::ThreadState))
            return fail(EBADMSG, "{} bytes of thread state", thread.thread_state.size());
    }
    if (message.threads[0].tid != prepare_->identity.pid)
        return fail(EBADMSG, "the first thread is {}, not the leader", message.threads[0].tid);
    state_ = std::move(message);
    TRY(write_state());
    set_limits();
    import_threads();
    return {};
}

Status Warden::write_state() {
    auto format = image::machine_format();
    for (auto const& thread : state_->threads) {
        uint64_t address = guest_->slot(thread.slot);
        slots_end_ = std::max(slots_end_, thread.slot + 1);
        wire::Slot slot{};
        slot.index = thread.slot;
        slot.tid = thread.tid;
        slot.state = wire::SlotState::starting;
        slot.link_fd = links_first + static_cast<int>(thread.slot);
        slot.link_ready = 1;
        slot.home_reason = ~0u;
        std::memcpy(&slot.thread, thread.thread_state.data(), sizeof slot.thread);
        slot.thread.cpu_before_ns += std::exchange(slot.thread.cpu_here_ns, 0);
        slot.frame = image::frame_address(address + wire::slot_frame_offset);
        auto area = image::unpack_area(as_bytes(thread.xsave), format);
        if (!area && area.error().code == ENOTSUP) error_reason_ = "cpu_features";
        auto frame = TRY(image::build_frame(
            slot.frame, {thread.registers, TRY(std::move(area)), slot.thread.mask}, format));
        if (frame.size() > wire::slot_frame_size - 64)
            return fail(EBADMSG, "a frame of {} bytes", frame.size());
        slot.frame_length = frame.size();
        TRY(guest_->write(slot.frame, frame.data(), frame.size()));
        TRY(guest_->write(address, &slot, sizeof slot));
    }
    TRY(guest_->write(guest_->control_field(offsetof(wire::Control, actions)),
        state_->actions.data(), state_->actions.size()));
    TRY(guest_->put(guest_->control_field(offsetof(wire::Control, brk_start)), state_->brk_start));
    TRY(guest_->put(guest_->control_field(offsetof(wire::Control, brk_now)), state_->brk_now));
    TRY(open_account(state_->account));
    TRY(guest_->put(guest_->control_field(offsetof(wire::Control, slots_end)), slots_end_));
    return guest_->put(guest_->control_field(offsetof(wire::Control, threads)),
        static_cast<uint32_t>(state_->threads.size()));
}

// Limits that the host's kernel must hold for the guest; the rest are home's business.
void Warden::set_limits() {
    constexpr __rlimit_resource which[] = {
        RLIMIT_STACK, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_AS, RLIMIT_MEMLOCK};
    for (size_t i = 0; i < std::size(which) && 2 * i + 1 < state_->limits.size(); ++i) {
        rlimit now{};
        if (prlimit(guest_->pid(), which[i], nullptr, &now) != 0) continue;
        rlimit wanted{state_->limits[2 * i], state_->limits[2 * i + 1]};
        // The region is nothing of the program's.
        if (which[i] == RLIMIT_AS || which[i] == RLIMIT_DATA)
            for (rlim_t* bytes : {&wanted.rlim_cur, &wanted.rlim_max})
                *bytes += std::min(RLIM_INFINITY - *bytes, rlim_t{wire::region_size});
        // Raising the hard limit is not ours to do.
        wanted.rlim_max = std::min(wanted.rlim_max, now.rlim_max);
        wanted.rlim_cur = std::min(wanted.rlim_cur, wanted.rlim_max);
        (void)prlimit(guest_->pid(), which[i], &wanted, nullptr);
    }
}

// When pages, state and all links are here: the threads are made and wait for the commit.
void Warden::import_threads() {
    if (!state_ || !received_ || importing_ || ended_) return;
    for (auto const& thread : state_->threads)
        if (!links_.contains(thread.slot)) return;
    importing_ = true;
    // In ascending order each link finds its number free.
    std::set<uint32_t> slots;
    for (auto const& thread : state_->threads)
        slots.insert(thread.slot);
    // Links of threads that ended before the freeze: the next thread in such a slot gets one of its
    // own.
    std::erase_if(links_, [&](auto const& link) { return !slots.contains(link.first); });
    auto failed = [this](Error const& error) {
        if (ended_) return;
        trouble("", error);
        end("it failed before the commit");
    };
    for (uint32_t slot : slots) {
        int number = links_first + static_cast<int>(slot);
        // We keep a duplicate: it tells when home is gone.
        auto duplicate = sys::duplicate(links_.at(slot).number());
        if (!duplicate) return failed(duplicate.error());
        builder_.give(std::move(*duplicate), static_cast<uint64_t>(number),
            [failed, number](ExecReply const& reply, std::string_view) {
                if (reply.result != number)
                    failed(Error(EPROTO, fmt::format("a link got number {}", reply.result)));
            });
        handed_.insert(slot);
        watch_link(slot, links_.at(slot).number());
    }
    for (size_t i = 1; i < state_->threads.size(); ++i) {
        auto const& thread = state_->threads[i];
        builder_.command(ExecOp::start, {thread.slot}, {},
            [failed, tid = thread.tid](ExecReply const& reply, std::string_view) {
                if (reply.result != tid)
                    failed(Error(reply.result < 0 ? static_cast<int>(-reply.result) : EPROTO,
                        fmt::format("cannot make thread {}", tid)));
            });
    }
    make_holder();
    builder_.calls({}, [this](Status) {
        if (ended_) return;
        if (auto allowed = fault_point("warden_before_ready"); !allowed) {
            trouble("", allowed.error());
            return end("it failed before the commit");
        }
        enter(Stage::ready);
        (void)send(SessionType::ready, wire::Ready{received_bytes_});
    });
    serve_builder();
}

} // namespace rove::warden
