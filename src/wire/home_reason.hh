// SPDX-License-Identifier: Apache-2.0
// Home reason: why a guest asks to go home. The words are those of reasons.def, where they are
// explained; only those that the runtime itself can find are here, as numbers for its frames.
//
// Freestanding.
#pragma once

#include <stdint.h>

namespace rove::wire {

// X(number, word): APPEND ONLY
#define ROVE_HOME_REASONS(X)                                                                       \
    X(1, fork)                                                                                     \
    X(2, exec)                                                                                     \
    X(3, clone_process)                                                                            \
    X(4, shared_writable_memory)                                                                   \
    X(5, shared_file_mapping)                                                                      \
    X(6, io_uring)                                                                                 \
    X(7, ptrace)                                                                                   \
    X(8, namespaces)                                                                               \
    X(9, fatal_signal)                                                                             \
    X(10, unknown_call)                                                                            \
    X(11, bits_32)                                                                                 \
    X(12, large_mapping)                                                                           \
    X(13, descriptor_numbers)                                                                      \
    X(14, userfaultfd)                                                                             \
    X(15, perf_event)                                                                              \
    X(16, hugetlbfs)                                                                               \
    X(17, aio)                                                                                     \
    X(18, seccomp_filter)                                                                          \
    X(19, realtime)                                                                                \
    X(20, too_many_threads)                                                                        \
    X(21, memory_call)                                                                             \
    X(22, shared_memory_segment)                                                                   \
    X(23, cpu_timer)                                                                               \
    X(24, leader_ended)                                                                            \
    X(25, memory_listing)                                                                          \
    X(26, cpu_features)

enum class HomeReason : uint32_t {
    none = 0,
#define X(number, word) word = number,
    ROVE_HOME_REASONS(X)
#undef X
};

/// Hosted readers: the stable word, or "unknown_call" for a number that a newer runtime may send.
constexpr char const* home_reason_word(uint32_t number) {
    switch (number) {
#define X(n, word)                                                                                 \
    case n:                                                                                        \
        return #word;
        ROVE_HOME_REASONS(X)
#undef X
    default:
        return "unknown_call";
    }
}

} // namespace rove::wire
