// SPDX-License-Identifier: Apache-2.0
// Cgroup: one way of saying it for both versions.
#include "sys/cgroup.hh"

#include <algorithm>
#include <cmath>
#include <set>

#include <poll.h>
#include <signal.h>

#include "base/text.hh"
#include "sys/cgroup_files.hh"
#include "sys/files.hh"
#include "sys/mounts.hh"

namespace rove::sys {

namespace {

// Short, so that a throttled group does not stand still for long: half a core is 10 of 20 ms.
constexpr int64_t cpu_period_us = 20000;

// Some ends have no event to wait for (a v1 group that empties, a v1 freezer): look again soon.
constexpr int again_ms = 2;
template <class Done> Status look_until(Nanos timeout, char const* what, Done done) {
    auto deadline = Deadline::after(timeout);
    while (!TRY(done())) {
        if (deadline.passed()) return fail(ETIMEDOUT, "{}", what);
        (void)::poll(nullptr, 0, again_ms);
    }
    return {};
}

} // namespace

Result<Cgroup> Cgroup::from(std::string const& proc_cgroup) {
    auto lines = TRY(parse_proc_cgroup(TRY(read_file(proc_cgroup))));
    auto places = TRY(find_cgroup_places(TRY(own_mounts()), lines));
    Cgroup group;
    group.unified_ = places.unified;
    for (auto const& [controller, place] : places.controllers)
        group.controllers_[controller] = Directory{place.top, place.own};
    return group;
}

Result<Cgroup> Cgroup::own() {
    return from("/proc/self/cgroup");
}

Result<Cgroup> Cgroup::of(pid_t pid) {
    return from(fmt::format("/proc/{}/cgroup", pid));
}

Result<Cgroup> Cgroup::top() {
    Cgroup group = TRY(own());
    for (auto& [controller, directory] : group.controllers_)
        directory.path = directory.top;
    return group;
}

std::optional<std::string> Cgroup::directory(std::string const& controller) const {
    auto found = controllers_.find(controller);
    if (found == controllers_.end()) return std::nullopt;
    return found->second.path;
}

std::vector<std::string> Cgroup::directories() const {
    std::set<std::string> paths;
    for (auto const& [controller, directory] : controllers_)
        paths.insert(directory.path);
    return {paths.begin(), paths.end()};
}

std::vector<std::string> Cgroup::procs_files() const {
    auto paths = directories();
    for (auto& path : paths)
        path += "/cgroup.procs";
    return paths;
}

bool Cgroup::exists() const {
    auto paths = directories();
    return std::any_of(
        paths.begin(), paths.end(), [](std::string const& path) { return sys::exists(path); });
}

Cgroup Cgroup::child(std::string const& name) const {
    Cgroup result = *this;
    for (auto& [controller, directory] : result.controllers_)
        directory.path += "/" + name;
    return result;
}

namespace {
// A v1 cpuset takes no member before it has CPUs and memory nodes.
Status inherit_cpuset(std::string const& parent, std::string const& path) {
    for (char const* file : {"/cpuset.mems", "/cpuset.cpus"}) {
        if (!trim(TRY(read_file(path + file))).empty()) continue;
        TRY(write_knob(path + file, trim(TRY(read_file(parent + file)))));
    }
    return {};
}
} // namespace

Result<Cgroup> Cgroup::create(std::string const& name) const {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
        return fail(EINVAL, "'{}' is no name for a cgroup", printable(name));
    if (unified_)
        for (char const* controller : {"+cpu", "+cpuset", "+memory", "+pids"})
            (void)write_knob(directories().front() + "/cgroup.subtree_control", controller);
    Cgroup result = child(name);
    for (auto const& path : result.directories())
        TRY(make_directory(path));
    if (auto path = directory("cpuset"); path && !unified_)
        TRY(inherit_cpuset(*path, *result.directory("cpuset")));
    return result;
}

namespace {
Result<std::vector<std::string>> groups_below(std::string const& path) {
    std::vector<std::string> names;
    for (auto const& name : TRY(list_directory(path))) {
        auto found = stat(path + "/" + name);
        if (found && S_ISDIR(found->st_mode)) names.push_back(name);
    }
    return names;
}

Status members_below(std::string const& path, std::set<pid_t>& members) {
    auto text = read_file(path + "/cgroup.procs");
    // A group that goes away while we look has no members.
    if (!text && (text.error().code == ENOENT || text.error().code == ENODEV)) return {};
    for (pid_t pid : TRY(parse_members(TRY(text))))
        members.insert(pid);
    auto below = groups_below(path);
    if (!below) return {};
    for (auto const& name : *below)
        TRY(members_below(path + "/" + name, members));
    return {};
}

Status remove_below(std::string const& path, Nanos timeout) {
    if (!exists(path)) return {};
    for (auto const& name : TRY(groups_below(path)))
        TRY(remove_below(path + "/" + name, timeout));
    return look_until(timeout, "a cgroup still has members", [&]() -> Result<bool> {
        auto done = remove_directory(path);
        if (!done && done.error().code != EBUSY) return fail(done.error(), "cgroup");
        return done.has_value();
    });
}
} // namespace

Result<std::vector<std::string>> Cgroup::children() const {
    std::set<std::string> names;
    for (auto const& path : directories()) {
        auto below = groups_below(path);
        if (!below) continue;
        for (auto const& name : *below)
            names.insert(name);
    }
    return std::vector<std::string>(names.begin(), names.end());
}

Status Cgroup::add(pid_t pid) const {
    for (auto const& procs : procs_files())
        TRY(write_knob(procs, std::to_string(pid)));
    return {};
}

Result<std::vector<pid_t>> Cgroup::members() const {
    std::set<pid_t> members;
    for (auto const& path : directories())
        TRY(members_below(path, members));
    return std::vector<pid_t>(members.begin(), members.end());
}

Result<std::string> Cgroup::knob(std::string const& controller, std::string const& file) const {
    auto path = directory(controller);
    if (!path) return deny(ENOTSUP, "this machine has no cgroup controller '{}'", controller);
    return *path + "/" + file;
}

Result<std::string> Cgroup::read(std::string const& controller, std::string const& file) const {
    return read_file(TRY(knob(controller, file)));
}

Status Cgroup::write(
    std::string const& controller, std::string const& file, std::string const& text) const {
    return write_knob(TRY(knob(controller, file)), text);
}

Status Cgroup::set_cpus(double cores) const {
    auto quota_us =
        std::max<int64_t>(1000, std::llround(cores * static_cast<double>(cpu_period_us)));
    if (unified_) {
        std::string quota = cores > 0 ? std::to_string(quota_us) : "max";
        return write("cpu", "cpu.max", fmt::format("{} {}", quota, cpu_period_us));
    }
    // Without a quota any period is valid, so the two steps never contradict a limit above.
    TRY(write("cpu", "cpu.cfs_quota_us", "-1"));
    TRY(write("cpu", "cpu.cfs_period_us", std::to_string(cpu_period_us)));
    if (cores <= 0) return {};
    return write("cpu", "cpu.cfs_quota_us", std::to_string(quota_us));
}

Status Cgroup::set_memory(uint64_t bytes, std::optional<uint64_t> swap_bytes) const {
    if (unified_) {
        TRY(write("memory", "memory.max", bytes > 0 ? std::to_string(bytes) : "max"));
        if (!swap_bytes) return {};
        auto done = write("memory", "memory.swap.max", std::to_string(*swap_bytes));
        // A kernel without swap accounting has no such file, and then no swap to be limited.
        if (!done && done.error().code == ENOENT && *swap_bytes == 0) return {};
        return done;
    }
    // v1 limits the sum of both, which must never be below the memory limit: open it first.
    auto sum = knob("memory", "memory.memsw.limit_in_bytes");
    bool has_sum = sum && sys::exists(*sum);
    if (has_sum) TRY(write_knob(*sum, "-1"));
    TRY(write("memory", "memory.limit_in_bytes", bytes > 0 ? std::to_string(bytes) : "-1"));
    if (!swap_bytes || bytes == 0) return {};
    if (has_sum) return write_knob(*sum, std::to_string(bytes + *swap_bytes));
    if (*swap_bytes == 0) return write("memory", "memory.swappiness", "0");
    return {};
}

Status Cgroup::set_cpu_weight(unsigned weight) const {
    weight = std::clamp(weight, 1u, 10000u);
    if (unified_) return write("cpu", "cpu.weight", std::to_string(weight));
    return write("cpu", "cpu.shares", std::to_string(std::max(2u, weight * 1024 / 100)));
}

Status Cgroup::set_pids(uint64_t count) const {
    return write("pids", "pids.max", count > 0 ? std::to_string(count) : "max");
}

Status Cgroup::set_cpuset(std::string const& cpus) const {
    return write("cpuset", "cpuset.cpus", cpus);
}

// Calls visit(directory) for this group's directory and each one above it that can be seen.
template <class Visit> void Cgroup::each_level(std::string const& controller, Visit visit) const {
    auto found = controllers_.find(controller);
    if (found == controllers_.end()) return;
    std::string path = found->second.path;
    for (;;) {
        visit(path);
        if (path.size() <= found->second.top.size()) return;
        path.resize(path.rfind('/'));
    }
}

std::optional<double> Cgroup::cpus_limit() const {
    std::optional<double> least;
    each_level("cpu", [&](std::string const& path) {
        auto value = [&]() -> Result<std::optional<double>> {
            if (unified_) return parse_cpu_max(TRY(read_file(path + "/cpu.max")));
            return parse_cfs(TRY(read_file(path + "/cpu.cfs_quota_us")),
                TRY(read_file(path + "/cpu.cfs_period_us")));
        }();
        if (value && *value && (!least || **value < *least)) least = *value;
    });
    return least;
}

std::optional<uint64_t> Cgroup::memory_limit() const {
    std::optional<uint64_t> least;
    each_level("memory", [&](std::string const& path) {
        auto value = [&]() -> Result<std::optional<uint64_t>> {
            return parse_limit(
                TRY(read_file(path + (unified_ ? "/memory.max" : "/memory.limit_in_bytes"))));
        }();
        if (value && *value && (!least || **value < *least)) least = *value;
    });
    return least;
}

std::optional<std::vector<int>> Cgroup::cpuset() const {
    std::optional<std::vector<int>> nearest;
    each_level("cpuset", [&](std::string const& path) {
        auto cpus = [&]() -> Result<std::vector<int>> {
            return parse_cpu_list(
                TRY(read_file(path + (unified_ ? "/cpuset.cpus.effective" : "/cpuset.cpus"))));
        }();
        if (cpus && !cpus->empty() && !nearest) nearest = *cpus;
    });
    return nearest;
}

Result<uint64_t> Cgroup::memory_used() const {
    return parse_number<uint64_t>(
        trim(TRY(read("memory", unified_ ? "memory.current" : "memory.usage_in_bytes"))));
}

Result<uint64_t> Cgroup::killed_for_memory(std::string const& directory) {
    auto v2 = read_file(directory + "/memory.events");
    return parse_keyed(v2 ? *v2 : TRY(read_file(directory + "/memory.oom_control")), "oom_kill");
}

Result<Nanos> Cgroup::cpu_time() const {
    if (unified_) {
        uint64_t us = TRY(parse_keyed(TRY(read("cpu", "cpu.stat")), "usage_usec"));
        return std::chrono::microseconds(us);
    }
    return Nanos(TRY(parse_number<int64_t>(trim(TRY(read("cpuacct", "cpuacct.usage"))))));
}

namespace {
char const* freezer_file_of(bool unified) {
    return unified ? "cgroup.events" : "freezer.state";
}
} // namespace

Status Cgroup::freeze(Nanos timeout) const {
    TRY(unified_ ? write("freezer", "cgroup.freeze", "1")
                 : write("freezer", "freezer.state", "FROZEN"));
    auto done = look_until(timeout, "a group does not stand still", [&]() -> Result<bool> {
        std::string text = TRY(read("freezer", freezer_file_of(unified_)));
        return unified_ ? says_frozen(text) : trim(text) == "FROZEN";
    });
    if (!done) (void)thaw();
    return done;
}

Status Cgroup::thaw() const {
    if (unified_) return write("freezer", "cgroup.freeze", "0");
    return write("freezer", "freezer.state", "THAWED");
}

Result<bool> Cgroup::frozen() const {
    return says_frozen(TRY(read("freezer", freezer_file_of(unified_))));
}

std::optional<std::string> Cgroup::freezer_file() const {
    auto path = directory("freezer");
    return path ? std::optional(*path + "/" + freezer_file_of(unified_)) : std::nullopt;
}

// v1: one word, v2: a line for each of its keys. v1's FREEZING counts.
bool Cgroup::says_frozen(std::string_view text) {
    if (auto keyed = parse_keyed(text, "frozen")) return *keyed == 1;
    return trim(text) == "FROZEN" || trim(text) == "FREEZING";
}

Status Cgroup::kill_all(Nanos timeout) const {
    return look_until(timeout, "a cgroup's members do not die", [&]() -> Result<bool> {
        auto left = TRY(members());
        if (left.empty()) return true;
        // A frozen v1 member dies only when it is thawed; a killed one does not run again.
        for (pid_t pid : left)
            (void)::kill(pid, SIGKILL);
        if (!unified_) (void)thaw();
        return false;
    });
}

Status Cgroup::remove(Nanos timeout) const {
    for (auto const& path : directories())
        TRY(remove_below(path, timeout));
    return {};
}

} // namespace rove::sys
