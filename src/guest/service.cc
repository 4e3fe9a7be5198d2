// SPDX-License-Identifier: Apache-2.0
// Service: what a guest cannot do itself, and its warden does: choose the number that home has
// given to a new thread or process, get the ends of sockets, and the bytes of files.
#include "guest/guest.hh"
#include "rt/futex.hh"
#include "rt/rights.hh"

namespace rove::guest {

long ask_warden(wire::Service note, int* fds, int wanted) {
    long put;
    do
        put = sys(44, control().alarm_fd, &note, sizeof note, 0x4000);
    while (put == -4);
    if (put < 0) return put;
    long got = rt::receive_with_descriptors(
        control().alarm_fd, &note, sizeof note, fds, static_cast<uint32_t>(wanted));
    if (got != sizeof note) return got < 0 ? got : -32; // EPIPE
    if (note.value < 0) return note.value;
    return wanted == 0 || fds[wanted - 1] >= 0 ? note.value : -71; // EPROTO
}

void tell_warden(wire::ServiceType type, uint32_t slot, int64_t value) {
    wire::Service note{type, slot, value};
    (void)sys(44, control().alarm_fd, &note, sizeof note, 0x4040);
}

// What the warden does not hear of by itself (userfaultfd), or hears of too late: it is asked
// before that is done. A child that shares memory has none: its creator has asked for all.
void bring(Slot& slot, uint64_t at, uint64_t length) {
    constexpr uint64_t page = 4096;
    if (__atomic_load_n(&control().lacks, __ATOMIC_ACQUIRE) == 0 || own(slot).shares) return;
    uint64_t first = at & ~(page - 1);
    auto pages = static_cast<uint32_t>((at - first + length + page - 1) / page);
    wire::Service wish{wire::ServiceType::bring_pages, pages, static_cast<int64_t>(first)};
    constexpr long gone = -32; // EPIPE
    rt::Lock lock(&control().service_lock);
    for (long asked = -1; asked != 0 && asked != gone;)
        asked = ask_warden(wish, nullptr, 0);
}

} // namespace rove::guest
