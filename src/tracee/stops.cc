// SPDX-License-Identifier: Apache-2.0
// Stops: see stops.hh.
#include "tracee/stops.hh"

#include <cerrno>

#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace rove::tracee {

long trace_raw(int request, pid_t tid, uint64_t address, uint64_t value) {
    return ::syscall(SYS_ptrace, request, tid, address, value);
}

Error trace_error(char const* what, pid_t tid) {
    return Error(errno, fmt::format("cannot {} thread {}", what, tid));
}

bool is_stop_signal(int signal) {
    return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

bool is_fault(int signal) {
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGTRAP ||
           signal == SIGFPE;
}

bool is_fatal_by_default(int signal) {
    switch (signal) {
    case SIGCHLD:
    case SIGURG:
    case SIGWINCH:
    case SIGCONT:
    case SIGKILL:
        return false;
    default:
        return !is_stop_signal(signal) && !is_fault(signal);
    }
}

Result<int> wait_stop(pid_t tid, Deadline deadline) {
    // Spins a little first: a running thread stops within microseconds, and a sleep costs 60.
    for (int round = 0;; ++round) {
        int status = 0;
        pid_t got = ::waitpid(tid, &status, __WALL | WNOHANG);
        if (got == tid) return status;
        if (got < 0 && errno != EINTR) return fail(ESRCH, "thread {} has gone", tid);
        if (deadline.passed()) return fail(EBUSY, "thread {} does not stop", tid);
        if (round > 50) nap();
    }
}

int signal_of(int status) {
    int signal = WSTOPSIG(status);
    return status >> 16 == 0 && signal != syscall_trap ? signal : 0;
}

void nap() {
    timespec time{0, 20000};
    (void)::nanosleep(&time, nullptr);
}

} // namespace rove::tracee
