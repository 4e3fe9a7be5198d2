// SPDX-License-Identifier: Apache-2.0
// Process: the wrappers.
#include "sys/process.hh"

#include <algorithm>

#include <linux/sched.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.hh"
#include "sys/files.hh"

namespace rove::sys {

Result<Child> fork_running(std::function<int()> const& body, uint64_t flags, int cgroup_fd) {
    int pidfd = -1;
    clone_args arguments{};
    arguments.flags = flags | CLONE_PIDFD;
    arguments.pidfd = reinterpret_cast<uintptr_t>(&pidfd);
    arguments.exit_signal = SIGCHLD;
    if (cgroup_fd >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = static_cast<uint64_t>(cgroup_fd);
    }
    // Memory is copied as by fork, so body's captures are at hand. Our programs have one thread
    // when they fork; libc's own locks are therefore free.
    long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid < 0) return fail(errno, "cannot start a process");
    if (pid == 0) ::_exit(body());
    return Child{static_cast<pid_t>(pid), Fd(pidfd)};
}

namespace {

std::vector<char*> pointers(std::vector<std::string> const& strings) {
    std::vector<char*> result;
    for (auto const& text : strings)
        result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

void default_signals() {
    for (int number = 1; number < NSIG; ++number)
        (void)::signal(number, SIG_DFL);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Puts each descriptor in its place although the places and the sources may overlap.
int place_descriptors(std::vector<std::pair<int, int>> const& wanted, int& report) {
    int above = 3;
    for (auto [from, to] : wanted)
        above = std::max(above, to + 1);
    report = ::fcntl(report, F_DUPFD_CLOEXEC, above);
    if (report < 0) return errno;
    std::vector<std::pair<int, int>> parked;
    for (auto [from, to] : wanted) {
        int copy = ::fcntl(from, F_DUPFD_CLOEXEC, above);
        if (copy < 0) return errno;
        parked.emplace_back(copy, to);
    }
    for (auto [from, to] : parked)
        if (::dup2(from, to) < 0) return errno;
    return 0;
}

// In the child, up to exec. Returns the errno that stopped it.
int become(Spawn const& what, std::vector<char*> const& arguments, int& report) {
    default_signals();
    for (auto const& procs : what.cgroup_procs)
        if (auto done = write_knob(procs, "0"); !done) return done.error().code;
    if (what.new_session && ::setsid() < 0) return errno;
    if (what.death_signal && ::prctl(PR_SET_PDEATHSIG, *what.death_signal) != 0) return errno;
    if (!what.directory.empty() && ::chdir(what.directory.c_str()) != 0) return errno;
    if (int error = place_descriptors(what.descriptors, report); error != 0) return error;
    if (what.environment) {
        auto environment = pointers(*what.environment);
        (void)::execvpe(arguments[0], arguments.data(), environment.data());
    } else {
        (void)::execvp(arguments[0], arguments.data());
    }
    return errno;
}

} // namespace

Result<Child> spawn(Spawn const& what) {
    if (what.command.empty()) return fail(EINVAL, "no command");
    auto arguments = pointers(what.command);
    Pipe pipe = TRY(sys::pipe());
    Child child = TRY(fork_running([&] {
        int report = pipe.writer.number();
        int error = become(what, arguments, report);
        (void)!::write(report, &error, sizeof error);
        return 127;
    }));
    pipe.writer.close();
    int error = 0;
    if (read_exact(pipe.reader.number(), &error, sizeof error)) {
        (void)sys::wait(child.pid);
        return fail(error, "cannot start {}", what.command[0]);
    }
    return child;
}

Result<std::string> run_command(std::vector<std::string> const& command, Nanos timeout) {
    Pipe pipe = TRY(sys::pipe());
    Fd null = TRY(open("/dev/null", O_RDONLY));
    Spawn what;
    what.command = command;
    what.descriptors = {{null.number(), 0}, {pipe.writer.number(), 1}, {pipe.writer.number(), 2}};
    Child child = TRY(spawn(what));
    pipe.writer.close();
    auto deadline = Deadline::after(timeout);
    std::string output;
    bool late = false;
    for (;;) {
        pollfd ready{pipe.reader.number(), POLLIN, 0};
        int count = ::poll(&ready, 1, deadline.poll_ms());
        if (count < 0 && errno == EINTR) continue;
        if (count == 0) {
            late = true;
            (void)sys::kill(child.pid, SIGKILL);
            break;
        }
        char buffer[4096];
        ssize_t got = ::read(pipe.reader.number(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        if (output.size() < (1u << 20)) output.append(buffer, static_cast<size_t>(got));
    }
    Ending ending = TRY(sys::wait(child.pid));
    if (late) return fail(ETIMEDOUT, "'{}' does not end", join(command, " "));
    if (ending.shell_status() != 0) {
        auto all = lines(output);
        return fail(EIO, "'{}' failed with {}: {}", join(command, " "), ending.shell_status(),
            all.empty() ? "it printed nothing" : printable(all.back()));
    }
    return output;
}

Result<Fd> pidfd_open(pid_t pid) {
    auto fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (fd < 0) return fail(errno, "cannot open process {}", pid);
    return Fd(fd);
}

Result<Fd> pidfd_getfd(int pidfd, int number) {
    auto fd = static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, number, 0));
    if (fd < 0) return fail(errno, "cannot take descriptor {}", number);
    return Fd(fd);
}

Status pidfd_send_signal(int pidfd, int signal) {
    if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) != 0)
        return fail(errno, "cannot send signal {}", signal);
    return {};
}

Status kill(pid_t pid, int signal) {
    if (::kill(pid, signal) != 0) return fail(errno, "cannot send signal {} to {}", signal, pid);
    return {};
}

namespace {
Ending ending_of(int status) {
    Ending result;
    if (WIFSIGNALED(status)) {
        result.signal = WTERMSIG(status);
        result.core = WCOREDUMP(status);
    } else {
        result.code = WEXITSTATUS(status);
    }
    return result;
}
} // namespace

Result<Ending> wait(pid_t pid) {
    int status = 0;
    pid_t found = -1;
    do {
        found = ::waitpid(pid, &status, 0);
    } while (found < 0 && errno == EINTR);
    if (found < 0) return fail(errno, "cannot wait for process {}", pid);
    return ending_of(status);
}

Result<std::optional<Ending>> wait_nonblocking(pid_t pid) {
    int status = 0;
    pid_t found = ::waitpid(pid, &status, WNOHANG);
    if (found < 0) return fail(errno, "cannot wait for process {}", pid);
    if (found == 0) return std::nullopt;
    return ending_of(status);
}

Result<bool> wait_pidfd(int pidfd, Deadline deadline) {
    for (;;) {
        pollfd ready{pidfd, POLLIN, 0};
        int count = ::poll(&ready, 1, deadline.poll_ms());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(errno, "cannot wait for a process");
        return count > 0;
    }
}

bool kernel_is_at_least(int major, int minor) {
    utsname system{};
    int has_major = 0, has_minor = 0;
    if (::uname(&system) != 0 || std::sscanf(system.release, "%d.%d", &has_major, &has_minor) != 2)
        return false;
    return has_major > major || (has_major == major && has_minor >= minor);
}

void set_process_name(std::string const& name) {
    (void)::prctl(PR_SET_NAME, name.c_str());
}

Status set_death_signal(int signal) {
    if (::prctl(PR_SET_PDEATHSIG, signal) != 0) return fail(errno, "cannot set the death signal");
    return {};
}

void close_from(int first) {
    (void)::syscall(SYS_close_range, first, ~0u, 0);
}

Result<uint64_t> process_start_time(pid_t pid) {
    return parse_start_time(TRY(read_file(fmt::format("/proc/{}/stat", pid), 4096)));
}

Result<uint64_t> parse_start_time(std::string_view stat) {
    // The name is in brackets and may contain brackets and blanks; nothing after it can.
    size_t end = stat.rfind(')');
    if (end == std::string_view::npos) return fail(EBADMSG, "a stat line without a name");
    auto fields = words(stat.substr(end + 1));
    constexpr size_t start_time = 22 - 3; // the first field behind the name is number 3
    if (fields.size() <= start_time)
        return fail(EBADMSG, "a stat line of {} fields", fields.size() + 2);
    return parse_number<uint64_t>(fields[start_time]);
}

} // namespace rove::sys
