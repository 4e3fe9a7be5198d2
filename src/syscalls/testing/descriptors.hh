// SPDX-License-Identifier: Apache-2.0
// Descriptors: what the calls under test are made on.
#pragma once

#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "syscalls/testing/round_trip.hh"

namespace rove::syscalls::testing {

/// As an argument register has it.
inline uint64_t at(int fd) {
    return static_cast<uint64_t>(static_cast<int64_t>(fd));
}

/// With known content, at its beginning.
inline int file_of(Arena& a, size_t size) {
    int const fd = a.fd(memfd_create("file", MFD_ALLOW_SEALING));
    std::string text(size, 'x');
    for (size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>(i * 7 % 251);
    EXPECT_EQ(write(fd, text.data(), size), static_cast<ssize_t>(size));
    lseek(fd, 0, SEEK_SET);
    return fd;
}

inline std::pair<int, int> pair_of(Arena& a, int type) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, type, 0, ends), 0);
    a.fd(ends[0]);
    a.fd(ends[1]);
    return {ends[0], ends[1]};
}

} // namespace rove::syscalls::testing
