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

Result<std::vector<image::Mapping>> Guest::maps() const {
    return image::parse_maps(TRY(proc_file("maps")));
}

Result<std::vector<Vma>> Guest::mappings(Segments const& segments) const {
    struct Flag {
        char const* name;
        uint16_t bit;
    };
    constexpr Flag flags[] = {{"dc", 1}, {"dd", 2}, {"wf", 4}, {"nh", 8}, {"hg", 16}, {"lo", 32},
        {"mg", 64}, {"nr", 128}};
    std::vector<Vma> result;
    for (auto const& mapping : TRY(image::parse_maps(TRY(proc_file("smaps"))))) {
        if (mapping.start >= region_ && mapping.end <= region_ + wire::region_size) continue;
        if (mapping.path == "[vsyscall]") continue;
        Vma vma;
        vma.start = mapping.start;
        vma.end = mapping.end;
        vma.prot = static_cast<uint8_t>(mapping.prot);
        for (auto const& flag : flags)
            if (mapping.has(flag.name)) vma.advice |= flag.bit;
        if (mapping.path == "[vdso]") {
            vma.kind = VmaKind::vdso;
        } else if (mapping.path.starts_with("[vvar")) {
            vma.kind = VmaKind::vvar;
        } else if (mapping.inode != 0) {
            auto segment =
                segments.find(makedev(mapping.device_major, mapping.device_minor), mapping.inode);
            if (!segment)
                return fail(
                    EPROTO, "the guest maps {}, which is none of its segments", mapping.path);
            vma.kind = VmaKind::segment;
            vma.segment = *segment;
            vma.offset = mapping.offset;
        } else if (mapping.has("gd")) {
            vma.kind = VmaKind::stack;
        }
        // Nobody asked for these two there; they only tell what the kernel does with such mappings.
        if (vma.kind == VmaKind::vdso || vma.kind == VmaKind::vvar) vma.advice = 0;
        result.push_back(vma);
    }
    return result;
}

Result<std::vector<wire::Range>> Guest::private_pages(std::vector<Vma> const& vmas) const {
    Fd file = open_proc("pagemap", O_RDONLY);
    if (!file) return fail(errno, "cannot open the guest's pagemap");
    auto pagemap = tracee::Pagemap::of(std::move(file));
    std::vector<wire::Range> ranges;
    for (auto const& vma : vmas) {
        if (vma.kind == VmaKind::vdso || vma.kind == VmaKind::vvar) continue;
        auto backing =
            vma.kind == VmaKind::segment ? tracee::Backing::file : tracee::Backing::nothing;
        TRY(pagemap.private_pages(vma.start, vma.end, backing, ranges));
    }
    return ranges;
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
    return sys::kill(pid(), number);
}

} // namespace rove::warden
