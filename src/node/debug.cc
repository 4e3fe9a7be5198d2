// SPDX-License-Identifier: Apache-2.0
// Debug: a process comes home for a debugger, and stays there as long as that runs.
//
// The debugger is the very process that asks ('rove debug' becomes it), so its end is the end of
// the stay, whatever happens to it.
#include <algorithm>

#include "node/debugger.hh"
#include "node/node.hh"
#include "node/pid_name.hh"
#include "wire/session.hh"

namespace rove::node {

namespace json = boost::json;

namespace {

constexpr Nanos look_interval = std::chrono::milliseconds(100);
// The runtime is taken out of a process two seconds after it has come home.
constexpr Nanos steward_patience = std::chrono::seconds(6);
constexpr size_t debuggers_max = 8; // of one process

} // namespace

Task<> Node::end_debugging(ProcessPtr process, std::shared_ptr<Debugger> debugger) {
    (void)co_await debugger->pidfd.async_wait(asio::posix::stream_descriptor::wait_read, no_throw);
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
    if (Status same = same_caller(caller); !same)
        co_return Outcome::failed(1, same.error().sentence());
    auto process = find(pid.pid);
    if (!process) co_return Outcome::done(json::object{{"pid", pid.pid}}); // it is never moved
    auto& present = process->debuggers;
    auto again = std::find_if(present.begin(), present.end(), [&](auto const& each) {
        return each->pid == caller.pid && !is_readable(each->pidfd.native_handle());
    });
    std::shared_ptr<Debugger> debugger;
    if (again == present.end()) {
        if (present.size() >= debuggers_max)
            co_return Outcome::failed(
                1, fmt::format("process {} has {} debuggers already", pid.pid, present.size()));
        auto pidfd = waitable(io_, caller.pidfd->number());
        if (!pidfd) co_return Outcome::failed(1, pidfd.error().sentence());
        debugger = std::make_shared<Debugger>(caller.pid, std::move(*pidfd));
        present.push_back(debugger);
        start(io_, end_debugging(process, debugger));
    }
    happenings_.add("debug", pid.pid, process->host, name_, {});
    Moved moved = co_await move(process, name_, caller.uid);
    if (!moved.ok) {
        boost::system::error_code ignored;
        if (debugger && std::erase(process->debuggers, debugger) != 0)
            debugger->pidfd.close(ignored);
        co_return Outcome::failed(moved.code, moved.text, moved.reason);
    }
    if (process->steward) (void)process->steward->send(wire::KeeperType::forget, wire::Empty{});
    for (Nanos until = monotonic_now() + steward_patience;
         process->steward && !process->ended && monotonic_now() < until;)
        co_await pause(io_, look_interval);
    co_return Outcome::done(json::object{{"pid", pid.pid}});
}

} // namespace rove::node
