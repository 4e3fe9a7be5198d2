// SPDX-License-Identifier: Apache-2.0
// Knobs: what an administrator may turn about automatic migration, one table with its formulas.
//
// All are numbers; the unit is part of the row. `find_knob` gives the value behind a name, for the
// readers of configurations and scenarios.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rove::policy {

enum class Rule : uint8_t { mosix, opportunity };

struct Knobs {
#define KNOB(name, initial, unit, sentence) double name = initial;
#include "policy/knobs.def"
    Rule rule = Rule::mosix;
};

struct KnobRow {
    char const* name;
    double initial;
    char const* unit;
    char const* sentence;
};
std::vector<KnobRow> const& knob_rows();

// Null if there is none of that name.
double* find_knob(Knobs& knobs, std::string_view name);

// A knob that counts things.
inline size_t whole(double knob) {
    return knob > 0 ? static_cast<size_t>(knob < 1e6 ? knob : 1e6) : 0;
}

template <class V> void describe(V& v, Knobs& knobs) {
#define KNOB(name, initial, unit, sentence) v.field(#name, knobs.name);
#include "policy/knobs.def"
    v.field("rule", knobs.rule);
}

} // namespace rove::policy
