// SPDX-License-Identifier: Apache-2.0
// Service: what a guest cannot do itself when the program makes a thread or a process: choose the
// number that home has given, and get the ends of sockets. Its warden does.
#include "guest/guest.hh"

namespace rove::guest {

long ask_warden(wire::Service note, int* fds, int wanted) {
    long put;
    do
        put = sys(44, control().alarm_fd, &note, sizeof note, 0x4000);
    while (put == -4);
    if (put < 0) return put;
    struct {
        uint64_t base, length;
    } vector{word(&note), sizeof note};
    alignas(8) unsigned char space[24] = {};
    struct {
        uint64_t name;
        uint32_t name_length, padding;
        uint64_t vectors, count, space, space_length;
        uint32_t flags, padding2;
    } message{0, 0, 0, word(&vector), 1, word(space), sizeof space, 0, 0};
    long got;
    do {
        message.space_length = sizeof space;
        got = sys(47, control().alarm_fd, &message, 0x40000000); // MSG_CMSG_CLOEXEC
    } while (got == -4);
    if (got != sizeof note) return got < 0 ? got : -32;
    if (note.value < 0) return note.value;
    uint64_t bytes = static_cast<uint64_t>(wanted) * sizeof(int);
    if (message.space_length < 16 + bytes) return -71;
    for (int i = 0; i < wanted; ++i) {
        unsigned char const* at = space + 16 + static_cast<uint64_t>(i) * sizeof(int);
        __builtin_memcpy(fds + i, at, sizeof(int));
    }
    return 0;
}

void tell_warden(wire::ServiceType type, uint32_t slot, int64_t value) {
    wire::Service note{type, slot, value};
    (void)sys(44, control().alarm_fd, &note, sizeof note, 0x4040);
}

} // namespace rove::guest
