// SPDX-License-Identifier: Apache-2.0
// Clone: a new thread of a program that is away, and the end of one.
//
// Home first: the deputy clones its own new thread, which gives the TID and gets a link; then the
// warden makes that TID the next one here and hands over the link's other end; then the guest's
// kernel clones. The new thread begins in the runtime with a copy of its creator's registers.
#include "guest/guest.hh"

#include "rt/futex.hh"
#include "rt/memory.hh"

extern "C" {
long rove_clone_thread(
    uint64_t flags, uint64_t stack, rove::rt::Slot* slot, void (*entry)(rove::rt::Slot*));
void rove_guest_thread_main(rove::rt::Slot* slot);
[[noreturn]] void rove_exit_thread(rove::wire::SlotState* state, int code);
}

namespace rove::guest {

namespace {

constexpr uint64_t clone_vm = 0x100, clone_fs = 0x200, clone_files = 0x400, clone_sighand = 0x800,
                   clone_vfork = 0x4000, clone_thread = 0x10000, clone_sysvsem = 0x40000,
                   clone_settls = 0x80000, clone_parent_settid = 0x100000,
                   clone_child_cleartid = 0x200000, clone_detached = 0x400000,
                   clone_child_settid = 0x1000000;
constexpr uint64_t thread_flags =
    clone_vm | clone_fs | clone_files | clone_sighand | clone_thread | clone_sysvsem;
constexpr uint64_t with_thread = thread_flags | clone_settls | clone_parent_settid |
                                 clone_child_cleartid | clone_child_settid | clone_detached;

} // namespace

void prepare_frame(Slot& fresh, Slot const& parent, UserContext& user, Wanted const& wanted) {
    auto* from = rt::frame_of(&user);
    uint64_t base = word(&fresh) + wire::slot_frame_offset;
    uint64_t fp = (base + sizeof(UserFrame) + 63) & ~63ull;
    auto* frame = reinterpret_cast<UserFrame*>(base);
    *frame = *from;
    memcpy(reinterpret_cast<void*>(fp), reinterpret_cast<void const*>(user.fpstate),
        rt::fp_length(user.fpstate));
    frame->context.fpstate = fp;
    frame->context.rax = 0;
    frame->context.rsp = wanted.stack != 0 ? wanted.stack : user.rsp;
    fresh.frame = word(frame);
    fresh.thread = {};
    fresh.thread.fs_base = (wanted.flags & clone_settls) ? wanted.tls : parent.thread.fs_base;
    fresh.thread.mask = parent.thread.mask;
    fresh.thread.altstack_flags = 2;
    fresh.thread.clear_tid = (wanted.flags & clone_child_cleartid) ? wanted.child_tid : 0;
}

namespace {

Answer new_thread(Slot& slot, UserContext& user, Wanted const& wanted, long* result);

} // namespace

Answer clone(Slot& slot, UserContext& user, uint32_t nr, uint64_t const args[6], long* result) {
    Wanted wanted{};
    constexpr uint64_t sigchld = 17;
    if (nr == 57) {
        wanted.flags = sigchld;
    } else if (nr == 58) {
        wanted.flags = clone_vm | clone_vfork | sigchld;
    } else if (nr == 56) { // the kernel takes the low word
        wanted = {args[0] & 0xffffffff, args[1], args[2], args[3], args[4]};
    } else {
        uint64_t in[11] = {}; // flags pidfd child_tid parent_tid exit_signal stack stack_size tls …
        if (args[1] < 64 || !copy_in(in, args[0], args[1] < sizeof in ? args[1] : sizeof in)) {
            return go_home(slot, user, HomeReason::clone_process, nr);
        }
        wanted = {in[0] | in[4], in[5] ? in[5] + in[6] : 0, in[3], in[2], in[7]};
        if (in[8] != 0) return go_home(slot, user, HomeReason::clone_process, nr);
    }
    if ((wanted.flags & thread_flags) == thread_flags && (wanted.flags & ~with_thread) == 0 &&
        own(slot).shares == 0)
        return new_thread(slot, user, wanted, result);
    if (can_fork(wanted.flags)) return new_process(slot, user, nr, wanted, result);
    return go_home(
        slot, user, (wanted.flags & clone_vm) ? HomeReason::clone_process : HomeReason::fork, nr);
}

namespace {

Answer new_thread(Slot& slot, UserContext& user, Wanted const& wanted, long* result) {
    long made = 0;
    Answer answer = forward_plain(slot, user, 56, wanted.flags, 0, 0, 0, 0, 0, &made);
    if (answer != Answer::result || made < 0) {
        *result = made;
        return answer;
    }
    auto tid = static_cast<int>(made & 0xffffffff);
    auto index = static_cast<uint32_t>(made >> 32);
    if (index == 0 || index >= wire::vfork_slots) {
        *result = -11;
        return Answer::result;
    }
    rt::Lock lock(&control().service_lock);
    int link = -1;
    long asked;
    do
        asked = ask_warden({wire::ServiceType::new_thread, index, tid}, &link, 1);
    while (asked == -11); // home is slow, or its steward has died and another one comes
    if (asked < 0) {
        *result = -11;
        return Answer::result;
    }
    Slot& fresh = rt::slot_at(index);
    // The slot's last thread has ended at home and may be at its last instructions here.
    for (;;) {
        auto state = __atomic_load_n(&fresh.state, __ATOMIC_ACQUIRE);
        if (state == rt::SlotState::free || state == rt::SlotState::gone) break;
        sys(24); // sched_yield
    }
    memset(&fresh, 0, sizeof fresh);
    memset(&own(fresh), 0, sizeof(Private));
    fresh.index = index;
    fresh.tid = tid;
    fresh.link_fd = link;
    fresh.private_words[sandboxed_word] = 1;
    prepare_frame(fresh, slot, user, wanted);
    own(fresh).sent_mask = slot.thread.mask;
    // Before the state: a child that another thread forks must find this slot, and free it.
    if (index >= control().slots_end) control().slots_end = index + 1;
    rt::set_state(fresh, rt::SlotState::starting);
    if (wanted.flags & clone_parent_settid) (void)copy_out(wanted.parent_tid, &tid, sizeof tid);
    if (wanted.flags & clone_child_settid) (void)copy_out(wanted.child_tid, &tid, sizeof tid);
    uint64_t top = word(&fresh) + wire::slot_stack_offset + wire::slot_stack_size;
    __atomic_add_fetch(
        &control().threads, 1, __ATOMIC_ACQ_REL); // before it runs: with two, no text is patched
    made = rove_clone_thread(thread_flags, top, &fresh, rove_guest_thread_main);
    if (made >= 0 && made != tid) rt::bug(9); // the warden has promised this number
    tell_warden(wire::ServiceType::made, index, tid);
    if (made < 0) {
        __atomic_sub_fetch(&control().threads, 1, __ATOMIC_ACQ_REL);
        sys(3, link);
        rt::set_state(fresh, rt::SlotState::free);
        *result = -11;
        return Answer::result;
    }
    *result = tid;
    return Answer::result;
}

} // namespace

Answer exit_thread(Slot& slot, UserContext& user, int code) {
    uint64_t all = ~0ull;
    long ignored = 0;
    if (own(slot).shares) // its only thread: the process ends
        return forward_plain(slot, user, 231, static_cast<uint64_t>(code), 0, 0, 0, 0, 0, &ignored);
    if (slot.tid == control().pid && __atomic_load_n(&control().threads, __ATOMIC_ACQUIRE) > 1) {
        return go_home(slot, user, HomeReason::leader_ended,
            60); // what is left cannot be looked into any more
    }
    // The kernel does not wait for a page to say there that a thread has ended.
    if (__atomic_load_n(&control().threads, __ATOMIC_ACQUIRE) > 1) bring(slot, 0, 0);
    // Home's thread ends first: who joins this one must not meet a leftover of it there. If it may
    // not end now, for a signal or a move, this one does not end either.
    Answer answer =
        forward_plain(slot, user, 60, static_cast<uint64_t>(code), 0, 0, 0, 0, 0, &ignored);
    if (answer != Answer::result) return answer;
    __atomic_sub_fetch(&control().threads, 1, __ATOMIC_ACQ_REL);
    sys(14, 2, &all, 0, 8);
    sys(3, slot.link_fd);
    slot.link_fd = -1;
    rove_exit_thread(&slot.state, code);
}

} // namespace rove::guest
