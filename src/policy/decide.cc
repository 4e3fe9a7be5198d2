// SPDX-License-Identifier: Apache-2.0
// Decide: the precedence.
#include "policy/decide.hh"

namespace rove::policy {

Decision decide(Snapshot const& snapshot, Knobs const& knobs, Random& random, Notes* notes) {
    Decision decision;
    auto scorer = make_scorer(knobs, snapshot);
    Targets targets(snapshot, knobs, *scorer);
    Deciding deciding{snapshot, knobs, *scorer, targets, random, decision, notes};
    if (leave(deciding) || usher(deciding)) return decision;
    balance(deciding);
    return decision;
}

} // namespace rove::policy
