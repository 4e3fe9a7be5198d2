// SPDX-License-Identifier: Apache-2.0
// Waking: threads that have come home in the middle of a wait go on with it in the program; and
// which of them are in it still when the process leaves again. See deputy/waits.cc.
#include "migrate/body.hh"

#include <cstddef>

#include <time.h>

#include "abi/x86_64/call_site.hh"
#include "base/text.hh"
#include "blob/blob.hh"
#include "sys/files.hh"

namespace rove::migrate {

using wire::SlotState;

namespace {
constexpr int64_t interrupted_wait =
    -516; // ERESTART_RESTARTBLOCK: the kernel keeps the rest of its time
}

Result<bool> Body::put_into_program(
    tracee::Tracee& tracee, tracee::Thread& thread, uint32_t index) {
    wire::Slot now = TRY(slot(index));
    auto registers = thread.registers;
    bool in_call = registers.rip == region_ + wire::text_offset + blob::call_end_offset;
    if (now.state != SlotState::asleep || !in_call ||
        tracee::settle_interrupted(registers, thread.group_stopped) != tracee::Interrupted::restart)
        return false;
    auto frame = TRY(saved_frame(now));
    unsigned char code[abi::call_site_size];
    uint64_t next = frame.registers[image::greg_rip];
    TRY(memory_.read(next - sizeof code, code, sizeof code));
    int number = abi::number_at_call_site(code);
    if (number < 0) return fail(EBADMSG, "no system call stands at {:#x}", next);
    image::to_user_regs(frame.registers, registers);
    // As after the interruption of the program's own call: the kernel restarts it, or ends it for a
    // signal.
    registers.orig_rax = static_cast<uint64_t>(number);
    registers.rax = static_cast<uint64_t>(interrupted_wait);
    TRY(tracee.set_registers(thread, registers));
    TRY(tracee.set_mask(thread, now.thread.mask));
    TRY(memory_.put(slot_address(index) + offsetof(wire::Slot, state), SlotState::gone));
    return true;
}

Status Body::wake_in_program() {
    std::vector<uint32_t> asleep;
    auto state_of = [this](uint32_t index) {
        return memory_.get<SlotState>(slot_address(index) + offsetof(wire::Slot, state));
    };
    for (uint32_t index : TRY(used_slots())) {
        if (TRY(state_of(index)) == SlotState::asleep) asleep.push_back(index);
    }
    if (asleep.empty()) return {};
    auto outer = TRY(outer_tids());
    Deadline deadline = Deadline::after(std::chrono::seconds(1));
    for (uint32_t index : asleep) {
        auto tid = outer.find(TRY(slot(index)).tid);
        // It leaves the porter behind first; a wait that is over by then needs nobody.
        while (tid != outer.end() && TRY(state_of(index)) == SlotState::asleep) {
            auto tracee = hold(tid->second);
            if (!tracee && tracee.error().gone()) break;
            if (!tracee) return Failure(tracee.error());
            if (TRY(put_into_program(*tracee, tracee->leader(), index))) break;
            if (deadline.passed()) return deny(EBUSY, "a thread does not come to its wait");
            TRY(let_go(std::move(*tracee)));
            timespec moment{0, 50000};
            (void)::nanosleep(&moment, nullptr);
        }
    }
    return {};
}

std::unordered_map<pid_t, Body::TimedCall> Body::timed_calls() const {
    std::unordered_map<pid_t, TimedCall> found;
    auto now = mapped_ ? control() : Result<wire::Control>(fail(ENOENT, "there is no runtime"));
    if (!now) return found;
    std::unordered_map<pid_t, pid_t> outer;
    for (uint32_t index = 1; index < std::min(now->slots_end, wire::slots_max); ++index) {
        auto old = slot(index);
        if (!old || old->private_words[wire::sleeps_word] == 0) continue;
        if (outer.empty()) outer = outer_tids().value_or(outer);
        auto tid = outer.find(old->tid);
        if (tid == outer.end()) continue;
        auto status = sys::read_file(fmt::format("/proc/{}/task/{}/status", pid_, tid->second));
        if (!status || !tracee::status_line(*status, "State").starts_with("S")) continue;
        auto sleeps =
            parse_number<uint64_t>(tracee::status_line(*status, "voluntary_ctxt_switches"));
        if (sleeps && *sleeps == old->private_words[wire::sleeps_word])
            found[tid->second] = {old->thread.called_off, old->thread.deadline_ns,
                old->private_words[wire::time_word]};
    }
    return found;
}

} // namespace rove::migrate
