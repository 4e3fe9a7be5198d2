// SPDX-License-Identifier: Apache-2.0
// Debug: a process comes home for a debugger, and stays there as long as that runs.
//
// The debugger is the very process that asks ('rove debug' becomes it), so its end is the end of
// the stay, whatever happens to it.
#include <poll.h>

#include "node/node.hh"
#include "node/pid_name.hh"
#include "sys/process.hh"

namespace rove::node {

namespace json = boost::json;

namespace {

constexpr Nanos look_interval = std::chrono::milliseconds(100);
// The runtime is taken out of a process two seconds after it has come home.
constexpr Nanos steward_patience = std::chrono::seconds(6);

bool has_ended(int pidfd) {
    pollfd one{pidfd, POLLIN, 0};
    return ::poll(&one, 1, 0) != 0;
}

} // namespace

Task<> Node::end_debugging(ProcessPtr process, std::shared_ptr<Fd> debugger) {
    while (!ending_ && !process->ended && !has_ended(debugger->number()))
        co_await pause(io_, look_interval);
    if (std::erase(process->debuggers, debugger) == 0) co_return; // it did not come to it
    if (ending_ || process->ended || !process->debuggers.empty()) co_return;
    happenings_.add("debugged", process->pid(), process->host, "", {});
    if (!process->anchor.empty() && process->anchor != process->host) start(io_, go_back(process));
}

Task<Outcome> Node::debug(Caller caller, json::object body) {
    PidName pid = parse_pid(body.if_contains("pid") ? body.at("pid") : json::value());
    if (!pid.home.empty() && pid.home != name_)
        co_return Outcome::failed(
            1, fmt::format("a process is debugged at its home; run this on {}", pid.home));
    refresh_programs();
    if (Outcome allowed = permit(caller, pid.pid); allowed.code == 4) co_return allowed;
    auto process = find(pid.pid);
    if (!process) co_return Outcome::done(json::object{{"pid", pid.pid}}); // it is never moved
    auto pidfd = sys::pidfd_open(caller.pid);
    if (!pidfd) co_return Outcome::failed(1, pidfd.error().sentence());
    auto debugger = std::make_shared<Fd>(std::move(*pidfd));
    process->debuggers.push_back(debugger);
    start(io_, end_debugging(process, debugger));
    happenings_.add("debug", pid.pid, process->host, name_, {});
    Moved moved = co_await move(process, name_, caller.uid);
    if (!moved.ok) {
        std::erase(process->debuggers, debugger);
        co_return Outcome::failed(moved.code, moved.text, moved.reason);
    }
    for (Nanos until = monotonic_now() + steward_patience;
         process->steward && !process->ended && monotonic_now() < until;)
        co_await pause(io_, look_interval);
    co_return Outcome::done(json::object{{"pid", pid.pid}});
}

} // namespace rove::node
