// SPDX-License-Identifier: Apache-2.0
// Stewards: starting them, and what they report.
#include <unistd.h>

#include <spdlog/spdlog.h>

#include "node/errand.hh"
#include "node/node.hh"
#include "node/post_office.hh"
#include "node/proc.hh"
#include "node/reasons.hh"
#include "node/running.hh"
#include "sys/process.hh"

namespace rove::node {

using wire::KeeperType;
using wire::Place;
namespace json = boost::json;

namespace {
constexpr Nanos start_limit = std::chrono::seconds(5), tell_limit = std::chrono::seconds(2);

// One line, to a descriptor of the user's: writing there may take as long as he likes.
Task<> tell(asio::io_context& io, Fd to, std::string line) {
    int number = to.number();
    std::function<std::string()> work = [number, line] {
        (void)!::write(number, line.data(), line.size());
        return std::string();
    };
    std::vector<int> keep{number};
    (void)co_await run_errand(io, work, keep, tell_limit);
}
} // namespace

Task<Result<std::shared_ptr<Keeper>>> Node::steward_for(ProcessPtr process) {
    Deadline limit = Deadline::after(start_limit);
    int attempts = 0;
    while (!process->ended) {
        if (process->steward && !process->steward_leaving) co_return process->steward;
        // One that outlived a daemon needs a moment to find the new one.
        auto present_stat = look_stat(process->steward_pid);
        bool present = present_stat && present_stat->start_time == process->steward_start;
        if (!process->steward && !present) {
            // Once more, since the first may have been the end of the one before.
            if (++attempts > 2)
                co_return deny(ECHILD, "the steward of {} ended at its start; the log says why",
                    process->pid());
            wire::StewardOrder order;
            order.identity = process->identity;
            order.node = name_;
            order.run_dir = run_dir_;
            order.user = process->user;
            order.command = process->command;
            order.relearn = process->place != Place::home || process->unsettled;
            order.move_root = config_.flag("move.root");
            order.tally = process->tally;
            order.calls = process->calls;
            auto program = programs_.find(process->program);
            order.no_patch = program != programs_.end() && program->second->wish.no_patch ? 1 : 0;
            order.asker = process->asker;
            order.mode = config_.text("move.mode");
            order.freeze_limit_us = static_cast<uint64_t>(config_.number("move.freeze")) / 1000;
            std::vector<std::string> arguments = {"--pid", std::to_string(process->pid())};
            auto spawned = keepers_.spawn("steward", arguments, wire::encode(order));
            if (!spawned) co_return fail(spawned.error(), "cannot start a steward");
            process->steward_pid = *spawned;
            process->steward_start = sys::process_start_time(*spawned).value_or(0);
            save();
        }
        if (limit.passed())
            co_return deny(
                ETIMEDOUT, "the steward of {} did not start; the log says why", process->pid());
        // Its hello comes, or it ends, or the former one ends.
        process->steward_change = std::make_shared<Event>(io_);
        auto change = process->steward_change;
        (void)co_await change->wait(std::chrono::milliseconds(20));
    }
    co_return deny(ESRCH, "process {} has ended", process->pid());
}

ProcessPtr Node::process_of(Keeper const& keeper) {
    for (auto& [pid, process] : processes_)
        if (process->steward.get() == &keeper) return process;
    return nullptr;
}

void Node::steward_hello(std::shared_ptr<Keeper> keeper, wire::StewardHello hello) {
    auto process = find(hello.identity.pid);
    // A steward that outlived the daemon's memory still brings everything that must be known.
    if (!process) process = meet(hello.identity.pid, 0);
    if (!process || process->identity.start_time != hello.identity.start_time) {
        spdlog::warn("a steward for process {}, which there is not", hello.identity.pid);
        return;
    }
    process->steward = keeper;
    process->steward_pid = keeper->pid();
    process->steward_start = sys::process_start_time(keeper->pid()).value_or(0);
    process->steward_leaving = false;
    process->unsettled = false;
    if (hello.place != Place::home || process->place != Place::home) {
        process->place = hello.place;
        process->host = hello.place == Place::home ? name_ : hello.host;
    }
    if (hello.tally.moves >= process->tally.moves) {
        process->tally = hello.tally;
        process->calls = std::move(hello.calls);
    }
    if (process->steward_change) process->steward_change->set();
}

void Node::take_state(ProcessPtr const& process, wire::StewardState const& state) {
    bool was_home = process->place == Place::home;
    std::string from = process->host;
    process->place = state.place;
    process->host = state.place == Place::home || state.host.empty() ? name_ : state.host;
    uint64_t memory =
        state.tally.memory_bytes != 0 ? state.tally.memory_bytes : process->tally.memory_bytes;
    process->tally = state.tally;
    process->tally.memory_bytes = memory;
    if (process->host != from) post_->moved(process->pid());
    if (state.event.empty()) return;
    if (state.event == "armed") {
        if (process->running) {
            process->running->armed = true;
            process->running->change->set();
        }
    } else if (state.event == "executed") {
        process->command = command_line(process->pid());
    } else if (state.event == "moved") {
        process->last_move_ended = monotonic_now();
    } else if (state.event == "came_home") {
        std::string reason = state.reason.empty() ? "brought_home" : state.reason;
        // One that was sent for has its own report: move_done.
        if (was_home || reason == "brought_home") return;
        ++process->came_home[reason];
        process->last_move_ended = monotonic_now();
        Reason const* known = find_reason(reason);
        if (!known || known->passes != Passes::at_once)
            process->confine(reason, reason_sentence(reason, ""), monotonic_now());
        json::object figures{{"reason", reason}};
        process->decide({monotonic_now(), "came home", from, name_, figures});
        happenings_.add("came_home", process->pid(), from, name_, figures);
        if (!process->anchor.empty() && process->anchor != name_) start(io_, go_back(process));
    } else if (state.event == "host_lost") {
        host_lost(process, state.reason.empty() ? "host_lost" : state.reason, state.text);
    } else if (state.event == "ended") {
        bury(process, state.reason);
    }
}

void Node::host_lost(
    ProcessPtr const& process, std::string const& reason, std::string const& text) {
    std::string host = process->host == name_ ? "its host" : process->host;
    if (reason == "host_lost")
        spdlog::error("host {} was lost; process {} ({}) ended with it", host, process->pid(),
            process->command);
    else
        spdlog::error(
            "process {} ({}) ended on {}: {}", process->pid(), process->command, host, text);
    process->decide({monotonic_now(), "lost", host, "", {}});
    process->lost = {reason, reason_sentence(reason, text)};
    happenings_.add(reason, process->pid(), host, "", {});
}

bool Node::steward_packet(std::shared_ptr<Keeper> const& keeper, wire::KeeperPacket const& packet) {
    auto process = process_of(*keeper);
    if (!process) return true; // of a process that has ended: its last words
    if (packet.type == KeeperType::steward_state) {
        auto state = wire::decode<wire::StewardState>(packet.body);
        if (!state) return false;
        take_state(process, *state);
        return true;
    }
    if (packet.type == KeeperType::came_home) {
        // The last words of a steward whose process has been home for a while.
        auto hello = wire::decode<wire::StewardHello>(packet.body);
        if (!hello) return false;
        process->steward_leaving = true;
        process->place = Place::home;
        process->host = name_;
        process->tally = hello->tally;
        process->calls = std::move(hello->calls);
        save();
        return true;
    }
    if (packet.type == KeeperType::born) {
        auto born = wire::decode<wire::Born>(packet.body);
        if (!born) return false;
        meet_born(process, *born);
        return true;
    }
    if (packet.type == KeeperType::move_done) {
        auto done = wire::decode<wire::MoveDone>(packet.body);
        if (!done) return false;
        auto running = process->running;
        if (!running || running->request != done->request) return true;
        if (running->armed) exec_move_done(process, *done);
        running->done = std::move(*done);
        running->change->set();
        return true;
    }
    if (packet.type == KeeperType::trace_reply) {
        auto reply = wire::decode<wire::TraceReply>(packet.body);
        if (!reply) return false;
        auto waiting = std::exchange(tracing_[process->pid()], nullptr);
        if (waiting) {
            waiting->reply = std::move(*reply);
            waiting->done.set();
        }
        return true;
    }
    return false;
}

// The exec has been caught and the process moved, or not, after its starter was answered.
void Node::exec_move_done(ProcessPtr const& process, wire::MoveDone const& done) {
    json::object figures;
    if (process->running) figures = std::move(process->running->figures);
    figures["bytes"] = done.bytes;
    figures["freeze_ms"] = static_cast<double>(done.freeze_us) / 1000;
    process->running = nullptr;
    process->last_move_ended = monotonic_now();
    Fd complaints = std::move(process->complaints);
    std::string to = done.to.empty() ? process->anchor : done.to;
    if (done.ok) {
        process->place = Place::away;
        process->host = done.to;
        process->command = command_line(process->pid());
        happenings_.add("move", process->pid(), name_, to, figures);
    } else {
        figures = {{"why", done.text}};
        if (!done.reason.empty()) {
            figures["reason"] = done.reason;
            process->confine(done.reason, reason_sentence(done.reason, done.text), monotonic_now());
        }
        happenings_.add(
            done.reason.empty() ? "move_failed" : "confined", process->pid(), name_, to, figures);
        std::string line = fmt::format("process {} runs at home, not on {}: {}", process->pid(), to,
            done.reason.empty() ? done.text : fmt::format("{} ({})", done.text, done.reason));
        spdlog::info("{}", line);
        // What was asked for did not happen, and nobody but its own standard error is there to be
        // told.
        if (complaints) start(io_, tell(io_, std::move(complaints), "rove run: " + line + "\n"));
        if (!done.reason.empty())
            start(io_, go_back(process));
        else
            process->anchor.clear();
    }
    process->decide({monotonic_now(), done.ok ? "moved" : "not moved", name_, to, figures});
    save();
}

// Whoever waits for a move learns that its steward is no more, or the process.
void Node::end_waiting(ProcessPtr const& process) {
    if (!process->running) return;
    if (process->running->armed && !process->running->done && !process->ended && !ending_) {
        wire::MoveDone lost;
        lost.text = "its steward ended before the move was done";
        auto running = process->running;
        exec_move_done(process, lost);
        process->running = running;
    }
    process->running->gone = true;
    process->running->change->set();
    process->running = nullptr;
    process->moving = false;
}

void Node::steward_closed(std::shared_ptr<Keeper> const& keeper) {
    auto process = process_of(*keeper);
    if (!process) return;
    process->steward = nullptr;
    process->steward_pid = 0;
    bool leaving = std::exchange(process->steward_leaving, false);
    bool was_moving = process->running != nullptr;
    if (was_moving && leaving) process->running->unheard = true;
    if (process->steward_change) process->steward_change->set();
    end_waiting(process);
    if (ending_) return;
    if (!leaving && (process->place != Place::home || was_moving)) {
        process->unsettled = true;
        start(io_, relearn(process));
    }
    save();
}

// A child of a process that is away lives where that one does. Most that execute another program do
// so before anybody would have had to do with them; a steward comes for those that last.
void Node::meet_born(ProcessPtr const& parent, wire::Born const& born) {
    auto child = find(born.pid);
    if (child && (child->steward || child->steward_pid != 0)) return;
    if (!child) child = meet(born.pid, parent->program);
    if (!child) return;
    child->place = Place::away;
    child->host = parent->host;
    child->unsettled = true;
    start(io_, attend_born(child, born.steward_wanted ? Nanos(0) : born_patience));
}

Task<> Node::attend_born(ProcessPtr child, Nanos patience) {
    if (patience != Nanos(0)) co_await pause(io_, patience);
    if (child->ended || child->steward || !child->unsettled || ending_) co_return;
    if (!has_runtime(child->pid())) {
        child->place = Place::home;
        child->host = name_;
        child->unsettled = false;
        child->command = command_line(child->pid());
        if (!child->anchor.empty() && child->anchor != name_) start(io_, go_back(child));
        co_return;
    }
    // Without one nobody would notice the end of its host.
    for (Nanos wait = born_patience;; wait = std::min<Nanos>(wait * 2, std::chrono::seconds(5))) {
        auto steward = co_await steward_for(child);
        if (steward || child->ended || ending_) co_return;
        spdlog::error("{}: {}", child->pid(), steward.error().sentence());
        co_await pause(io_, wait);
    }
}

// A steward was killed while its process is away: another one takes over. It finds everything in
// the process itself.
Task<> Node::relearn(ProcessPtr process) {
    co_await pause(io_, std::chrono::milliseconds(10));
    if (process->ended || process->steward || !look_stat(process->pid())) co_return;
    auto former = look_stat(process->steward_pid);
    if (!former || former->start_time != process->steward_start)
        spdlog::warn("the steward of {} ended; another one takes over", process->pid());
    auto steward = co_await steward_for(process);
    if (!steward && !process->ended)
        spdlog::error("{}: {}", process->pid(), steward.error().sentence());
}

} // namespace rove::node
