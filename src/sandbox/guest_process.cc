// SPDX-License-Identifier: Apache-2.0
// Guest process: see guest_process.hh.
#include "sandbox/guest_process.hh"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "sys/files.hh"
#include "sys/namespaces.hh"

namespace rove::sandbox {

namespace {

// Empty ones that guests of one program can have in common.
constexpr struct {
    char const* name;
    uint64_t flag;
} shared_namespaces[] = {{"net", CLONE_NEWNET}, {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS},
    {"cgroup", CLONE_NEWCGROUP}, {"mnt", CLONE_NEWNS}};

// What /proc/self/timens_offsets says now: "monotonic 0 0\nboottime 0 0\n".
Nanos present_offset(std::string const& text, std::string const& clock) {
    size_t at = text.find(clock);
    if (at == std::string::npos) return Nanos(0);
    long long seconds = 0, nanoseconds = 0;
    if (sscanf(text.c_str() + at + clock.size(), "%lld %lld", &seconds, &nanoseconds) != 2)
        return Nanos(0);
    return std::chrono::seconds(seconds) + Nanos(nanoseconds);
}

} // namespace

Status set_clocks(Nanos monotonic, Nanos boottime) {
    // Offsets count from the machine's clocks, also when we live in a time namespace ourselves.
    // From the second time on the file tells of the one that our children get.
    static Result<std::string> const ours = sys::read_file("/proc/self/timens_offsets");
    if (!ours) return Failure(ours.error());
    std::string const& text = *ours;
    TRY(sys::unshare(CLONE_NEWTIME));
    return sys::set_clock_offsets(
        present_offset(text, "monotonic") + monotonic, present_offset(text, "boottime") + boottime);
}

Result<std::vector<Fd>> kept_namespaces(pid_t pid) {
    std::vector<Fd> kept;
    for (auto const& each : shared_namespaces)
        kept.push_back(TRY(sys::open(fmt::format("/proc/{}/ns/{}", pid, each.name), O_RDONLY)));
    return kept;
}

Result<Newborn> clone_guest(
    pid_t pid, std::vector<Fd> const& joined, std::function<void()> const& enter) {
    int pidfd = -1;
    clone_args args{};
    args.flags = CLONE_PIDFD;
    for (auto const& each : shared_namespaces)
        if (joined.empty()) args.flags |= each.flag;
    args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
    args.exit_signal = SIGCHLD;
    args.set_tid = reinterpret_cast<uint64_t>(&pid);
    args.set_tid_size = 1;
    long made = syscall(SYS_clone3, &args, sizeof args);
    if (made < 0) return fail(errno, "cannot make a guest process with PID {}", pid);
    if (made == 0) {
        for (Fd const& each : joined) // elsewhere it would see the host's
            if (setns(each.number(), 0) != 0) _exit(1);
        enter();
        _exit(1);
    }
    return Newborn{static_cast<pid_t>(made), Fd(pidfd)};
}

Status leave_host_files() {
    auto failed = [](char const* what) { return fail(errno, "cannot {}", what); };
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return failed("make mounts private");
    // Any directory that is always there will do: it is hidden, then gone.
    char const* place = "/proc";
    if (::mount("rove", place, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
            "size=4k,nr_inodes=2,mode=555") != 0)
        return failed("mount an empty root");
    if (chdir(place) != 0) return failed("enter the empty root");
    if (syscall(SYS_pivot_root, ".", ".") == 0) {
        if (umount2(".", MNT_DETACH) != 0) return failed("detach the host's files");
    } else {
        // The host's root is its first one (a ramdisk): it cannot be pivoted, only covered.
        if (::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0 || chroot(".") != 0)
            return failed("cover the host's files");
    }
    if (chdir("/") != 0) return failed("enter the empty root");
    if (::mount(nullptr, "/", nullptr,
            MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
        return failed("make the empty root read-only");
    return {};
}

Status keep_only_descriptors(std::vector<std::pair<int, int>> const& wanted) {
    int highest = 0;
    for (auto const& [ours, number] : wanted)
        highest = std::max({highest, ours, number});
    std::vector<int> numbers;
    std::vector<std::pair<int, int>> parked;
    // First out of the way of all numbers that are wanted, then into their places.
    for (auto const& [ours, number] : wanted) {
        int high = fcntl(ours, F_DUPFD_CLOEXEC, highest + 1);
        if (high < 0) return fail(errno, "cannot place descriptor {}", number);
        parked.emplace_back(high, number);
        numbers.push_back(number);
    }
    for (auto const& [high, number] : parked)
        if (dup3(high, number, O_CLOEXEC) < 0)
            return fail(errno, "cannot place descriptor {}", number);
    std::sort(numbers.begin(), numbers.end());
    unsigned from = 0;
    for (int number : numbers) {
        if (static_cast<unsigned>(number) > from)
            (void)close_range(from, static_cast<unsigned>(number) - 1, 0);
        from = static_cast<unsigned>(number) + 1;
    }
    (void)close_range(from, ~0u, 0);
    return {};
}

void forget_libc() {
    constexpr unsigned rseq_length_min = 32;
    if (__rseq_size > 0) {
        auto* area = static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset;
        (void)syscall(
            SYS_rseq, area, std::max(__rseq_size, rseq_length_min), RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
    }
    (void)syscall(SYS_set_robust_list, nullptr, 24);
    (void)syscall(SYS_set_tid_address, nullptr);
}

} // namespace rove::sandbox
