// SPDX-License-Identifier: Apache-2.0
// Guest: see guest.hh. Its birth is in birth.cc.
#include "warden/guest.hh"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>

#include "sys/files.hh"
#include "sys/process.hh"
#include "tracee/pagemap.hh"
#include "tracee/proc.hh"

namespace rove::warden {

using wire::Vma;
using wire::VmaKind;

Status Guest::read(uint64_t from, void* to, size_t count) const {
    auto* at = static_cast<char*>(to);
    while (count > 0) {
        iovec here{at, count}, there{reinterpret_cast<void*>(from), count};
        ssize_t got = process_vm_readv(pid(), &here, 1, &there, 1, 0);
        if (got < 0 && errno == EFAULT) { // pages that the program itself may not read
            Fd memory = open_proc("mem", O_RDONLY);
            got = pread(memory.number(), at, std::min<size_t>(count, 4096 - from % 4096),
                static_cast<off_t>(from));
        }
        if (got <= 0)
            return fail(got < 0 ? errno : EFAULT, "cannot read the guest's memory at {:#x}", from);
        at += got;
        from += static_cast<uint64_t>(got);
        count -= static_cast<size_t>(got);
    }
    return {};
}

Status Guest::write(uint64_t to, void const* from, size_t count) const {
    auto const* at = static_cast<char const*>(from);
    while (count > 0) {
        iovec here{const_cast<char*>(at), count}, there{reinterpret_cast<void*>(to), count};
        ssize_t put = process_vm_writev(pid(), &here, 1, &there, 1, 0);
        if (put <= 0)
            return fail(put < 0 ? errno : EFAULT, "cannot write the guest's memory at {:#x}", to);
        at += put;
        to += static_cast<uint64_t>(put);
        count -= static_cast<size_t>(put);
    }
    return {};
}

Status Guest::write_forced(uint64_t to, void const* from, size_t count) const {
    Fd memory = open_proc("mem", O_RDWR);
    if (!memory) return fail(errno, "cannot open the guest's memory");
    if (pwrite(memory.number(), from, count, static_cast<off_t>(to)) != static_cast<ssize_t>(count))
        return fail(errno, "cannot write the guest's memory at {:#x}", to);
    return {};
}

Status Guest::set_phase(wire::Phase phase) const {
    return put(control_field(offsetof(wire::Control, phase)), phase);
}

Result<std::string> Guest::proc_file(std::string const& name) const {
    return sys::read_file_at(proc_.number(), name, 64u << 20);
}

Result<size_t> Guest::thread_count() const {
    return static_cast<size_t>(TRY(tracee::parse_stat(TRY(proc_file("stat")))).threads);
}

Fd Guest::open_proc(std::string const& name, int flags) const {
    return Fd(openat(proc_.number(), name.c_str(), flags | O_CLOEXEC));
}

Status Guest::set_proc_file(std::string const& name, std::string const& text) const {
    return sys::write_knob_at(proc_.number(), name, text);
}

Result<std::vector<pid_t>> Guest::threads() const {
    // The host's /proc names tasks by the host's numbers; each one's status has ours.
    std::vector<pid_t> result;
    for (auto const& name : TRY(sys::list_directory(fmt::format("/proc/{}/task", outside_pid_)))) {
        auto status = proc_file("task/" + name + "/status");
        if (!status) continue;
        size_t line = status->find("\nNSpid:");
        if (line == std::string::npos) continue;
        size_t end = status->find('\n', line + 1);
        size_t tab = status->rfind('\t', end);
        pid_t tid = 0;
        if (std::from_chars(status->data() + tab + 1, status->data() + end, tid).ec == std::errc())
            result.push_back(tid);
    }
    return result;
}

Status Guest::signal_thread(pid_t tid, int number) const {
    if (syscall(SYS_tgkill, pid(), tid, number) != 0)
        return fail(errno, "cannot signal thread {} of the guest", tid);
    return {};
}

Status Guest::signal(int number) const {
    return sys::pidfd_send_signal(pidfd(), number); // its PID may be another guest's by now
}

} // namespace rove::warden
