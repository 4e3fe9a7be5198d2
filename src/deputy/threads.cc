// SPDX-License-Identifier: Apache-2.0
// Threads: the porter, and deputies that are born and end while the program is away.
#include "deputy/deputy.hh"

#include "rt/executor.hh"
#include "rt/futex.hh"
#include "rt/memory.hh"
#include "rt/number_room.hh"

extern "C" {
long rove_clone_thread(
    uint64_t flags, uint64_t stack, rove::rt::Slot* slot, void (*entry)(rove::rt::Slot*));
[[noreturn]] void rove_exit_thread(rove::wire::SlotState* state, int code);
void rove_entry_porter();
void rove_porter_main(rove::rt::Slot* zero);
void rove_deputy_born(rove::rt::Slot* slot);
}

namespace rove::deputy {

namespace {

constexpr uint64_t thread_flags = 0x50f00; // VM FS FILES SIGHAND THREAD SYSVSEM

uint64_t stack_top(Slot& slot) {
    return word(&slot) + wire::slot_stack_offset + wire::slot_stack_size;
}

/// A descriptor of ours goes into our block of numbers.
int move_up(int fd) {
    long moved = sys(72, fd, 1030, control().fd_first);
    if (moved < 0) return fd;
    sys(3, fd);
    return static_cast<int>(moved);
}

/// Sockets to the keeper: it takes its ends by pidfd_getfd and has them closed here.
bool make_sockets(Slot& zero) {
    rt::NumberRoom room;
    int stream[2], packets[2];
    if (sys(53, 1, 1 | 0x80000, 0, stream) != 0) return false;
    if (sys(53, 1, 5 | 0x80000, 0, packets) != 0) {
        sys(3, stream[0]);
        sys(3, stream[1]);
        return false;
    }
    auto& c = control();
    c.command_fd = move_up(stream[0]);
    c.alarm_fd = move_up(packets[0]);
    zero.private_words[wire::command_peer_word] = static_cast<uint64_t>(move_up(stream[1]));
    zero.private_words[wire::alarm_peer_word] = static_cast<uint64_t>(move_up(packets[1]));
    return true;
}

/// A lease that a keeper has left would keep others waiting for files that are up to date: what is
/// mapped keeps it alive.
void give_leases_up() {
    constexpr uint64_t set_lease = 1024, no_lease = 2;
    auto& c = control();
    for (uint32_t i = 0; i < c.own_files && i < wire::own_files_max; ++i)
        sys(72, c.own_file_fds[i], set_lease, no_lease);
    c.own_files = 0;
}

void close_all(Slot& zero) {
    auto& c = control();
    if (rt::phase() == Phase::released) give_leases_up();
    c.command_fd = c.alarm_fd = -1; // before the numbers can be somebody else's
    if (c.fd_first > 0) close_ours(c.fd_first, c.fd_last);
    (void)zero;
}

/// The keeper died after it had decided that the process goes on here: the rest of its work.
void let_all_go() {
    for (uint32_t i = 1; i < wire::slots_max; ++i) {
        Slot& slot = rt::slot_at(i);
        SlotState state = __atomic_load_n(&slot.state, __ATOMIC_ACQUIRE);
        if (state == SlotState::free) break;
        // A deputy that waits for a frame holds its link open even when the number is closed.
        if (state != SlotState::gone && slot.link_fd >= 0) sys(48, slot.link_fd, 2);
    }
    rt::futex_wake(reinterpret_cast<uint32_t*>(&control().phase));
}

} // namespace

bool start_porter() {
    Slot& zero = rt::slot_at(0);
    zero.index = 0;
    // What an earlier one, or the parent's, has left.
    zero.private_words[wire::command_peer_word] = zero.private_words[wire::alarm_peer_word] = ~0ull;
    zero.private_words[left_word] = zero.private_words[blocked_word] = 0;
    rt::set_state(zero, SlotState::starting);
    long tid = rove_clone_thread(
        thread_flags, stack_top(zero), &zero, reinterpret_cast<void (*)(Slot*)>(rove_entry_porter));
    if (tid < 0) {
        rt::set_state(zero, SlotState::gone);
        return false;
    }
    zero.tid = static_cast<int>(tid);
    return true;
}

extern "C" [[noreturn]] void rove_porter_main(Slot* zero) {
    uint64_t all = ~0ull;
    sys(14, 2, &all, 0, 8);
    auto* phase = reinterpret_cast<uint32_t*>(&control().phase);
    for (;;) {
        if (!make_sockets(*zero)) {
            Phase at = rt::phase();
            if (at == Phase::serving ||
                at == Phase::parking) { // its program is away: it cannot go on here
                int32_t never[3] = {-1, 0, 0};
                sys(7, never, 0, 100);
                continue;
            }
            __atomic_store_n(&control().phase, Phase::released, __ATOMIC_RELEASE);
            rt::futex_wake(phase);
            break;
        }
        rt::set_state(*zero, SlotState::waiting);
        uint64_t unused = 0;
        rt::Ended ended = rt::serve_commands(control().command_fd, nullptr, &unused);
        Phase now = rt::phase();
        if (ended == rt::Ended::run || now == Phase::ending) break;
        if (now == Phase::released) {
            let_all_go();
            break;
        }
        if (now == Phase::preparing ||
            now == Phase::none) { // the keeper died before anything was decided
            __atomic_store_n(&control().phase, Phase::released, __ATOMIC_RELEASE);
            rt::futex_wake(phase);
            break;
        }
        // The keeper died while the program is away: another one comes and finds new sockets.
        sys(3, control().command_fd);
        sys(3, control().alarm_fd);
    }
    close_all(*zero);
    // They wait for this, see leave(); what they still wait for is the end of the thread itself.
    rt::set_state(*zero, SlotState::gone);
    rt::futex_wake(reinterpret_cast<uint32_t*>(&zero->state));
    rove_exit_thread(&zero->state, 0);
}

extern "C" [[noreturn]] void rove_deputy_born(Slot* slot) {
    while (__atomic_load_n(&slot->link_ready, __ATOMIC_ACQUIRE) == 0)
        rt::futex_wait(&slot->link_ready, 0);
    apply_mask(*slot, slot->thread.mask);
    serve(*slot);
    leave(*slot);
}

Done new_thread(Slot& slot, uint64_t) {
    Slot* fresh = nullptr;
    {
        rt::Lock lock(&control().lock);
        for (uint32_t i = 1; i < wire::vfork_slots && !fresh; ++i) {
            Slot& candidate = rt::slot_at(i);
            SlotState state = __atomic_load_n(&candidate.state, __ATOMIC_ACQUIRE);
            if (state == SlotState::free || state == SlotState::gone) {
                fresh = &candidate;
                rt::set_state(*fresh,
                    SlotState::starting); // never free again: that would be the end of the slots
                memset(&fresh->link_fd, 0, word(fresh + 1) - word(&fresh->link_fd));
                memset(&own(*fresh), 0, sizeof(Private));
                fresh->index = i;
                fresh->tid = 0;
            }
        }
    }
    if (!fresh) return {static_cast<long>(wire::HomeReason::too_many_threads), wire::flag_go_home};
    fresh->link_fd = -1;
    fresh->thread.mask = slot.thread.mask;
    fresh->thread.altstack_flags = 2;
    // Born with everything blocked; it takes the program's mask when its link is there.
    uint64_t all = ~0ull;
    sys(14, 2, &all, 0, 8);
    uint64_t before =
        slot.mirror_mask; // after the block: a signal that came until then has changed it
    fresh->mirror_mask = all;
    long tid = rove_clone_thread(thread_flags, stack_top(*fresh), fresh, rove_deputy_born);
    sys(14, 2, &before, 0, 8);
    if (tid < 0) {
        rt::set_state(*fresh, SlotState::gone);
        return {tid, 0};
    }
    fresh->tid = static_cast<int>(tid);
    __atomic_add_fetch(&control().threads, 1, __ATOMIC_ACQ_REL);
    alarm(wire::AlarmType::link_wanted, fresh->index, static_cast<uint64_t>(tid));
    return {static_cast<long>(uint64_t(fresh->index) << 32 | static_cast<uint64_t>(tid)), 0};
}

[[noreturn]] void end_thread(Slot& slot, int code) {
    uint64_t all = ~0ull;
    sys(14, 2, &all, 0, 8);
    alarm(wire::AlarmType::thread_gone, slot.index, 0);
    sys(3, slot.link_fd);
    slot.link_fd = -1;
    // The last one: the porter must not keep the process alive, nor is the process's status its.
    if (__atomic_sub_fetch(&control().threads, 1, __ATOMIC_ACQ_REL) == 0)
        sys(231, static_cast<uint64_t>(code));
    rove_exit_thread(&slot.state, code);
}

} // namespace rove::deputy
