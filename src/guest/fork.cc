// SPDX-License-Identifier: Apache-2.0
// Fork: a new process of a program that is away.
//
// Home first: its deputy forks the child's, which gives the PID and serves a link prepared ahead.
// The warden hands over that link's other end and a service socket of the child's own, and makes
// the PID the next one here; then the host's kernel forks. A child that shares its parent's memory
// until it executes another program (vfork, posix_spawn) has a slot of its own in it, with its own
// stack and signal actions; the host's kernel holds the thread that made it.
#include "guest/guest.hh"

#include "rt/futex.hh"
#include "rt/memory.hh"

extern "C" {
long rove_clone_thread(
    uint64_t flags, uint64_t stack, rove::rt::Slot* slot, void (*entry)(rove::rt::Slot*));
void rove_guest_shares_main(rove::rt::Slot* slot);
[[noreturn]] void rove_enter_return(rove::rt::UserFrame* frame, rove::rt::UserContext* context);
}

namespace rove::guest {

namespace {

using rt::SlotState;

constexpr uint64_t clone_vm = 0x100, clone_vfork = 0x4000, clone_parent = 0x8000,
                   clone_settls = 0x80000, clone_parent_settid = 0x100000,
                   clone_child_cleartid = 0x200000, clone_child_settid = 0x1000000,
                   clone_clear_sighand = 0x100000000, exit_signal_bits = 0xff;
constexpr uint64_t known_flags = exit_signal_bits | clone_vm | clone_vfork | clone_settls |
                                 clone_parent_settid | clone_child_cleartid | clone_child_settid |
                                 clone_clear_sighand;
constexpr int sockets = 2; // link, service

uint64_t block_all() {
    uint64_t all = ~0ull, before = 0;
    sys(14, 2, &all, &before, 8);
    return before;
}
void set_mask(uint64_t mask) {
    sys(14, 2, &mask, 0, 8);
}

/// In the child's own table of descriptors, where all others are its parent's.
void take_sockets(Slot const& mine, int const fds[sockets]) {
    int service = control().alarm_fd;
    sys(33, fds[1], service); // dup2
    int low = fds[0] < service ? fds[0] : service, high = fds[0] < service ? service : fds[0];
    if (low > 0) sys(436, 0, low - 1, 0); // close_range
    if (high > low + 1) sys(436, low + 1, high - 1, 0);
    sys(436, high + 1, ~0u, 0);
    int owner[2] = {0, mine.tid}; // F_OWNER_TID: the doorbell rings in this thread
    if (sys(72, fds[0], 15, owner) != 0) rt::bug(10);
}

void reset_handlers(wire::Action* actions) {
    for (uint32_t number = 1; number <= 64; ++number)
        if (actions[number].handler > 1) actions[number] = {};
}

void begin_thread_state(Slot& slot, Wanted const& wanted) {
    auto& t = slot.thread;
    t.signals_seen = t.signals_undelivered = 0;
    t.robust_list = t.robust_length = 0;
    t.clear_tid = (wanted.flags & clone_child_cleartid) ? wanted.child_tid : 0;
    t.pdeath_signal = 0;
    t.cpu_before_ns = t.cpu_here_ns = 0;
    if (wanted.flags & clone_settls) t.fs_base = wanted.tls;
}

/// In the child, which has a copy of everything and goes on where its parent called.
void become_child(
    Slot& slot, UserContext& user, Wanted const& wanted, int pid, int const fds[sockets]) {
    auto& c = control();
    slot.tid = c.pid = pid;
    take_sockets(slot, fds);
    slot.link_fd = fds[0];
    for (uint32_t i = 1; i < c.slots_end; ++i)
        if (i != slot.index) rt::set_state(rt::slot_at(i), SlotState::free);
    for (uint32_t i = wire::vfork_slots; i < wire::slots_max - 1; ++i)
        if (rt::slot_at(i).state != SlotState::free) rt::set_state(rt::slot_at(i), SlotState::free);
    c.slots_end = slot.index + 1;
    c.threads = 1;
    c.lock = c.service_lock = 0;
    c.resumes = c.watched = c.lacks = 0;
    memset(c.calls, 0, sizeof c.calls);
    forget_mail_ends(); // a mailbox is its parent's
    c.cpu_before_ns = 0;
    c.phase = rt::Phase::serving; // whatever its parent is asked to do
    begin_thread_state(slot, wanted);
    auto& mine = own(slot);
    mine.stop = 0;
    mine.signals_queued = mine.signals_wanted = mine.departed = mine.ask_again = 0;
    mine.home_cpu_as_of[0] = mine.home_cpu_as_of[1] = 0;
    mine.spin_misses = mine.spin_skip = mine.spin_pause = 0;
    rt::begin_link(slot, slot.link_fd, c.epoch);
    mine.sent_mask = slot.thread.mask;
    if (wanted.flags & clone_settls) sys(158, 0x1002, wanted.tls);
    if (wanted.flags & clone_clear_sighand) reset_handlers(c.actions);
    if (wanted.stack != 0) user.rsp = wanted.stack;
    tell_warden(wire::ServiceType::born, slot.index, pid);
}

Slot* take_shared_slot() {
    rt::Lock lock(&control().lock);
    for (uint32_t i = wire::vfork_slots; i < wire::slots_max - 1; ++i) {
        Slot& slot = rt::slot_at(i);
        if (slot.state != SlotState::free) continue;
        rt::set_state(slot, SlotState::starting);
        return &slot;
    }
    return nullptr;
}

long clone_sharing(Slot& slot, UserContext& user, Wanted const& wanted, int pid,
    int const fds[sockets], uint64_t flags) {
    Slot* fresh = take_shared_slot();
    if (!fresh) return -11;
    fresh->index = static_cast<uint32_t>(
        (word(fresh) - wire::slot_address(rt::region_base(), 0)) / wire::slot_size);
    memset(&own(*fresh), 0, sizeof(Private));
    memset(&fresh->link_fd, 0, word(fresh + 1) - word(&fresh->link_fd));
    prepare_frame(*fresh, slot, user, wanted);
    fresh->thread.altstack_base = slot.thread.altstack_base;
    fresh->thread.altstack_size = slot.thread.altstack_size;
    fresh->thread.altstack_flags = slot.thread.altstack_flags;
    fresh->tid = pid;
    fresh->link_fd = fds[0];
    fresh->next_link_fd = fds[1]; // its service socket, until it has taken it
    fresh->sequence = slot.sequence;
    auto& mine = own(*fresh);
    mine.shares = 1;
    mine.sent_mask = slot.thread.mask;
    auto* actions = reinterpret_cast<wire::Action*>(word(fresh) + shared_actions_offset);
    memcpy(actions, actions_of(slot), sizeof control().actions);
    if (wanted.flags & clone_clear_sighand) reset_handlers(actions);
    uint64_t top = word(fresh) + wire::slot_stack_offset + wire::slot_stack_size;
    flags &= ~(clone_child_settid | clone_child_cleartid); // rove_clone_thread has no room for it
    if (wanted.flags & clone_child_settid) (void)copy_out(wanted.child_tid, &pid, sizeof pid);
    long made = rove_clone_thread(flags, top, fresh, rove_guest_shares_main);
    rt::set_state(*fresh, SlotState::free); // it has its own memory by now, or none
    return made;
}

/// Home's half must not live without this one. As if it had never been.
void undo_at_home(Slot& slot, UserContext& user, int pid) {
    constexpr uint64_t any_child = 0x40000000; // __WALL
    auto insist = [&](uint32_t nr, uint64_t second, uint64_t third) {
        long ignored = 0;
        // A signal that comes first is queued; a move, which is not, leaves the child to its
        // steward.
        for (int tries = 0; tries < 64 && goes_on(slot); ++tries)
            if (forward_plain(slot, user, nr, static_cast<uint64_t>(pid), second, third, 0, 0, 0,
                    &ignored) == Answer::result)
                return;
    };
    insist(62, 9, 0);
    insist(61, 0, any_child);
}

} // namespace

bool can_fork(uint64_t flags) {
    // One without the other is rare, and its creator would be held together with our lock.
    bool shares = (flags & clone_vm) != 0, holds = (flags & clone_vfork) != 0;
    return (flags & ~known_flags) == 0 && shares == holds;
}

Answer new_process(Slot& slot, UserContext& user, uint32_t nr, Wanted const& wanted, long* result) {
    if (own(slot).shares) { // its parent's memory is not this one's to give on
        *result = -11;
        return Answer::result;
    }
    bring(slot, 0, 0); // a child would find zeros where its parent's pages are still at home
    long made = 0;
    Answer answer = forward_plain(slot, user, 56,
        wanted.flags & (exit_signal_bits | clone_vm | clone_clear_sighand), 0, 0, 0, 0, 0, &made);
    if (answer != Answer::result || made < 0) {
        *result = made;
        return answer;
    }
    auto pid = static_cast<int>(made & 0xffffffff);
    auto spare = static_cast<uint32_t>(made >> 32);
    uint64_t flags =
        clone_parent |
        (wanted.flags & (clone_vm | clone_vfork | clone_child_cleartid | clone_child_settid));
    int fds[sockets] = {-1, -1};
    rt::lock(&control().service_lock); // the promised number is for the next one that is made
    made = ask_warden({wire::ServiceType::new_process, spare, pid}, fds, sockets);
    bool shares = (wanted.flags & clone_vm) != 0;
    if (made >= 0) {
        if (wanted.flags & clone_parent_settid) (void)copy_out(wanted.parent_tid, &pid, sizeof pid);
        uint64_t before = block_all();
        if (shares) {
            made = clone_sharing(slot, user, wanted, pid, fds, flags);
        } else {
            made = sys(56, flags, 0, 0, wanted.child_tid, 0);
            if (made == 0) {
                if (sys(39) != pid) sys(231, 1); // the number is taken here; nobody misses it
                become_child(slot, user, wanted, pid, fds);
            }
        }
        set_mask(before);
        tell_warden(wire::ServiceType::made, 0, pid);
    }
    // A child that shares memory has unlocked it in its first step.
    if (!shares || made < 0) rt::unlock(&control().service_lock);
    if (made == 0) {
        *result = 0;
        return Answer::result;
    }
    for (int fd : fds)
        if (fd >= 0) sys(3, fd);
    if (made != pid) {
        undo_at_home(slot, user, pid);
        return go_home(slot, user, HomeReason::fork, nr);
    }
    *result = pid;
    return Answer::result;
}

/// A child that shares memory, in its first step: it has another table of descriptors, and its
/// creator's stack for signals.
extern "C" void rove_guest_shares_main(Slot* slot) {
    rt::unlock(&control().service_lock); // its creator's
    if (sys(39) != slot->tid) sys(231, 1);
    use_slot_stack(*slot);
    int const fds[sockets] = {slot->link_fd, slot->next_link_fd};
    slot->next_link_fd = 0;
    take_sockets(*slot, fds);
    rt::begin_link(*slot, slot->link_fd, control().epoch);
    if (control().patch_allowed) sys(158, 0x1001, slot);
    sys(158, 0x1002, slot->thread.fs_base);
    if (slot->thread.clear_tid) sys(218, slot->thread.clear_tid);
    tell_warden(wire::ServiceType::born, 0, slot->tid);
    rt::set_state(*slot, SlotState::running);
    set_mask(0);
    auto* frame = import_frame(*slot);
    rove_enter_return(frame, &frame->context);
}

} // namespace rove::guest
