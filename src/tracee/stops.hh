// SPDX-License-Identifier: Apache-2.0
// Stops: requests to the kernel about one traced thread, and what the stops mean that it reports.
// For this folder only.
#pragma once

#include <sys/types.h>

#include <csignal>

#include "base/clock.hh"
#include "base/result.hh"

namespace rove::tracee {

constexpr int interrupt_event = 128; // PTRACE_EVENT_STOP
constexpr int clone_event = 3;       // PTRACE_EVENT_CLONE
constexpr int syscall_trap = SIGTRAP | 0x80;

// ptrace(2) by number: glibc's enum ends before the newer requests.
long trace_raw(int request, pid_t tid, uint64_t address, uint64_t value);
template <class A, class D> long trace(int request, pid_t tid, A address, D value) {
    return trace_raw(request, tid, (uint64_t)(address), (uint64_t)(value));
}

Error trace_error(char const* what, pid_t tid);

bool is_stop_signal(int signal);
bool is_fault(int signal);
// Ends a process that has not said otherwise, and comes from outside.
bool is_fatal_by_default(int signal);

// The next status of a thread as waitpid has it; EBUSY after the deadline, ESRCH if it is no more.
Result<int> wait_stop(pid_t tid, Deadline deadline);

// What a stop of that status was about to give the program; 0 if it is not for a signal.
int signal_of(int status);

void nap();

} // namespace rove::tracee
