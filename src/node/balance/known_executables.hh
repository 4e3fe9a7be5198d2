// SPDX-License-Identifier: Apache-2.0
// Known executables: what is known of them as a text, so that a next daemon need not learn it
// again. One a line: runs, CPU seconds, demand, calls per CPU second, name; "-" is not known.
#pragma once

#include <string>
#include <string_view>

#include "policy/experience.hh"

namespace rove::node {

std::string known_executables_text(policy::Experience const& experience);
// A line that makes no sense is left out.
void recall_known_executables(policy::Experience& experience, std::string_view text);

} // namespace rove::node
