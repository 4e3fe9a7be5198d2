// SPDX-License-Identifier: Apache-2.0
// API: the control API's verbs that look: ps, nodes, explain, trace, config; and the table of
// paths.
//
// Answers are exactly the JSON of the interface contract. A PID is a number of this home, or
// "HOME:PID", which is asked of that home's daemon.
#include <algorithm>

#include <boost/json.hpp>
#include <spdlog/spdlog.h>

#include "base/text.hh"
#include "base/units.hh"
#include "node/balance/figures.hh"
#include "node/call_names.hh"
#include "node/node.hh"
#include "node/pid_name.hh"
#include "node/post_office.hh"
#include "node/proc.hh"
#include "node/reasons.hh"
#include "wire/session.hh"

namespace rove::node {

using wire::Place;
namespace json = boost::json;

namespace {

json::value or_null(std::string const& text) {
    return text.empty() ? json::value() : json::value(text);
}

bool query_flag(std::string const& query, std::string_view name) {
    for (std::string_view part : split(query, '&')) {
        auto [key, value] = cut(part, '=');
        if (key == name) return value != "0" && value != "false";
    }
    return false;
}

// What the board costs, and what came that was not for it.
Outcome gossip_row(GossipCounts const& counts, size_t senseless) {
    return Outcome::done(json::object{{"sent", counts.sent}, {"sent_bytes", counts.sent_bytes},
        {"received", counts.received}, {"received_bytes", counts.received_bytes},
        {"no_datagram", counts.no_datagram}, {"other_version", counts.other_version},
        {"forged", counts.forged}, {"replayed", counts.replayed}, {"senseless", senseless}});
}

// What a node knows of itself only.
void add_strain(json::object& row, Strain::Values const& values) {
    auto known = [](std::optional<double> value) {
        return value ? json::value(*value) : json::value();
    };
    row["paging_per_s"] = known(values.paging_per_s);
    row["cpu_pressure"] = known(values.cpu_pressure);
    row["memory_pressure"] = known(values.memory_pressure);
    row["io_pressure"] = known(values.io_pressure);
}

} // namespace

Task<Outcome> Node::serve(
    std::string method, std::string path, std::string query, std::string body, Caller caller) {
    json::object object;
    if (method == "POST" && !body.empty()) {
        json::error_code wrong;
        json::parse_options options;
        options.max_depth = 16;
        json::value parsed = json::parse(body, wrong, {}, options);
        if (wrong || !parsed.is_object())
            co_return Outcome::failed(2, "the request is no JSON object");
        object = parsed.get_object();
    }
    // What a verb is about, in the body or at the end of the path.
    PidName named =
        parse_pid(object.if_contains("pid") ? object.at("pid")
                  : method == "GET" ? pid_value(std::string_view(path).substr(path.rfind('/') + 1))
                                    : json::value());
    if (!named.home.empty() && !is_node_name(named.home))
        co_return Outcome::failed(
            4, fmt::format("there is no process {0}:{1}: '{0}' is no name of a node",
                   printable(named.home), named.pid));
    if (method == "GET") {
        if (path == "/v1/ps") co_return co_await ps(caller, query_flag(query, "all"));
        if (path == "/v1/nodes") co_return nodes();
        if (path == "/v1/check") co_return co_await check(caller);
        if (path == "/v1/config") co_return config_rows();
        if (path == "/v1/gossip") co_return gossip_row(gossip_->counts(), board_.senseless());
        auto last = [&] { return pid_value(std::string_view(path).substr(path.rfind('/') + 1)); };
        if (path.starts_with("/v1/explain/")) {
            PidName pid = parse_pid(last());
            if (!pid.home.empty() && pid.home != name_)
                co_return co_await forward(pid.home, "explain", caller, pid_body(pid.pid));
            co_return co_await explain(caller, last());
        }
        if (path.starts_with("/v1/trace/")) co_return co_await trace(caller, last());
    } else if (method == "POST") {
        if (path == "/v1/run") co_return co_await run(caller, object);
        if (path == "/v1/adopt") co_return co_await adopt(caller, object);
        if (path == "/v1/move") co_return co_await move_verb(caller, object);
        if (path == "/v1/stay") co_return co_await lock_verb(caller, object, true);
        if (path == "/v1/roam") co_return co_await lock_verb(caller, object, false);
        if (path == "/v1/debug") co_return co_await debug(caller, object);
        if (path == "/v1/node") co_return co_await node_verb(caller, object);
    }
    co_return Outcome::failed(
        2, fmt::format("the daemon knows no {} {}; is it older than this 'rove'?",
               printable(method), printable(path)));
}

json::object Node::ps_row(Process const& process) {
    bool home = process.place == Place::home && process.host == name_;
    auto stat = look_stat(process.pid());
    double cpu = static_cast<double>(process.tally.cpu_away_us) / 1e6;
    if (stat) cpu += std::chrono::duration<double>(ticks_to_time(stat->cpu_ticks)).count();
    bool moving = process.moving || process.place == Place::moving;
    Confined why = moving ? Confined{} : confined(process);
    char const* state = moving                ? "moving"
                        : !why.reason.empty() ? "confined"
                        : home                ? "home"
                                              : "away";
    json::object row;
    row["pid"] = process.pid();
    row["user"] = process.user;
    row["state"] = state;
    row["home"] = name_;
    row["host"] = process.host;
    row["cpu_seconds"] = cpu;
    uint64_t memory = home && stat ? stat->resident_pages * 4096 : process.tally.memory_bytes;
    row["memory_bytes"] = memory != 0 ? json::value(memory) : json::value();
    row["moves"] = process.tally.moves;
    row["reason"] = or_null(why.reason);
    row["reason_text"] = or_null(why.text);
    row["stopped"] = stat && stat->state == 'T';
    row["command"] = process.command;
    row["locked"] = process.locked;
    return row;
}

Task<Outcome> Node::ps(Caller caller, bool all) {
    refresh_programs();
    std::vector<ProcessPtr> shown;
    for (auto& [pid, process] : processes_)
        if (all || process->uid == caller.uid) shown.push_back(process);
    co_await look(shown, true);
    json::array rows;
    for (ProcessPtr const& process : shown) {
        pid_t pid = process->pid();
        if (process->ended) continue;
        auto stat = look_stat(pid);
        if (!stat || stat->start_time != process->identity.start_time) continue;
        process->command = command_line(pid);
        rows.push_back(ps_row(*process));
    }
    if (all && guests_)
        for (Guest const& guest : guests_->arrived()) {
            json::object row;
            row["pid"] = guest.identity.pid;
            row["user"] = guest.user;
            row["state"] = "away";
            row["home"] = guest.identity.home;
            row["host"] = name_;
            row["cpu_seconds"] = static_cast<double>(guest.cpu_us) / 1e6;
            row["memory_bytes"] =
                guest.memory_bytes != 0 ? json::value(guest.memory_bytes) : json::value();
            row["moves"] = nullptr; // home knows
            row["reason"] = nullptr;
            row["reason_text"] = nullptr;
            row["stopped"] = nullptr;
            row["command"] = guest.command;
            row["locked"] = nullptr;
            rows.push_back(std::move(row));
        }
    co_return Outcome::done(std::move(rows));
}

Outcome Node::nodes() {
    refresh_own();
    json::array rows;
    for (Member const& member : board_.members(monotonic_now())) {
        json::object row;
        row["name"] = member.name;
        row["address"] = or_null(member.address);
        row["state"] = word(member.state);
        for (char const* key :
            {"load", "cores", "speed", "memory_total_bytes", "memory_free_bytes", "guests",
                "age_ms", "auto", "paging_per_s", "cpu_pressure", "memory_pressure", "io_pressure"})
            row[key] = nullptr;
        if (member.bulletin) {
            row["load"] = member.bulletin->load;
            row["cores"] = member.bulletin->cores;
            row["speed"] = member.bulletin->speed;
            row["memory_total_bytes"] = member.bulletin->memory_total;
            row["memory_free_bytes"] = member.bulletin->memory_free;
            row["guests"] = member.bulletin->guests;
            row["auto"] = member.bulletin->balancing != 0;
        }
        if (member.age) row["age_ms"] = member.age->count() / 1000000;
        if (member.name == name_) add_strain(row, strain_.values());
        rows.push_back(std::move(row));
    }
    return Outcome::done(std::move(rows));
}

Outcome Node::config_rows() {
    json::object rows;
    for (Config::Row const& each : config_.rows()) {
        json::value value;
        if (auto* flag = std::get_if<bool>(&each.value))
            value = *flag;
        else if (auto* number = std::get_if<int64_t>(&each.value))
            value = *number;
        else if (auto* decimal = std::get_if<double>(&each.value))
            value = *decimal;
        else if (auto* text = std::get_if<std::string>(&each.value))
            value = *text;
        else if (auto* texts = std::get_if<std::vector<std::string>>(&each.value)) {
            json::array list;
            for (auto const& item : *texts)
                list.emplace_back(item);
            value = std::move(list);
        } else if (auto* peers = std::get_if<std::vector<PeerEntry>>(&each.value)) {
            json::array list;
            for (auto const& peer : *peers)
                list.push_back({{"name", peer.name}, {"address", peer.address}});
            value = std::move(list);
        }
        if (each.unit == Unit::duration)
            value = static_cast<double>(std::get<int64_t>(each.value)) / 1e9;
        json::value written = value;
        if (each.unit == Unit::duration)
            written = print_duration(Nanos(std::get<int64_t>(each.value)));
        if (each.unit == Unit::size)
            written = print_size(static_cast<uint64_t>(std::get<int64_t>(each.value)));
        rows[each.key] = {{"key", each.key}, {"value", std::move(value)}, {"source", each.source},
            {"text", std::move(written)}, {"meaning", each.sentence}};
    }
    return Outcome::done(std::move(rows));
}

// With whom it has talked by mailbox since it opened it, and how much.
static json::array partner_rows(PostOffice const& post, pid_t pid) {
    json::array rows;
    auto talks = post.talks();
    for (PostOffice::Talk const& talk : talks[pid])
        rows.push_back({{"process", fmt::format("{}:{}", talk.with.home, talk.with.process)},
            {"at", talk.at}, {"messages", talk.messages}});
    return rows;
}

Task<Outcome> Node::explain(Caller caller, json::value name) {
    pid_t pid = parse_pid(name).pid;
    refresh_programs();
    auto process = find(pid);
    if (process && look_stat(pid)) {
        if (caller.uid != 0 && caller.uid != process->uid)
            co_return Outcome::failed(4, fmt::format("process {} is not yours", pid));
        std::vector<ProcessPtr> only{process};
        co_await look(std::move(only), false);
        json::object row = ps_row(*process);
        json::object answer;
        static constexpr char const* shared[] = {
            "pid", "home", "host", "state", "reason", "reason_text"};
        for (char const* key : shared)
            answer[key] = row[key];
        // What last brought it home, even when it passed at once.
        answer["came_home"] = json::object();
        for (auto const& [reason, count] : process->came_home)
            answer["came_home"].get_object()[reason] = count;
        answer["wants_to_be"] = or_null(process->anchor);
        answer["locked"] = process->locked;
        answer["cpu_baseline"] = or_null(std::string(cpu_level_name(promised_level(*process))));
        answer["automatic"] = balancing_ && !process->locked;
        if (process->locked && answer["reason"].is_null()) {
            answer["reason"] = "user_stay";
            answer["reason_text"] = find_reason("user_stay")->sentence;
        }
        auto* word = answer["reason"].if_string();
        Reason const* reason = word ? find_reason(*word) : nullptr;
        answer["lifted_by"] = reason ? json::value(reason->lifted_by) : json::value();
        answer["partners"] = partner_rows(*post_, pid);
        answer["decisions"] = co_await all_decisions(process);
        co_return Outcome::done(std::move(answer));
    }
    // Its steward may still have last words; until then it is told what is known.
    std::optional<Ended> ended;
    if (process && !look_stat(pid))
        ended = epitaph(*process);
    else if (auto* known = ended_.find(pid); known && !look_stat(pid))
        ended = *known;
    if (ended && (caller.uid == 0 || caller.uid == ended->uid)) {
        auto or_unknown = [](std::optional<int> value) {
            return value ? json::value(*value) : json::value();
        };
        co_return Outcome::done(
            json::object{{"pid", pid}, {"home", name_}, {"host", ended->host}, {"state", "ended"},
                {"reason", or_null(ended->reason)}, {"reason_text", or_null(ended->text)},
                {"exit_status", or_unknown(ended->ending.exit_status)},
                {"signal", or_unknown(ended->ending.signal)},
                {"decisions", decision_rows(ended->decisions)}});
    }
    if (look_stat(pid) && permit(caller, pid).code == 4) co_return permit(caller, pid);
    if (look_stat(pid))
        co_return Outcome::failed(
            4, fmt::format("process {} is not migratable; 'rove adopt {}' makes it so", pid, pid));
    co_return Outcome::failed(4, fmt::format("there is no process {}", pid));
}

// A host decides about its guests: it has the rest of them.
Task<json::array> Node::all_decisions(ProcessPtr process) {
    json::array rows = decision_rows(process->decisions);
    if (process->place != Place::away || process->host == name_) co_return rows;
    json::value there = co_await ask_node(
        process->host, "guest_decisions", pid_body(process->pid()), std::chrono::seconds(1));
    if (auto* more = there.if_array())
        for (json::value& row : *more)
            if (row.is_object() && row.get_object().contains("ms_ago"))
                rows.push_back(std::move(row));
    auto ago = [](json::value const& row) {
        json::error_code wrong;
        return row.get_object().at("ms_ago").to_number<int64_t>(wrong);
    };
    std::stable_sort(rows.begin(), rows.end(),
        [&](json::value const& a, json::value const& b) { return ago(a) < ago(b); });
    co_return rows;
}

Task<Outcome> Node::trace(Caller caller, json::value name) {
    PidName pid = parse_pid(name);
    if (!pid.home.empty() && pid.home != name_)
        co_return co_await forward(pid.home, "trace", caller, pid_body(pid.pid));
    auto process = find(pid.pid);
    if (!process) {
        if (!look_stat(pid.pid))
            co_return Outcome::failed(4, fmt::format("there is no process {}", pid.pid));
        co_return Outcome::failed(
            4, fmt::format("process {0} is not migratable; 'rove adopt {0}' makes it so", pid.pid));
    }
    if (caller.uid != 0 && caller.uid != process->uid)
        co_return Outcome::failed(4, fmt::format("process {} is not yours", pid.pid));
    std::vector<wire::TraceRow> calls = process->calls;
    if (process->steward && !process->steward_leaving) {
        auto waiting = std::make_shared<Tracing>(io_);
        tracing_[pid.pid] = waiting;
        if (!process->steward->send(wire::KeeperType::trace_request, wire::Empty{}))
            co_return Outcome::failed(1, "its steward does not answer; try again");
        (void)co_await waiting->done.wait(std::chrono::seconds(3));
        if (!waiting->reply) co_return Outcome::failed(1, "its steward does not answer; try again");
        calls = std::move(waiting->reply->rows);
    }
    json::array rows;
    for (wire::TraceRow const& row : calls) {
        rows.push_back({{"name", call_name(row.call)}, {"count", row.count}, {"local", row.local},
            {"forwarded", row.forwarded}, {"errors", row.errors}, {"us_total", row.us_total},
            {"bytes", row.bytes}});
    }
    co_return Outcome::done(std::move(rows));
}

// ---- other nodes

Task<Outcome> Node::forward(std::string node, std::string verb, Caller caller, json::object body) {
    if (!is_node_name(node)) // home and best, too: they are places to go to
        co_return Outcome::failed(1, fmt::format("'{}' is no name of a node", printable(node)));
    if (!board_.find(node, monotonic_now()))
        co_return resolve(node, nullptr, CpuLevel::any).trouble;
    wire::Ask ask{verb, caller.uid, json::serialize(body)};
    auto reply = co_await peers_->ask(
        node, wire::PeerType::ask, wire::encode(ask), std::chrono::minutes(10));
    if (!reply) co_return Outcome::failed(1, reply.error().what);
    auto answer = reply->type == wire::PeerType::answer ? wire::decode<wire::Answer>(reply->body)
                                                        : std::nullopt;
    json::error_code wrong;
    json::value value = answer ? json::parse(answer->body, wrong) : json::value();
    if (!answer || wrong)
        co_return Outcome::failed(1, fmt::format("{} gave no answer that makes sense", node));
    if (answer->code == 0) co_return Outcome::done(std::move(value));
    Outcome outcome;
    outcome.code = answer->code;
    auto* object = value.if_object();
    if (object && object->if_contains("error") && object->at("error").is_string())
        outcome.error = object->at("error").get_string().c_str();
    if (object && object->if_contains("reason") && object->at("reason").is_string())
        outcome.reason = object->at("reason").get_string().c_str();
    if (object && object->if_contains("members")) outcome.members = object->at("members");
    co_return outcome;
}

Task<Outcome> Node::serve_ask(std::string from, wire::Ask ask) {
    json::error_code wrong;
    json::parse_options options;
    options.max_depth = 16;
    json::value value = json::parse(ask.body, wrong, {}, options);
    if (wrong || !value.is_object()) co_return Outcome::failed(2, "the request is no JSON object");
    json::object body = value.get_object();
    Caller caller;
    caller.uid = ask.uid;
    json::value pid = body.if_contains("pid") ? body.at("pid") : json::value();
    spdlog::debug("{} asks for {}", from, printable(ask.verb));
    if (ask.verb == "move") co_return co_await move_verb(caller, body);
    if (ask.verb == "stay") co_return co_await lock_verb(caller, body, true);
    if (ask.verb == "roam") co_return co_await lock_verb(caller, body, false);
    if (ask.verb == "explain") co_return co_await explain(caller, pid);
    if (ask.verb == "trace") co_return co_await trace(caller, pid);
    if (ask.verb == "node" && caller.uid == 0) co_return co_await node_verb(caller, body);
    if (ask.verb == "terms") co_return take_terms(from, body);
    if (ask.verb == "relocate") co_return co_await serve_relocate(from, body);
    if (ask.verb == "make_room") co_return make_room(body);
    if (ask.verb == "guest_decisions") co_return guest_decisions(from, pid);
    // A host sends a guest away.
    if (ask.verb == "take_back") {
        auto process = find(parse_pid(pid).pid);
        if (!process || process->host != from) co_return Outcome::done(nullptr);
        process->anchor.clear();
        ++process->came_home["expelled"];
        Moved moved = co_await move(process, name_, caller.uid);
        if (!moved.ok) co_return Outcome::failed(moved.code, moved.text, moved.reason);
        co_return Outcome::done(move_row(process->pid(), moved));
    }
    co_return Outcome::failed(2, fmt::format("{} knows no '{}'", name_, printable(ask.verb)));
}

} // namespace rove::node
