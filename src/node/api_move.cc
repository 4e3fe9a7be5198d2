// SPDX-License-Identifier: Apache-2.0
// API: the verbs that act on processes: run, move, stay, roam.
#include <boost/json.hpp>
#include <spdlog/spdlog.h>

#include "base/cpu_level.hh"
#include "base/text.hh"
#include "node/json_fields.hh"
#include "node/node.hh"
#include "node/pid_name.hh"
#include "node/proc.hh"
#include "sys/process.hh"

namespace rove::node {

namespace json = boost::json;

namespace {

// Of the wanted freeze, in milliseconds; 0: none was named.
uint64_t freeze_us(json::object const& body) {
    return static_cast<uint64_t>(std::min(decimal_field(body, "freeze_ms"), 60000.0) * 1000);
}

// A move that nobody waits for: what will come of it is not known.
json::object begun_row(Process const& process, std::string const& to) {
    return {{"pid", process.pid()}, {"from", process.host}, {"to", to}, {"bytes", nullptr},
        {"freeze_ms", nullptr}, {"stopped_ms", nullptr}, {"total_ms", nullptr}, {"mode", nullptr}};
}

} // namespace

Outcome Node::permit(Caller caller, pid_t pid) {
    auto status = pid > 0 ? look_status(pid) : Result<ProcStatus>(deny(ESRCH, "no PID"));
    if (!status || !look_stat(pid))
        return Outcome::failed(4, fmt::format("there is no process {}", pid));
    if (caller.uid != 0 && status->credentials.uids[0] != caller.uid)
        return Outcome::failed(4, fmt::format("process {} is not yours", pid));
    auto objects = image::objection(status->credentials, caller.uid, config_.flag("move.root"));
    if (!objects.word.empty())
        return Outcome::failed(3, fmt::format("process {}: {}", pid, objects.text), objects.word);
    return {};
}

Task<Outcome> Node::run(Caller caller, json::object body) {
    if (Status same = same_caller(caller); !same)
        co_return Outcome::failed(125, same.error().sentence());
    ProgramWish wish;
    wish.stay = flag_field(body, "stay");
    wish.no_patch = flag_field(body, "no_patch");
    wish.storm_ms = std::clamp<int64_t>(number_field(body, "storm_ms").value_or(0), 0, 86400000);
    wish.seed =
        static_cast<uint64_t>(number_field(body, "seed").value_or(static_cast<int64_t>(random_())));
    wish.report = text_field(body, "report").value_or("");
    wish.memory = static_cast<uint64_t>(number_field(body, "mem").value_or(0));
    if (auto level = text_field(body, "cpu_baseline")) {
        auto known = parse_cpu_level(*level);
        if (!known)
            co_return Outcome::failed(
                125, fmt::format("'{}' is no level of CPU features", printable(*level)));
        wish.cpu_level = *known;
        auto missing = missing_features(features_of(*known), cpu_.features);
        if (!missing.empty())
            co_return Outcome::failed(
                125, fmt::format("the CPU of {} has not all of {}: it lacks {}", name_,
                         cpu_level_name(*known), join(missing, ", ")));
    }
    if (!wish.report.empty() && wish.report[0] != '/')
        co_return Outcome::failed(125, "the report's path must begin with /");
    std::string on = text_field(body, "on").value_or("");
    bool best = on == "best";
    wish.placed = !on.empty();
    if (best) on.clear();
    if (!on.empty()) {
        Destination where = resolve(on, nullptr, wish.cpu_level);
        if (where.node.empty()) co_return Outcome::failed(125, where.trouble.error);
        on = where.node == name_ ? "" : where.node;
    }
    if (!on.empty())
        if (Outcome allowed = permit(caller, caller.pid); allowed.code != 0)
            co_return Outcome::failed(125, allowed.error); // with the reason
    wish.on = on;
    auto program = co_await make_program(caller, caller.pid, wish);
    if (!program) co_return Outcome::failed(125, program.error().sentence());
    auto process = find(caller.pid);
    if (!process) co_return Outcome::failed(125, "the process has ended");
    if (auto* words = member_field(body, "command"); words && words->is_array()) {
        std::string line;
        for (json::value const& word : words->get_array())
            if (word.is_string())
                line += (line.empty() ? "" : " ") + std::string(word.get_string());
        if (!line.empty()) process->command = printable(line.substr(0, 4096));
    }
    std::string where = name_;
    if (on.empty() && (best || may_roam(*process)) && permit(caller, caller.pid).code == 0)
        where = co_await place(process, caller.uid, best ? Children::stay_there : Children::roam);
    if (!on.empty()) {
        uint64_t id = (*program)->id;
        // A move that fails when it has become CMD is told there.
        if (auto complaints = sys::pidfd_getfd(process->pidfd.number(), 2))
            process->complaints = std::move(*complaints);
        Moved moved = co_await move(process, on, caller.uid, true);
        if (moved.ok) {
            where = on;
        } else {
            auto found = programs_.find(id);
            process->anchor.clear();
            process->complaints.close();
            if (found != programs_.end()) {
                found->second->wish.on.clear();
                if (!wish.report.empty()) found->second->wish.report.clear();
            }
            co_return Outcome::failed(
                125, fmt::format("{} does not take it: {}", on, moved.text), moved.reason);
        }
    }
    happenings_.add("run", caller.pid, "", where, {});
    co_return Outcome::done(json::object{{"pid", caller.pid}, {"host", where}});
}

json::object Node::move_row(pid_t pid, Moved const& moved) {
    return {{"pid", pid}, {"from", moved.from}, {"to", moved.to}, {"bytes", moved.bytes},
        {"freeze_ms", static_cast<double>(moved.freeze_us) / 1000},
        {"stopped_ms", static_cast<double>(moved.stopped_us) / 1000},
        {"total_ms", static_cast<double>(moved.total_us) / 1000}, {"mode", moved.mode}};
}

Task<Outcome> Node::move_verb(Caller caller, json::object body) {
    PidName pid = parse_pid(body.if_contains("pid") ? body.at("pid") : json::value());
    std::string to = text_field(body, "to").value_or("");
    if (pid.pid == 0 || to.empty())
        co_return Outcome::failed(2, "a move needs a PID and a destination");
    if (!pid.home.empty() && pid.home != name_) {
        body["pid"] = pid.pid;
        co_return co_await forward(pid.home, "move", caller, body);
    }
    refresh_programs();
    Outcome allowed = permit(caller, pid.pid);
    if (allowed.code == 4) co_return allowed;
    auto process = find(pid.pid);
    if (!process)
        co_return Outcome::failed(
            1, fmt::format("process {0} is not migratable; 'rove adopt {0}' makes it so", pid.pid));
    Destination where = resolve(to, process, promised_level(*process));
    if (where.node.empty()) co_return where.trouble;
    // Home is always allowed.
    if (allowed.code != 0 && where.node != name_) co_return allowed;
    bool wait = flag_field(body, "wait", true) && !flag_field(body, "no_wait");
    if (flag_field(body, "all"))
        co_return co_await move_all(caller, process, where.node, wait, freeze_us(body));

    if (!wait) {
        process->anchor = where.node == name_ ? "" : where.node;
        process->asker = caller.uid;
        process->freeze_us = freeze_us(body);
        json::object begun = begun_row(*process, where.node);
        wish(process, where.node, caller.uid);
        co_return Outcome::done(std::move(begun));
    }
    Moved moved = co_await move_as_wished(process, where.node, caller.uid, freeze_us(body));
    if (moved.ok) co_return Outcome::done(move_row(pid.pid, moved));
    co_return Outcome::failed(moved.code, moved.text, moved.reason);
}

// All members at once: each has its own steward, and they do not wait for each other.
Task<Outcome> Node::move_all(
    Caller caller, ProcessPtr root, std::string to, bool wait, uint64_t freeze) {
    std::vector<ProcessPtr> members{root};
    auto program = programs_.find(root->program);
    bool whole = program != programs_.end() && program->second->root.pid == root->pid();
    for (auto& [pid, process] : processes_) {
        if (process == root || process->ended) continue;
        bool descends = whole && process->program == root->program;
        for (pid_t at = pid; !descends && at > 1;) {
            auto stat = look_stat(at);
            if (!stat) break;
            at = stat->parent;
            descends = at == root->pid();
        }
        if (descends && permit(caller, pid).code != 4) members.push_back(process);
    }
    struct Gathering {
        explicit Gathering(asio::io_context& io) : all(io) {}
        Event all;
        size_t left = 0;
        std::vector<Moved> results;
    };
    auto gathering = std::make_shared<Gathering>(io_);
    gathering->left = members.size();
    gathering->results.resize(members.size());
    json::array rows;
    std::vector<std::string> before; // where they were to be
    for (size_t i = 0; i < members.size(); ++i) {
        if (!wait) rows.push_back(begun_row(*members[i], to));
        before.push_back(std::exchange(members[i]->anchor, to == name_ ? "" : to));
        members[i]->asker = caller.uid;
        members[i]->freeze_us = freeze;
        if (!wait) {
            wish(members[i], to, caller.uid);
            continue;
        }
        start(io_,
            [](Node& node, ProcessPtr who, std::string goal, uid_t asker,
                std::shared_ptr<Gathering> sum, size_t index) -> Task<> {
                sum->results[index] = co_await node.move(who, goal, asker);
                if (--sum->left == 0) sum->all.set();
            }(*this, members[i], to, caller.uid, gathering, i));
    }
    if (!wait) co_return Outcome::done(std::move(rows));
    (void)co_await gathering->all.wait(Nanos::max());
    int worst = 0;
    size_t ended = 0;
    std::string why, reason;
    for (size_t i = 0; i < members.size(); ++i) {
        Moved const& moved = gathering->results[i];
        json::object row = move_row(members[i]->pid(), moved);
        // A member that ended on its way is no failure of the others.
        if (!moved.ok && moved.code == 4) {
            ++ended;
            continue;
        }
        if (!moved.ok) {
            if (members[i]->anchor == (to == name_ ? "" : to)) members[i]->anchor = before[i];
            row["from"] = members[i]->host;
            row["to"] = to;
            row["error"] = moved.text;
            row["code"] = moved.code;
            if (!moved.reason.empty()) row["reason"] = moved.reason;
            if (moved.code > worst) {
                worst = moved.code;
                why = fmt::format("process {}: {}", members[i]->pid(), moved.text);
                reason = moved.reason;
            }
        }
        rows.push_back(std::move(row));
    }
    if (ended == members.size())
        co_return Outcome::failed(4, fmt::format("process {} has ended", root->pid()));
    if (worst == 0) co_return Outcome::done(std::move(rows));
    Outcome outcome = Outcome::failed(worst, why, reason);
    outcome.members = std::move(rows);
    co_return outcome;
}

Task<Outcome> Node::lock_verb(Caller caller, json::object body, bool lock) {
    PidName pid = parse_pid(body.if_contains("pid") ? body.at("pid") : json::value());
    if (!pid.home.empty() && pid.home != name_) {
        body["pid"] = pid.pid;
        co_return co_await forward(pid.home, lock ? "stay" : "roam", caller, body);
    }
    refresh_programs();
    if (Outcome allowed = permit(caller, pid.pid); allowed.code == 4) co_return allowed;
    auto process = find(pid.pid);
    if (!process)
        co_return Outcome::failed(
            1, fmt::format("process {0} is not migratable; 'rove adopt {0}' makes it so", pid.pid));
    process->locked = lock;
    process->decide({monotonic_now(), lock ? "locked" : "unlocked", process->host, "", {}});
    happenings_.add(lock ? "stay" : "roam", pid.pid, process->host, "", {});
    save();
    co_return Outcome::done(json::object{{"pid", pid.pid}, {"locked", lock}});
}

} // namespace rove::node
