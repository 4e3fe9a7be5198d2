// SPDX-License-Identifier: Apache-2.0
// Remote memory: process_vm_readv and its like.
#include "tracee/memory.hh"

#include <sys/uio.h>
#include <unistd.h>

#include "sys/files.hh"

namespace rove::tracee {

Result<RemoteMemory> RemoteMemory::open(pid_t pid) {
    Fd file = TRY(sys::open(fmt::format("/proc/{}/mem", pid), O_RDWR));
    return RemoteMemory(pid, std::move(file));
}

size_t RemoteMemory::read_some(uint64_t from, void* to, size_t count) const {
    iovec local{to, count};
    iovec remote{reinterpret_cast<void*>(from), count};
    ssize_t got = ::process_vm_readv(pid_, &local, 1, &remote, 1, 0);
    return got < 0 ? 0 : static_cast<size_t>(got);
}

Status RemoteMemory::read(uint64_t from, void* to, size_t count) const {
    iovec local{to, count};
    iovec remote{reinterpret_cast<void*>(from), count};
    ssize_t got = ::process_vm_readv(pid_, &local, 1, &remote, 1, 0);
    // Where the first thread has ended and others go on, only the open file leads there.
    if (got < 0 && errno == ESRCH) return read_forced(from, to, count);
    if (got < 0)
        return fail(errno, "cannot read {} bytes at {:#x} of process {}", count, from, pid_);
    if (static_cast<size_t>(got) != count)
        return fail(EFAULT, "cannot read {} bytes at {:#x} of process {}", count, from, pid_);
    return {};
}

Status RemoteMemory::write(uint64_t to, void const* from, size_t count) const {
    iovec local{const_cast<void*>(from), count};
    iovec remote{reinterpret_cast<void*>(to), count};
    ssize_t put = ::process_vm_writev(pid_, &local, 1, &remote, 1, 0);
    if (put < 0 && errno == ESRCH) return write_forced(to, from, count);
    if (put < 0)
        return fail(errno, "cannot write {} bytes at {:#x} of process {}", count, to, pid_);
    if (static_cast<size_t>(put) != count)
        return fail(EFAULT, "cannot write {} bytes at {:#x} of process {}", count, to, pid_);
    return {};
}

Status RemoteMemory::read_forced(uint64_t from, void* to, size_t count) const {
    auto* at = static_cast<char*>(to);
    while (count > 0) {
        ssize_t got = ::pread(file_.number(), at, count, static_cast<off_t>(from));
        if (got <= 0)
            return fail(
                got == 0 ? ESRCH : errno, "cannot read memory at {:#x} of process {}", from, pid_);
        at += got;
        from += static_cast<uint64_t>(got);
        count -= static_cast<size_t>(got);
    }
    return {};
}

Status RemoteMemory::write_forced(uint64_t to, void const* from, size_t count) const {
    auto const* at = static_cast<char const*>(from);
    while (count > 0) {
        ssize_t put = ::pwrite(file_.number(), at, count, static_cast<off_t>(to));
        if (put <= 0)
            return fail(
                put == 0 ? ESRCH : errno, "cannot write memory at {:#x} of process {}", to, pid_);
        at += put;
        to += static_cast<uint64_t>(put);
        count -= static_cast<size_t>(put);
    }
    return {};
}

} // namespace rove::tracee
