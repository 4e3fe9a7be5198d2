// SPDX-License-Identifier: Apache-2.0
// Place: where a program starts, or goes on when it executes another one.
//
// An image at exec is nearly empty, so that is the cheapest moment to move. Nothing is known of the
// new program yet; it is taken to need `new_remaining` seconds.
#pragma once

#include <vector>

#include "policy/decision.hh"
#include "policy/knobs.hh"
#include "policy/random.hh"

namespace rove::policy {

struct Placement {
    struct Question {
        NodeIndex node;
        float stretch_max; // the most a CPU second may take there
    };
    // In the order in which they should be asked: first those that may have a core to spare,
    // whether they have, then whether they would be better at least. Empty: it starts here.
    std::vector<Question> ask;
};

// `newcomer` is not among the snapshot's processes, and not in its load.
Placement place(
    Snapshot const& snapshot, ProcessView const& newcomer, Knobs const& knobs, Random& random);

} // namespace rove::policy
