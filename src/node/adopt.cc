// SPDX-License-Identifier: Apache-2.0
// Adopt: a process that runs already becomes a program, with the descendants that it has.
#include <algorithm>
#include <set>

#include <boost/json.hpp>

#include "node/node.hh"
#include "node/pid_name.hh"
#include "node/proc.hh"
#include "node/program_group.hh"

namespace rove::node {

namespace json = boost::json;

namespace {
constexpr int rounds_max = 16; // for those that fork faster than we look
}

Task<Outcome> Node::adopt(Caller caller, json::object body) {
    PidName pid = parse_pid(body.if_contains("pid") ? body.at("pid") : json::value());
    if (!pid.home.empty() && pid.home != name_)
        co_return Outcome::failed(
            1, fmt::format("a process is adopted at its home; run this on {}", pid.home));
    if (Outcome allowed = permit(caller, pid.pid); allowed.code != 0) co_return allowed;
    if (pid.pid == 1)
        co_return Outcome::failed(3, "process 1 of a container cannot be moved", "pid_1");
    refresh_programs();
    if (!find(pid.pid) || find(pid.pid)->program == 0) {
        auto from = present_group(pid.pid);
        if (!from) co_return Outcome::failed(1, from.error().sentence());
        ProgramWish wish;
        auto program = co_await make_program(caller, pid.pid, wish);
        if (!program) co_return Outcome::failed(1, program.error().sentence());
        take_along(caller, (*program)->group, *from);
        refresh_programs();
    }
    auto process = find(pid.pid);
    if (!process) co_return Outcome::failed(4, fmt::format("process {} has ended", pid.pid));
    json::array pids;
    for (auto& [each, other] : processes_)
        if (other->program == process->program) pids.push_back(each);
    happenings_.add("adopt", pid.pid, "", name_, {});
    co_return Outcome::done(json::object{{"pid", pid.pid}, {"pids", pids}});
}

// Those that the caller may have moved, and that are in the group in which their ancestor was: one
// that somebody has put into another, with limits of its own perhaps, stays there. A child may fork
// while its parent is being entered; a round without news has all of them.
void Node::take_along(Caller const& caller, std::string const& group, std::string const& from) {
    std::set<pid_t> seen;
    bool news = true;
    for (int round = 0; news && round < rounds_max; ++round) {
        news = false;
        auto members = program_group_members(group);
        seen.insert(members.begin(), members.end());
        for (size_t i = 0; i < members.size(); ++i)
            for (pid_t child : children_of(members[i])) {
                if (!seen.insert(child).second) continue;
                news = true;
                auto there = present_group(child);
                if (!there || *there != from || permit(caller, child).code != 0) continue;
                if (enter_program_group(group, child)) members.push_back(child);
            }
    }
}

} // namespace rove::node
