// SPDX-License-Identifier: Apache-2.0
// Knobs: the table's rows by name.
#include "policy/knobs.hh"

namespace rove::policy {

std::vector<KnobRow> const& knob_rows() {
    static std::vector<KnobRow> const rows = {
#define KNOB(name, initial, unit, sentence) {#name, initial, unit, sentence},
#include "policy/knobs.def"
    };
    return rows;
}

double* find_knob(Knobs& knobs, std::string_view name) {
#define KNOB(knob, initial, unit, sentence)                                                        \
    if (name == #knob) return &knobs.knob;
#include "policy/knobs.def"
    return nullptr;
}

} // namespace rove::policy
