// SPDX-License-Identifier: Apache-2.0
// Timers and signals as descriptors: the wrappers.
#include "sys/timers.hh"

#include <signal.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace rove::sys {

Result<Fd> signal_fd(std::initializer_list<int> signals) {
    sigset_t set;
    (void)sigemptyset(&set);
    for (int number : signals)
        (void)sigaddset(&set, number);
    if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return fail(errno, "cannot block signals");
    int fd = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) return fail(errno, "cannot make a signalfd");
    return Fd(fd);
}

Result<std::optional<signalfd_siginfo>> read_signal(int fd) {
    signalfd_siginfo siginfo{};
    ssize_t count = ::read(fd, &siginfo, sizeof siginfo);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
    if (count != sizeof siginfo) return fail(count < 0 ? errno : EIO, "cannot read a signalfd");
    return siginfo;
}

Result<Fd> timer_fd() {
    int fd = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0) return fail(errno, "cannot make a timerfd");
    return Fd(fd);
}

Status set_timer(int fd, Nanos first, Nanos period) {
    itimerspec setting{to_timespec(period), to_timespec(first)};
    if (::timerfd_settime(fd, 0, &setting, nullptr) != 0) return fail(errno, "cannot set a timer");
    return {};
}

Result<uint64_t> read_timer(int fd) {
    uint64_t count = 0;
    ssize_t got = ::read(fd, &count, sizeof count);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return uint64_t{0};
    if (got != sizeof count) return fail(got < 0 ? errno : EIO, "cannot read a timerfd");
    return count;
}

} // namespace rove::sys
