// SPDX-License-Identifier: Apache-2.0
// Cgroup files: the parsers.
#include "sys/cgroup_files.hh"

#include <algorithm>

#include "base/text.hh"

namespace rove::sys {

Result<std::vector<CgroupLine>> parse_proc_cgroup(std::string_view text) {
    std::vector<CgroupLine> result;
    for (auto line : lines(text)) {
        auto [number, rest] = cut(line, ':');
        auto [controllers, path] = cut(rest, ':');
        if (!parse_number<unsigned>(number) || !path.starts_with('/'))
            return fail(EBADMSG, "cgroup line '{}'", printable(line.substr(0, 200)));
        CgroupLine parsed;
        parsed.path = path;
        if (!controllers.empty())
            for (auto name : split(controllers, ','))
                parsed.controllers.emplace_back(name);
        result.push_back(std::move(parsed));
    }
    return result;
}

Result<std::optional<uint64_t>> parse_limit(std::string_view text) {
    text = trim(text);
    if (text == "max" || text == "-1") return std::nullopt;
    uint64_t value = TRY(parse_number<uint64_t>(text));
    // v1 says "none" by the largest multiple of a page.
    constexpr uint64_t none_from = 0x7ffffffffff00000;
    if (value >= none_from) return std::nullopt;
    return value;
}

Result<std::optional<double>> parse_cpu_max(std::string_view text) {
    auto fields = words(text);
    if (fields.size() != 2) return fail(EBADMSG, "cpu.max '{}'", printable(text.substr(0, 64)));
    if (fields[0] == "max") return std::nullopt;
    return parse_cfs(fields[0], fields[1]);
}

Result<std::optional<double>> parse_cfs(std::string_view quota, std::string_view period) {
    auto quota_us = TRY(parse_number<int64_t>(trim(quota)));
    auto period_us = TRY(parse_number<int64_t>(trim(period)));
    if (quota_us < 0) return std::nullopt;
    if (period_us <= 0) return fail(EBADMSG, "a CPU period of {} µs", period_us);
    return static_cast<double>(quota_us) / static_cast<double>(period_us);
}

Result<uint64_t> parse_keyed(std::string_view text, std::string_view key) {
    for (auto line : lines(text)) {
        if (!line.starts_with(key)) continue;
        auto fields = words(line);
        if (fields.size() == 2 && fields[0] == key) return parse_number<uint64_t>(fields[1]);
    }
    return fail(ENOENT, "no '{}' among the lines", key);
}

Result<std::vector<pid_t>> parse_members(std::string_view text) {
    std::vector<pid_t> members;
    for (auto line : lines(text)) {
        auto pid = TRY(parse_number<pid_t>(trim(line)));
        // 0 is a process that our PID namespace does not see.
        if (pid > 0) members.push_back(pid);
    }
    return members;
}

Result<std::vector<int>> parse_cpu_list(std::string_view text) {
    constexpr int cpu_max = 8191;
    std::vector<int> cpus;
    text = trim(text);
    if (text.empty()) return cpus;
    for (auto part : split(text, ',')) {
        auto [first_text, last_text] = cut(part, '-');
        int first = TRY(parse_number<int>(first_text));
        int last =
            part.find('-') == std::string_view::npos ? first : TRY(parse_number<int>(last_text));
        if (first < 0 || last < first || last > cpu_max)
            return fail(EINVAL, "'{}' is no list of CPUs", printable(text.substr(0, 64)));
        for (int cpu = first; cpu <= last; ++cpu)
            cpus.push_back(cpu);
    }
    std::sort(cpus.begin(), cpus.end());
    cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
    return cpus;
}

namespace {

constexpr char const* wanted[] = {"cpu", "cpuacct", "cpuset", "memory", "freezer", "pids"};

// `path` is the group's name in its hierarchy; the mount shows the part below `mount.root`.
CgroupPlace place_in(Mount const& mount, std::string const& path) {
    CgroupPlace place{mount.target, mount.target};
    std::string_view rest = path;
    if (mount.root != "/") {
        // Seen from another cgroup namespace, the names do not nest; the top is the nearest we see.
        if (!rest.starts_with(mount.root)) return place;
        rest.remove_prefix(mount.root.size());
        if (!rest.empty() && rest.front() != '/') return place;
    }
    if (!rest.empty() && rest != "/" && rest.find("/..") == std::string_view::npos)
        place.own += rest;
    return place;
}

bool has_controller(Mount const& mount, std::string const& controller) {
    auto options = split(mount.super_options, ',');
    return std::find(options.begin(), options.end(), controller) != options.end();
}

} // namespace

Result<CgroupPlaces> find_cgroup_places(
    std::vector<Mount> const& mounts, std::vector<CgroupLine> const& own) {
    CgroupPlaces places;
    for (std::string const controller : wanted) {
        for (Mount const& mount : mounts) {
            if (mount.type != "cgroup" || !has_controller(mount, controller)) continue;
            for (CgroupLine const& line : own)
                if (std::find(line.controllers.begin(), line.controllers.end(), controller) !=
                    line.controllers.end())
                    places.controllers[controller] = place_in(mount, line.path);
        }
    }
    if (places.controllers.contains("memory") || places.controllers.contains("freezer"))
        return places;
    places.controllers.clear();
    for (Mount const& mount : mounts) {
        if (mount.type != "cgroup2") continue;
        for (CgroupLine const& line : own) {
            if (!line.controllers.empty()) continue;
            places.unified = true;
            for (std::string const controller : wanted)
                places.controllers[controller] = place_in(mount, line.path);
        }
    }
    if (places.controllers.empty()) return deny(ENOENT, "no cgroup file system is mounted");
    return places;
}

} // namespace rove::sys
