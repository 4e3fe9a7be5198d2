// SPDX-License-Identifier: Apache-2.0
// Gate: the way into a running node.
#include "lab/gate.hh"

#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/files.hh"
#include "lab/init.hh"
#include "lab/tool.hh"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace rove::lab {

Result<Gate> Gate::open(std::string_view lab, std::string_view node) {
    auto pid = running_init(lab, node);
    if (!pid)
        return fail(0, "{0} does not run; 'rove lab start --name {1} {0}' starts it", node, lab);
    Gate gate;
    gate.init_pid_ = *pid;
    gate.init_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
    if (!gate.init_) return fail(errno, "cannot open the init of {}", node);
    gate.pid_ns_ = TRY(open_file("/proc/self/ns/pid", O_RDONLY));
    gate.procs_ = procs_files(TRY(find_hierarchies()), lab, node);
    return gate;
}

Result<pid_t> Gate::fork_in() const {
    if (::setns(init_.number(), CLONE_NEWPID) < 0)
        return fail(errno, "cannot enter the node's PID namespace");
    pid_t child = ::fork();
    int wrong = errno;
    if (child == 0) return 0;
    (void)::setns(pid_ns_.number(), CLONE_NEWPID);
    if (child < 0) return fail(wrong, "cannot fork");
    return child;
}

Status Gate::enter() const {
    for (std::string const& file : procs_)
        TRY(write_kernel_file(file, "0"));
    Fd here(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    std::string name = link_target("/proc/self/cwd");
    int wanted = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
    // Kernels before 5.6 have no time namespaces.
    if (::setns(init_.number(), wanted | CLONE_NEWTIME) < 0 && ::setns(init_.number(), wanted) < 0)
        return fail(errno, "cannot enter the node's namespaces");
    struct stat before {
    }, after{};
    bool same = !name.empty() && ::chdir(name.c_str()) == 0 && ::stat(".", &after) == 0 &&
                ::fstat(here.number(), &before) == 0 && before.st_ino == after.st_ino &&
                before.st_dev == after.st_dev;
    if (!same && here) (void)::fchdir(here.number());
    return {};
}

int exec_command(std::vector<std::string> const& argv) {
    std::vector<char*> words;
    for (std::string const& word : argv)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    (void)::execvp(words[0], words.data());
    if (errno == ENOENT && argv[0] == "rove")
        if (auto dir = program_dir()) (void)::execv((*dir + "/rove").c_str(), words.data());
    return errno == ENOENT || errno == ENOTDIR ? 127 : 126;
}

Result<std::string> output_in(
    Gate const& gate, std::vector<std::string> const& argv, Deadline deadline) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return fail(errno, "cannot make a pipe");
    Fd from(ends[0]), to(ends[1]);
    pid_t child = TRY(gate.fork_in());
    if (child == 0) {
        if (!gate.enter()) ::_exit(125);
        int null = ::open("/dev/null", O_RDWR);
        (void)::dup2(null, 0);
        (void)::dup2(to.number(), 1);
        (void)::dup2(null, 2);
        ::_exit(exec_command(argv));
    }
    to.close();
    std::string text;
    char part[4096];
    bool ended = false;
    while (!ended) {
        pollfd wait{from.number(), POLLIN, 0};
        int ready = ::poll(&wait, 1, deadline.poll_ms());
        if (ready < 0 && errno == EINTR) continue;
        ssize_t count = ready > 0 ? ::read(from.number(), part, sizeof part) : -1;
        if (count > 0) text.append(part, static_cast<size_t>(count));
        ended = count == 0;
        if (count < 0 || text.size() > 1024 * 1024) break;
    }
    if (!ended) (void)::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!ended) return fail(ETIMEDOUT, "'{}' does not answer", argv[0]);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return fail(0, "'{}' failed", argv[0]);
    return text;
}

} // namespace rove::lab
