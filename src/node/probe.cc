// SPDX-License-Identifier: Apache-2.0
// Probe: one function each; what changes a process's state is tried in a child.
#include "node/probe.hh"

#include <algorithm>
#include <functional>

#include <linux/userfaultfd.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/object.hpp>

#include "base/text.hh"
#include "seal/aes_gcm.hh"
#include "sys/cgroup.hh"
#include "sys/files.hh"
#include "sys/process.hh"

namespace rove::node {

namespace json = boost::json;

namespace {

bool in_child(std::function<bool()> const& test) {
    auto child = sys::fork_running([&] { return test() ? 0 : 1; });
    if (!child) return false;
    auto ending = sys::wait(child->pid);
    return ending && ending->code == 0 && ending->signal == 0;
}

std::string first_line(std::string const& path) {
    auto text = sys::read_file(path, 4096);
    return text ? std::string(trim(*text)) : "";
}

// Seizes a child, stops it and lets it go: what every move begins with.
bool can_trace() {
    auto child = sys::fork_running([] {
        (void)::pause();
        return 0;
    });
    if (!child) return false;
    bool ok = ::ptrace(PTRACE_SEIZE, child->pid, nullptr, nullptr) == 0 &&
              ::ptrace(PTRACE_INTERRUPT, child->pid, nullptr, nullptr) == 0 &&
              ::waitpid(child->pid, nullptr, __WALL) == child->pid &&
              ::ptrace(PTRACE_DETACH, child->pid, nullptr, nullptr) == 0;
    (void)::kill(child->pid, SIGKILL);
    (void)sys::wait(child->pid);
    return ok;
}

uint64_t userfault_features() {
    Fd fd(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)));
    if (!fd) return 0;
    uffdio_api api{};
    api.api = UFFD_API;
    return ::ioctl(fd.number(), UFFDIO_API, &api) == 0 ? api.features | 1ull << 63 : 0;
}

// The headers of Debian 12 are older than this request (Linux 6.7).
bool can_scan_pages() {
    struct Region {
        uint64_t start, end, categories;
    } region{};
    struct Arguments {
        uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
        uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
    } arguments{};
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return false;
    arguments.size = sizeof arguments;
    arguments.start = reinterpret_cast<uint64_t>(page);
    arguments.end = arguments.start + 4096;
    arguments.vec = reinterpret_cast<uint64_t>(&region);
    arguments.vec_len = 1;
    constexpr uint64_t page_is_present = 1 << 3;
    arguments.category_anyof_mask = arguments.return_mask = page_is_present;
    auto fd = sys::open("/proc/self/pagemap", O_RDONLY);
    bool ok = fd && ::ioctl(fd->number(), _IOWR('f', 16, Arguments), &arguments) >= 0;
    (void)::munmap(page, 4096);
    return ok;
}

bool can_unshare(int flags) {
    return in_child([&] { return ::unshare(flags) == 0; });
}

bool can_choose_pid() {
    // In a namespace of its own, where no other process is in the way.
    auto child = sys::fork_running([] {
        int status = 0;
        if (::unshare(CLONE_NEWPID) < 0) return 1;
        pid_t first = ::fork();
        if (first == 0) {
            bool ok = bool(sys::write_knob("/proc/sys/kernel/ns_last_pid", "4711"));
            pid_t chosen = ok ? ::fork() : -1;
            if (chosen == 0) ::_exit(0);
            (void)::waitpid(chosen, nullptr, 0);
            ::_exit(chosen == 4712 ? 0 : 1);
        }
        (void)::waitpid(first, &status, 0);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
    });
    if (!child) return false;
    auto ending = sys::wait(child->pid);
    return ending && ending->code == 0;
}

bool can_get_fd() {
    Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
    if (!pidfd) return false;
    Fd fd(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.number(), 0, 0)));
    return bool(fd) || errno == EBADF;
}

bool can_map_files() {
    auto names = sys::list_directory("/proc/self/map_files");
    if (!names || names->empty()) return false;
    return bool(sys::open("/proc/self/map_files/" + names->front(), O_RDONLY));
}

bool can_read_ending() {
    auto child = sys::fork_running([] { return 7; });
    if (!child) return false;
    Fd pidfd = std::move(child->pidfd);
    if (!pidfd) {
        auto opened = sys::pidfd_open(child->pid);
        if (!opened) return false;
        pidfd = std::move(*opened);
    }
    (void)sys::wait(child->pid);
    uint64_t info[8] = {1 << 3};
    return ::ioctl(pidfd.number(), _IOC(_IOC_READ | _IOC_WRITE, 0xFF, 11, 64), info) == 0 &&
           (info[0] & 1 << 3) != 0;
}

} // namespace

json::array probe_rows() {
    json::array rows;
    auto row = [&](std::string const& name, bool ok, char const* lost) {
        rows.push_back(json::object{
            {"name", name}, {"ok", ok}, {"lost", ok ? json::value() : json::value(lost)}});
    };
    utsname system{};
    (void)::uname(&system);
    row(fmt::format("kernel {}", system.release), sys::kernel_is_at_least(5, 11),
        "Rove needs Linux 5.11 or newer");
    row("AES instructions", seal::is_available(),
        "connections of guests cannot be encrypted (link.encrypt)");
    row("root", ::geteuid() == 0,
        "only processes of this user can be moved, guests share its rights");
    row("ptrace", can_trace(), "no process can be moved: the runtime cannot be put into it");
    std::string yama = first_line("/proc/sys/kernel/yama/ptrace_scope");
    row("yama ptrace_scope" + (yama.empty() ? std::string(" (not there)") : " " + yama),
        yama.empty() || yama != "3",
        "no process can be moved until the machine is restarted with another setting");
    row("user namespaces", can_unshare(CLONE_NEWUSER), "this node takes no guests");
    row("pid, mount, network, ipc, uts namespaces",
        can_unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS),
        "this node takes no guests");
    row("time namespaces", can_unshare(CLONE_NEWTIME),
        "guests see this node's uptime clock instead of home's");
    row("choice of PIDs (ns_last_pid)", can_choose_pid(),
        "this node takes no guests: they could not keep their PIDs");
    row("seccomp filters",
        ::prctl(PR_GET_SECCOMP) >= 0 && sys::exists("/proc/sys/kernel/seccomp/actions_avail"),
        "this node takes no guests: they could not be confined");
    row("pidfd_getfd", can_get_fd(), "descriptors cannot be handed into a process");
    uint64_t faults = userfault_features();
    constexpr uint64_t wp_async = 1 << 15;
    row("userfaultfd", faults != 0, "moves by post-copy are not possible");
    row("userfaultfd asynchronous write protection", (faults & wp_async) != 0,
        "programs stand still while all of their memory is sent");
    row("marks of pages that move (Linux 6.13)", sys::kernel_is_at_least(6, 13),
        "programs stand still while all of their memory is sent from home, or to another host");
    row("PAGEMAP_SCAN", can_scan_pages(), "finding a process's pages takes longer");
    row("/proc/PID/map_files", can_map_files(), "mapped files that were deleted cannot be served");
    row("exit status by pidfd (Linux 6.15)", can_read_ending(),
        "'rove run --report' has no exit status");
    auto top = sys::Cgroup::top();
    row(top ? (top->unified() ? "cgroups (v2)" : "cgroups (v1)") : "cgroups", bool(top),
        "programs and guests cannot be told apart");
    for (char const* controller : {"cpu", "memory", "freezer", "pids"})
        row(fmt::format("cgroup controller {}", controller),
            top && top->directory(controller).has_value(),
            "the limits of that controller are not enforced on guests");
    auto swaps = sys::read_file("/proc/swaps");
    row("swap", swaps && lines(*swaps).size() > 1,
        "memory that is too small ends programs instead of slowing them");
    return rows;
}

} // namespace rove::node
