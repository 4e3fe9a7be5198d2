// SPDX-License-Identifier: Apache-2.0
// Messages: struct msghdr and mmsghdr as the kernel has them on x86-64.
//
// The uapi headers do not have them, and libc's have no fixed widths. Freestanding.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace rove::abi {

struct MessageHeader {
    uint64_t name;
    uint32_t name_length;
    uint32_t pad1;
    uint64_t vector;
    uint64_t vector_count;
    uint64_t control;
    uint64_t control_length;
    uint32_t flags;
    uint32_t pad2;
};
static_assert(sizeof(MessageHeader) == 56);

struct MultiMessage {
    MessageHeader header;
    uint32_t length;
    uint32_t pad;
};
static_assert(sizeof(MultiMessage) == 64);

} // namespace rove::abi
