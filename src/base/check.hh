// SPDX-License-Identifier: Apache-2.0
// CHECK: what only a bug of our own can break. On in release builds, too.
//
// Never for bytes that come from the network, an image or a guest: those are parsed into a Result.
#pragma once

#include "base/where.hh"

namespace rove {

// Prints place and condition and the flight recorder to standard error, then aborts.
[[noreturn]] void check_failed(char const* condition, Where where);

} // namespace rove

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) [[unlikely]]                                                             \
            ::rove::check_failed(#condition, ::rove::Where{__FILE__, __LINE__});                   \
    } while (false)
