// SPDX-License-Identifier: Apache-2.0
// Options: from what was typed after `lab up` to the nodes of a plan. Pure.
#include "lab/options.hh"

#include <algorithm>

#include "base/text.hh"
#include "base/units.hh"

namespace rove::lab {

namespace {

// The reasons below are whole sentences; an errno's text would add nothing.
Failure wrong(std::string_view option, std::string_view value, std::string_view example) {
    return fail(0, "{}={} cannot be read; write it like {}", option, printable(value), example);
}

Status set_cpus(NodePlan& node, std::string_view value, Machine const&) {
    auto cpus = parse_decimal(value);
    if (!cpus || *cpus < 0 || *cpus > 100000 || (*cpus > 0 && *cpus < 0.01))
        return wrong("cpus", value, "0.5 (at least 0.01; 0 is no limit)");
    node.cpus = *cpus;
    return {};
}

Status set_memory(NodePlan& node, std::string_view value, Machine const&) {
    auto bytes = parse_size(value);
    // A node with its daemon, and a kernel that cannot reclaim less, needs a few megabytes.
    if (!bytes || (*bytes > 0 && *bytes < (16 << 20)) || *bytes > (uint64_t(1) << 60))
        return wrong("mem", value, "256M (at least 16M; 0 is no limit)");
    node.memory_bytes = *bytes;
    return {};
}

Status set_swap(NodePlan& node, std::string_view value, Machine const&) {
    auto bytes = parse_size(value);
    if (!bytes || (*bytes > 0 && *bytes < (1 << 20)) || *bytes > (uint64_t(1) << 50))
        return wrong("swap", value, "1G (at least 1M; 0 is none)");
    node.swap_bytes = *bytes;
    return {};
}

Status set_rate(NodePlan& node, std::string_view value, Machine const&) {
    auto bits = parse_rate(value);
    if (!bits || (*bits > 0 && *bits < 1000) || *bits > (uint64_t(1) << 60))
        return wrong("rate", value, "1gbit (at least 1kbit; 0 is no limit)");
    node.rate_bits = *bits;
    return {};
}

Status set_cpuset(NodePlan& node, std::string_view value, Machine const& machine) {
    if (!good_cpuset(value, machine.cpus))
        return fail(0, "cpuset={} names no CPUs of this machine; it has 0 to {}", printable(value),
            machine.cpus - 1);
    node.cpuset = value;
    return {};
}

Status set_hide(NodePlan& node, std::string_view value, Machine const&) {
    auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    };
    node.hide.clear();
    for (std::string_view feature : split(value, ',')) {
        if (feature.empty() || feature.size() > 64 ||
            !std::all_of(feature.begin(), feature.end(), good))
            return wrong("hide", value, "avx512f (a name from the flags of /proc/cpuinfo)");
        node.hide.emplace_back(feature);
    }
    return {};
}

Status set_clock(NodePlan& node, std::string_view value, Machine const&) {
    auto offset = parse_duration(value);
    if (!offset) return wrong("clock", value, "+3h");
    node.clock_s = std::chrono::duration_cast<std::chrono::seconds>(*offset).count();
    return {};
}

struct Setting {
    std::string_view name;
    Status (*set)(NodePlan&, std::string_view, Machine const&);
};
constexpr Setting settings[] = {{"cpus", set_cpus}, {"mem", set_memory}, {"swap", set_swap},
    {"rate", set_rate}, {"cpuset", set_cpuset}, {"hide", set_hide}, {"clock", set_clock}};

Setting const* find_setting(std::string_view name) {
    for (Setting const& setting : settings)
        if (setting.name == name) return &setting;
    return nullptr;
}

// "cpus=1,cpuset=0,1,hide=a,b": a part without '=' belongs to the value before it.
std::vector<std::string> settings_in(std::string_view text) {
    std::vector<std::string> parts;
    for (std::string_view part : split(text, ',')) {
        if (part.find('=') == std::string_view::npos && !parts.empty())
            parts.back() += "," + std::string(part);
        else
            parts.emplace_back(part);
    }
    return parts;
}

Status apply(std::string_view text, std::vector<NodePlan>& nodes, Machine const& machine) {
    auto parts = rove::cut(text, ':');
    std::string_view name = parts.first;
    auto node = std::find_if(nodes.begin(), nodes.end(), [&](auto& n) { return n.name == name; });
    if (node == nodes.end())
        return fail(0, "--node {}: there is no node '{}'; they are n1 to n{}", printable(text),
            printable(name), nodes.size());
    for (std::string const& part : settings_in(parts.second)) {
        auto [option, value] = rove::cut(part, '=');
        Setting const* setting = find_setting(option);
        if (!setting || part.find('=') == std::string::npos)
            return fail(0,
                "--node {}: '{}' is no setting; they are cpus mem swap cpuset rate hide "
                "clock, as in n2:cpus=0.25,mem=256M",
                printable(text), printable(option));
        TRY(setting->set(*node, value, machine));
    }
    return {};
}

} // namespace

Result<std::vector<NodePlan>> plan_nodes(UpOptions const& options, Machine const& machine) {
    if (options.nodes < 1 || options.nodes > nodes_max)
        return fail(0, "--nodes {}: a lab has 1 to {} nodes", options.nodes, nodes_max);
    NodePlan model;
    TRY(set_cpus(model, options.cpus, machine));
    TRY(set_memory(model, options.memory, machine));
    TRY(set_swap(model, options.swap, machine));
    TRY(set_rate(model, options.rate, machine));
    std::vector<NodePlan> nodes(static_cast<size_t>(options.nodes), model);
    for (size_t place = 0; place < nodes.size(); ++place)
        nodes[place].name = fmt::format("n{}", place + 1);
    for (std::string const& text : options.per_node)
        TRY(apply(text, nodes, machine));
    return nodes;
}

std::vector<std::string> excesses(std::vector<NodePlan> const& nodes, Machine const& machine) {
    double cpus = 0;
    uint64_t memory = 0;
    for (NodePlan const& node : nodes) {
        cpus += node.cpus;
        memory += node.memory_bytes;
    }
    std::vector<std::string> found;
    if (cpus > machine.cpus)
        found.push_back(fmt::format("the nodes have {:g} CPUs together, this machine has {}; they "
                                    "will be slower than they look",
            cpus, machine.cpus));
    if (memory > machine.memory_bytes)
        found.push_back(fmt::format("the nodes have {} of memory together, this machine has {}; "
                                    "it may run out",
            print_size(memory), print_size(machine.memory_bytes)));
    return found;
}

bool good_cpuset(std::string_view text, int cpus) {
    for (std::string_view range : split(text, ',')) {
        auto [first, last] = rove::cut(range, '-');
        auto from = parse_number<int>(first);
        auto to = range.find('-') == std::string_view::npos ? from : parse_number<int>(last);
        if (!from || !to || *from < 0 || *to < *from || *to >= cpus) return false;
    }
    return true;
}

} // namespace rove::lab
