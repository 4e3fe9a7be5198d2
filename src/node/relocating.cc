// SPDX-License-Identifier: Apache-2.0
// Relocating: what a host and a home say to each other about guests, and nodes about memory.
//
// Home tells once a second what may be done with its processes that are away, and how many calls
// they forward; a host that wants a guest to leave asks home, which moves it; a node that finds no
// room for a process asks another to make some.
#include <boost/json.hpp>
#include <spdlog/spdlog.h>

#include "node/balance/figures.hh"
#include "node/json_fields.hh"
#include "node/node.hh"
#include "node/pid_name.hh"

namespace rove::node {

using wire::Place;
namespace json = boost::json;

namespace {

constexpr Nanos terms_patience = std::chrono::seconds(2), move_patience = std::chrono::minutes(5);
// A question is 64 KB at most.
constexpr size_t guests_at_once = 100, talks_told = 4;

policy::Refusal refusal_named(std::string_view name) {
    for (auto refusal : {policy::Refusal::not_taking, policy::Refusal::busy, policy::Refusal::load,
             policy::Refusal::memory, policy::Refusal::features})
        if (name == policy::word(refusal)) return refusal;
    return policy::Refusal::none;
}

policy::Why why_named(std::string_view name) {
    for (int i = 0; i <= static_cast<int>(policy::Why::drained); ++i)
        if (name == policy::word(static_cast<policy::Why>(i))) return static_cast<policy::Why>(i);
    return policy::Why::balance;
}

bool about_load(policy::Why why) {
    return why == policy::Why::balance || why == policy::Why::faster ||
           why == policy::Why::together;
}

json::array talk_rows(std::vector<Talk> const& talks, Numbers const& numbers) {
    json::array rows;
    for (Talk const& talk : talks)
        if (rows.size() < talks_told)
            rows.push_back({{"partner", talk.partner}, {"at", numbers.name(talk.at)},
                {"messages", talk.messages}});
    return rows;
}

std::vector<Talk> talks_in(json::object const& row, Numbers& numbers) {
    std::vector<Talk> talks;
    auto* rows = row.if_contains("talks");
    if (!rows || !rows->is_array()) return talks;
    for (json::value const& value : rows->get_array()) {
        auto* each = value.if_object();
        auto at = each ? text_field(*each, "at") : std::nullopt;
        if (!at || !is_node_name(*at) || talks.size() == talks_told) continue;
        talks.push_back(
            {count_field(*each, "partner"), numbers.of(*at), count_field(*each, "messages")});
    }
    return talks;
}

} // namespace

// A question to another daemon that is no verb of a person; null if there is no good answer.
Task<json::value> Node::ask_node(
    std::string node, std::string verb, json::object body, Nanos patience) {
    wire::Ask ask{std::move(verb), 0, json::serialize(body)};
    auto reply = co_await peers_->ask(node, wire::PeerType::ask, wire::encode(ask), patience);
    auto answer = reply && reply->type == wire::PeerType::answer
                      ? wire::decode<wire::Answer>(reply->body)
                      : std::nullopt;
    json::error_code wrong;
    if (!answer || answer->code != 0) co_return nullptr;
    json::value value = json::parse(answer->body, wrong);
    co_return wrong ? json::value(nullptr) : value;
}

// ---- terms

void Node::send_terms() {
    std::map<std::string, json::array> by_host;
    auto talks = this->talks();
    for (auto const& [pid, process] : processes_)
        if (process->place == Place::away && process->host != name_) {
            auto expected = expected_of(*process);
            by_host[process->host].push_back(
                {{"pid", pid}, {"stays", !may_roam(*process) || !process->debuggers.empty()},
                    {"calls", process->tally.forwarded_calls},
                    {"expected_s", expected ? expected->cpu_s : 0},
                    {"lost_s", std::chrono::duration<double>(process->last_move_lost).count()},
                    {"talks", talk_rows(talks[pid], balance_.numbers())}});
        }
    for (auto& [host, rows] : by_host) {
        auto member = board_.find(host, monotonic_now());
        if (!member || !member->reachable()) continue;
        for (size_t from = 0; from < rows.size(); from += guests_at_once) {
            size_t count = std::min(guests_at_once, rows.size() - from);
            json::array part(rows.begin() + from, rows.begin() + from + count);
            start(io_, [](Node& node, std::string whom, json::object body) -> Task<> {
                (void)co_await node.ask_node(whom, "terms", std::move(body), terms_patience);
            }(*this, host, json::object{{"guests", std::move(part)}}));
        }
    }
}

Outcome Node::take_terms(std::string const& from, json::object const& body) {
    auto* rows = body.if_contains("guests");
    if (rows && rows->is_array())
        for (json::value const& value : rows->get_array()) {
            auto* row = value.if_object();
            auto pid = row ? number_field(*row, "pid") : std::nullopt;
            Guest* guest = pid ? guests_->find(from, static_cast<pid_t>(*pid)) : nullptr;
            if (!guest) continue;
            guest->terms_known = true;
            guest->stays = flag_field(*row, "stays");
            guest->calls = static_cast<uint64_t>(number_field(*row, "calls").value_or(0));
            guest->talks = talks_in(*row, balance_.numbers());
            guest->lost_s = decimal_field(*row, "lost_s");
            double expected_s = decimal_field(*row, "expected_s");
            bool news = expected_s > 0 && guest->expected_s != expected_s;
            guest->expected_s = expected_s;
            if (news && balance_.load() > board_.own().cores) hasten();
        }
    return Outcome::done(nullptr);
}

// ---- a guest that shall go elsewhere, or home

Task<Moved> Node::relocate(Tenant guest, std::string to, Motive motive) {
    json::object body = pid_body(guest.identity.pid);
    body["to"] = to;
    body["why"] = policy::word(motive.why);
    body["stretch_max"] = motive.stretch_max;
    body["demand"] = motive.demand;
    body["cpu_s"] = motive.cpu_s;
    body["figures"] = motive.figures;
    json::value answer =
        co_await ask_node(guest.identity.home, "relocate", std::move(body), move_patience);
    auto* row = answer.if_object();
    if (!row) co_return Moved::failed(1, "its home does not answer");
    Moved moved;
    moved.ok = flag_field(*row, "ok");
    moved.refusal = refusal_named(text_field(*row, "refusal").value_or(""));
    moved.text = text_field(*row, "text").value_or("");
    moved.stopped_us = static_cast<uint64_t>(number_field(*row, "stopped_us").value_or(0));
    moved.total_us = static_cast<uint64_t>(number_field(*row, "total_us").value_or(0));
    if (moved.refusal != policy::Refusal::none)
        balance_.refused(to, decimal_field(*row, "load"),
            static_cast<uint64_t>(number_field(*row, "memory_free").value_or(0)), monotonic_now());
    co_return moved;
}

Task<Outcome> Node::serve_relocate(std::string from, json::object body) {
    auto process = find(parse_pid(body["pid"]).pid);
    std::string to = text_field(body, "to").value_or("");
    Motive motive;
    motive.why = why_named(text_field(body, "why").value_or(""));
    motive.stretch_max = static_cast<float>(decimal_field(body, "stretch_max"));
    motive.demand = static_cast<float>(decimal_field(body, "demand"));
    motive.cpu_s = static_cast<float>(decimal_field(body, "cpu_s"));
    if (auto* figures = body.if_contains("figures"); figures && figures->is_object())
        motive.figures = figures->get_object();
    auto refused = [](std::string const& text) {
        return Outcome::done(json::object{{"ok", false}, {"text", text}});
    };
    if (!process || process->host != from || to.empty()) co_return refused("it is not there");
    bool home = to == name_;
    if (!home && (!may_roam(*process) || !process->debuggers.empty()))
        co_return refused("its home does not allow it");
    if (home && about_load(motive.why)) {
        if (!balancing_ || process->locked) co_return refused("its home does not allow it");
        wire::Offer offer;
        offer.identity = process->identity;
        offer.from = from;
        offer.automatic = 1;
        offer.why = static_cast<uint8_t>(motive.why);
        offer.demand = motive.demand;
        offer.stretch_max = motive.stretch_max;
        offer.memory_bytes = process->tally.memory_bytes;
        look_now();
        auto refusal = balance_.answer(offer, here(), monotonic_now());
        if (refusal != policy::Refusal::none)
            co_return Outcome::done(json::object{{"ok", false}, {"refusal", policy::word(refusal)},
                {"load", balance_.load()}, {"memory_free", here().memory.free}});
        announce_own();
    }
    Moved moved = co_await move(process, to, process->asker, false, &motive);
    if (home) balance_.settle(process->identity);
    if (moved.ok)
        balance_.learn(process->tally.memory_bytes, static_cast<double>(moved.lost_us()) / 1e6);
    json::object row{{"ok", moved.ok}, {"text", moved.text}, {"stopped_us", moved.stopped_us},
        {"total_us", moved.total_us}};
    if (moved.refusal != policy::Refusal::none) {
        row["refusal"] = policy::word(moved.refusal);
        row["load"] = moved.load;
        row["memory_free"] = moved.memory_free;
    }
    co_return Outcome::done(std::move(row));
}

// ---- room

void Node::ask_for_room(policy::RoomWish const& wish) {
    std::string node = balance_.numbers().name(wish.node);
    spdlog::info("no node has room for {} bytes; {} is asked to make some", wish.bytes, node);
    start(io_, [](Node& self, std::string whom, json::object body) -> Task<> {
        (void)co_await self.ask_node(whom, "make_room", std::move(body), terms_patience);
    }(*this, node, json::object{{"bytes", wish.bytes}}));
}

Outcome Node::make_room(json::object const& body) {
    auto bytes = number_field(body, "bytes");
    if (!bytes || *bytes <= 0) return Outcome::failed(2, "how much room?");
    if (balancing_) balance_.want_room(static_cast<uint64_t>(*bytes), monotonic_now());
    announce_own();
    hasten();
    return Outcome::done(nullptr);
}

// ---- what was found about a guest

Outcome Node::guest_decisions(std::string const& from, json::value const& pid) {
    wire::Identity who;
    who.home = from;
    who.pid = parse_pid(pid).pid;
    auto found = guest_decisions_.find(balance_.numbers().of(who));
    return Outcome::done(
        found == guest_decisions_.end() ? json::array() : decision_rows(found->second));
}

} // namespace rove::node
