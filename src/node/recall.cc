// SPDX-License-Identifier: Apache-2.0
// Recall: what a daemon must know after a restart, in one file. Our own, but written before a crash
// perhaps: what does not fit is left out.
#include <cmath>

#include <boost/json.hpp>
#include <spdlog/spdlog.h>

#include "node/node.hh"
#include "node/proc.hh"
#include "sys/files.hh"
#include "sys/process.hh"
#include "wire/region.hh"

namespace rove::node {

using wire::Place;
namespace json = boost::json;

namespace {

constexpr size_t state_max = 256 << 20;

uint64_t number(json::object const& row, char const* key) {
    auto* value = row.if_contains(key);
    json::error_code error;
    return value ? value->to_number<uint64_t>(error) : 0;
}

std::string text_of(json::object const& row, char const* key) {
    auto* value = row.if_contains(key);
    return value && value->is_string() ? std::string(value->get_string()) : "";
}

bool flag(json::object const& row, char const* key) {
    auto* value = row.if_contains(key);
    return value && value->is_bool() && value->get_bool();
}

json::array calls_row(std::vector<wire::TraceRow> const& calls) {
    json::array rows;
    for (auto const& call : calls) {
        rows.push_back({{"call", call.call}, {"count", call.count}, {"local", call.local},
            {"forwarded", call.forwarded}, {"errors", call.errors}, {"us", call.us_total},
            {"bytes", call.bytes}});
    }
    return rows;
}

std::vector<wire::TraceRow> calls_of(json::object const& process) {
    std::vector<wire::TraceRow> calls;
    auto* rows = process.if_contains("calls");
    if (!rows || !rows->is_array()) return calls;
    for (json::value const& value : rows->get_array()) {
        auto* row = value.if_object();
        if (row == nullptr || calls.size() == wire::call_counts) continue;
        calls.push_back({static_cast<uint32_t>(number(*row, "call")), number(*row, "count"),
            number(*row, "local"), number(*row, "forwarded"), number(*row, "errors"),
            number(*row, "us"), number(*row, "bytes")});
    }
    return calls;
}

json::object counts_row(std::map<std::string, uint64_t> const& counts) {
    json::object row;
    for (auto const& [word, count] : counts)
        row[word] = count;
    return row;
}

std::map<std::string, uint64_t> counts_of(json::object const& row, char const* key) {
    std::map<std::string, uint64_t> counts;
    auto* value = row.if_contains(key);
    if (auto* object = value ? value->if_object() : nullptr)
        for (auto const& [word, count] : *object)
            counts[std::string(word)] = number(*object, std::string(word).c_str());
    return counts;
}

json::object sums_row(ProgramSums const& sums) {
    return {{"moves", sums.moves}, {"forwarded", sums.forwarded}, {"local", sums.local},
        {"bytes", sums.bytes}, {"freeze_us", sums.freeze_us_max},
        {"home_ms", static_cast<uint64_t>(sums.seconds_home * 1000)},
        {"away_ms", static_cast<uint64_t>(sums.seconds_away * 1000)},
        {"came_home", counts_row(sums.came_home)}};
}

ProgramSums sums_of(json::object const& row) {
    return {number(row, "moves"), number(row, "forwarded"), number(row, "local"),
        number(row, "bytes"), number(row, "freeze_us"),
        static_cast<double>(number(row, "home_ms")) / 1000,
        static_cast<double>(number(row, "away_ms")) / 1000, counts_of(row, "came_home")};
}

// The numbers of what has been learnt of moves, in the order of its description.
struct CostWriter {
    json::array numbers;
    void field(char const*, double& number) { numbers.push_back(number); }
};
struct CostReader {
    json::array const& numbers;
    size_t at = 0;
    bool good = true;
    void field(char const*, double& number) {
        json::error_code wrong = json::error::size_mismatch;
        if (at < numbers.size()) number = numbers[at++].to_number<double>(wrong);
        good = good && !wrong && std::isfinite(number) && number >= 0;
    }
};

json::array cost_row(policy::MigrationCost cost) {
    CostWriter writer;
    describe(writer, cost);
    return std::move(writer.numbers);
}

std::optional<policy::MigrationCost> cost_of(json::object const& state) {
    auto* row = state.if_contains("cost");
    if (!row || !row->is_array()) return std::nullopt;
    policy::MigrationCost cost;
    CostReader reader{row->get_array()};
    describe(reader, cost);
    return reader.good ? std::optional(cost) : std::nullopt;
}

} // namespace

void Node::save() const {
    json::array programs;
    for (auto const& [id, program] : programs_) {
        json::array groups;
        for (gid_t group : program->groups)
            groups.push_back(group);
        programs.push_back(json::object{{"id", id}, {"outer", program->outer},
            {"group", program->group}, {"pid", program->root.pid},
            {"start_time", program->root.start_time}, {"on", program->wish.on},
            {"stay", program->wish.stay}, {"storm_ms", program->wish.storm_ms},
            {"seed", program->wish.seed}, {"report", program->wish.report},
            {"memory", program->wish.memory}, {"no_patch", program->wish.no_patch},
            {"cpu_baseline", cpu_level_name(program->wish.cpu_level)}, {"met", program->met},
            {"sums", sums_row(program->sums)}, {"uid", program->uid}, {"gid", program->gid},
            {"groups", groups}});
    }
    json::array processes;
    for (auto const& [pid, process] : processes_) {
        wire::Tally const& tally = process->tally;
        processes.push_back(json::object{{"pid", pid}, {"start_time", process->identity.start_time},
            {"program", process->program}, {"number", process->number},
            {"storm_step", process->storm_step}, {"born", process->born.count()},
            {"locked", process->locked}, {"anchor", process->anchor}, {"asker", process->asker},
            {"reason", process->reason}, {"reason_text", process->reason_text},
            {"reason_at", process->reason_at.count()},
            {"came_home", counts_row(process->came_home)}, {"calls", calls_row(process->calls)},
            {"host", process->host}, {"moves", tally.moves}, {"forwarded", tally.forwarded_calls},
            {"local", tally.local_calls}, {"bytes", tally.bytes_moved},
            {"freeze_us", tally.freeze_us_max}, {"away_us", tally.away_us},
            {"cpu_away_us", tally.cpu_away_us}, {"steward_pid", process->steward_pid},
            {"steward_start", process->steward_start}});
    }
    json::object state{{"incarnation", incarnation_}, {"programs", programs},
        {"processes", processes}, {"last_program", last_program_}, {"blocked", blocked_},
        {"balancing", balancing_}, {"drained", drained_}, {"cost", cost_row(balance_.cost())}};
    std::string path = run_dir_ + "/programs.json";
    spare_.close();
    if (Status written = sys::replace_file(path, json::serialize(state), 0600); !written)
        spdlog::warn("the list of programs is not saved: {}", written.error().sentence());
    if (auto spare = sys::open("/dev/null", O_RDONLY)) spare_ = std::move(*spare);
}

void Node::recall() {
    std::string path = run_dir_ + "/programs.json";
    auto text = sys::read_file(path, state_max);
    if (!text && text.error().code == ENOENT) return;
    json::error_code wrong;
    json::value state = text ? json::parse(*text, wrong) : json::value();
    auto* object = wrong ? nullptr : state.if_object();
    if (!object) {
        // The next save() would be its end.
        std::string kept = path + ".unread";
        (void)::rename(path.c_str(), kept.c_str());
        spdlog::error("the programs of an earlier daemon are not known: {}; the list is kept as {}",
            text ? "it makes no sense" : text.error().sentence(), kept);
        return;
    }
    // Of another boot, on a file system that outlived it: the numbers are other processes' now.
    if (object->contains("incarnation") && number(*object, "incarnation") != incarnation_) return;
    blocked_ = blocked_ || flag(*object, "blocked"); // the configuration's word holds at each start
    balancing_ = flag(*object, "balancing");
    drained_ = blocked_ && flag(*object, "drained");
    if (auto cost = cost_of(*object)) balance_.set_cost(*cost);
    last_program_ = number(*object, "last_program");
    if (auto* rows = object->if_contains("programs"); rows && rows->is_array())
        for (json::value const& value : rows->get_array()) {
            if (!value.is_object()) continue;
            json::object const& row = value.get_object();
            auto program = std::make_shared<Program>();
            program->id = number(row, "id");
            program->outer = number(row, "outer");
            program->group = text_of(row, "group");
            program->root = wire::Identity{name_, incarnation_,
                static_cast<pid_t>(number(row, "pid")), number(row, "start_time")};
            program->wish.on = text_of(row, "on");
            program->wish.stay = flag(row, "stay");
            program->wish.storm_ms = static_cast<int64_t>(number(row, "storm_ms"));
            program->wish.seed = number(row, "seed");
            program->wish.report = text_of(row, "report");
            program->wish.memory = number(row, "memory");
            program->wish.no_patch = flag(row, "no_patch");
            program->wish.cpu_level =
                parse_cpu_level(text_of(row, "cpu_baseline")).value_or(CpuLevel::any);
            program->met = number(row, "met");
            if (auto* sums = row.if_contains("sums"); sums && sums->is_object())
                program->sums = sums_of(sums->get_object());
            program->uid = static_cast<uid_t>(number(row, "uid"));
            program->gid = static_cast<gid_t>(number(row, "gid"));
            if (auto* groups = row.if_contains("groups"); groups && groups->is_array())
                for (json::value const& group : groups->get_array())
                    if (group.is_number())
                        program->groups.push_back(static_cast<gid_t>(group.to_number<uint64_t>()));
            auto stat = look_stat(program->root.pid);
            if (stat && stat->start_time == program->root.start_time)
                if (auto pidfd = sys::pidfd_open(program->root.pid))
                    program->root_pidfd = std::move(*pidfd);
            programs_[program->id] = program;
        }
    refresh_programs();
    if (auto* rows = object->if_contains("processes"); rows && rows->is_array())
        for (json::value const& value : rows->get_array()) {
            if (!value.is_object()) continue;
            json::object const& row = value.get_object();
            auto pid = static_cast<pid_t>(number(row, "pid"));
            auto process = find(pid);
            if (!process) process = meet(pid, number(row, "program"));
            if (!process) continue;
            if (process->identity.start_time != number(row, "start_time")) {
                if (process->program == 0) processes_.erase(pid);
                continue;
            }
            process->locked = flag(row, "locked");
            process->anchor = text_of(row, "anchor");
            if (row.contains("asker")) { // else it is of an earlier version
                process->asker = static_cast<uid_t>(number(row, "asker"));
                process->number = number(row, "number");
                process->storm_step = number(row, "storm_step");
                process->born = Nanos(static_cast<int64_t>(number(row, "born")));
            }
            process->confine(text_of(row, "reason"), text_of(row, "reason_text"),
                Nanos(static_cast<int64_t>(number(row, "reason_at"))));
            process->came_home = counts_of(row, "came_home");
            process->tally = wire::Tally{number(row, "moves"), number(row, "forwarded"),
                number(row, "local"), number(row, "bytes"), number(row, "freeze_us"),
                number(row, "away_us"), number(row, "cpu_away_us"), 0};
            process->calls = calls_of(row);
            std::string host = text_of(row, "host");
            // Its steward says so itself in a moment; until then this is the best that is known.
            if (!host.empty() && host != name_) {
                process->host = host;
                process->place = Place::away;
            }
            process->steward_pid = static_cast<pid_t>(number(row, "steward_pid"));
            process->steward_start = number(row, "steward_start");
            // One that had a steward was away or on its way; the steward may have died as we did.
            if (process->place != Place::home || process->steward_pid != 0) {
                process->unsettled = true;
                start(io_, relearn(process));
            }
        }
}

} // namespace rove::node
