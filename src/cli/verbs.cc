// SPDX-License-Identifier: Apache-2.0
// Verbs: the table; a new verb is one file and one row here.
#include "cli/verbs.hh"

namespace rove::cli {

Option const json_option{"--json", nullptr, nullptr, Kind::text,
    "print JSON; a failure is {\"error\", \"code\"} on standard error"};
Option const help_option{"--help", "-h", nullptr, Kind::text, "show this help"};

namespace {
constexpr Verb const* table[] = {
    &run_verb,
    &mpirun_verb,
    &adopt_verb,
    &move_verb,
    &ps_verb,
    &nodes_verb,
    &top_verb,
    &explain_verb,
    &trace_verb,
    &events_verb,
    &stay_verb,
    &roam_verb,
    &debug_verb,
    &node_verb,
    &check_verb,
    &config_verb,
    &init_verb,
    &join_verb,
    &lab_verb,
};
} // namespace

std::span<Verb const* const> all_verbs() {
    return table;
}

Verb const* find_verb(std::string_view name) {
    for (Verb const* verb : table)
        if (verb->name == name) return verb;
    return nullptr;
}

} // namespace rove::cli
