// SPDX-License-Identifier: Apache-2.0
// Ending: asking the kernel, and the file of those who ended. Our own, but perhaps half written:
// what does not fit is left out.
#include "node/ending.hh"

#include <algorithm>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <spdlog/spdlog.h>

#include "base/fd.hh"
#include "base/text.hh"
#include "node/proc.hh"
#include "sys/files.hh"

namespace rove::node {

namespace json = boost::json;

namespace {

constexpr Nanos kept = std::chrono::hours(1);
constexpr size_t ended_max = 1000, lines_max = 4 * ended_max, file_max = 64 << 20;

Ending from_wait_status(int status) {
    Ending ending;
    if ((status & 0x7f) == 0)
        ending.exit_status = status >> 8 & 0xff;
    else
        ending.signal = status & 0x7f;
    return ending;
}

json::object to_json(Ended const& ended) {
    json::array decisions;
    for (Decision const& each : ended.decisions)
        decisions.push_back({{"at", each.at.count()}, {"verdict", each.verdict},
            {"from", each.from}, {"to", each.to}, {"figures", each.figures}});
    json::object row{{"at", ended.at.count()}, {"pid", ended.pid}, {"uid", ended.uid},
        {"host", ended.host}, {"reason", ended.reason}, {"text", ended.text},
        {"decisions", decisions}};
    if (ended.ending.exit_status) row["exit_status"] = *ended.ending.exit_status;
    if (ended.ending.signal) row["signal"] = *ended.ending.signal;
    return row;
}

std::optional<int64_t> number(json::object const& row, char const* key) {
    auto* value = row.if_contains(key);
    json::error_code wrong;
    if (!value || !value->is_number()) return std::nullopt;
    auto read = value->to_number<int64_t>(wrong);
    return wrong ? std::nullopt : std::optional(read);
}
std::string text(json::object const& row, char const* key) {
    auto* value = row.if_contains(key);
    return value && value->is_string() ? std::string(value->get_string()) : "";
}

std::optional<Ended> from_json(std::string_view line) {
    json::error_code wrong;
    json::value value = json::parse(line, wrong);
    if (wrong || !value.is_object()) return std::nullopt;
    json::object const& row = value.get_object();
    Ended ended;
    ended.at = Nanos(number(row, "at").value_or(0));
    ended.pid = static_cast<pid_t>(number(row, "pid").value_or(0));
    ended.uid = static_cast<uid_t>(number(row, "uid").value_or(0));
    ended.host = text(row, "host");
    ended.reason = text(row, "reason");
    ended.text = text(row, "text");
    if (auto status = number(row, "exit_status"))
        ended.ending.exit_status = static_cast<int>(*status);
    if (auto signal = number(row, "signal")) ended.ending.signal = static_cast<int>(*signal);
    if (auto* decisions = row.if_contains("decisions"); decisions && decisions->is_array())
        for (json::value const& each : decisions->get_array()) {
            auto* told = each.if_object();
            if (!told) continue;
            Decision decision{Nanos(number(*told, "at").value_or(0)), text(*told, "verdict"),
                text(*told, "from"), text(*told, "to"), {}};
            if (auto* figures = told->if_contains("figures"); figures && figures->is_object())
                decision.figures = figures->get_object();
            ended.decisions.push_back(std::move(decision));
        }
    if (ended.pid <= 0) return std::nullopt;
    return ended;
}

} // namespace

Ending look_ending(int pidfd, wire::Identity const& identity) {
    // The last field but none of a zombie's stat is what its parent will be told.
    auto stat_text = sys::read_file(fmt::format("/proc/{}/stat", identity.pid), 64 << 10);
    auto stat =
        stat_text ? parse_proc_stat(*stat_text) : Result<ProcStat>(deny(ESRCH, "no process"));
    if (stat && stat->state == 'Z' && stat->start_time == identity.start_time)
        if (auto status = parse_number<int>(words(*stat_text).back()))
            return from_wait_status(*status);
    constexpr uint64_t info_exit = 1u << 3; // PIDFD_INFO_EXIT, newer than our headers
    struct Answer {
        uint64_t mask;
        uint64_t cgroupid;
        uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
        int32_t exit_code;
        uint32_t coredump_mask, coredump_signal;
    } answer{};
    answer.mask = info_exit;
    constexpr unsigned long get_info = _IOWR(0xFF, 11, Answer);
    // The kernel knows several sizes of it; the first one has all that is wanted.
    if (::ioctl(pidfd, get_info, &answer) < 0 || (answer.mask & info_exit) == 0) return {};
    return from_wait_status(answer.exit_code);
}

void EndedList::recall(Nanos now) {
    auto all = sys::read_file(path_, file_max);
    if (!all) return;
    for (std::string_view line : lines(*all))
        if (auto ended = from_json(line)) list_[ended->pid] = std::move(*ended);
    forget(now);
    rewrite();
}

void EndedList::add(Ended ended) {
    Fd file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    std::string line = json::serialize(to_json(ended)) + "\n";
    if (!file || !sys::write_all(file.number(), as_bytes(line)))
        spdlog::debug("the end of {} is not written down", ended.pid);
    list_[ended.pid] = std::move(ended);
    if (list_.size() > ended_max)
        list_.erase(std::min_element(list_.begin(), list_.end(),
            [](auto const& a, auto const& b) { return a.second.at < b.second.at; }));
    if (++lines_ > lines_max) rewrite();
}

void EndedList::forget(Nanos now) {
    std::erase_if(list_, [&](auto const& each) { return now - each.second.at > kept; });
}

Ended const* EndedList::find(pid_t pid) const {
    auto found = list_.find(pid);
    return found == list_.end() ? nullptr : &found->second;
}

void EndedList::rewrite() {
    std::vector<Ended const*> oldest_first;
    for (auto const& [pid, ended] : list_)
        oldest_first.push_back(&ended);
    std::sort(oldest_first.begin(), oldest_first.end(),
        [](auto const* a, auto const* b) { return a->at < b->at; });
    std::string all;
    for (Ended const* ended : oldest_first)
        all += json::serialize(to_json(*ended)) + "\n";
    lines_ = list_.size();
    if (Status written = sys::replace_file(path_, all, 0600); !written)
        spdlog::warn("the list of those that ended is not saved: {}", written.error().sentence());
}

} // namespace rove::node
