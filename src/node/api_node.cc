// SPDX-License-Identifier: Apache-2.0
// API: `rove node`: block, unblock, expel, bring, drain, auto. What is set stays over restarts.
#include <algorithm>

#include <boost/json.hpp>

#include "base/text.hh"
#include "node/node.hh"
#include "node/pid_name.hh"

namespace rove::node {

using wire::Place;
namespace json = boost::json;

namespace {
constexpr unsigned rounds_in_vain_max = 6;
constexpr Nanos between_rounds = std::chrono::milliseconds(20);
// What keeps somebody may be over soon: a line that was cut and is heard again, a fork.
constexpr Nanos after_one_in_vain = std::chrono::milliseconds(500);
} // namespace

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
        if (!blocked_) draining_ = drained_ = false;
    } else if (verb == "auto") {
        if (!on.is_bool()) co_return Outcome::failed(2, "'rove node auto' needs on or off");
        balancing_ = on.get_bool();
        send_terms();
    } else if (verb == "expel") {
        co_return co_await expel();
    } else if (verb == "bring") {
        co_return co_await bring();
    } else if (verb == "drain") {
        blocked_ = draining_ = true;
        announce_own();
        save();
        Outcome drained = co_await drain();
        draining_ = false;
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
        Outcome outcome;
    };
    auto draining = std::make_shared<Draining>(io_);
    start(io_, [](Node& node, std::shared_ptr<Draining> it) -> Task<> {
        it->outcome = co_await node.leave_empty();
        it->done.set();
    }(*this, draining));
    int64_t limit = config_.number("drain.seconds");
    if (!co_await draining->done.wait(std::chrono::seconds(limit)))
        co_return Outcome::failed(
            1, fmt::format("not everything has left within {} s (drain.seconds); 'rove ps --all' "
                           "shows what stays",
                   limit));
    co_return draining->outcome;
}

// In rounds: children are born while their parents leave, and who was promised a place before may
// still come.
Task<Outcome> Node::leave_empty() {
    json::array moves;
    unsigned in_vain = 0;
    while (draining_ && !ending_) {
        Outcome out = co_await expel(), back = co_await bring();
        unsigned before = in_vain;
        for (Outcome const* round : {&out, &back}) {
            if (round->code != 0 && ++in_vain == rounds_in_vain_max) co_return *round;
            if (round->code != 0) continue;
            for (json::value const& move : round->body.at("moves").as_array())
                moves.push_back(move);
        }
        bool away = std::any_of(processes_.begin(), processes_.end(),
            [](auto const& each) { return each.second->place != Place::home; });
        if (guests_->empty() && !away && draining_)
            co_return Outcome::done(json::object{{"node", name_}, {"moves", std::move(moves)}});
        co_await pause(io_, in_vain == before ? between_rounds : after_one_in_vain);
    }
    co_return Outcome::failed(1, "the drain was called off");
}

namespace {
// Several moves at once, and what became of them.
struct Gathering {
    explicit Gathering(asio::io_context& io) : all(io) {}
    Event all;
    size_t left = 0;
    json::array rows;
    std::string why; // of one that stays

    Task<Outcome> outcome(std::string node) {
        if (left != 0) (void)co_await all.wait(Nanos::max());
        if (!why.empty()) co_return Outcome::failed(1, why);
        co_return Outcome::done(json::object{{"node", node}, {"moves", rows}});
    }
};
} // namespace

// Where to the policy says; home takes who finds no other place.
Task<Outcome> Node::expel() {
    see_tenants();
    std::map<uint64_t, policy::Order> orders;
    if (balancing_) {
        Here now_here = here();
        now_here.stance = policy::Stance::expelling;
        now_here.departing = 0;
        auto made = balance_.decide(board_.members(monotonic_now()), now_here, monotonic_now());
        decision_log_.add(made.record, monotonic_now());
        for (policy::Order const& order : made.decision.orders)
            orders[order.process] = order;
    }
    auto gathering = std::make_shared<Gathering>(io_);
    std::vector<Guest> guests = guests_->arrived();
    gathering->left = guests.size();
    for (Guest const& guest : guests) {
        auto found = orders.find(balance_.numbers().of(guest.identity));
        std::string to = found == orders.end() ? "" : balance_.numbers().name(found->second.to);
        start(io_,
            [](Node& node, std::shared_ptr<Gathering> sum, Guest who, std::string where) -> Task<> {
                Outcome one = co_await node.expel_one(who, where);
                if (one.code == 0 && one.body.is_object()) sum->rows.push_back(one.body);
                if (one.code != 0 && one.code != 4) // it has ended meanwhile
                    sum->why = fmt::format(
                        "{}:{} stays: {}", who.identity.home, who.identity.pid, one.error);
                if (--sum->left == 0) sum->all.set();
            }(*this, gathering, guest, to));
    }
    co_return co_await gathering->outcome(name_);
}

Task<Outcome> Node::expel_one(Guest guest, std::string to) {
    Tenant tenant = guest_tenant(guest);
    if (!to.empty() && to != guest.identity.home) {
        Motive motive;
        motive.why = policy::Why::drained;
        motive.stretch_max = 1e9f;
        motive.demand = guest.offer.demand;
        motive.cpu_s = guest.offer.cpu_s;
        motive.figures = {{"why", "drained"}};
        Moved moved = co_await relocate(tenant, to, std::move(motive));
        if (moved.ok)
            co_return Outcome::done(
                json::object{{"pid", guest.identity.pid}, {"from", name_}, {"to", to}});
    }
    co_return co_await forward(
        guest.identity.home, "take_back", Caller{}, pid_body(guest.identity.pid));
}

Task<Outcome> Node::bring() {
    auto gathering = std::make_shared<Gathering>(io_);
    std::vector<ProcessPtr> away;
    for (auto& [pid, process] : processes_)
        if (process->place != Place::home) away.push_back(process);
    gathering->left = away.size();
    for (ProcessPtr const& each : away) {
        each->anchor.clear();
        start(io_, [](Node& node, std::shared_ptr<Gathering> sum, ProcessPtr process) -> Task<> {
            Moved moved = co_await node.move(process, node.name_, 0);
            if (moved.ok)
                sum->rows.push_back(node.move_row(process->pid(), moved));
            else if (moved.code != 4)
                sum->why = fmt::format("{} stays: {}", process->pid(), moved.text);
            if (--sum->left == 0) sum->all.set();
        }(*this, gathering, each));
    }
    co_return co_await gathering->outcome(name_);
}

} // namespace rove::node
