// SPDX-License-Identifier: Apache-2.0
// Thread: how R comes to life: the builder, the closing of the sandbox, the first step of each
// thread.
#include "guest/guest.hh"

#include "rt/executor.hh"
#include "rt/futex.hh"
#include "rt/memory.hh"

extern "C" {
long rove_clone3_thread(
    void* clone_args, uint64_t size, rove::rt::Slot* slot, void (*entry)(rove::rt::Slot*));
[[noreturn]] void rove_enter_return(rove::rt::UserFrame* frame, rove::rt::UserContext* context);
void rove_trap_trampoline();
void rove_kick_trampoline();
void rove_fault_trampoline();
void rove_restorer();
void rove_guest_thread_main(rove::rt::Slot* slot);
}

namespace rove::guest {

namespace {

using rt::Phase;
using rt::SlotState;

void catch_signal(int number, void (*trampoline)()) {
    constexpr uint64_t siginfo = 4, restorer = 0x04000000, onstack = 0x08000000,
                       nodefer = 0x40000000;
    uint64_t action[4] = {
        word(trampoline), siginfo | restorer | onstack | nodefer, word(&rove_restorer), 0};
    if (sys(13, number, action, 0, 8) != 0) rt::bug(1);
}

void catch_signals() {
    catch_signal(31, rove_trap_trampoline);
    catch_signal(23, rove_kick_trampoline);    // SIGURG
    constexpr int faults[] = {4, 5, 7, 8, 11}; // ILL TRAP BUS FPE SEGV
    for (int fault : faults)
        catch_signal(fault, rove_fault_trampoline);
}

/// From here on the host's kernel does for this thread what the filter says and nothing else.
void close_sandbox() {
    auto& zero = rt::slot_at(0);
    uint64_t uid = zero.private_words[wire::guest_uid_word];
    uint64_t gid = zero.private_words[wire::guest_gid_word];
    sys(157, 38, 1, 0, 0, 0); // PR_SET_NO_NEW_PRIVS
    sys(116, 0, 0);           // setgroups
    if (sys(119, gid, gid, gid) != 0) rt::bug(2);
    if (sys(117, uid, uid, uid) != 0) rt::bug(3);
    uint32_t header[2] = {0x20080522, 0};
    uint32_t none[6] = {};
    if (sys(126, header, none) != 0) rt::bug(4); // capset
    struct {
        uint16_t length;
        uint16_t padding[3];
        uint64_t filter;
    } program{static_cast<uint16_t>(zero.private_words[wire::filter_length_word]), {},
        zero.private_words[wire::filter_address_word]};
    if (program.length == 0) rt::bug(5);
    if (sys(317, 1, 0, &program) != 0) rt::bug(6);
}

long start_thread(uint32_t index) {
    if (index == 0 || index >= wire::slots_max) return -22;
    Slot& slot = rt::slot_at(index);
    bool holder = index == wire::holder_slot;
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
            set_tid_size, cgroup;
    } arguments{};
    arguments.flags = holder ? 0x8100   /* VM PARENT */
                             : 0x50f00; // VM FS FILES SIGHAND THREAD SYSVSEM
    arguments.stack = word(&slot) + wire::slot_stack_offset;
    arguments.stack_size = wire::slot_stack_size;
    int tid = slot.tid;
    arguments.set_tid = word(&tid);
    arguments.set_tid_size = 1;
    rt::set_state(slot, SlotState::starting);
    return rove_clone3_thread(
        &arguments, sizeof arguments, &slot, holder ? holder_main : rove_guest_thread_main);
}

} // namespace

void use_slot_stack(Slot const& slot) {
    struct {
        uint64_t base;
        uint32_t flags, padding;
        uint64_t size;
    } stack{word(&slot) + wire::slot_stack_offset, 0, 0, wire::slot_stack_size};
    if (sys(131, &stack, 0) != 0) rt::bug(7);
}

// The way back needs room below it.
__attribute__((noinline)) UserFrame* import_frame(Slot& slot) {
    auto* from = reinterpret_cast<UserFrame*>(slot.frame);
    uint64_t length = rt::fp_length(from->context.fpstate);
    uint64_t here;
    asm("mov %%rsp, %0" : "=r"(here));
    uint64_t fp = (here - 2048 - length) & ~63ull;
    auto* frame = reinterpret_cast<UserFrame*>((fp - sizeof(UserFrame)) & ~15ull);
    memcpy(
        reinterpret_cast<void*>(fp), reinterpret_cast<void const*>(from->context.fpstate), length);
    *frame = *from;
    auto& context = frame->context;
    context.fpstate = fp;
    context.mask = 0; // the kernel's mask; the program's is in the slot
    context.stack_base =
        word(&slot) + wire::slot_stack_offset; // sigreturn sets the alternate stack from these
    context.stack_size = wire::slot_stack_size;
    context.stack_flags = 0;
    context.cs = 0x33;
    context.ss = 0x2b;
    return frame;
}

extern "C" [[noreturn]] void rove_builder_main(Slot*) {
    catch_signals();
    // While there is one thread this costs nothing. A program that has registered at home finds it
    // so here.
    for (uint64_t command = 1; command <= wire::membarrier_registers; command <<= 1)
        if (command & wire::membarrier_registers) sys(324, command);
    uint64_t index = 0;
    if (rt::serve_commands(control().command_fd, start_thread, &index) == rt::Ended::lost) {
        sys(231, 1); // its keeper has gone before it ever ran
    }
    sys(3, control().command_fd);
    control().command_fd = -1;
    Slot& slot = rt::slot_at(static_cast<uint32_t>(index));
    begin_account(slot);
    uint64_t top = word(&slot) + wire::slot_stack_offset + wire::slot_stack_size;
    asm volatile("mov %0, %%rsp\n\txor %%ebp, %%ebp\n\tcall rove_guest_thread_main\n\tud2"
                 :
                 : "r"(top), "D"(&slot)
                 : "memory");
    __builtin_unreachable();
}

extern "C" void rove_guest_thread_main(Slot* slot) {
    auto& thread = slot->thread;
    // All signals wait until this thread has its alternate stack and knows where it is.
    uint64_t all = ~0ull;
    sys(14, 2, &all, 0, 8);
    use_slot_stack(*slot);
    int owner[2] = {0, slot->tid}; // F_OWNER_TID: the doorbell rings in this thread
    if (sys(72, slot->link_fd, 15, owner) != 0) rt::bug(8);
    sys(158, 0x1002, thread.fs_base);
    if (control().patch_allowed)
        sys(158, 0x1001, slot); // patched calls find it by GS, which the program does not use
    if (thread.clear_tid) sys(218, thread.clear_tid);
    if (thread.robust_list) sys(273, thread.robust_list, thread.robust_length);
    if (thread.rseq_address)
        sys(334, thread.rseq_address, thread.rseq_length, 0, thread.rseq_signature);
    if (thread.name[0]) sys(157, 15, thread.name);
    if (slot->private_words[sandboxed_word] == 0) {
        // Until the commit; when it comes to run, it may be wanted elsewhere already.
        for (Phase now = rt::phase(); now == Phase::none || now == Phase::preparing;
             now = rt::phase()) {
            rt::futex_wait(
                reinterpret_cast<uint32_t*>(&control().phase), static_cast<uint32_t>(now));
        }
        close_sandbox();
        own(*slot).sent_mask = thread.mask;
        own(*slot).signals_wanted = 1;
    }
    rt::begin_link(*slot, slot->link_fd, control().epoch);
    thread.signals_seen = 0; // both ends count from the link's beginning
    own(*slot).stop = 1;     // look at the link before the first step
    rt::set_state(*slot, SlotState::running);
    // From here on it can be kicked: what it still waits for (a sleep, a futex) may last.
    uint64_t none = 0;
    sys(14, 2, &none, 0, 8);
    auto* frame = import_frame(*slot);
    rove_enter_return(frame, &frame->context);
}

} // namespace rove::guest
