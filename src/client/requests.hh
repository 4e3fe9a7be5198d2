// SPDX-License-Identifier: Apache-2.0
// Requests: the bodies of the control API's POST requests, one struct each.
//
// A PID is text: "123" is this home's and goes as a number, "n1:123" is n1's and goes as a string.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rove::client {

/// POST /v1/run: the caller itself is the process.
struct RunRequest {
    std::optional<std::string> on; // node, "best" or "home"
    bool stay = false;
    bool no_patch = false;
    std::optional<std::string> cpu_baseline; // x86-64 … x86-64-v4
    std::optional<int64_t> storm_ms;
    std::optional<uint64_t> seed;
    std::optional<std::string> report; // absolute path
    std::optional<uint64_t> mem;       // bytes
    std::string cwd;
    std::vector<std::string> command;
};
std::string body_of(RunRequest const& request);

/// POST /v1/move
struct MoveRequest {
    std::string pid;
    std::string to; // node, "home" or "best"
    bool all = false;
    bool wait = true;
    std::optional<double> freeze_ms;
};
std::string body_of(MoveRequest const& request);

/// POST /v1/adopt, /v1/stay, /v1/roam
std::string pid_body(std::string const& pid);

/// POST /v1/node
struct NodeRequest {
    std::string verb;                // block unblock expel bring drain auto
    std::optional<std::string> node; // this one if none
    std::optional<bool> on;          // for auto
};
std::string body_of(NodeRequest const& request);

} // namespace rove::client
