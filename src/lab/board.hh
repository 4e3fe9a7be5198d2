// SPDX-License-Identifier: Apache-2.0
// Board: what the nodes' own daemons say of each other, and waiting until they agree.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.hh"
#include "base/result.hh"
#include "lab/plan.hh"

namespace rove::lab {

// Name → state, from the output of `rove nodes --json`.
Result<std::map<std::string, std::string>> parse_board(std::string_view json);

// Waits until the node's daemon answers.
Status await_daemon(std::string_view lab, std::string_view node, Deadline deadline,
    std::function<Status()> const& interrupted);
// Waits until every running node shows every other that it is not cut from as up. With `about` only
// whether that node and the others whose daemons run show each other so.
Status await_agreement(Plan const& plan, Deadline deadline,
    std::function<Status()> const& interrupted, std::string_view about = {});

} // namespace rove::lab
