// SPDX-License-Identifier: Apache-2.0
// Waking: threads that have come home in the middle of a wait go on with it in the program. See
// deputy/waits.cc.
#include "migrate/body.hh"

#include <cstddef>

#include <time.h>

#include "abi/x86_64/call_site.hh"
#include "blob/blob.hh"

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
    if (now.state != SlotState::asleep || !in_call || thread.group_stopped ||
        tracee::settle_interrupted(registers) != tracee::Interrupted::restart)
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
            auto tracee = tracee::Tracee::seize_thread(tid->second, std::chrono::seconds(2));
            if (!tracee && tracee.error().gone()) break;
            if (!tracee) return Failure(tracee.error());
            if (TRY(put_into_program(*tracee, tracee->leader(), index))) break;
            if (deadline.passed()) return deny(EBUSY, "a thread does not come to its wait");
            TRY(tracee->detach(tracee->leader()));
            timespec moment{0, 50000};
            (void)::nanosleep(&moment, nullptr);
        }
    }
    return {};
}

} // namespace rove::migrate
