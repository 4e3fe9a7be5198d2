// SPDX-License-Identifier: Apache-2.0
// Plan: addresses, and both directions of lab.json.
#include "lab/plan.hh"

#include <algorithm>
#include <cmath>

#include <boost/json.hpp>

#include "base/check.hh"

namespace rove::lab {

namespace json = boost::json;

Cut cut_between(std::string_view a, std::string_view b) {
    return a < b ? Cut(a, b) : Cut(b, a);
}

NodePlan const* Plan::find(std::string_view node) const {
    auto found = std::find_if(nodes.begin(), nodes.end(), [&](auto& n) { return n.name == node; });
    return found == nodes.end() ? nullptr : &*found;
}

size_t Plan::place_of(std::string_view node) const {
    NodePlan const* found = find(node);
    CHECK(found);
    return static_cast<size_t>(found - nodes.data());
}

std::string Plan::address_of(std::string_view node) const {
    return fmt::format("10.77.{}.{}", subnet, place_of(node) + 1);
}

std::string Plan::mac_of(std::string_view node) const {
    return fmt::format("02:77:00:00:{:02x}:{:02x}", subnet, place_of(node) + 1);
}

bool Plan::is_cut(std::string_view a, std::string_view b) const {
    return dark.count(std::string(a)) || dark.count(std::string(b)) ||
           cuts.count(cut_between(a, b));
}

bool good_lab_name(std::string_view name) {
    auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    return !name.empty() && name.size() <= 32 && name[0] != '-' &&
           std::all_of(name.begin(), name.end(), good);
}

std::optional<int> allot_subnet(std::set<int> const& taken) {
    for (int subnet = 0; subnet < subnets_max; ++subnet)
        if (!taken.count(subnet)) return subnet;
    return {};
}

std::string to_json(Plan const& plan) {
    json::array nodes;
    for (NodePlan const& node : plan.nodes) {
        json::object o{{"name", node.name}, {"cpus", node.cpus},
            {"memory_bytes", node.memory_bytes}, {"swap_bytes", node.swap_bytes},
            {"rate_bits", node.rate_bits}, {"cpuset", node.cpuset},
            {"hide", json::array(node.hide.begin(), node.hide.end())}};
        o["clock_s"] = node.clock_s ? json::value(*node.clock_s) : json::value(nullptr);
        nodes.push_back(std::move(o));
    }
    json::array cuts;
    for (auto const& [a, b] : plan.cuts)
        cuts.push_back(json::array{a, b});
    json::object top{{"version", 1}, {"name", plan.name}, {"subnet", plan.subnet},
        {"nodes", std::move(nodes)}, {"cuts", std::move(cuts)},
        {"dark", json::array(plan.dark.begin(), plan.dark.end())}};
    return json::serialize(top) + "\n";
}

namespace {

// The member of an object, or an error that names it.
Result<json::value const*> member(json::value const& from, char const* key) {
    json::object const* object = from.if_object();
    if (!object) return fail(EBADMSG, "lab.json: an object is expected");
    json::value const* found = object->if_contains(key);
    if (!found) return fail(EBADMSG, "lab.json: '{}' is missing", key);
    return found;
}

Result<uint64_t> number(json::value const& from, char const* key, uint64_t max) {
    json::value const* value = TRY(member(from, key));
    uint64_t result = 0;
    if (auto* u = value->if_uint64())
        result = *u;
    else if (auto* i = value->if_int64(); i && *i >= 0)
        result = static_cast<uint64_t>(*i);
    else
        return fail(EBADMSG, "lab.json: '{}' is not a number", key);
    if (result > max) return fail(EBADMSG, "lab.json: '{}' is too large", key);
    return result;
}

Result<std::string> text(json::value const& value, char const* key) {
    json::string const* found = value.if_string();
    if (!found || found->size() > 256) return fail(EBADMSG, "lab.json: '{}' is not a text", key);
    for (char c : *found)
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            return fail(EBADMSG, "lab.json: '{}' has a bad character", key);
    return std::string(found->data(), found->size());
}

Result<std::string> text_member(json::value const& from, char const* key) {
    return text(*TRY(member(from, key)), key);
}

Result<json::array const*> list(json::value const& from, char const* key, size_t max) {
    json::array const* found = TRY(member(from, key))->if_array();
    if (!found || found->size() > max) return fail(EBADMSG, "lab.json: '{}' is not a list", key);
    return found;
}

Result<NodePlan> parse_node(json::value const& from, size_t place) {
    NodePlan node;
    node.name = TRY(text_member(from, "name"));
    // Addresses and interface names follow from the name's place, so it is not free.
    if (node.name != fmt::format("n{}", place + 1)) return fail(EBADMSG, "lab.json: a node's name");
    json::value const* cpus = TRY(member(from, "cpus"));
    boost::system::error_code wrong;
    node.cpus = cpus->to_number<double>(wrong);
    if (wrong || !(node.cpus >= 0 && node.cpus <= 100000))
        return fail(EBADMSG, "lab.json: 'cpus' is not a number of CPUs");
    node.memory_bytes = TRY(number(from, "memory_bytes", uint64_t(1) << 60));
    node.swap_bytes = TRY(number(from, "swap_bytes", uint64_t(1) << 60));
    node.rate_bits = TRY(number(from, "rate_bits", uint64_t(1) << 60));
    node.cpuset = TRY(text_member(from, "cpuset"));
    for (json::value const& feature : *TRY(list(from, "hide", 1000)))
        node.hide.push_back(TRY(text(feature, "hide")));
    json::value const* clock = TRY(member(from, "clock_s"));
    if (auto* offset = clock->if_int64())
        node.clock_s = *offset;
    else if (!clock->is_null())
        return fail(EBADMSG, "lab.json: 'clock_s' is not a number");
    return node;
}

} // namespace

Result<Plan> parse_plan(std::string_view bytes) {
    boost::system::error_code wrong;
    json::value top = json::parse(json::string_view(bytes.data(), bytes.size()), wrong);
    if (wrong) return fail(EBADMSG, "lab.json is not JSON ({})", wrong.message());
    Plan plan;
    plan.name = TRY(text_member(top, "name"));
    if (!good_lab_name(plan.name)) return fail(EBADMSG, "lab.json: a bad name");
    plan.subnet = static_cast<int>(TRY(number(top, "subnet", subnets_max - 1)));
    for (json::value const& node : *TRY(list(top, "nodes", nodes_max)))
        plan.nodes.push_back(TRY(parse_node(node, plan.nodes.size())));
    for (json::value const& cut : *TRY(list(top, "cuts", nodes_max * nodes_max))) {
        json::array const* ends = cut.if_array();
        if (!ends || ends->size() != 2) return fail(EBADMSG, "lab.json: a cut has two ends");
        std::string a = TRY(text((*ends)[0], "cuts")), b = TRY(text((*ends)[1], "cuts"));
        if (!plan.find(a) || !plan.find(b) || a == b) return fail(EBADMSG, "lab.json: a bad cut");
        plan.cuts.insert(cut_between(a, b));
    }
    for (json::value const& node : *TRY(list(top, "dark", nodes_max))) {
        std::string name = TRY(text(node, "dark"));
        if (!plan.find(name)) return fail(EBADMSG, "lab.json: a dark node that is none");
        plan.dark.insert(name);
    }
    return plan;
}

} // namespace rove::lab
