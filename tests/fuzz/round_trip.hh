// SPDX-License-Identifier: Apache-2.0
// Round trip: what could be read can be written, and read again.
#pragma once

#include <cstdlib>
#include <string_view>

#include "wire/describe.hh"

template <class T> void round_trip(std::string_view body) {
    if (auto message = rove::wire::decode<T>(body))
        if (!rove::wire::decode<T>(rove::wire::encode(*message))) std::abort();
}
