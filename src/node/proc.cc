// SPDX-License-Identifier: Apache-2.0
// Proc: readers of /proc/PID.
#include "node/proc.hh"

#include <algorithm>
#include <map>

#include <pwd.h>
#include <unistd.h>

#include "base/text.hh"
#include "image/maps.hh"
#include "sys/files.hh"
#include "wire/region.hh"

namespace rove::node {

Result<ProcStat> parse_proc_stat(std::string_view text) {
    size_t end = text.rfind(')');
    if (end == std::string_view::npos) return fail(EBADMSG, "a stat text without a name");
    auto fields = words(text.substr(end + 1)); // [0] is field 3
    if (fields.size() < 22 || fields[0].size() != 1)
        return fail(EBADMSG, "a stat text that is too short");
    ProcStat stat;
    stat.state = fields[0][0];
    stat.parent = TRY(parse_number<pid_t>(fields[1]));
    stat.cpu_ticks =
        TRY(parse_number<uint64_t>(fields[11])) + TRY(parse_number<uint64_t>(fields[12]));
    stat.threads = TRY(parse_number<long>(fields[17]));
    stat.start_time = TRY(parse_number<uint64_t>(fields[19]));
    stat.virtual_bytes = TRY(parse_number<uint64_t>(fields[20]));
    stat.resident_pages = TRY(parse_number<uint64_t>(fields[21]));
    if (size_t begin = text.find('('); begin < end)
        stat.name = text.substr(begin + 1, end - begin - 1);
    if (fields.size() > 25) {
        stat.code = TRY(parse_number<uint64_t>(fields[23]));
        stat.stack = TRY(parse_number<uint64_t>(fields[25]));
    }
    return stat;
}

Result<ProcStatus> parse_proc_status(std::string_view text) {
    ProcStatus status;
    status.credentials = TRY(image::parse_credentials(text));
    for (std::string_view line : lines(text)) {
        auto parts = words(line);
        if (parts.empty()) continue;
        if (parts[0] == "Groups:") {
            for (size_t i = 1; i < parts.size(); ++i)
                status.groups.push_back(TRY(parse_number<gid_t>(parts[i])));
        } else if (parts[0] == "TracerPid:" && parts.size() == 2) {
            status.tracer = TRY(parse_number<pid_t>(parts[1]));
        } else if (parts[0] == "NSpid:" && parts.size() > 1) {
            status.inner_pid = TRY(parse_number<pid_t>(parts.back()));
        }
    }
    return status;
}

Result<ProcStat> look_stat(pid_t pid) {
    auto text = sys::read_file(fmt::format("/proc/{}/stat", pid), 64 << 10);
    if (!text) return deny(ESRCH, "there is no process {}", pid);
    ProcStat stat = TRY(parse_proc_stat(*text));
    // A first thread that has ended while others go on is a zombie of a living process.
    bool ended = stat.state == 'X' || (stat.state == 'Z' && stat.threads <= 1);
    if (ended) return deny(ESRCH, "process {} has ended", pid);
    return stat;
}

Result<ProcStatus> look_status(pid_t pid) {
    auto text = sys::read_file(fmt::format("/proc/{}/status", pid), 256 << 10);
    if (!text) return deny(ESRCH, "there is no process {}", pid);
    return parse_proc_status(*text);
}

std::string command_line(pid_t pid) {
    auto text = sys::read_file(fmt::format("/proc/{}/cmdline", pid), 8 << 20);
    if (text && !text->empty()) {
        while (!text->empty() && text->back() == '\0')
            text->pop_back();
        for (char& c : *text)
            if (c == '\0') c = ' ';
        if (text->size() > 4096) text->resize(4096);
        return printable(*text);
    }
    auto name = sys::read_file(fmt::format("/proc/{}/comm", pid), 4096);
    return name ? "[" + printable(trim(*name)) + "]" : "";
}

Nanos ticks_to_time(uint64_t ticks) {
    static long const per_second = ::sysconf(_SC_CLK_TCK);
    return Nanos(static_cast<int64_t>(ticks) * (1000000000 / per_second));
}

std::string user_name(uid_t uid) {
    static std::map<uid_t, std::string> names;
    auto found = names.find(uid);
    if (found != names.end()) return found->second;
    passwd entry{};
    passwd* result = nullptr;
    char buffer[4096];
    (void)::getpwuid_r(uid, &entry, buffer, sizeof buffer, &result);
    return names[uid] = result ? result->pw_name : std::to_string(uid);
}

bool has_runtime(pid_t pid) {
    auto text = sys::read_file(fmt::format("/proc/{}/maps", pid));
    auto mappings = text ? image::parse_maps(*text)
                         : Result<std::vector<image::Mapping>>(Failure(text.error()));
    if (!mappings) return false;
    return std::any_of(mappings->begin(), mappings->end(), [](image::Mapping const& mapping) {
        return mapping.start % wire::region_align == wire::text_offset &&
               mapping.end - mapping.start == wire::text_size && mapping.inode == 0;
    });
}

std::vector<pid_t> children_of(pid_t pid) {
    std::vector<pid_t> children;
    auto threads = sys::list_directory(fmt::format("/proc/{}/task", pid));
    if (!threads) return children;
    for (std::string const& thread : *threads) {
        auto text = sys::read_file(fmt::format("/proc/{}/task/{}/children", pid, thread));
        if (!text) continue;
        for (std::string_view word : words(*text))
            if (auto child = parse_number<pid_t>(word)) children.push_back(*child);
    }
    return children;
}

} // namespace rove::node
