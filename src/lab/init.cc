// SPDX-License-Identifier: Apache-2.0
// Init: PID 1 of a node. It owns the node's namespaces and reaps what is orphaned there.
#include "lab/init.hh"

#include <csignal>
#include <cstdlib>
#include <sstream>

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.hh"
#include "lab/files.hh"
#include "lab/places.hh"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace rove::lab {

namespace {

// In a time namespace with the wanted offset while it lives: what is cloned meanwhile is in there.
class ShiftedClock {
public:
    static Result<ShiftedClock> to(int64_t offset_s) {
        ShiftedClock shifted;
        shifted.own_ = TRY(open_file("/proc/self/ns/time", O_RDONLY));
        if (::unshare(CLONE_NEWTIME) < 0)
            return fail(errno, "this kernel has no time namespaces for clock=");
        Status done = write_kernel_file("/proc/self/timens_offsets",
            fmt::format("monotonic {0} 0\nboottime {0} 0\n", offset_s));
        if (!done)
            return fail(0, "clock={:+}s would lie before this machine's start; take a smaller one",
                offset_s);
        return shifted;
    }
    ShiftedClock(ShiftedClock&&) = default;
    ~ShiftedClock() {
        if (own_) (void)::setns(own_.number(), CLONE_NEWTIME);
    }

private:
    ShiftedClock() = default;
    Fd own_;
};

struct Vitals {
    char state = 0; // 0: there is no such process
    uint64_t start_time = 0;
};

Vitals vitals_of(pid_t pid) {
    Vitals vitals;
    auto stat = read_text(fmt::format("/proc/{}/stat", pid));
    if (!stat) return vitals;
    // The name may hold anything, so the rest is counted from its last parenthesis.
    size_t paren = stat->rfind(')');
    if (paren == std::string::npos) return vitals;
    auto fields = words(std::string_view(*stat).substr(paren + 1));
    constexpr size_t start_field = 22 - 3; // as proc(5) counts, where the state is number 3
    if (fields.size() <= start_field) return vitals;
    vitals.state = fields[0][0];
    vitals.start_time = parse_number<uint64_t>(fields[start_field]).value_or(0);
    return vitals;
}

bool alive(Vitals const& vitals) {
    return vitals.state != 0 && vitals.state != 'Z' && vitals.state != 'X';
}

Status mount_over(char const* source, std::string const& at, char const* type, unsigned long flags,
    char const* options = nullptr) {
    if (::mount(source, at.c_str(), type, flags, options) < 0)
        return fail(errno, "cannot mount {} on {}", type ? type : source, at);
    return {};
}

// Each hierarchy where the machine has it, rooted at the node's own group.
Status mount_cgroups(std::vector<Hierarchy> const& all) {
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    std::string base = "/sys/fs/cgroup";
    bool alone = all.size() == 1 && all[0].mount_point == base;
    if (!alone) TRY(mount_over("tmpfs", base, "tmpfs", flags, "mode=755,size=64k"));
    for (Hierarchy const& h : all) {
        if (!alone) TRY(make_dir(h.mount_point, 0755));
        TRY(mount_over("cgroup", h.mount_point, h.version == 1 ? "cgroup" : "cgroup2", flags,
            h.version == 1 ? h.options.c_str() : nullptr));
        // Machines that mount "cpu,cpuacct" together have a link for each of the names.
        std::string name = h.mount_point.substr(h.mount_point.rfind('/') + 1);
        std::istringstream parts(name);
        if (h.version == 1 && name.find(',') != std::string::npos)
            for (std::string part; std::getline(parts, part, ',');)
                (void)::symlink(name.c_str(), (base + "/" + part).c_str());
    }
    return {};
}

Status become_node(std::string const& lab, std::string const& node) {
    auto all = TRY(find_hierarchies());
    // A cgroup namespace is rooted where its maker is: in the node's own directory; on version 2
    // a process may not stay there.
    if (::unshare(CLONE_NEWCGROUP) < 0) return fail(errno, "cannot make a cgroup namespace");
    for (std::string const& file : procs_files(all, lab, node))
        if (file.ends_with("/init/cgroup.procs")) TRY(write_kernel_file(file, "0"));
    delegate_controllers(all, lab, node);
    if (::sethostname(node.data(), node.size()) < 0) return fail(errno, "cannot set the host name");
    TRY(mount_over("none", "/", nullptr, MS_REC | MS_SLAVE));
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    TRY(mount_over("proc", "/proc", "proc", flags));
    TRY(mount_over("sysfs", "/sys", "sysfs", flags));
    TRY(mount_cgroups(all));
    return mount_over("tmpfs", run_dir, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
}

[[noreturn]] void reap_for_ever() {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (;;) {
        while (::waitpid(-1, nullptr, WNOHANG) > 0) {
        }
        (void)::sigwaitinfo(&child, nullptr);
    }
}

[[noreturn]] void exec_init(Plan const& plan, NodePlan const& node, int go, int ready) {
    (void)::fcntl(go, F_SETFD, 0);
    (void)::fcntl(ready, F_SETFD, 0);
    std::string go_text = std::to_string(go), ready_text = std::to_string(ready);
    // argv[0] is what `ps` shows of the machine's side.
    (void)::execl("/proc/self/exe", "rove", "lab", init_word, plan.name.c_str(), node.name.c_str(),
        go_text.c_str(), ready_text.c_str(), nullptr);
    ::_exit(127);
}

Result<std::pair<Fd, Fd>> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return fail(errno, "cannot make a pipe");
    return std::pair(Fd(ends[0]), Fd(ends[1]));
}

} // namespace

Result<Init> Init::start(
    std::vector<Hierarchy> const& all, Plan const& plan, NodePlan const& node) {
    auto [go_read, go_write] = TRY(make_pipe());
    auto [ready_read, ready_write] = TRY(make_pipe());
    std::optional<ShiftedClock> clock;
    if (node.clock_s) clock.emplace(TRY(ShiftedClock::to(*node.clock_s)));
    clone_args args{};
    args.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC;
    args.exit_signal = SIGCHLD;
    long child = ::syscall(SYS_clone3, &args, sizeof args);
    if (child < 0) return fail(errno, "cannot make the namespaces of {}", node.name);
    if (child == 0) exec_init(plan, node, go_read.number(), ready_write.number());
    Init init;
    init.pid_ = static_cast<pid_t>(child);
    init.go_ = std::move(go_write);
    init.ready_ = std::move(ready_read);
    for (std::string const& file : procs_files(all, plan.name, node.name)) {
        // On version 2 it begins in the directory itself, to root its cgroup namespace there.
        std::string first = file;
        if (size_t leaf = first.rfind("/init/cgroup.procs"); leaf != std::string::npos)
            first.replace(leaf, std::string::npos, "/cgroup.procs");
        TRY(write_kernel_file(first, std::to_string(child)));
    }
    TRY(remember_init(plan.name, node.name, init.pid_));
    return init;
}

Status Init::go(Deadline deadline) {
    if (::write(go_.number(), "g", 1) != 1) return fail(errno, "a node's init has ended early");
    pollfd wait{ready_.number(), POLLIN, 0};
    int count = ::poll(&wait, 1, deadline.poll_ms());
    if (count <= 0) return fail(ETIMEDOUT, "a node's init does not become ready");
    char text[512];
    ssize_t length = ::read(ready_.number(), text, sizeof text);
    std::string_view said(text, length > 0 ? static_cast<size_t>(length) : 0);
    if (said == "ready") return {};
    return fail(0, "{}", said.empty() ? "a node's init has ended early" : said);
}

int init_main(int argc, char** argv) {
    if (argc != 5 || ::getpid() != 1) return 2;
    std::string lab = argv[1], node = argv[2];
    Fd go(std::atoi(argv[3])), ready(std::atoi(argv[4]));
    sigset_t all;
    sigfillset(&all);
    (void)::sigprocmask(SIG_SETMASK, &all, nullptr);
    (void)::setsid();
    (void)::chdir("/");
    (void)::umask(022);
    (void)::prctl(PR_SET_NAME, "rove-lab-init");
    char go_byte = 0;
    if (::read(go.number(), &go_byte, 1) != 1) return 1;
    Status done = become_node(lab, node);
    std::string said = done ? "ready" : done.error().sentence();
    int null = ::open("/dev/null", O_RDWR);
    for (int number = 0; number < 3; ++number)
        (void)::dup2(null, number);
    (void)!::write(ready.number(), said.data(), said.size());
    if (!done) return 1;
    (void)::close_range(3, ~0u, 0);
    reap_for_ever();
}

Status remember_init(std::string_view lab, std::string_view node, pid_t pid) {
    return replace_file(
        init_path(lab, node), fmt::format("{} {}\n", pid, vitals_of(pid).start_time), 0600);
}

std::optional<pid_t> running_init(std::string_view lab, std::string_view node) {
    auto text = read_text(init_path(lab, node));
    auto fields = text ? words(*text) : std::vector<std::string_view>();
    if (fields.size() != 2) return {};
    auto pid = parse_number<pid_t>(fields[0]);
    auto start_time = parse_number<uint64_t>(fields[1]);
    if (!pid || !start_time || *pid <= 1) return {};
    Vitals vitals = vitals_of(*pid);
    if (!alive(vitals) || vitals.start_time != *start_time) return {};
    return *pid;
}

bool is_zombie(pid_t pid) {
    return vitals_of(pid).state == 'Z';
}

} // namespace rove::lab
