// SPDX-License-Identifier: Apache-2.0
// Stopped: how a process that is stopped by a signal is moved like any other. See
// tracee/afloat.hh.
#include "migrate/body.hh"

#include <cerrno>
#include <cstddef>
#include <unordered_map>

#include <time.h>

#include "base/log.hh"

namespace rove::migrate {

using wire::SlotState;

namespace {
constexpr Nanos hold_patience = std::chrono::seconds(2);
constexpr Nanos out_patience = std::chrono::milliseconds(300);
constexpr Nanos state_period = std::chrono::milliseconds(2);
} // namespace

Result<tracee::Tracee> Body::hold(pid_t tid) {
    return afloat_ ? afloat_->hold(tid, hold_patience)
                   : tracee::Tracee::seize_thread(tid, hold_patience);
}

Status Body::let_go(tracee::Tracee&& held) {
    if (!afloat_) return held.detach(held.leader());
    afloat_->put_back(std::move(held));
    return {};
}

void Body::set_afloat(tracee::Tracee&& held) {
    bool leaving = phase().value_or(wire::Phase::none) == wire::Phase::released;
    afloat_ = leaving ? std::make_unique<tracee::Afloat>(
                            std::move(held), region_, region_ + wire::region_size)
                      : std::make_unique<tracee::Afloat>(std::move(held));
    if (porter_) porter_->look_ms = look_ms_afloat;
}

Status Body::keep_afloat() {
    if (afloat_) {
        afloat_->look_after();
        return {};
    }
    Nanos now = monotonic_now();
    if (awake_ == 0 || now - stopped_looked_ < state_period) return {};
    stopped_looked_ = now;
    if (TRY(tracee::read_stat(pid_)).state != 'T' || !(entered_ || lives_away())) return {};
    auto held = TRY(tracee::Tracee::seize(pid_));
    // Calls that its deputies are blocked in are called off for the move in any case. A stopped
    // process must not go on with them: reading from its terminal would stop it once more.
    std::unordered_map<pid_t, uint32_t> slots;
    for (uint32_t index : TRY(used_slots()))
        slots[TRY(memory_.get<int32_t>(slot_address(index) + offsetof(wire::Slot, tid)))] = index;
    for (auto const& [inner, outer] : TRY(outer_tids())) {
        auto slot = slots.find(inner);
        if (slot == slots.end()) continue;
        for (auto& thread : held.threads()) {
            // What the stop itself has ended (epoll_wait, see signal(7)) has its result.
            bool ended = static_cast<int64_t>(thread.registers.rax) == -EINTR;
            if (thread.tid == outer && !ended) TRY(call_off(held, thread, slot->second));
        }
    }
    // Nor may they begin what has come for them: in a process that parks, a call is answered at
    // once, to be made again. One that is between two links waits for a process that serves.
    if (TRY(phase()) == wire::Phase::serving && TRY(all_linked()))
        TRY(memory_.put(control_address() + offsetof(wire::Control, phase), wire::Phase::parking));
    set_afloat(std::move(held));
    return {};
}

// While the porter is waited for, which otherwise may be stopped for hours.
Status Body::attend() {
    TRY(idle_());
    if (awake_ > 0) return keep_afloat();
    if (TRY(tracee::read_stat(pid_)).state == 'T') return deny(EBUSY, "it is stopped by a signal");
    return {};
}

Body::Awake::~Awake() {
    if (--body_.awake_ > 0) return;
    // A move that has failed before the guest was asked to park.
    if (body_.afloat_ && body_.porter_ &&
        body_.phase().value_or(wire::Phase::none) == wire::Phase::parking)
        (void)body_.set_phase(wire::Phase::serving);
    body_.end_afloat();
}

void Body::end_afloat() {
    afloat_.reset();
    if (porter_) porter_->look_ms = look_ms_usual;
}

// Its threads leave the runtime, and stop at the program's next instruction.
void Body::await_out() {
    if (!afloat_) return;
    Deadline deadline = Deadline::after(out_patience);
    while (!afloat_->empty() && !deadline.passed()) {
        afloat_->look_after();
        timespec moment{0, 20000};
        (void)::nanosleep(&moment, nullptr);
    }
    // Whoever is still on its way stops there, and goes on with it when the process does.
    if (!afloat_->empty()) LOG(debug, "it is stopped before all have left the runtime");
}

Status Body::finish_leaving() {
    if (afloat_ || TRY(tracee::read_stat(pid_)).state != 'T') return {};
    set_afloat(TRY(tracee::Tracee::seize(pid_)));
    Status woken = wake_in_program();
    await_out();
    end_afloat();
    return woken;
}

} // namespace rove::migrate
