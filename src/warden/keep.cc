// SPDX-License-Identifier: Apache-2.0
// Keep: the memory of a guest that has left stays here for a while, for its return.
//
// A holder (guest/holder.cc) has that memory beside the guest. When the process lives elsewhere,
// the guest ends and the holder remains. Whatever was written after the guest had parked, if only
// by the kernel when its threads ended, is told to the steward, whose connection stays: when that
// ends, so does the holder. If the daemon says that the process comes again, the memory goes to the
// warden of the new session.
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>

#include "base/fault.hh"
#include "base/log.hh"
#include "sys/files.hh"
#include "sys/sockets.hh"
#include "warden/household.hh"
#include "warden/mapping.hh"
#include "warden/numbers.hh"
#include "warden/warden.hh"

namespace rove::warden {

using wire::ExecReply;
using wire::SessionType;

namespace {

constexpr Nanos clocks_apart_max = std::chrono::milliseconds(1);
constexpr int first_to_go = 1000; // oom_score_adj: where memory ends, before anything that runs
constexpr uint16_t advised_locked = 32;

bool near(Nanos a, Nanos b) {
    return a - b < clocks_apart_max && b - a < clocks_apart_max;
}

} // namespace

// Of a guest that is worth it: one that has come here with some memory, and can be watched.
bool Warden::worth_keeping() const {
    return order_.keep_ms != 0 && !born_ && !holder_ && watch_ && WriteWatch::follows_moves() &&
           wire::bytes_of(target_.present) >= wire::kept_bytes_min && !segments_.has_commons() &&
           segments_.count_own() == 0 && !other_vdso();
}

// It is there before the program's first instruction, or not at all.
void Warden::make_holder() {
    if (!worth_keeping()) return;
    pid_t pid = 0;
    for (auto taken = [&](auto const& thread) { return thread.tid == pid; };
         pid == 0 || std::any_of(state_->threads.begin(), state_->threads.end(), taken);)
        if (pid = holder_pid(household_.next_holder()); pid == 0) return;
    auto sockets = sys::socket_pair(SOCK_SEQPACKET);
    wire::Slot slot{};
    slot.index = wire::holder_slot;
    slot.tid = pid;
    slot.link_fd = holder_number;
    if (!sockets || !guest_->write(guest_->slot(wire::holder_slot), &slot, sizeof slot)) return;
    auto ours = std::make_shared<Fd>(std::move(sockets->first));
    builder_.give(
        std::move(sockets->second), holder_number, [](ExecReply const&, std::string_view) {});
    builder_.command(wire::ExecOp::start, {wire::holder_slot}, {},
        [this, pid, ours](ExecReply const& reply, std::string_view) {
            if (reply.result != pid) return;
            auto made = Holder::of(pid, std::move(*ours));
            if (made && made->await()) holder_.emplace(std::move(*made));
        });
    builder_.calls({call_of(SYS_close, {static_cast<uint64_t>(holder_number)}, whatever_result)},
        [](Status) {});
}

// Its number is wanted. It is not the last in its memory, and gone at once.
void Warden::give_up_holder(pid_t number) {
    if (!holder_ || (number != 0 && holder_->pid() != number)) return;
    pid_t pid = holder_->pid();
    holder_.reset();
    (void)waitpid(pid, nullptr, __WALL);
}

// From the moment in which it stands: what has been written so far goes away with it, what is
// written from here on has to be known if this memory is to be used again.
void Warden::note_parked(wire::Parked const& parked) {
    parked_.reset();
    if (!holder_ || !watch_) return;
    auto written = subtract(parked.layout.present, parked.unchanged);
    watch_->renew(written);
    unread_ = unite(unread_, written); // home has to be told of them in the next account as well
    parked_ = parked.layout;
}

// Instead of letting it go. Nobody but this steward can want it, and it is told what it may rely
// on.
void Warden::keep(wire::Keep const& wish) {
    (void)fault_point("warden_before_let_go");
    bool locked =
        parked_ && std::any_of(parked_->vmas.begin(), parked_->vmas.end(),
                       [](auto const& vma) { return (vma.advice & advised_locked) != 0; });
    if (stage_ != Stage::parked || !holder_ || !watch_ || !parked_ || locked || group_told_ ||
        wish.name.size() != wire::kept_name_size || segments_.has_commons() ||
        segments_.count_own() != 0)
        return end("the process lives elsewhere now");
    enter(Stage::kept);
    kept_name_ = wish.name;
    for (auto const& [slot, link] : links_)
        loop_.unwatch(link.number());
    links_.clear();
    handed_.clear();
    spares_.clear();
    loop_.unwatch(service_.number());
    service_.close();
    asked_.reset();
    household_.leave_turn(*this);
    pages_.close();
    onward_.close();
    staging_.reset();
    priorities_.reset();
    (void)guest_->signal(SIGKILL);
    loop_.unwatch(guest_->pidfd());
    loop_.watch(guest_->pidfd(), POLLIN, [this](short) {
        loop_.unwatch(guest_->pidfd());
        (void)waitpid(guest_->pid(), nullptr, __WALL);
        guest_.reset();
        if (auto kept = keep_memory(); !kept) end(kept.error().sentence());
    });
}

// The guest has ended; the kernel has written its last to the memory of its threads.
Status Warden::keep_memory() {
    FAULT_POINT("warden_keep");
    auto held = TRY(Guest::born(holder_->pid(), prepare_->region));
    auto suspect = TRY(held.suspect_pages());
    guest_ = std::move(held);
    (void)guest_->set_proc_file("oom_score_adj", std::to_string(first_to_go));
    loop_.watch(guest_->pidfd(), POLLIN, [this](short) {
        loop_.unwatch(guest_->pidfd());
        (void)waitpid(guest_->pid(), nullptr, __WALL);
        guest_.reset();
        holds_ = false;
        end("its memory was taken");
    });
    (void)loop_.after(std::chrono::milliseconds(order_.keep_ms),
        [this] { end("its memory has been kept for long enough"); });
    TRY(send(SessionType::kept, wire::Pages{intersect(parked_->present, suspect)}));
    holds_ = true;
    last_tally_ = Nanos(0);
    tell_kept();
    return {};
}

// Again and again, as a new daemon must know it, too.
void Warden::tell_kept() {
    Nanos now = monotonic_now();
    if (!holds_ || now - last_tally_ < std::chrono::seconds(1)) return;
    last_tally_ = now;
    tell_daemon("kept", "");
}

// The process comes again: this warden has nothing more to do than to hold its steward's line.
void Warden::come_again(wire::Again const& again) {
    if (ended_ || !holds_ || !wire::is_token(again.token)) return;
    wire::WardenOrder order = order_;
    order.token = again.token;
    auto next = std::make_unique<Warden>(household_, std::move(order), again.session);
    next->group_ = group_;
    loop_.unwatch(guest_->pidfd());
    guest_.reset();
    next->kept_.emplace(Kept{std::move(*holder_), kept_name_, prepare_->region, std::move(*parked_),
        std::move(segments_), std::move(*watch_), std::move(huge_), monotonic_ahead_,
        boottime_ahead_, wall_ahead() == 0});
    holds_ = false;
    holder_.reset();
    parked_.reset();
    watch_.reset();
    next->begin();
    household_.add(std::move(next));
    tell_daemon("left", "");
}

// A guest in the memory that was kept, if it is that which its steward means. None: it begins as
// any other. The kernel's namespaces of the one before are the holder's.
std::optional<Guest> Warden::take_kept(Birth const& birth) {
    if (!kept_) return std::nullopt;
    auto kept = std::exchange(kept_, std::nullopt);
    pid_t holder = kept->holder.pid();
    auto usable = kept->name == prepare_->kept && kept->region == prepare_->region &&
                  kept->own_wall_clock == (wall_ahead() == 0) &&
                  near(kept->monotonic_ahead, monotonic_ahead_) &&
                  near(kept->boottime_ahead, boottime_ahead_) && holder != prepare_->identity.pid;
    auto revived = usable ? Guest::revive(birth, kept->holder)
                          : Result<Guest>(Failure(Error(ESTALE, "it is not what is wanted")));
    if (!revived) {
        LOG(note, "what was kept of it is not used: {}", revived.error().sentence());
        return std::nullopt;
    }
    monotonic_ahead_ = kept->monotonic_ahead;
    boottime_ahead_ = kept->boottime_ahead;
    holder_.emplace(std::move(kept->holder));
    watch_.emplace(std::move(kept->watch));
    huge_ = std::move(kept->huge);
    segments_.inherit(kept->segments);
    populated_ = kept->layout.present;
    former_ = std::move(kept->layout);
    first_layout_ = false;
    return std::move(*revived);
}

// What lies there by now, in the numbers of the new session, and what of it is lost.
void Warden::apply_to_kept(std::vector<wire::Vma> const& wanted) {
    if (!former_) return;
    auto before = std::exchange(former_, std::nullopt);
    applied_ = std::move(before->vmas);
    for (auto& vma : applied_) {
        if (vma.kind != wire::VmaKind::segment) continue;
        auto const& key = before->segments[vma.segment];
        auto same = std::find(target_.segments.begin(), target_.segments.end(), key);
        vma.segment =
            segments_.inherited(key) ? static_cast<uint32_t>(same - target_.segments.begin()) : ~0u;
    }
    prepared_.kept = 1;
    prepared_.lost = remade(applied_, wanted);
}

} // namespace rove::warden
