// SPDX-License-Identifier: Apache-2.0
// Programs: which processes are migratable: the members of programs' cgroups.
//
// Nobody is traced for it: groups are read when somebody asks and a few times a second. The list of
// programs outlives the daemon (recall.cc).
#include <boost/json.hpp>
#include <spdlog/spdlog.h>

#include <set>

#include <poll.h>

#include "node/debugger.hh"
#include "node/ending.hh"
#include "node/node.hh"
#include "node/proc.hh"
#include "node/program_group.hh"
#include "node/readable.hh"
#include "node/report.hh"
#include "sys/files.hh"
#include "sys/process.hh"

namespace rove::node {

using wire::Place;
namespace json = boost::json;

namespace {
// What is executed is seen that much later while a crowded program executes much.
constexpr Nanos execs_period = std::chrono::milliseconds(20);
constexpr Nanos hidden_for = std::chrono::milliseconds(7500);
} // namespace

void ProgramSums::add(Process const& process, Nanos now) {
    moves += process.tally.moves;
    forwarded += process.tally.forwarded_calls;
    local += process.tally.local_calls;
    bytes += process.tally.bytes_moved;
    freeze_us_max = std::max(freeze_us_max, process.tally.freeze_us_max);
    double lived = std::chrono::duration<double>(now - process.born).count();
    double away = static_cast<double>(process.tally.away_us) / 1e6;
    seconds_away += away;
    seconds_home += std::max(0.0, lived - away);
    for (auto const& [reason, count] : process.came_home)
        came_home[reason] += count;
}

void ProgramSums::add(ProgramSums const& inner) {
    moves += inner.moves;
    forwarded += inner.forwarded;
    local += inner.local;
    bytes += inner.bytes;
    freeze_us_max = std::max(freeze_us_max, inner.freeze_us_max);
    seconds_home += inner.seconds_home;
    seconds_away += inner.seconds_away;
    for (auto const& [reason, count] : inner.came_home)
        came_home[reason] += count;
}

ProcessPtr Node::meet(pid_t pid, uint64_t program) {
    auto stat = look_stat(pid);
    auto status = look_status(pid);
    auto pidfd = sys::pidfd_open(pid);
    if (!stat || !status || !pidfd) return nullptr;
    auto process = std::make_shared<Process>(io_);
    process->identity = wire::Identity{name_, incarnation_, pid, stat->start_time};
    process->uid = status->credentials.uids[0];
    process->user = user_name(process->uid);
    process->command = command_line(pid);
    process->pidfd = std::move(*pidfd);
    process->program = program;
    process->host = name_;
    process->born = monotonic_now();
    process->asker = process->uid;
    if (auto found = programs_.find(program); found != programs_.end())
        enrol(process, *found->second);
    processes_[pid] = process;
    notice_image(process, *stat);
    start(io_, watch_end(process));
    return process;
}

ProcessPtr Node::find(pid_t pid) {
    auto found = processes_.find(pid);
    return found == processes_.end() || found->second->ended ? nullptr : found->second;
}

// The pidfd becomes readable when the process has ended, before its parent has seen it.
Task<> Node::watch_end(ProcessPtr process) {
    auto ready = waitable(io_, process->pidfd.number());
    if (ready) {
        auto [error] =
            co_await ready->async_wait(asio::posix::stream_descriptor::wait_read, no_throw);
        if (error) co_return;
    } else {
        spdlog::warn(
            "{}: {}; its end is looked for now and then", process->pid(), ready.error().sentence());
        while (!ending_ && !is_readable(process->pidfd.number()))
            co_await pause(io_, std::chrono::milliseconds(200));
    }
    if (ending_) co_return;
    notice_end(*process);
    process->moving = false;
    // Its steward has last words: the final tally, perhaps that the host was lost.
    for (int patience = 0; patience < 100 && process->steward; ++patience)
        co_await pause(io_, std::chrono::milliseconds(10));
    bury(process, "");
}

Ended Node::epitaph(Process const& process) const {
    Ended ended;
    ended.at = monotonic_now();
    ended.pid = process.pid();
    ended.uid = process.uid;
    ended.host = process.host;
    ended.reason = process.lost.word;
    ended.text = process.lost.text;
    ended.ending = look_ending(process.pidfd.number(), process.identity);
    ended.decisions = process.decisions;
    return ended;
}

void Node::bury(ProcessPtr const& process, std::string const& why) {
    if (process->ended) return;
    // A process that runs an exec'd image or still exists is not buried on a steward's word alone.
    if (!is_readable(process->pidfd.number())) return;
    process->ended = true;
    learn_image(*process);
    // A short one hides a core for seconds after it.
    bool brief = monotonic_now() - std::max(process->born, process->last_move_ended) < hidden_for;
    if (brief) tell_departure(process->host);
    end_debuggers(*process);
    if (!why.empty() && process->lost.word.empty()) process->lost = {why, why};
    Ended ended_now = epitaph(*process);
    json::object figures;
    if (ended_now.ending.exit_status) figures["exit_status"] = *ended_now.ending.exit_status;
    if (ended_now.ending.signal) figures["signal"] = *ended_now.ending.signal;
    happenings_.add("ended", process->pid(), process->host, "", std::move(figures));
    ended_.add(std::move(ended_now));
    auto found = programs_.find(process->program);
    if (found != programs_.end()) found->second->sums.add(*process, monotonic_now());
    end_waiting(process);
    auto present = processes_.find(process->pid());
    if (present != processes_.end() && present->second == process) processes_.erase(present);
    if (process->steward_change) process->steward_change->set();
    if (!brief && process->host == name_) offer_core();
}

namespace {
// In the order of their births, so that the same program's processes are counted alike each time.
std::vector<pid_t> oldest_first(std::vector<pid_t> const& members) {
    std::vector<std::pair<uint64_t, pid_t>> born;
    for (pid_t pid : members) {
        auto stat = look_stat(pid);
        born.emplace_back(stat ? stat->start_time : 0, pid);
    }
    std::sort(born.begin(), born.end());
    std::vector<pid_t> sorted;
    for (auto const& [time, pid] : born)
        sorted.push_back(pid);
    return sorted;
}
} // namespace

// Whether it is one that we know.
bool Node::look_again(pid_t pid, Look which) {
    auto known = processes_.find(pid);
    if (known == processes_.end() || known->second->ended) return false;
    auto process = known->second;
    if (which == Look::young && !is_young(*process)) return true;
    auto stat = look_stat(pid);
    if (!stat) return true;
    bool same = stat->start_time == process->identity.start_time;
    if (same)
        notice_image(process, *stat);
    else
        bury(process, ""); // its number was given to another one
    return same;
}

void Node::refresh_programs(Look which) {
    for (auto& [id, program] : programs_) {
        std::vector<pid_t> members = program_group_members(program->group);
        bool empty = members.empty();
        std::erase_if(members, [&](pid_t pid) { return look_again(pid, which); });
        for (pid_t pid : oldest_first(members)) {
            auto process = meet(pid, id);
            if (process && has_runtime(pid)) {
                // Born away, and whoever should have said so has not, or not yet.
                process->unsettled = true;
                start(io_, attend_born(process, born_patience));
                continue;
            }
            if (process && !process->anchor.empty() && pid != program->root.pid)
                start(io_, go_back(process));
        }
        if (!empty)
            program->empty_since = Nanos(-1);
        else if (program->empty_since.count() < 0)
            program->empty_since = monotonic_now();
    }
}

Nanos Node::watch_period() const {
    if (programs_.empty()) return std::chrono::seconds(1);
    // Who has executed nothing for long may be left alone for longer.
    bool calm = monotonic_now() - executed_at_ > std::chrono::seconds(2);
    // Who is born while its parent is away is told of; at home somebody may be born and end unseen.
    std::map<uint64_t, bool> away; // by program
    for (auto const& [pid, process] : processes_) {
        auto known = away.try_emplace(process->program, true).first;
        known->second = known->second && process->place == wire::Place::away;
    }
    bool quick = std::any_of(programs_.begin(), programs_.end(), [&](auto const& each) {
        auto all_away = away.find(each.first);
        return each.second->wish.wants_haste() &&
               !(calm && all_away != away.end() && all_away->second);
    });
    if (quick) return std::chrono::milliseconds(30);
    if (monotonic_now() - executed_at_ > std::chrono::seconds(10)) return std::chrono::seconds(1);
    return std::chrono::milliseconds(calm ? 500 : 200);
}

void Node::look_now() {
    recent_memory_.forget();
    if (monotonic_now() >= next_look_) look_at_programs(Look::young);
    see_tenants();
}

// However many programs there are, looking at them is not what the daemon mostly does.
void Node::look_at_programs(Look which) {
    Nanos began = monotonic_now();
    refresh_programs(which);
    Nanos ended = monotonic_now();
    next_look_ = ended + std::min<Nanos>(10 * (ended - began), std::chrono::seconds(2));
}

Task<> Node::watch_programs() {
    Nanos looked{};
    while (!ending_) {
        bool lively = executes_often();
        Nanos period = lively ? std::min(watch_period(), execs_period) : watch_period();
        if (programs_.empty())
            watch_due_.expires_at(next_beat(period));
        else
            watch_due_.expires_after(std::max(period, next_look_ - monotonic_now()));
        (void)co_await watch_due_.async_wait(no_throw);
        Nanos began = monotonic_now();
        bool all = !lively || began - looked >= watch_period();
        look_at_programs(all ? Look::all : Look::young);
        if (all) looked = began;
        if (std::exchange(terms_due_, false)) send_terms();
        ended_.forget(monotonic_now());
        auto programs = programs_;
        std::set<uint64_t> outer;
        for (auto& [id, program] : programs)
            outer.insert(program->outer);
        for (auto& [id, program] : programs) {
            if (program->root_pidfd && !program->root_ended) {
                pollfd root{program->root_pidfd.number(), POLLIN, 0};
                // POLLHUP: reaped, which is when the kernel tells of the ending.
                program->root_ended = ::poll(&root, 1, 0) > 0 && (root.revents & POLLHUP) != 0;
                if (program->root_ended)
                    program->ending = look_ending(program->root_pidfd.number(), program->root);
            }
            if (program->empty_since.count() < 0 || program->finishing || outer.contains(id))
                continue;
            Nanos empty = monotonic_now() - program->empty_since;
            bool known = program->root_ended || !program->root_pidfd;
            if (empty < std::chrono::milliseconds(known ? 20 : 1000)) continue;
            program->finishing = true;
            start(io_, finish(program));
        }
    }
}

Task<> Node::finish(std::shared_ptr<Program> program) {
    // Those that have just ended may still be waiting for their stewards' last words.
    for (int patience = 0; patience < 200; ++patience) {
        bool waiting = std::any_of(processes_.begin(), processes_.end(),
            [&](auto const& each) { return each.second->program == program->id; });
        if (!waiting) break;
        co_await pause(io_, std::chrono::milliseconds(10));
    }
    programs_.erase(program->id);
    if (auto outer = programs_.find(program->outer); outer != programs_.end())
        outer->second->sums.add(program->sums);
    save();
    if (!program->root_ended && program->root_pidfd)
        program->ending = look_ending(program->root_pidfd.number(), program->root);
    if (!program->wish.report.empty())
        if (Status written = co_await write_report(io_, program); !written)
            spdlog::warn("no report of {}: {}", program->root.pid, written.error().sentence());
    for (int attempt = 0; attempt < 50; ++attempt) {
        if (remove_program_group(program->group)) break;
        co_await pause(io_, std::chrono::milliseconds(20));
    }
}

} // namespace rove::node
