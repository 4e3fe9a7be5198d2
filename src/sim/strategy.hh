// SPDX-License-Identifier: Apache-2.0
// Strategy: what is compared: who chooses where programs start, and who moves them.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "policy/knobs.hh"

namespace rove::sim {

// exec: at home, and from there by what is known of its like.
enum class Placing : uint8_t { home, round_robin, central, policy, exec };
enum class Moving : uint8_t { never, random, central, policy };

struct Strategy {
    char const* name;
    Placing placing;
    Moving moving;
    policy::Rule rule;
    char const* sentence;
};

// none, round_robin, random, central, mosix, opportunity …
std::vector<Strategy> const& strategies();
std::optional<Strategy> find_strategy(std::string_view name);

} // namespace rove::sim
