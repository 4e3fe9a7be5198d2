// SPDX-License-Identifier: Apache-2.0
// Proc: readers and parsers.
#include "tracee/proc.hh"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.hh"
#include "sys/files.hh"

namespace rove::tracee {

char parse_state(std::string_view text) {
    size_t bracket = text.rfind(')');
    return bracket != std::string_view::npos && text.size() > bracket + 2 ? text[bracket + 2] : 0;
}

Result<Stat> parse_stat(std::string_view text) {
    // The command's name may hold anything, so the fields are counted from the last bracket.
    size_t bracket = text.rfind(')');
    if (bracket == std::string_view::npos) return fail(EBADMSG, "a stat text without a name");
    auto fields = words(text.substr(bracket + 1)); // [0] is field 3
    if (fields.size() < 49) return fail(EBADMSG, "a stat text of {} fields", fields.size() + 2);
    Stat stat;
    stat.state = fields[0][0];
    stat.parent = TRY(parse_number<pid_t>(fields[1]));
    stat.utime = TRY(parse_number<uint64_t>(fields[11]));
    stat.stime = TRY(parse_number<uint64_t>(fields[12]));
    stat.threads = TRY(parse_number<long>(fields[17]));
    stat.start_time = TRY(parse_number<uint64_t>(fields[19]));
    stat.policy = TRY(parse_number<int>(fields[38]));
    stat.brk_start = TRY(parse_number<uint64_t>(fields[44]));
    stat.arg_start = TRY(parse_number<uint64_t>(fields[45]));
    stat.arg_end = TRY(parse_number<uint64_t>(fields[46]));
    stat.env_start = TRY(parse_number<uint64_t>(fields[47]));
    stat.env_end = TRY(parse_number<uint64_t>(fields[48]));
    return stat;
}

Result<Stat> read_stat(pid_t pid) {
    return parse_stat(TRY(sys::read_file(fmt::format("/proc/{}/stat", pid))));
}

Result<std::vector<image::Mapping>> whole_mappings(pid_t pid, char const* file) {
    constexpr int attempts = 20;
    for (int attempt = 1;; ++attempt) {
        auto mappings =
            image::parse_maps(TRY(sys::read_file(fmt::format("/proc/{}/{}", pid, file))));
        if (mappings || attempt == attempts) return mappings;
    }
}

std::string status_line(std::string_view status, std::string_view name) {
    for (std::string_view line : lines(status)) {
        auto [key, value] = cut(line, ':');
        if (key == name) return std::string(trim(value));
    }
    return "";
}

Result<pid_t> parse_inner_pid(std::string_view status) {
    std::string line = status_line(status, "NSpid");
    auto numbers = words(line);
    if (numbers.empty()) return fail(EBADMSG, "a status text without NSpid");
    return parse_number<pid_t>(numbers.back());
}

Result<uint64_t> parse_signals(std::string_view status, std::string_view name) {
    return parse_number<uint64_t>(status_line(status, name), 16);
}

Result<Limit> parse_limit(std::string_view limits, std::string_view name) {
    for (std::string_view line : lines(limits)) {
        if (!line.starts_with(name)) continue;
        std::vector<std::string_view> fields = words(line.substr(name.size()));
        if (fields.size() < 2) break;
        auto value = [](std::string_view word) -> Result<uint64_t> {
            if (word == "unlimited") return ~uint64_t{0};
            return parse_number<uint64_t>(word);
        };
        return Limit{TRY(value(fields[0])), TRY(value(fields[1]))};
    }
    return fail(EBADMSG, "no limit of the name '{}'", name);
}

namespace {
Result<std::vector<pid_t>> numbers_in(std::string const& directory) {
    std::vector<pid_t> numbers;
    for (std::string const& name : TRY(sys::list_directory(directory)))
        if (auto number = parse_number<pid_t>(name)) numbers.push_back(*number);
    return numbers;
}
} // namespace

Result<std::vector<pid_t>> list_threads(pid_t pid) {
    return numbers_in(fmt::format("/proc/{}/task", pid));
}

Result<std::vector<pid_t>> list_children(pid_t pid) {
    std::vector<pid_t> children;
    for (pid_t tid : TRY(list_threads(pid))) {
        auto text = sys::read_file(fmt::format("/proc/{}/task/{}/children", pid, tid));
        if (!text) continue;
        for (std::string_view word : words(*text))
            if (auto child = parse_number<pid_t>(word)) children.push_back(*child);
    }
    return children;
}

Result<pid_t> outer_descendant(pid_t pid, pid_t inner) {
    std::vector<pid_t> next{pid};
    for (size_t at = 0; at < next.size(); ++at) {
        auto children = list_children(next[at]);
        if (!children) continue; // it has just ended
        for (pid_t child : *children) {
            auto status = sys::read_file(fmt::format("/proc/{}/status", child));
            if (status && parse_inner_pid(*status).value_or(0) == inner) return child;
            next.push_back(child);
        }
    }
    return deny(ESRCH, "process {} has no descendant {}", pid, inner);
}

Result<std::vector<OpenFile>> list_files(pid_t pid) {
    std::vector<OpenFile> files;
    for (pid_t number : TRY(numbers_in(fmt::format("/proc/{}/fd", pid)))) {
        auto target = sys::read_link(fmt::format("/proc/{}/fd/{}", pid, number));
        files.push_back({number, target ? *target : ""});
    }
    return files;
}

bool is_blank_userfault(pid_t pid, OpenFile const& file) {
    if (file.target.find("[userfaultfd]") == std::string::npos) return false;
    auto text = sys::read_file(fmt::format("/proc/{}/fdinfo/{}", pid, file.number));
    return text && text->find("API:\taa:0:") != std::string::npos;
}

bool has_direct_file(pid_t pid) {
    auto numbers = numbers_in(fmt::format("/proc/{}/fdinfo", pid));
    if (!numbers) return true;
    for (pid_t number : *numbers) {
        auto text = sys::read_file(fmt::format("/proc/{}/fdinfo/{}", pid, number));
        auto flags =
            text ? parse_number<unsigned>(status_line(*text, "flags"), 8) : Result<unsigned>(0u);
        if (!flags || (*flags & O_DIRECT) != 0) return true;
    }
    return false;
}

Result<int> highest_descriptor(pid_t pid) {
    int highest = -1;
    for (pid_t number : TRY(numbers_in(fmt::format("/proc/{}/fd", pid))))
        highest = std::max(highest, number);
    return highest;
}

bool same_memory(pid_t one, pid_t other) {
    return ::syscall(SYS_kcmp, one, other, KCMP_VM, 0, 0) == 0;
}

} // namespace rove::tracee
