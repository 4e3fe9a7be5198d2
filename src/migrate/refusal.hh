// SPDX-License-Identifier: Apache-2.0
// Refusal: a stable word of wire/reasons.def that goes with an error, for people and for policy.
#pragma once

#include <string>

#include "base/result.hh"

namespace rove::migrate {

struct Refusal {
    std::string word; // empty: the error is no property of the process

    Failure because(char const* a_word, std::string const& text) {
        word = a_word;
        return deny(EPERM, "{}", text);
    }
};

} // namespace rove::migrate
