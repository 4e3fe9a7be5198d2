// SPDX-License-Identifier: Apache-2.0
// Credentials: what a process may do, and who may therefore have it moved. Pure.
//
// Whoever moves a process has its memory where he wants it; so nobody moves what may more than
// himself. A process gains rights when it executes a program, so this is asked at each move.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hh"

namespace rove::image {

struct Credentials {
    std::array<uint32_t, 4> uids{}, gids{}; // real, effective, saved, file system
    uint64_t capabilities = 0;              // permitted
};
// The text of /proc/PID/status.
Result<Credentials> parse_credentials(std::string_view status);

// Why this user may not have it moved; no word if he may.
struct Objection {
    std::string word; // of wire/reasons.def
    std::string text;
};
Objection objection(Credentials const& process, uint32_t asker, bool move_root);

} // namespace rove::image
