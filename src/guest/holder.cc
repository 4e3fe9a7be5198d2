// SPDX-License-Identifier: Apache-2.0
// Holder: a second process in a guest's memory, so that the memory outlives the guest.
//
// It is made by the builder, before the program's first instruction, and stands outside of the
// sandbox: it can make another guest in the same memory, when the process comes back. While a
// program runs here, it waits in the kernel, with all signals blocked, for its warden; the
// instructions that it goes on with are the runtime's own and read nothing from memory that the
// program can write. The warden speaks to it only when the guest is no more, and the first thing
// that it does then is to take fresh memory for all that the runtime has.
#include "guest/guest.hh"
#include "rt/rights.hh"

extern "C" {
long rove_clone3_thread(
    void* clone_args, uint64_t size, rove::rt::Slot* slot, void (*entry)(rove::rt::Slot*));
// Waits for the warden; then `length` bytes at `memory` are fresh, and rove_holder_serves runs on
// the stack whose end is `top`; again and again.
[[noreturn]] void rove_hold(int socket, uint64_t memory, uint64_t length, uint64_t top);
[[noreturn]] void rove_builder_main(rove::rt::Slot*);
void rove_holder_serves(int socket);
}

namespace rove::guest {

namespace {

constexpr uint64_t through_end = ~0u;

[[noreturn]] void leave() {
    sys(231, 0); // exit_group
    __builtin_unreachable();
}

void answer(int socket, int64_t result) {
    wire::HolderReply reply{result};
    if (sys(44, socket, &reply, sizeof reply, 0x4000, 0, 0) != sizeof reply) leave();
}

/// The new guest: a copy of the holder with memory in common.
void revived_main(Slot* slot) {
    auto first = static_cast<uint64_t>(control().command_fd);
    sys(436, 0, first - 1, 0); // close_range: the holder's socket
    rove_builder_main(slot);
}

long make_guest(int pid) {
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
            set_tid_size, cgroup;
    } arguments{};
    arguments.flags = 0x8100; // VM PARENT
    Slot& slot = rt::slot_at(wire::porter_slot);
    arguments.stack = word(&slot) + wire::slot_stack_offset;
    arguments.stack_size = wire::slot_stack_size;
    arguments.set_tid = word(&pid);
    arguments.set_tid_size = 1;
    return rove_clone3_thread(&arguments, sizeof arguments, &slot, revived_main);
}

} // namespace

/// The holder's first steps, in the builder's company.
void holder_main(Slot* slot) {
    uint64_t all = ~0ull;
    sys(14, 2, &all, 0, 8);
    int socket = slot->link_fd;
    auto number = static_cast<uint64_t>(socket);
    if (number > 0) sys(436, 0, number - 1, 0);
    sys(436, number + 1, through_end, 0);
    uint64_t memory = rt::region_base() + wire::control_offset;
    rove_hold(socket, memory, wire::region_size - wire::control_offset,
        word(slot) + wire::slot_stack_offset + wire::slot_stack_size);
}

extern "C" void rove_holder_serves(int socket) {
    answer(socket, 0);
    wire::HolderOrder order{};
    int fds[2];
    long got = rt::receive_with_descriptors(socket, &order, sizeof order, fds, 2);
    if (got != sizeof order || fds[0] < 0 || fds[1] < 0) leave();
    constexpr uint64_t close_on_exec = 02000000;
    for (int i = 0; i < 2; ++i) {
        if (sys(292, fds[i], order.fd_first + i, close_on_exec) < 0) leave(); // dup3
        sys(3, fds[i]);
    }
    long made = make_guest(order.pid);
    for (int i = 0; i < 2; ++i)
        sys(3, order.fd_first + i);
    answer(socket, made);
}

} // namespace rove::guest
