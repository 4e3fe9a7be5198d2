// SPDX-License-Identifier: Apache-2.0
// Config: reading the configuration against the table of keys.
#include "node/config.hh"

#include <algorithm>
#include <cmath>
#include <deque>

#include <toml++/toml.h>

#include "base/check.hh"
#include "base/text.hh"
#include "base/units.hh"
#include "node/cpu_features.hh"
#include "policy/knobs.hh"
#include "sys/files.hh"

namespace rove::node {

namespace {

// clang-format off
constexpr Knob own_knobs[] = {
    {"run_dir",            Unit::text,     "/run/rove", "Where the sockets and the state of this boot are."},
    {"node.name",          Unit::text,     "",          "This node's name; empty: the host name."},
    {"node.address",       Unit::text,     "",          "The address that others reach this node at; empty: the first of node.listen."},
    {"node.addresses",     Unit::texts,    "",          "More addresses that others reach this node at."},
    {"node.listen",        Unit::texts,    "",          "Where other nodes reach this one by TCP and UDP, address:port; empty: the node is alone, or only asks."},
    {"cluster.key_file",   Unit::text,     "/etc/rove/key", "The file with the cluster's key."},
    {"cluster.peers",      Unit::peers,    "",          "Nodes of the cluster, name and address:port of each; all others are learnt from any one of them."},
    {"guests.max",         Unit::number,   "1000",      "How many guests this node takes."},
    {"guests.memory",      Unit::size,     "0",         "How much memory all guests may use together; 0: no limit but the node's."},
    {"guests.homes",       Unit::texts,    "*",         "The nodes whose processes are taken; * is all."},
    {"guests.users",       Unit::texts,    "*",         "The users whose processes are taken; * is all."},
    {"guests.nice",        Unit::number,   "0",         "The nice value of guests, 0 to 19."},
    {"guests.cpu_weight",  Unit::number,   "100",       "The CPU weight of all guests together, 1 to 10000; everybody's is 100."},
    {"guests.keep",        Unit::duration, "1m",        "How long the memory of a guest that has left stays here, so that it need not be sent again if the guest returns; it counts as free, and is given up when memory is short; 0: not at all."},
    {"guests.uid_base",    Unit::number,   "1879048192","The first of 60000 user and group numbers that belong to guests alone, 100000 or more."},
    {"move.root",          Unit::flag,     "true",      "Whether root's processes may be moved."},
    {"move.freeze",        Unit::duration, "0",         "The longest wanted freeze: a move out that would take longer is not made; 0: no limit."},
    {"move.mode",          Unit::text,     "auto",      "How a process leaves home: auto, as its size, its writes and the line demand; or always by stop-and-copy, pre-copy, post-copy or hybrid, where that can be."},
    {"move.host_blocked",  Unit::flag,     "false",     "Whether this node starts out taking no guests."},
    {"run.programs",       Unit::number,   "1000",      "How many programs one user other than root may have at a time; a thousand cost the daemon some 5 % of a core."},
    {"link.encrypt",       Unit::flag,     "false",     "Whether the connections of guests with their homes are encrypted and authenticated (AES-128-GCM); it is enough if one of the two nodes wants it. Sessions that have begun stay as they are, and so do the lines of mailboxes, which are in the clear."},
    {"links.port_range",   Unit::text,     "",          "The ports that guests' connections may use, first-last; empty: any."},
    {"drain.seconds",      Unit::number,   "60",        "How many seconds a drain takes at most, also that of a machine that shuts down."},
    {"cpu.hide",           Unit::texts,    "",          "CPU features that this node does not count among its own."},
    {"gossip.step",        Unit::duration, "500ms",     "How often this node tells another what it knows: half of it doubles the traffic (some 2 kB/s) and halves all ages; deaths are noticed in 5 to 12 steps. The same on all nodes."},
    {"gossip.average_age", Unit::duration, "10s",       "The wanted mean age of what is known of the others; each halving costs up to twice the traffic, and 46 entries (3 kB/s) are the most; 0: no wish."},
    {"gossip.maximum_age", Unit::duration, "0",         "The wanted age of the oldest entry, at the same cost; 0: no wish."},
    {"gossip.group",       Unit::number,   "0",         "Beyond some 500 nodes: this node's group, such as its rack, 0 to 255. Of its group a node knows all, of each other one some."},
    {"log.level",          Unit::text,     "info",      "debug, info, warn or error."},
    {"policy.auto",        Unit::flag,     "true",      "Whether this node starts out moving processes by itself; 'rove node auto' changes it."},
    {"policy.rule",        Unit::text,     "mosix",     "mosix: where a CPU second takes least time; opportunity: where one more process costs the cluster least, the sum of n^utilisation over CPU and memory."},
    {"policy.log",         Unit::size,     "1M",        "How much of its decisions a node keeps in <run_dir>/decisions, for 'rove-sim --replay'; 0: nothing."},
};
// clang-format on

// Those of the policy have their table in policy/knobs.def.
std::vector<Knob> all_knobs() {
    static std::deque<std::string> texts;
    auto kept = [](std::string text) { return texts.emplace_back(std::move(text)).c_str(); };
    std::vector<Knob> all(std::begin(own_knobs), std::end(own_knobs));
    for (policy::KnobRow const& row : policy::knob_rows())
        all.push_back({kept(fmt::format("policy.{}", row.name)), Unit::decimal,
            kept(fmt::format("{}", row.initial)),
            kept(fmt::format("In {}. {}", row.unit, row.sentence))});
    return all;
}

} // namespace

std::vector<Knob> const knobs = all_knobs();

namespace {

Result<Setting> initial(Knob const& knob) {
    std::string_view text = knob.initial;
    switch (knob.unit) {
    case Unit::text:
        return Setting(std::string(text));
    case Unit::number:
        return Setting(static_cast<int64_t>(std::stoll(knob.initial)));
    case Unit::decimal:
        return Setting(std::stod(knob.initial));
    case Unit::size:
        return Setting(static_cast<int64_t>(TRY(parse_size(text))));
    case Unit::duration:
        return Setting(static_cast<int64_t>(TRY(parse_duration(text)).count()));
    case Unit::flag:
        return Setting(text == "true");
    case Unit::texts:
        return Setting(
            text.empty() ? std::vector<std::string>{} : std::vector<std::string>{knob.initial});
    case Unit::peers:
        return Setting(std::vector<PeerEntry>{});
    }
    return deny(EINVAL, "no such unit");
}

bool has_port(std::string_view address) {
    size_t colon = address.rfind(':');
    if (colon == std::string_view::npos) return false;
    auto port = parse_number<uint16_t>(address.substr(colon + 1));
    // An IPv6 address has brackets, else its last colon is no port's.
    bool bare = address.find(':') != colon && address[0] != '[';
    return port && *port != 0 && !bare;
}

// For scdoc, in which stars and underlines mean something.
std::string escaped(std::string_view text) {
    std::string plain;
    for (char c : text)
        plain += c == '*' || c == '_' ? std::string{'\\', c} : std::string(1, c);
    return plain;
}

std::string place(toml::source_region const& region, std::string const& source) {
    return fmt::format("{}:{}:{}", source, region.begin.line, region.begin.column);
}

Result<std::string> one_text(toml::node const& node, std::string const& where) {
    auto value = node.value_exact<std::string>();
    if (!value) return deny(EINVAL, "{} must be a text in quotes", where);
    return *value;
}

Result<std::vector<PeerEntry>> read_peers(toml::node const& node, std::string const& where) {
    std::vector<PeerEntry> peers;
    toml::array const* list = node.as_array();
    if (!list) return deny(EINVAL, "{} must be an array of {{ name, address }}", where);
    for (toml::node const& item : *list) {
        toml::table const* row = item.as_table();
        if (!row || row->size() != 2 || !(*row)["name"].is_string() ||
            !(*row)["address"].is_string())
            return deny(EINVAL, "{} must be an array of {{ name, address }}", where);
        peers.push_back(
            {*(*row)["name"].value<std::string>(), *(*row)["address"].value<std::string>()});
    }
    return peers;
}

Result<Setting> read(Knob const& knob, toml::node const& node, std::string const& where) {
    switch (knob.unit) {
    case Unit::text:
        return Setting(TRY(one_text(node, where)));
    case Unit::number:
        if (auto value = node.value_exact<int64_t>()) return Setting(*value);
        return deny(EINVAL, "{} must be a whole number", where);
    case Unit::decimal:
        if (auto value = node.value<double>()) return Setting(*value);
        return deny(EINVAL, "{} must be a number", where);
    case Unit::size: {
        if (auto value = node.value_exact<int64_t>(); value && *value >= 0) return Setting(*value);
        auto size = parse_size(TRY(one_text(node, where)));
        if (!size) return deny(EINVAL, "{} must be a size such as \"2G\"", where);
        return Setting(static_cast<int64_t>(*size));
    }
    case Unit::duration: {
        auto time = parse_duration(TRY(one_text(node, where)));
        if (!time || time->count() < 0)
            return deny(EINVAL, "{} must be a time such as \"10ms\"", where);
        return Setting(static_cast<int64_t>(time->count()));
    }
    case Unit::flag:
        if (auto value = node.value_exact<bool>()) return Setting(*value);
        return deny(EINVAL, "{} must be true or false", where);
    case Unit::texts: {
        toml::array const* list = node.as_array();
        if (!list) return deny(EINVAL, "{} must be an array of texts", where);
        std::vector<std::string> texts;
        for (toml::node const& item : *list)
            texts.push_back(TRY(one_text(item, where)));
        return Setting(std::move(texts));
    }
    case Unit::peers:
        return Setting(TRY(read_peers(node, where)));
    }
    return deny(EINVAL, "no such unit");
}

Status check_range(std::string const& key, Setting const& setting, std::string const& where) {
    struct Range {
        char const* key;
        int64_t low, high;
    };
    static constexpr Range ranges[] = {{"guests.max", 0, 1000000}, {"guests.nice", 0, 19},
        {"guests.cpu_weight", 1, 10000}, {"guests.uid_base", 100000, 4294000000},
        {"run.programs", 1, 1000000}, {"drain.seconds", 0, 86400}, {"gossip.group", 0, 255}};
    for (Range const& range : ranges) {
        if (key != range.key) continue;
        int64_t value = std::get<int64_t>(setting);
        if (value < range.low || value > range.high)
            return deny(EINVAL, "{} must be between {} and {}", where, range.low, range.high);
    }
    if (key == "gossip.step") {
        constexpr int64_t ms = 1000000;
        auto step = std::get<int64_t>(setting);
        if (step < 50 * ms || step > 60000 * ms)
            return deny(EINVAL, "{} must be between 50ms and 60s", where);
    }
    if (key == "log.level") {
        auto const& level = std::get<std::string>(setting);
        if (level != "debug" && level != "info" && level != "warn" && level != "error")
            return deny(EINVAL, "{} must be debug, info, warn or error", where);
    }
    if (key == "move.mode") {
        auto const& mode = std::get<std::string>(setting);
        if (mode != "auto" && mode != "stop-and-copy" && mode != "pre-copy" &&
            mode != "post-copy" && mode != "hybrid")
            return deny(
                EINVAL, "{} must be auto, stop-and-copy, pre-copy, post-copy or hybrid", where);
    }
    if (auto* number = std::get_if<double>(&setting))
        if (!std::isfinite(*number) || *number < 0)
            return deny(EINVAL, "{} must be 0 or more", where);
    if (key == "policy.rule") {
        auto const& rule = std::get<std::string>(setting);
        if (rule != "mosix" && rule != "opportunity")
            return deny(EINVAL, "{} must be mosix or opportunity", where);
    }
    if (key == "links.port_range" && !std::get<std::string>(setting).empty() &&
        !parse_ports(std::get<std::string>(setting)))
        return deny(EINVAL, "{} must be two ports such as \"50000-50100\"", where);
    if (key == "cpu.hide")
        for (std::string const& name : std::get<std::vector<std::string>>(setting))
            if (!is_cpu_feature(name))
                return deny(EINVAL,
                    "{}: there is no CPU feature '{}'; /proc/cpuinfo names those of this CPU",
                    where, printable(name));
    if (key == "node.name" && !std::get<std::string>(setting).empty() &&
        !is_node_name(std::get<std::string>(setting)))
        return deny(EINVAL,
            "{} must consist of letters, digits, '-', '.' and '_', and not be home or best", where);
    if (key == "cluster.peers")
        for (PeerEntry const& peer : std::get<std::vector<PeerEntry>>(setting)) {
            if (!is_node_name(peer.name))
                return deny(EINVAL,
                    "{}: '{}' is no name of a node (letters, digits, '-', '.', '_'; not home, not "
                    "best)",
                    where, printable(peer.name));
            if (!has_port(peer.address) || peer.address[0] == ':')
                return deny(EINVAL, "{}: '{}' needs a port, such as 10.0.0.2:7946", where,
                    printable(peer.address));
        }
    if (key == "node.listen")
        for (std::string const& at : std::get<std::vector<std::string>>(setting))
            if (!has_port(at))
                return deny(
                    EINVAL, "{}: '{}' needs a port, such as 0.0.0.0:7946", where, printable(at));
    return {};
}

} // namespace

std::optional<Ports> parse_ports(std::string_view text) {
    auto [first, last] = cut(text, '-');
    auto low = parse_number<uint16_t>(first), high = parse_number<uint16_t>(last);
    if (!low || !high || *low == 0 || *low > *high) return std::nullopt;
    return Ports{*low, *high};
}

// KEEP IN STEP WITH src/cli/found_verbs.cc
bool is_node_name(std::string_view name) {
    bool fits = std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_';
    });
    return fits && !name.empty() && name.size() <= 64 && name[0] != '-' && name != "home" &&
           name != "best";
}

Config Config::defaults() {
    Config config;
    for (Knob const& knob : knobs) {
        auto setting = initial(knob);
        CHECK(setting);
        config.values_[knob.key] = Value{*setting, "default"};
    }
    return config;
}

Result<Config> Config::parse(std::string const& text, std::string const& source) {
    Config config = defaults();
    toml::table top;
    try {
        top = toml::parse(text, source);
    } catch (toml::parse_error const& error) {
        return deny(EINVAL, "{}: {}", place(error.source(), source), error.description());
    }
    // A peer's table is a value, every other table is a section.
    std::vector<std::pair<std::string, toml::node const*>> todo;
    for (auto const& [key, node] : top)
        todo.emplace_back(std::string(key.str()), &node);
    while (!todo.empty()) {
        std::string key = todo.back().first;
        toml::node const* node = todo.back().second;
        todo.pop_back();
        auto knob =
            std::find_if(knobs.begin(), knobs.end(), [&](Knob const& k) { return k.key == key; });
        if (knob != knobs.end()) {
            std::string where = fmt::format("{}: {}", place(node->source(), source), key);
            Setting setting = TRY(read(*knob, *node, where));
            TRY(check_range(key, setting, where));
            config.values_[key] =
                Value{std::move(setting), fmt::format("{}:{}", source, node->source().begin.line)};
            continue;
        }
        bool section = std::any_of(knobs.begin(), knobs.end(),
            [&](Knob const& k) { return std::string_view(k.key).starts_with(key + "."); });
        if (!section || !node->is_table())
            return deny(EINVAL, "{}: there is no key '{}'; 'rove config' lists all",
                place(node->source(), source), key);
        for (auto const& [name, inner] : *node->as_table())
            todo.emplace_back(key + "." + std::string(name.str()), &inner);
    }
    return config;
}

Result<Config> Config::load(std::string const& path, MustExist must) {
    if (must == MustExist::no && !sys::exists(path)) return defaults();
    return parse(TRY(sys::read_file(path, 1 << 20)), path);
}

Config::Value const& Config::at(std::string const& key) const {
    auto found = values_.find(key);
    CHECK(found != values_.end());
    return found->second;
}
std::string const& Config::text(std::string const& key) const {
    return std::get<std::string>(at(key).setting);
}
int64_t Config::number(std::string const& key) const {
    return std::get<int64_t>(at(key).setting);
}
double Config::decimal(std::string const& key) const {
    return std::get<double>(at(key).setting);
}
bool Config::flag(std::string const& key) const {
    return std::get<bool>(at(key).setting);
}
std::vector<std::string> const& Config::texts(std::string const& key) const {
    return std::get<std::vector<std::string>>(at(key).setting);
}
std::vector<PeerEntry> const& Config::peers() const {
    return std::get<std::vector<PeerEntry>>(at("cluster.peers").setting);
}

policy::Knobs policy_knobs(Config const& config) {
    policy::Knobs set;
    for (policy::KnobRow const& row : policy::knob_rows())
        *policy::find_knob(set, row.name) = config.decimal(fmt::format("policy.{}", row.name));
    set.rule =
        config.text("policy.rule") == "mosix" ? policy::Rule::mosix : policy::Rule::opportunity;
    return set;
}

std::string configuration_page() {
    static constexpr char const* units[] = {"text", "number", "number", "size such as 2G",
        "time such as 10ms", "true or false", "array of texts", "array of { name, address }"};
    std::string page = "rove.toml(5)\n\n# NAME\n\nrove.toml - the configuration of a Rove "
                       "node\n\n# DESCRIPTION\n\n"
                       "/etc/rove/rove.toml is read by *roved*(8) when it starts. Every key has a "
                       "default; an unknown key or a\n"
                       "wrong value is an error. *rove config* shows what is in force and where it "
                       "comes from.\n\n# KEYS\n\n";
    for (Knob const& knob : knobs) {
        std::string initial =
            *knob.initial != 0 ? fmt::format("; default: {}", escaped(knob.initial)) : "";
        page += fmt::format("*{}* ({}{})\n\t{}\n\n", escaped(knob.key),
            units[static_cast<size_t>(knob.unit)], initial, escaped(knob.sentence));
    }
    return page + "# EXAMPLE\n\n```\n[node]\nname = \"n1\"\naddress = \"10.0.0.1\"\nlisten = "
                  "[\"10.0.0.1:7946\"]\n\n[cluster]\n"
                  "peers = [{ name = \"n2\", address = \"10.0.0.2:7946\" }]\n\n[guests]\nmax = "
                  "16\n```\n\n# SEE ALSO\n\n*roved*(8), *rove-config*(1)\n";
}

std::vector<Config::Row> Config::rows() const {
    std::vector<Row> rows;
    for (Knob const& knob : knobs) {
        Value const& value = at(knob.key);
        rows.push_back({knob.key, knob.unit, value.setting, knob.sentence, value.source});
    }
    return rows;
}

} // namespace rove::node
