// SPDX-License-Identifier: Apache-2.0
// Config: the daemon's configuration, one table of keys with type, default and sentence.
//
// Unknown keys, wrong types and bad values are errors with line and column. toml++ and its
// exceptions stay in config.cc.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hh"
#include "policy/knobs.hh"

namespace rove::node {

struct PeerEntry {
    std::string name;
    std::string address; // "10.0.0.2:7946"
    bool operator==(PeerEntry const&) const = default;
};

enum class Unit : uint8_t { text, number, decimal, size, duration, flag, texts, peers };

struct Knob {
    char const* key;
    Unit unit;
    char const* initial; // the default, as it would be written
    char const* sentence;
};
extern std::vector<Knob> const knobs;

// Numbers are whole (size: bytes; duration: nanoseconds), or decimal.
using Setting = std::variant<bool, int64_t, double, std::string, std::vector<std::string>,
    std::vector<PeerEntry>>;

struct Ports {
    uint16_t first = 0, last = 0;
};
// "50000-50100".
std::optional<Ports> parse_ports(std::string_view text);
// What a person can write behind 'rove move PID': no word that means something else.
bool is_node_name(std::string_view name);
class Config;
// Those of the section [policy].
policy::Knobs policy_knobs(Config const& config);
// rove.toml(5), for scdoc.
std::string configuration_page();

class Config {
public:
    // Every key at its default.
    static Config defaults();
    // `source` names the text in errors: "rove.toml:3:5: …".
    static Result<Config> parse(std::string const& text, std::string const& source);
    // Missing is fine if `must_exist` is no: all defaults.
    enum class MustExist { no, yes };
    static Result<Config> load(std::string const& path, MustExist must);

    // The key must be in the table and of that type.
    std::string const& text(std::string const& key) const;
    int64_t number(std::string const& key) const;
    double decimal(std::string const& key) const;
    bool flag(std::string const& key) const;
    std::vector<std::string> const& texts(std::string const& key) const;
    std::vector<PeerEntry> const& peers() const;

    struct Row {
        std::string key;
        Unit unit;
        Setting value;
        std::string sentence;
        std::string source; // "default" or "rove.toml:3"
    };
    std::vector<Row> rows() const;

private:
    struct Value {
        Setting setting;
        std::string source = "default";
    };
    Value const& at(std::string const& key) const;
    std::map<std::string, Value> values_;
};

} // namespace rove::node
