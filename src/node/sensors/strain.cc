// SPDX-License-Identifier: Apache-2.0
// Strain: reading it.
#include "node/sensors/strain.hh"

#include <algorithm>

#include "base/text.hh"
#include "node/sensors/own_groups.hh"
#include "sys/cgroup_files.hh"

namespace rove::node {

namespace {

std::string pressure_file(std::string const& resource) {
    if (is_whole_machine()) return "/proc/pressure/" + resource;
    auto group = node_pressure_group();
    return group ? *group + "/" + resource + ".pressure" : "";
}

std::string fault_counter() {
    auto group = node_group("memory");
    return group ? *group + "/memory.stat" : "/proc/vmstat";
}

} // namespace

std::optional<uint64_t> parse_pressure(std::string_view text) {
    for (std::string_view line : lines(text)) {
        auto fields = words(line);
        if (fields.size() < 2 || fields.front() != "some") continue;
        auto [key, total] = cut(fields.back(), '=');
        auto number = parse_number<uint64_t>(total);
        if (key == "total" && number) return *number;
    }
    return std::nullopt;
}

std::optional<uint64_t> count_faults(std::string_view stat) {
    // v1 tells a group's own and all below it apart.
    for (char const* key : {"total_pgmajfault", "pgmajfault"})
        if (auto faults = sys::parse_keyed(stat, key)) return *faults;
    return std::nullopt;
}

std::optional<double> Growth::per_second(std::optional<uint64_t> count, Nanos now) {
    std::optional<double> rate;
    if (count && last_ && *count >= *last_ && now > at_)
        rate =
            static_cast<double>(*count - *last_) / std::chrono::duration<double>(now - at_).count();
    last_ = count;
    at_ = now;
    return rate;
}

Strain::Strain()
    : faults_file_(fault_counter()),
      cpu_{sys::KeptFile(pressure_file("cpu"))},
      memory_{sys::KeptFile(pressure_file("memory"))},
      io_{sys::KeptFile(pressure_file("io"))} {}

std::optional<double> Strain::Pressure::share(Nanos now) {
    char text[512];
    auto us_per_s = waited_us.per_second(parse_pressure(file.read(text)), now);
    return us_per_s ? std::optional(std::min(1.0, *us_per_s / 1e6)) : std::nullopt;
}

void Strain::look(Nanos now) {
    char text[16384];
    values_.paging_per_s = faults_.per_second(count_faults(faults_file_.read(text)), now);
    values_.cpu_pressure = cpu_.share(now);
    values_.memory_pressure = memory_.share(now);
    values_.io_pressure = io_.share(now);
}

} // namespace rove::node
