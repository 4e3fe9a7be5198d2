// SPDX-License-Identifier: Apache-2.0
// Report: what `rove run --report FILE` writes when a program and all its descendants have ended.
#pragma once

#include "node/process.hh"

namespace rove::node {

boost::json::object report_of(Program const& program);
// As the user who started it: a child process with that user's rights writes the file.
Status write_report(Program const& program);
// Whether its user can write it there, before the program begins.
Status check_report(Program const& program);

} // namespace rove::node
