// SPDX-License-Identifier: Apache-2.0
// Figures: what the policy found, as `rove explain` and `rove events` tell it. Names end in their
// unit.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "node/ending.hh"
#include "policy/decision.hh"

namespace rove::node {

// Those that say something; `because` is a sentence.
boost::json::object figures_row(policy::Figures const& figures, char const* because);
// A line for `explain`.
Decision decision_of(policy::Note const& note, Nanos now, std::string from, std::string to);
// As `explain` has them, the newest first.
boost::json::array decision_rows(std::deque<Decision> const& decisions);
// The newest decision at the end. One that only repeats the last one takes its place.
void remember(std::deque<Decision>& decisions, Decision decision);

} // namespace rove::node
