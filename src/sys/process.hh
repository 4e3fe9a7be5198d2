// SPDX-License-Identifier: Apache-2.0
// Process: starting, watching and ending processes of our own.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sched.h>
#include <signal.h>
#include <sys/types.h>

#include "base/clock.hh"
#include "base/fd.hh"
#include "base/result.hh"

namespace rove::sys {

// How a process ended, as its parent sees it.
struct Ending {
    int code = 0;   // exit status, if signal is 0
    int signal = 0; // the signal that ended it
    bool core = false;
    // As a shell says it: the code, or 128 + signal.
    int shell_status() const { return signal != 0 ? 128 + signal : code; }
};

// Runs body in a child and ends the child with what it returns. The child starts with the signal
// mask and dispositions of the parent. `flags` are clone flags such as CLONE_NEWPID.
struct Child {
    pid_t pid = -1;
    Fd pidfd;
};
Result<Child> fork_running(
    std::function<int()> const& body, uint64_t flags = 0, int cgroup_fd = -1);

struct Spawn {
    std::vector<std::string> command;                    // looked up in PATH
    std::optional<std::vector<std::string>> environment; // NAME=VALUE; ours if not given
    std::string directory;                               // ours if empty
    std::vector<std::pair<int, int>> descriptors; // ours → its number; others are closed on exec
    std::vector<std::string> cgroup_procs;        // cgroup.procs files that the child enters first
    bool new_session = false;
    std::optional<int> death_signal; // when the spawning thread ends
};
// Returns after the exec has succeeded; a failed exec is an error here. Signals are unblocked and
// have default dispositions in the child.
Result<Child> spawn(Spawn const& what);

// Runs a command to its end with /dev/null as input and returns what it printed (both streams, up
// to 1 MiB). Fails if it does not exit with 0 within the time; the error has the output's last
// line.
Result<std::string> run_command(
    std::vector<std::string> const& command, Nanos timeout = std::chrono::seconds(30));

Result<Fd> pidfd_open(pid_t pid);
Result<Fd> pidfd_getfd(int pidfd, int number);
Status pidfd_send_signal(int pidfd, int signal);
// ESRCH is an error here, too.
Status kill(pid_t pid, int signal);

// Waits for a child to end; reaps it.
Result<Ending> wait(pid_t pid);
// None while it runs.
Result<std::optional<Ending>> wait_nonblocking(pid_t pid);
// Waits until the process behind a pidfd has ended; false if the time is over. Does not reap.
Result<bool> wait_pidfd(int pidfd, Deadline deadline);

// Name that ps shows for this thread: the role, as in "rove-warden".
void set_process_name(std::string const& name);
// Of the running kernel, e.g. 6, 1.
bool kernel_is_at_least(int major, int minor);
Status set_death_signal(int signal);
// Parent's descriptors above 2 that a child must not have.
void close_from(int first);

// Start time in clock ticks since boot, field 22 of /proc/PID/stat: with the PID it names a
// process.
Result<uint64_t> process_start_time(pid_t pid);
// Field 22 of the text of a stat file. The command name may hold anything, brackets included.
Result<uint64_t> parse_start_time(std::string_view stat);

} // namespace rove::sys
