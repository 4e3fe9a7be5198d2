// SPDX-License-Identifier: Apache-2.0
// Fork: children that the program makes while it is away.
//
// A child's deputy is forked here first, which gives the PID; it serves a link that was prepared
// ahead, and its guest is forked by the host's kernel. It has a porter of its own and finds in its
// control page where its guest is, so a steward that takes over finds all that it needs.
#include "deputy/deputy.hh"

#include "rt/futex.hh"
#include "rt/memory.hh"

namespace rove::deputy {

namespace {

constexpr uint64_t exit_signal_bits = 0xff, clone_vm = 0x100, clear_sighand = 0x100000000;
constexpr int spare_patience = 100;  // times 20 ms
constexpr int porter_patience = 500; // times 10 ms

bool take_spare(wire::Spare& taken) {
    auto& c = control();
    rt::Lock lock(&c.lock);
    if (rt::phase() != Phase::serving) return false;
    for (auto& spare : c.spares) {
        if (spare.epoch == 0 || spare.epoch != c.epoch) continue;
        taken = spare;
        spare.epoch = 0;
        return true;
    }
    return false;
}

void put_back(wire::Spare const& spare) {
    auto& c = control();
    {
        rt::Lock lock(&c.lock);
        for (auto& place : c.spares) {
            if (place.epoch != 0 || place.id != spare.id) continue;
            place.epoch = spare.epoch;
            return;
        }
    }
    sys(3, spare.link_fd); // its place has been filled meanwhile
}

enum class Found { yes, no, look_up };

/// look_up: a signal or a move comes first.
Found find_spare(Slot& slot, wire::Spare& taken) {
    for (int tries = 0; tries < spare_patience; ++tries) {
        uint32_t seen = __atomic_load_n(&control().spares_made, __ATOMIC_ACQUIRE);
        bool taken_one = take_spare(taken);
        alarm(wire::AlarmType::spare_wanted, slot.index, 0);
        if (taken_one) return Found::yes;
        int64_t const time[2] = {0, 20000000};
        sys(202, &control().spares_made, 0x80, seen, time, 0, 0);
        if (own(slot).stop || rt::phase() != Phase::serving) return Found::look_up;
    }
    return Found::no;
}

/// At home no child of the program's is to find the runtime in its memory; here one must.
void let_region_be_forked(bool let) {
    constexpr uint64_t dontfork = 10, dofork = 11;
    uint64_t base = rt::region_base();
    uint64_t advice = let ? dofork : dontfork;
    sys(28, base + wire::text_offset, wire::text_size, advice);
    sys(28, base + wire::control_offset, wire::region_size - wire::control_offset, advice);
}

/// What only the parent has, and this process must not hold open, is closed: all but two numbers of
/// our block.
void keep_only(int one, int other) {
    auto const& c = control();
    if (c.fd_first <= 0) return;
    int low = one < other ? one : other, high = one < other ? other : one;
    if (low < c.fd_first) low = c.fd_first - 1;
    close_ours(c.fd_first, low - 1);
    close_ours(low + 1, high - 1);
    close_ours(high + 1, c.fd_last);
}

void forget_threads(Slot const& mine) {
    for (uint32_t i = 1; i < wire::slots_max; ++i) {
        Slot& other = rt::slot_at(i);
        if (other.state == SlotState::free) break;
        if (&other == &mine) continue;
        other.link_fd = -1;
        rt::set_state(other, SlotState::gone);
    }
}

void reset_handlers() {
    for (uint32_t number = 1; number <= 64; ++number)
        if (control().actions[number].handler > 1) (void)set_action(number, {});
}

/// The forked process: from here on the deputy of the child. Everything is blocked.
[[noreturn]] void become_child(Slot& slot, wire::Spare const& spare, uint64_t flags) {
    auto& c = control();
    // Until a steward attends to this child, its parent's is told what it wants.
    bool attended = c.alarm_fd >= 0 && rt::slot_at(0).private_words[wire::alarm_peer_word] == ~0ull;
    int parents = attended ? c.alarm_fd : c.parents_alarm_fd;
    keep_only(spare.link_fd, parents);
    c.parents_alarm_fd = parents;
    c.follow_exec = wire::FollowExec::unasked;
    auto pid = static_cast<int32_t>(sys(39));
    c.command_fd = c.alarm_fd = -1;
    c.threads = 1;
    c.lock = c.map_lock = 0;
    c.remapped = c.spares_made = c.cpu_timer = 0;
    for (auto& other : c.spares)
        other.epoch = 0;
    memcpy(c.places[c.epoch & 1].landing, spare.landing, sizeof spare.landing);
    forget_threads(slot);
    memset(&own(slot), 0, sizeof(Private));
    slot.tid = pid;
    slot.link_fd = spare.link_fd;
    slot.signals_sent = 0;
    slot.next_link_fd = 0;
    slot.next_link_epoch = 0;
    slot.mirror_mask = ~0ull;
    slot.private_words[wire::restart_word] = 0;
    c.phase = Phase::serving; // whatever its parent is asked to do
    // A child that shares its parent's memory cannot come home to dump core.
    if (flags & clone_vm) give_up_cores();
    if (flags & clear_sighand) reset_handlers();
    __atomic_store_n(
        &c.pid, pid, __ATOMIC_RELEASE); // what stands here is this process's from now on
    // Without one it could never be moved; where tasks are short, it waits for one that ends.
    for (int tries = 0; !start_porter(); ++tries) {
        if (tries == porter_patience) sys(62, pid, 9);
        int64_t const nap[2] = {0, 10000000};
        sys(270, 0, 0, 0, 0, nap, 0); // pselect6
    }
    apply_mask(slot, slot.thread.mask);
    serve(slot);
    leave(slot);
}

} // namespace

Done new_process(Slot& slot, uint64_t flags) {
    wire::Spare spare;
    switch (find_spare(slot, spare)) {
    case Found::yes:
        break;
    case Found::look_up:
        return {0, wire::flag_restart};
    case Found::no:
        return {static_cast<long>(wire::HomeReason::fork), wire::flag_go_home};
    }
    uint64_t all = ~0ull;
    sys(14, 2, &all, 0, 8);
    uint64_t before =
        slot.mirror_mask; // after the block: a signal that came until then has changed it
    long pid;
    {
        // The porter lifts a limit for a moment under this lock, which a child must not inherit.
        rt::Lock lock(&control().lock);
        let_region_be_forked(true);
        pid = sys(56, flags & exit_signal_bits, 0, 0, 0, 0);
        let_region_be_forked(false);
    }
    if (pid == 0) become_child(slot, spare, flags);
    sys(14, 2, &before, 0, 8);
    if (pid < 0) {
        put_back(spare);
        return {pid, 0};
    }
    sys(3, spare.link_fd);
    alarm(wire::AlarmType::process_born, slot.index, static_cast<uint64_t>(pid));
    return {static_cast<long>(uint64_t(spare.id) << 32 | static_cast<uint64_t>(pid)), 0};
}

} // namespace rove::deputy
