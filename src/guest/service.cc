// SPDX-License-Identifier: Apache-2.0
// Service: what a guest cannot do itself, and its warden does: choose the number that home has
// given to a new thread or process, get the ends of sockets, and the bytes of files.
#include "guest/guest.hh"
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

} // namespace rove::guest
