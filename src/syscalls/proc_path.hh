// SPDX-License-Identifier: Apache-2.0
// Proc path: which files of a process under /proc tell of its memory, its threads or its
// descriptors: those on which the half at home would say something that is not true of the program.
//
// Freestanding.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace rove::syscalls {

enum class ProcPath : uint8_t {
    other,
    memory,     // maps and its kin: mappings, or what is in them
    counts,     // status, stat: they tell the number of threads
    descriptor, // fd/N, fdinfo/N: *number is N
};

/// `path` need not end with a zero. Only files of process `pid` are meant, under whatever name.
ProcPath classify_proc_path(char const* path, size_t length, int32_t pid, int32_t* number);
/// Could a relative path be one, in some directory?
bool may_be_proc_path(char const* path, size_t length);

/// The text of status or stat, `length` bytes of it, as if there were one thread less. Returns the
/// new length, which is smaller when the number has lost a digit.
size_t count_one_less(char* text, size_t length);

} // namespace rove::syscalls
