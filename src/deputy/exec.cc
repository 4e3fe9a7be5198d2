// SPDX-License-Identifier: Apache-2.0
// Exec: the program becomes another one, which the deputy executes: the process is at home then,
// without a page having been moved. Its steward may hold it at the first instruction and take it
// back to its host.
#include "deputy/deputy.hh"
#include "deputy/large_scratch.hh"

#include "rt/futex.hh"
#include "syscalls/exec.hh"

namespace rove::deputy {

namespace {

constexpr int follower_patience = 60; // times 5 ms

void executed_nothing() {
    __atomic_store_n(&control().follow_exec, wire::FollowExec::unasked, __ATOMIC_RELEASE);
}

/// Tells the steward and waits for what it says. False: a signal or a move comes first.
bool await_follower(Slot& slot) {
    auto& c = control();
    auto* word_of = reinterpret_cast<uint32_t*>(&c.follow_exec);
    constexpr auto asked = static_cast<uint32_t>(wire::FollowExec::asked);
    if (slot.tid != c.pid) return true; // who takes over the first thread's number cannot be held
    __atomic_store_n(&c.follow_exec, wire::FollowExec::asked, __ATOMIC_RELEASE);
    for (int tries = 0; tries < follower_patience; ++tries) {
        if (tries % 4 == 0) alarm(wire::AlarmType::exec_wanted, slot.index, 0);
        int64_t const time[2] = {0, 5000000};
        sys(202, word_of, 0x80, asked, time, 0, 0);
        if (__atomic_load_n(word_of, __ATOMIC_ACQUIRE) != asked) return true;
        if (own(slot).stop || rt::phase() != Phase::serving) {
            executed_nothing();
            return false;
        }
    }
    return true;
}

/// It is known only afterwards whether it succeeds.
long execute_at(Slot& slot, uint64_t const args[6], uint16_t* flags) {
    // What it has stored in a file must be there before the memory is gone.
    if (control().own_files != 0) {
        *flags |= wire::flag_go_home;
        return static_cast<long>(wire::HomeReason::exec);
    }
    // The guest has a signal that the new program must find pending, and the kernel's mask is more
    // than the program's: at home all of it is the kernel's again.
    if (own(slot).signals_recorded != 0) {
        *flags |= wire::flag_go_home;
        return static_cast<long>(wire::HomeReason::exec);
    }
    if (!await_follower(slot)) {
        *flags |= wire::flag_restart;
        if (rt::phase() == Phase::parking) *flags |= wire::flag_parking;
        return 0;
    }
    long failed = perform(slot, 322, args, flags);
    executed_nothing();
    return failed;
}

} // namespace

long execute(Slot& slot, syscalls::Placement const& placement, uint16_t* flags) {
    syscalls::PackedStrings strings;
    if (!syscalls::placed_strings(placement, strings)) return -22;
    uint64_t args[6] = {placement.args[0], placement.args[1], 0, 0, placement.args[4], 0};
    if (strings.missing) {
        args[2] = args[3] = rt::region_base(); // its first page is never mapped
        return execute_at(slot, args, flags);
    }
    LargeScratch lists;
    if (!lists.get(slot, syscalls::lists_size(strings) * sizeof(uint64_t))) return -12;
    auto* pointers = reinterpret_cast<uint64_t*>(lists.address);
    if (!syscalls::make_lists(strings, pointers)) return -22;
    args[2] = word(pointers);
    args[3] = word(pointers + strings.counts[0] + 1);
    return execute_at(slot, args, flags);
}

} // namespace rove::deputy
