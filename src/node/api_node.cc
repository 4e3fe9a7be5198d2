// SPDX-License-Identifier: Apache-2.0
// API: `rove node`: block, unblock, expel, bring, drain, auto. What is set stays over restarts.
#include <boost/json.hpp>

#include "base/text.hh"
#include "node/node.hh"
#include "node/pid_name.hh"

namespace rove::node {

using wire::Place;
namespace json = boost::json;

Task<Outcome> Node::node_verb(Caller caller, json::object body) {
    auto text = [&](char const* key) -> std::string {
        auto* value = body.if_contains(key);
        return value && value->is_string() ? std::string(value->get_string()) : "";
    };
    std::string node = text("node"), verb = text("verb");
    // Somebody may bring his own programs home; the rest concerns everybody on the node.
    if (caller.uid != 0) co_return Outcome::failed(4, "only root may change what a node does");
    if (!node.empty() && node != name_) {
        body["node"] = nullptr;
        co_return co_await forward(node, "node", caller, body);
    }
    co_return co_await local_node_verb(
        verb, body.if_contains("on") ? body.at("on") : json::value());
}

Task<Outcome> Node::local_node_verb(std::string verb, json::value on) {
    auto state = [&] {
        return json::object{{"node", name_}, {"blocked", blocked_}, {"auto", balancing_}};
    };
    if (verb == "block" || verb == "unblock") {
        blocked_ = verb == "block";
        if (!blocked_) drained_ = false;
    } else if (verb == "auto") {
        if (!on.is_bool()) co_return Outcome::failed(2, "'rove node auto' needs on or off");
        balancing_ = on.get_bool();
    } else if (verb == "expel") {
        co_return co_await expel();
    } else if (verb == "bring") {
        co_return co_await bring();
    } else if (verb == "drain") {
        blocked_ = true;
        announce_own();
        save();
        Outcome drained = co_await drain();
        if (drained.code != 0) co_return drained;
        drained_ = true;
    } else {
        co_return Outcome::failed(2, fmt::format("there is no node verb '{}'", printable(verb)));
    }
    announce_own();
    save();
    happenings_.add("node_" + verb, 0, "", "", {});
    co_return Outcome::done(state());
}

// What has not left when the time is over may still do so; nobody waits for it.
Task<Outcome> Node::drain() {
    struct Draining {
        explicit Draining(asio::io_context& io) : done(io) {}
        Event done;
        Outcome away, home;
    };
    auto draining = std::make_shared<Draining>(io_);
    start(io_, [](Node& node, std::shared_ptr<Draining> it) -> Task<> {
        it->away = co_await node.expel();
        it->home = co_await node.bring();
        it->done.set();
    }(*this, draining));
    int64_t limit = config_.number("drain.seconds");
    if (!co_await draining->done.wait(std::chrono::seconds(limit)))
        co_return Outcome::failed(
            1, fmt::format("not everything has left within {} s (drain.seconds); 'rove ps --all' "
                           "shows what stays",
                   limit));
    co_return draining->away.code != 0 ? draining->away : draining->home;
}

Task<Outcome> Node::expel() {
    json::array rows;
    std::string why;
    for (Guest const& guest : guests_->arrived()) {
        Outcome one = co_await forward(
            guest.identity.home, "take_back", Caller{}, pid_body(guest.identity.pid));
        if (one.code == 0) {
            if (one.body.is_object()) rows.push_back(one.body);
        } else {
            why =
                fmt::format("{}:{} stays: {}", guest.identity.home, guest.identity.pid, one.error);
        }
    }
    if (!why.empty()) co_return Outcome::failed(1, why);
    co_return Outcome::done(json::object{{"node", name_}, {"moves", rows}});
}

Task<Outcome> Node::bring() {
    json::array rows;
    std::string why;
    std::vector<ProcessPtr> away;
    for (auto& [pid, process] : processes_)
        if (process->place != Place::home) away.push_back(process);
    for (ProcessPtr const& process : away) {
        process->anchor.clear();
        Moved moved = co_await move(process, name_, 0);
        if (moved.ok)
            rows.push_back(move_row(process->pid(), moved));
        else if (moved.code != 4)
            why = fmt::format("{} stays: {}", process->pid(), moved.text);
    }
    if (!why.empty()) co_return Outcome::failed(1, why);
    co_return Outcome::done(json::object{{"node", name_}, {"moves", rows}});
}

} // namespace rove::node
