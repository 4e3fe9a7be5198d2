// SPDX-License-Identifier: Apache-2.0
// Daemon: the roved of a node: its configuration, whether it runs, its start and its end.
#include "lab/daemon.hh"

#include <algorithm>
#include <charconv>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/files.hh"
#include "lab/init.hh"
#include "lab/places.hh"
#include "lab/tool.hh"

namespace rove::lab {

namespace {

bool is_daemon(pid_t pid) {
    std::string file = link_target(fmt::format("/proc/{}/exe", pid));
    if (file.ends_with(" (deleted)")) file.resize(file.size() - 10);
    return file.ends_with("/roved");
}

pid_t parent_of(pid_t pid) {
    auto stat = read_text(fmt::format("/proc/{}/stat", pid));
    size_t paren = stat ? stat->rfind(") ") : std::string::npos;
    pid_t parent = 0;
    if (paren != std::string::npos && paren + 4 < stat->size())
        (void)std::from_chars(stat->data() + paren + 4, stat->data() + stat->size(), parent);
    return parent;
}

// In the child that is to become roved. Its parent ends at once, so the node's init adopts it.
[[noreturn]] void become_daemon(
    Gate const& gate, std::string const& program, std::string const& config, int log) {
    if (::fork() != 0) ::_exit(0);
    (void)::setsid();
    if (!gate.enter()) ::_exit(125);
    (void)::chdir("/");
    (void)::umask(022);
    int null = ::open("/dev/null", O_RDONLY);
    (void)::dup2(null, 0);
    (void)::dup2(log, 1);
    (void)::dup2(log, 2);
    (void)::close_range(3, ~0u, 4); // CLOSE_RANGE_CLOEXEC: the pipe tells when we execute
    for (int signal = 1; signal < NSIG; ++signal)
        (void)::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
    (void)::execl(program.c_str(), "roved", "--config", config.c_str(), nullptr);
    ::dprintf(2, "cannot execute %s: %s\n", program.c_str(), strerrordesc_np(errno));
    ::_exit(127);
}

} // namespace

std::string daemon_config(Plan const& plan, NodePlan const& node) {
    std::string address = plan.address_of(node.name);
    std::string text = fmt::format("# Written by 'rove lab'; it goes with the lab.\n"
                                   "run_dir = \"{}\"\n"
                                   "node.name = \"{}\"\n"
                                   "node.address = \"{}\"\n"
                                   "node.listen = [\"{}:{}\"]\n"
                                   "cluster.key_file = \"{}\"\n"
                                   "cluster.peers = [\n",
        run_dir, node.name, address, address, gossip_port, key_path(plan.name));
    for (NodePlan const& peer : plan.nodes)
        text += fmt::format("    {{ name = \"{}\", address = \"{}:{}\" }},\n", peer.name,
            plan.address_of(peer.name), gossip_port);
    // Whoever can enter a lab is root in it, and most of what is tried there runs as root.
    text += "]\nmove.root = true\n";
    if (node.hide.empty()) return text;
    text += "cpu.hide = [";
    for (std::string const& feature : node.hide)
        text += fmt::format("{}\"{}\"", text.back() == '[' ? "" : ", ", feature);
    return text + "]\n";
}

std::vector<pid_t> find_daemons(pid_t init) {
    std::vector<pid_t> found;
    std::string node_ns = link_target(fmt::format("/proc/{}/ns/pid", init));
    if (node_ns.empty()) return found;
    for (std::string const& name : names_in("/proc")) {
        pid_t pid = 0;
        auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
        if (link_target("/proc/" + name + "/ns/pid") == node_ns && is_daemon(pid))
            found.push_back(pid);
    }
    // A child that it has just forked is not a second daemon.
    std::erase_if(found, [&, all = found](pid_t pid) {
        return std::find(all.begin(), all.end(), parent_of(pid)) != all.end();
    });
    return found;
}

Status start_daemon(std::string_view lab, std::string_view node) {
    Gate gate = TRY(Gate::open(lab, node));
    if (!find_daemons(gate.init()).empty()) return {};
    std::string program = TRY(program_dir()) + "/roved";
    if (::access(program.c_str(), X_OK) < 0)
        return fail(errno, "cannot start {}; './run build' makes it", program);
    Fd log = TRY(open_file(log_path(lab, node), O_WRONLY | O_CREAT | O_APPEND, 0600));
    // The daemon's exec closes the last writing end: whoever looks for it after this finds it.
    int started[2];
    if (::pipe2(started, O_CLOEXEC) < 0) return fail(errno, "cannot make a pipe");
    Fd executed(started[0]), waiting(started[1]);
    pid_t child = TRY(gate.fork_in());
    if (child == 0) become_daemon(gate, program, config_path(lab, node), log.number());
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    waiting = Fd();
    char none;
    while (::read(executed.number(), &none, 1) < 0 && errno == EINTR) {
    }
    return {};
}

Status end_daemon(std::string_view lab, std::string_view node, int signal, Deadline deadline) {
    auto init = running_init(lab, node);
    if (!init)
        return fail(0, "{0} does not run; 'rove lab start --name {1} {0}' starts it", node, lab);
    for (pid_t pid : find_daemons(*init)) {
        Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
        if (!process) continue;
        if (::syscall(SYS_pidfd_send_signal, process.number(), signal, nullptr, 0) < 0) continue;
        pollfd wait{process.number(), POLLIN, 0};
        int count = 0;
        while ((count = ::poll(&wait, 1, deadline.poll_ms())) < 0 && errno == EINTR) {
        }
        if (count == 0)
            return fail(ETIMEDOUT,
                "roved on {0} does not end; 'rove lab daemon --name {1} {0} kill' ends it", node,
                lab);
    }
    return {};
}

} // namespace rove::lab
