// SPDX-License-Identifier: Apache-2.0
// Report: what `rove run --report FILE` writes when a program and all its descendants have ended.
//
// FILE is the user's: it may be a pipe that nobody reads, or lie where every access hangs. So a
// child with that user's rights does everything with it, and is killed when it takes too long. A
// file is replaced; a pipe or a terminal is written to. "/dev/stdout" and the like are descriptors
// of the process that asked: they are taken from it at the start, and are lost with the daemon.
#pragma once

#include <optional>

#include "node/process.hh"

namespace rove::node {

boost::json::object report_of(Program const& program);
// As the user who started it.
Task<Status> write_report(asio::io_context& io, std::shared_ptr<Program> program);
// Whether that can be done, before the program begins.
Task<Status> check_report(asio::io_context& io, std::shared_ptr<Program> program);

// The number that a path such as /dev/fd/7 or /dev/stderr means in the process that names it.
std::optional<int> descriptor_named(std::string_view path);
// Takes that descriptor from the program's first process, if the path names one.
Status take_report_descriptor(Program& program);

} // namespace rove::node
