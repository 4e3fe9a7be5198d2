// SPDX-License-Identifier: Apache-2.0
// Shapes: the fields of a node's and of a process's row, in the contract's order.
#pragma once

namespace rove::cli {

inline constexpr char const* nodes_shape[] = {"name", "address", "state", "load", "cores", "speed",
    "memory_total_bytes", "memory_free_bytes", "guests", "age_ms", "auto", "paging_per_s",
    "cpu_pressure", "memory_pressure", "io_pressure"};

inline constexpr char const* ps_shape[] = {"pid", "user", "state", "home", "host", "cpu_seconds",
    "memory_bytes", "moves", "reason", "reason_text", "stopped", "command", "locked"};

} // namespace rove::cli
