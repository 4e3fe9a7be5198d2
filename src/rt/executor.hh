// SPDX-License-Identifier: Apache-2.0
// Executor: performs a keeper's commands inside the process: the porter's and the builder's loop.
#pragma once

#include "wire/region.hh"

namespace rove::rt {

enum class Ended : uint32_t { lost, run }; // the keeper has gone · ExecOp::run was given

/// Serves commands from `fd` until the keeper goes or says `run`; `start_thread` does
/// ExecOp::start. `run_slot` receives the argument of `run`.
Ended serve_commands(int fd, long (*start_thread)(uint32_t slot), uint64_t* run_slot);

/// Reads exactly n bytes; false when the other end has gone.
bool read_exactly(int fd, void* to, uint64_t n);
bool write_exactly(int fd, void const* from, uint64_t n);

} // namespace rove::rt
