// SPDX-License-Identifier: Apache-2.0
// Verbs: the table of all of them, in the order in which help shows them.
#pragma once

#include "cli/verb.hh"

namespace rove::cli {

std::span<Verb const* const> all_verbs();
/// Null if there is none of that name.
Verb const* find_verb(std::string_view name);

/// The two options that every verb has.
extern Option const json_option;
extern Option const help_option;

extern Verb const run_verb, mpirun_verb, adopt_verb, move_verb, ps_verb, nodes_verb, top_verb,
    explain_verb, trace_verb, events_verb, debug_verb, stay_verb, roam_verb, node_verb, check_verb,
    config_verb, init_verb, join_verb, lab_verb;

} // namespace rove::cli
