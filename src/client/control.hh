// SPDX-License-Identifier: Apache-2.0
// Control: requests to this node's daemon over its UNIX socket.
//
// A call is one connection. A daemon that is not there, does not answer in time or answers with
// something that is no reply of a daemon is one and the same trouble to the caller: exit code 5.
// All descriptors are closed before a call returns and CLOEXEC until then.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "client/json.hh"
#include "client/trouble.hh"

namespace rove::client {

using Millis = std::chrono::milliseconds;

/// ROVE_SOCKET, or /run/rove/control.sock.
std::string socket_path();

/// How long an answer may take: `prompt` requests are looked up, so silence means that something is
/// wrong; `patient` ones wait for as long as the daemon still answers others.
enum class Patience { prompt, patient };

/// The body of a 2xx reply, or the trouble that the daemon tells of.
Asked<Json> call(std::string_view method, std::string_view path, std::string_view body = {},
    Patience patience = Patience::prompt);

/// Each line of the stream that `path` is; `each` says whether to go on. Returns when it says no,
/// or with trouble when the daemon ends the stream.
Asked<bool> follow(std::string_view path, std::function<bool(Json const&)> const& each);

/// What a reply means. Pure; `call` and the fuzzer use it.
Asked<Json> understand(int status, std::string_view body);

} // namespace rove::client
