// SPDX-License-Identifier: Apache-2.0
// Executing: what the processes of programs execute, and what became of it.
//
// /proc is looked at for it, as for everything that is at home: often while a crowded program makes
// new processes, seldom else. What has just been executed and is known to compute is decided about
// at once, where its image is nearly empty.
#include <unistd.h>

#include <algorithm>
#include <array>

#include <spdlog/spdlog.h>

#include "node/balance/known_executables.hh"
#include "node/node.hh"
#include "node/proc.hh"
#include "sys/files.hh"

namespace rove::node {

using wire::Place;

namespace {

constexpr Nanos young = std::chrono::milliseconds(300); // most children execute before that
constexpr Nanos lively = std::chrono::seconds(1);
constexpr Nanos save_period = std::chrono::seconds(10);
constexpr double watched_s = 1.5; // of a history that says what somebody wants
constexpr double away_least_s = 0.1;
constexpr size_t name_max = 512, file_max = 1 << 20;

// Where it lies, and as what it runs if that is not the same: a script by the interpreter's path
// and its own name. Nothing of the file itself is asked for: it may lie on a server that is gone.
// One that only waits for its children is not alike those, so they have a name of their own.
std::string executable_name(pid_t pid, std::string const& comm, bool inherited) {
    std::array<char, 4096> path{};
    ssize_t length = ::readlink(fmt::format("/proc/{}/exe", pid).c_str(), path.data(), path.size());
    if (length <= 0) return {};
    std::string name(path.data(), static_cast<size_t>(length));
    std::string file = name.substr(name.rfind('/') + 1);
    if (!file.starts_with(comm)) name += " " + comm;
    if (inherited) name += " (child)";
    if (name.size() > name_max) name.erase(0, name.size() - name_max);
    return name;
}

double cpu_seconds(ProcStat const& stat) {
    return std::chrono::duration<double>(ticks_to_time(stat.cpu_ticks)).count();
}

} // namespace

bool Node::is_young(Process const& process) const {
    return monotonic_now() - process.image.since < young;
}

void Node::notice_image(ProcessPtr const& process, ProcStat const& stat) {
    Image& image = process->image;
    bool at_home = process->place == Place::home && process->host == name_;
    if (image.code == stat.code && image.stack == stat.stack) {
        // A deputy's own time is not the program's.
        if (at_home) image.cpu_s = cpu_seconds(stat);
        return;
    }
    bool met = image.since.count() == 0;
    // What a child is until it executes something says nothing of its parent's program.
    if (!met && !image.inherited) learn_image(*process);
    auto parent = find(stat.parent);
    image.inherited =
        met && parent && parent->image.code == stat.code && parent->image.stack == stat.stack;
    image.name = executable_name(process->pid(), stat.name, image.inherited);
    image.code = stat.code;
    image.stack = stat.stack;
    image.since = monotonic_now();
    image.cpu_s = image.cpu_before_s = met && at_home ? 0 : cpu_seconds(stat);
    image.away_before_us = process->tally.cpu_away_us;
    image.calls_before = process->tally.forwarded_calls;
    executed_at_ = image.since;
    if (!met) balance_.tenants().executed(process->identity);
    auto expected = expected_of(*process);
    if (!expected || expected->cpu_s < balance_.knobs().exec_gain) return;
    if (at_home && balance_.load() > board_.own().cores) hasten();
    if (!at_home) terms_due_ = true;
}

std::optional<policy::Expected> Node::expected_of(Process const& process) const {
    Image const& image = process.image;
    // Who has been moved since is where it is to be.
    if (image.name.empty() || image.since <= process.last_move_ended) return std::nullopt;
    return experience_.expect(image.name, balance_.knobs().exec_runs);
}

void Node::learn_image(Process const& process) {
    Image const& image = process.image;
    if (image.name.empty()) return;
    policy::Run run;
    auto since = [](uint64_t now, uint64_t before) {
        return static_cast<double>(now - std::min(now, before));
    };
    double away_s = since(process.tally.cpu_away_us, image.away_before_us) / 1e6;
    run.cpu_s = (std::max(0.0, image.cpu_s - image.cpu_before_s) + away_s) * speed_;
    if (away_s > away_least_s)
        run.calls = since(process.tally.forwarded_calls, image.calls_before) / away_s;
    auto const* history = balance_.tenants().history(static_cast<uint64_t>(process.pid()));
    if (history && history->age_s() >= watched_s) run.demand = history->demand();
    experience_.learn(image.name, run);
    experience_changed_ = true;
}

// Of one that has ended, as long as its parent has not asked for it.
void Node::notice_end(Process& process) {
    if (process.place != Place::home || process.host != name_) return;
    auto text = sys::read_file(fmt::format("/proc/{}/stat", process.pid()), 64 << 10);
    auto stat = text ? parse_proc_stat(*text) : Result<ProcStat>(deny(ESRCH, "it is gone"));
    if (stat && stat->start_time == process.identity.start_time)
        process.image.cpu_s = std::max(process.image.cpu_s, cpu_seconds(*stat));
}

// Somebody here makes processes, and not all of them have a core.
bool Node::executes_often() const {
    if (!balancing_ || monotonic_now() - executed_at_ > lively) return false;
    if (balance_.load() > board_.own().cores) return true;
    return std::any_of(processes_.begin(), processes_.end(),
        [](auto const& each) { return each.second->place == Place::away; });
}

void Node::save_experience(bool now) {
    if (!experience_changed_ || (!now && monotonic_now() - experience_saved_ < save_period)) return;
    experience_changed_ = false;
    experience_saved_ = monotonic_now();
    auto text = known_executables_text(experience_);
    if (Status written = sys::replace_file(run_dir_ + "/executables", text, 0600); !written)
        spdlog::warn("what is known of executables is not saved: {}", written.error().sentence());
}

void Node::recall_experience() {
    if (auto text = sys::read_file(run_dir_ + "/executables", file_max))
        recall_known_executables(experience_, *text);
}

} // namespace rove::node
