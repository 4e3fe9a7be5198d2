// SPDX-License-Identifier: Apache-2.0
// Scenario: reading it from TOML; unknown keys and wrong types are errors with their place.
#include "sim/scenario.hh"

#include <algorithm>
#include <set>

#include <toml++/toml.h>

#include "base/text.hh"
#include "base/units.hh"
#include "sim/strategy.hh"

namespace rove::sim {

namespace {

// One table: what is taken from it is known; whatever is left over in the end is an error.
class Reader {
public:
    Reader(toml::table const& table, std::string source)
        : table_(table), source_(std::move(source)) {}

    template <class T> void number(char const* key, T& value, double least, double most) {
        toml::node const* node = take(key);
        if (!node) return;
        auto found = node->value<double>();
        if (!found || !(*found >= least && *found <= most))
            return wrong(*node, fmt::format("{} must be a number from {} to {}", key, least, most));
        value = static_cast<T>(*found);
    }
    void flag(char const* key, bool& value) {
        if (toml::node const* node = take(key)) {
            if (auto found = node->value_exact<bool>())
                value = *found;
            else
                wrong(*node, fmt::format("{} must be true or false", key));
        }
    }
    void text(char const* key, std::string& value) {
        if (toml::node const* node = take(key)) {
            if (auto found = node->value_exact<std::string>())
                value = *found;
            else
                wrong(*node, fmt::format("{} must be a text in quotes", key));
        }
    }
    void size(char const* key, uint64_t& value) {
        std::string written;
        text(key, written);
        if (written.empty()) return;
        auto parsed = parse_size(written);
        if (parsed && *parsed < 1ull << 50)
            value = *parsed;
        else
            wrong(*table_.get(key), fmt::format("{} must be a size, as \"16G\"", key));
    }
    template <class T>
    void choice(char const* key, T& value, std::vector<std::pair<char const*, T>> const& words) {
        std::string written;
        text(key, written);
        if (written.empty()) return;
        for (auto const& [word, meaning] : words)
            if (written == word) return void(value = meaning);
        wrong(*table_.get(key), fmt::format("{} cannot be '{}'", key, printable(written)));
    }
    template <class Each> void tables(char const* key, Each const& each) {
        toml::node const* node = take(key);
        if (!node) return;
        toml::array const* list = node->as_array();
        if (!list || !list->is_homogeneous(toml::node_type::table))
            return wrong(*node, fmt::format("{} must be written as [[{}]]", key, key));
        for (toml::node const& item : *list) {
            Reader inner(*item.as_table(), source_);
            each(inner);
            adopt(inner);
        }
    }
    template <class Each> void table(char const* key, Each const& each) {
        toml::node const* node = take(key);
        if (!node) return;
        if (!node->is_table())
            return wrong(*node, fmt::format("{} must be written as [{}]", key, key));
        Reader inner(*node->as_table(), source_);
        each(inner);
        adopt(inner);
    }
    std::vector<std::string> keys() const {
        std::vector<std::string> all;
        for (auto const& [key, node] : table_)
            all.emplace_back(key.str());
        return all;
    }
    void texts(char const* key, std::vector<std::string>& value) {
        toml::node const* node = take(key);
        if (!node) return;
        toml::array const* list = node->as_array();
        if (!list || (!list->empty() && !list->is_homogeneous(toml::node_type::string)))
            return wrong(*node, fmt::format("{} must be a list of texts", key));
        for (toml::node const& item : *list)
            value.push_back(*item.value<std::string>());
    }
    void wrong(std::string const& what) { wrong(table_, what); }
    // The first that was wrong.
    std::string const& trouble() {
        for (auto const& [key, node] : table_)
            if (!taken_.contains(std::string(key.str())))
                wrong(node,
                    fmt::format("there is no key '{}' here", printable(std::string(key.str()))));
        return trouble_;
    }

private:
    toml::node const* take(char const* key) {
        taken_.insert(key);
        return table_.get(key);
    }
    void wrong(toml::node const& node, std::string const& what) {
        auto at = node.source().begin;
        if (trouble_.empty())
            trouble_ = fmt::format("{}:{}:{}: {}", source_, at.line, at.column, what);
    }
    void adopt(Reader& inner) {
        if (trouble_.empty()) trouble_ = inner.trouble();
    }

    toml::table const& table_;
    std::string source_, trouble_;
    std::set<std::string> taken_;
};

void read_nodes(Reader& in, Scenario& scenario) {
    NodeGroup group;
    in.number("count", group.count, 1, 100000);
    in.number("cores", group.cores, 0.01, 1024);
    in.number("speed", group.speed, 0.01, 100);
    in.size("memory", group.memory);
    in.flag("absent", group.absent);
    scenario.nodes.push_back(group);
}

void read_workload(Reader& in, Scenario& scenario) {
    Workload load;
    in.choice<Source>("arrivals", load.source,
        {{"poisson", Source::poisson}, {"batch", Source::batch}, {"swf", Source::swf},
            {"peaks", Source::peaks}});
    in.choice<Sizes>("sizes", load.sizes,
        {{"lifetime", Sizes::lifetime}, {"uniform", Sizes::uniform}, {"fixed", Sizes::fixed}});
    in.number("begin_s", load.begin_s, 0, 1e9);
    in.number("seconds", load.seconds, 0, 1e9);
    in.number("utilisation", load.utilisation, 0.01, 10);
    in.number("count", load.count, 0, 2e6);
    in.number("size_s", load.size_s, 1e-3, 1e9);
    in.number("size_max_s", load.size_max_s, 1e-3, 1e9);
    in.number("every_s", load.every_s, 0.1, 1e9);
    in.number("demand", load.demand, 0.01, 64);
    in.number("calls", load.calls, 0, 1e6);
    in.size("memory", load.memory);
    in.size("memory_max", load.memory_max);
    in.number("kind", load.kind, 0, 1e6);
    in.number("first_home", load.first_home, 0, 100000);
    in.number("homes", load.homes, 0, 100000);
    in.flag("native", load.native);
    in.text("file", load.file);
    in.number("compress", load.compress, 1e-3, 1e6);
    in.number("jobs_max", load.jobs_max, 0, 1e7);
    if (load.sizes != Sizes::fixed && load.size_max_s < load.size_s)
        in.wrong("size_max_s is less than size_s");
    scenario.workloads.push_back(load);
}

void read_event(Reader& in, Scenario& scenario) {
    Happens event;
    in.number("at_s", event.at_s, 0, 1e9);
    in.choice<Happening>("what", event.what,
        {{"kill", Happening::kill}, {"drain", Happening::drain}, {"block", Happening::block},
            {"join", Happening::join}, {"split", Happening::split}, {"heal", Happening::heal}});
    in.number("first", event.first, 0, 100000);
    in.number("count", event.count, 1, 100000);
    scenario.events.push_back(event);
}

// [expect.mosix] slowdown_ratio = 1.05: at most that.
void read_expectations(Reader& in, Scenario& scenario) {
    for (std::string const& policy : in.keys())
        in.table(policy.c_str(), [&](Reader& figures) {
            for (std::string const& figure : figures.keys()) {
                Expectation expectation{policy, figure, 0};
                figures.number(figure.c_str(), expectation.most, -1e12, 1e12);
                scenario.expect.push_back(expectation);
            }
        });
}

void read_knobs(Reader& in, Scenario& scenario) {
    for (policy::KnobRow const& row : policy::knob_rows())
        in.number(row.name, *policy::find_knob(scenario.knobs, row.name), 0, 1e15);
}

void read_all(Reader& in, Scenario& scenario) {
    in.text("name", scenario.name);
    in.text("about", scenario.about);
    in.number("seed", scenario.seed, 0, 9e15);
    in.texts("policies", scenario.policies);
    in.number("delay_s", scenario.delay_s, 1e-6, 10);
    in.number("loss", scenario.loss, 0, 0.9);
    in.number("move_fixed_s", scenario.move_fixed_s, 0, 100);
    in.number("move_per_mb_s", scenario.move_per_mb_s, 0, 10);
    in.number("move_noise", scenario.move_noise, 0, 0.9);
    in.number("period_s", scenario.period_s, 0.05, 60);
    in.number("window", scenario.window, 2, 100);
    in.number("board_width", scenario.board_width, 8, 4096);
    in.flag("real_gossip", scenario.real_gossip);
    in.number("thrash", scenario.thrash, 0, 1000);
    in.number("limit_s", scenario.limit_s, 1, 1e10);
    in.tables("node", [&](Reader& inner) { read_nodes(inner, scenario); });
    in.tables("workload", [&](Reader& inner) { read_workload(inner, scenario); });
    in.tables("event", [&](Reader& inner) { read_event(inner, scenario); });
    in.table("expect", [&](Reader& inner) { read_expectations(inner, scenario); });
    in.table("knobs", [&](Reader& inner) { read_knobs(inner, scenario); });
    if (scenario.nodes.empty()) in.wrong("there is no [[node]]");
    if (scenario.node_count() > 100000) in.wrong("there are more than 100000 nodes");
    for (std::string const& name : scenario.policies)
        if (!find_strategy(name)) in.wrong(fmt::format("there is no policy '{}'", printable(name)));
}

} // namespace

uint32_t Scenario::node_count() const {
    uint64_t count = 0;
    for (NodeGroup const& group : nodes)
        count += group.count;
    return static_cast<uint32_t>(std::min<uint64_t>(count, UINT32_MAX));
}

double Scenario::power() const {
    double power = 0;
    for (NodeGroup const& group : nodes)
        if (!group.absent) power += group.count * group.cores * group.speed;
    return power;
}

Result<Scenario> parse_scenario(std::string const& text, std::string const& source) {
    Scenario scenario;
    try {
        toml::table table = toml::parse(text, source);
        Reader reader(table, source);
        read_all(reader, scenario);
        if (!reader.trouble().empty()) return deny(EINVAL, "{}", reader.trouble());
    } catch (toml::parse_error const& error) {
        auto at = error.source().begin;
        return deny(EINVAL, "{}:{}:{}: {}", source, at.line, at.column, error.description());
    }
    if (scenario.name.empty()) scenario.name = source;
    return scenario;
}

} // namespace rove::sim
