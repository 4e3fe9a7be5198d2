// SPDX-License-Identifier: Apache-2.0
// Hierarchies: the cgroup hierarchies of the machine, and a node's place in each.
#include "lab/hierarchies.hh"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <sstream>

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/files.hh"
#include "lab/places.hh"

namespace rove::lab {

namespace {

// Mount options of a v1 hierarchy that are not part of its name.
bool is_general(std::string_view option) {
    return option == "rw" || option == "ro" || option == "relatime" || option == "nosuid" ||
           option == "nodev" || option == "noexec" || option == "noatime";
}

std::string own_options(std::string const& super) {
    std::string result, option;
    std::istringstream in(super);
    while (std::getline(in, option, ','))
        if (!is_general(option) && !option.starts_with("release_agent=") && option != "xattr" &&
            option != "clone_children" && option != "cpuset_v2_mode")
            result += (result.empty() ? "" : ",") + option;
    return result;
}

std::string dir_of(Hierarchy const& h, std::string_view lab, std::string_view node) {
    std::string dir = h.mount_point + "/" + cgroup_name(lab);
    return node.empty() ? dir : dir + "/" + std::string(node);
}

// The directory and all below it, deepest first.
void collect(std::string const& dir, std::vector<std::string>& into, int depth) {
    for (std::string const& name : depth > 0 ? names_in(dir) : std::vector<std::string>()) {
        struct stat status {};
        std::string path = dir + "/" + name;
        if (::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
            collect(path, into, depth - 1);
    }
    into.push_back(dir);
}

std::vector<std::string> tree_of(std::string const& dir) {
    std::vector<std::string> all;
    if (exists(dir)) collect(dir, all, 64);
    return all;
}

// A v1 cpuset takes no process before it has been told its CPUs and memory nodes.
Status inherit_cpuset(std::string const& dir) {
    for (std::string name : {"cpuset.cpus", "cpuset.mems"}) {
        std::string own = TRY(read_text(dir + "/" + name));
        if (own.find_first_of("0123456789") != std::string::npos) continue;
        TRY(write_kernel_file(dir + "/" + name, TRY(read_text(dir + "/../" + name))));
    }
    return {};
}

std::string quota_us(double cpus) {
    return std::to_string(std::max(1000L, std::lround(cpus * 100000)));
}

Status limit_v1(Hierarchy const& h, std::string const& dir, NodePlan const& node) {
    if (h.has("cpuset")) {
        TRY(inherit_cpuset(dir));
        if (!node.cpuset.empty()) TRY(write_kernel_file(dir + "/cpuset.cpus", node.cpuset));
    }
    if (h.has("cpu") && node.cpus > 0) {
        TRY(write_kernel_file(dir + "/cpu.cfs_period_us", "100000"));
        TRY(write_kernel_file(dir + "/cpu.cfs_quota_us", quota_us(node.cpus)));
    }
    if (h.has("memory") && node.memory_bytes > 0) {
        TRY(write_kernel_file(dir + "/memory.limit_in_bytes", std::to_string(node.memory_bytes)));
        // Memory and swap together; absent where the kernel does not account for swap.
        std::string both = dir + "/memory.memsw.limit_in_bytes";
        if (exists(both))
            TRY(write_kernel_file(both, std::to_string(node.memory_bytes + node.swap_bytes)));
    }
    return {};
}

Status limit_v2(std::string const& dir, NodePlan const& node) {
    auto set = [&](char const* name, std::string const& value, char const* controller) -> Status {
        std::string path = dir + "/" + name;
        if (!exists(path))
            return fail(0,
                "this machine's cgroups cannot limit '{}'; without that limit the lab "
                "can be had with 0 for it",
                controller);
        return write_kernel_file(path, value);
    };
    if (node.cpus > 0) TRY(set("cpu.max", quota_us(node.cpus) + " 100000", "cpu"));
    if (!node.cpuset.empty()) TRY(set("cpuset.cpus", node.cpuset, "cpuset"));
    if (node.memory_bytes > 0) TRY(set("memory.max", std::to_string(node.memory_bytes), "memory"));
    if (exists(dir + "/memory.swap.max"))
        TRY(set("memory.swap.max", std::to_string(node.swap_bytes), "swap"));
    return {};
}

// Hands the controllers on to the children of dir. One that is not to be had is missed later, when
// a limit needs it.
void delegate(std::string const& dir) {
    for (char const* controller : {"+cpu", "+cpuset", "+memory", "+pids", "+io"})
        (void)write_kernel_file(dir + "/cgroup.subtree_control", controller);
}

bool limits_by_v1(std::vector<Hierarchy> const& all) {
    return std::any_of(all.begin(), all.end(), [](auto& h) { return h.has("memory"); });
}

bool kill_once(std::string const& dir) {
    bool any = false;
    for (std::string const& group : tree_of(dir)) {
        (void)write_kernel_file(group + "/freezer.state", "THAWED");
        (void)write_kernel_file(group + "/cgroup.kill", "1");
        auto procs = read_text(group + "/cgroup.procs");
        if (!procs) continue;
        std::istringstream in(*procs);
        for (pid_t pid = 0; in >> pid;) {
            // 0 stands for a process that our PID namespace does not show.
            if (pid <= 0) continue;
            any = true;
            (void)::kill(pid, SIGKILL);
        }
    }
    return any;
}

} // namespace

bool Hierarchy::has(std::string_view controller) const {
    if (version != 1) return false;
    std::string_view rest = options;
    while (!rest.empty()) {
        size_t comma = rest.find(',');
        if (rest.substr(0, comma) == controller) return true;
        rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
    }
    return false;
}

std::vector<Hierarchy> parse_hierarchies(std::string_view mountinfo) {
    std::vector<Hierarchy> all;
    std::istringstream lines{std::string(mountinfo)};
    for (std::string line; std::getline(lines, line);) {
        // "36 35 0:30 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu"
        size_t dash = line.find(" - ");
        if (dash == std::string::npos) continue;
        std::istringstream left(line.substr(0, dash)), right(line.substr(dash + 3));
        std::string id, parent, device, root, point, type, source, super;
        left >> id >> parent >> device >> root >> point;
        right >> type >> source >> super;
        if (!point.starts_with("/sys/fs/cgroup")) continue;
        Hierarchy h{point, type == "cgroup" ? 1 : 2, ""};
        if (type == "cgroup")
            h.options = own_options(super);
        else if (type != "cgroup2")
            continue;
        bool known = std::any_of(all.begin(), all.end(),
            [&](auto& other) { return other.version == h.version && other.options == h.options; });
        if (!known) all.push_back(std::move(h));
    }
    return all;
}

Result<std::vector<Hierarchy>> find_hierarchies() {
    auto all = parse_hierarchies(TRY(read_text("/proc/self/mountinfo")));
    if (all.empty())
        return fail(0, "no cgroup hierarchy is mounted below /sys/fs/cgroup; a lab needs one: "
                       "mount -t cgroup2 none /sys/fs/cgroup");
    return all;
}

Status make_cgroups(std::vector<Hierarchy> const& all, Plan const& plan, NodePlan const& node) {
    for (Hierarchy const& h : all) {
        std::string lab_dir = dir_of(h, plan.name, ""), dir = dir_of(h, plan.name, node.name);
        TRY(make_dir(lab_dir, 0755));
        if (h.version == 1) {
            if (h.has("cpuset")) TRY(inherit_cpuset(lab_dir));
            TRY(make_dir(dir, 0755));
            TRY(limit_v1(h, dir, node));
            continue;
        }
        delegate(h.mount_point);
        delegate(lab_dir);
        TRY(make_dir(dir, 0755));
        TRY(make_dir(dir + "/init", 0755));
        if (!limits_by_v1(all)) TRY(limit_v2(dir, node));
    }
    return {};
}

void delegate_controllers(
    std::vector<Hierarchy> const& all, std::string_view lab, std::string_view node) {
    for (Hierarchy const& h : all)
        if (h.version == 2) delegate(dir_of(h, lab, node));
}

std::vector<std::string> procs_files(
    std::vector<Hierarchy> const& all, std::string_view lab, std::string_view node) {
    std::vector<std::string> files;
    for (Hierarchy const& h : all)
        files.push_back(dir_of(h, lab, node) + (h.version == 2 ? "/init" : "") + "/cgroup.procs");
    return files;
}

Status kill_cgroups(std::vector<Hierarchy> const& all, std::string_view lab, std::string_view node,
    Deadline deadline) {
    for (;;) {
        bool any = false;
        for (Hierarchy const& h : all)
            if (kill_once(dir_of(h, lab, node))) any = true;
        if (!any) return {};
        if (deadline.passed())
            return fail(0,
                "processes of lab '{0}' do not die; 'rove lab down --name {0}' can be tried again",
                lab);
        (void)::poll(nullptr, 0, 2);
    }
}

Status remove_cgroups(std::vector<Hierarchy> const& all, std::string_view lab,
    std::string_view node, Deadline deadline) {
    for (Hierarchy const& h : all) {
        for (std::string const& dir : tree_of(dir_of(h, lab, node))) {
            // A process that has just ended keeps its group busy for a moment.
            while (::rmdir(dir.c_str()) < 0 && errno != ENOENT) {
                if (errno != EBUSY || deadline.passed())
                    return fail(errno, "cannot remove the cgroup {}", dir);
                (void)::poll(nullptr, 0, 2);
            }
        }
    }
    return {};
}

} // namespace rove::lab
