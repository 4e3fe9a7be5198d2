// SPDX-License-Identifier: Apache-2.0
// Rights: see rights.hh.
#include "rt/rights.hh"

#include "rt/memory.hh"
#include "rt/sys.hh"

namespace rove::rt {

namespace {

/// What the control message says of itself: the space that it takes is rounded up.
uint64_t rights_length(unsigned char const* space) {
    uint64_t length;
    memcpy(&length, space, sizeof length);
    return length;
}

} // namespace

long receive_with_descriptors(int socket, void* to, uint64_t size, int* fds, uint32_t wanted) {
    struct {
        uint64_t base, length;
    } vector{word(to), size};
    constexpr uint64_t head = 16; // of a control message
    alignas(8) unsigned char space[head + rights_max * sizeof(int)] = {};
    struct {
        uint64_t name;
        uint32_t name_length, padding;
        uint64_t vectors, vector_count, space, space_length;
        uint32_t flags, padding2;
    } message{0, 0, 0, word(&vector), 1, word(space), sizeof space, 0, 0};
    long got;
    do {
        message.space_length = sizeof space;
        got = sys(47, socket, &message, 0x40000000); // recvmsg, MSG_CMSG_CLOEXEC
    } while (got == -4);
    for (uint32_t i = 0; i < wanted; ++i) {
        fds[i] = -1;
        if (got <= 0 || rights_length(space) < head + (i + 1) * sizeof(int)) continue;
        memcpy(fds + i, space + head + i * sizeof(int), sizeof(int));
    }
    return got;
}

} // namespace rove::rt
