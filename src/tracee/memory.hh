// SPDX-License-Identifier: Apache-2.0
// Remote memory: reading and writing another process's memory.
//
// Plain reads and writes respect the mapping's rights; the forced ones go through /proc/PID/mem,
// which does not, and is how text is filled that was never writable.
#pragma once

#include <cstdint>
#include <string>

#include <sys/types.h>

#include "base/bytes.hh"
#include "base/fd.hh"
#include "base/result.hh"

namespace rove::tracee {

class RemoteMemory {
public:
    static Result<RemoteMemory> open(pid_t pid);

    pid_t pid() const { return pid_; }
    Status read(uint64_t from, void* to, size_t count) const;
    Status write(uint64_t to, void const* from, size_t count) const;
    Status read_forced(uint64_t from, void* to, size_t count) const;
    Status write_forced(uint64_t to, void const* from, size_t count) const;
    // As much as can be read, perhaps nothing.
    size_t read_some(uint64_t from, void* to, size_t count) const;

    template <class T> Result<T> get(uint64_t from) const {
        T value;
        TRY(read(from, &value, sizeof value));
        return value;
    }
    template <class T> Status put(uint64_t to, T const& value) const {
        return write(to, &value, sizeof value);
    }

private:
    RemoteMemory(pid_t pid, Fd file) : pid_(pid), file_(std::move(file)) {}
    pid_t pid_;
    Fd file_;
};

} // namespace rove::tracee
