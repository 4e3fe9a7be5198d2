// SPDX-License-Identifier: Apache-2.0
// Lately: a measurement that costs something, and is not made again within a while: several parts
// of the daemon ask for it in the same turn.
#pragma once

#include <optional>
#include <utility>

#include "base/clock.hh"

namespace rove::node {

template <class T> class Lately {
public:
    // Not older than that.
    template <class Read> T const& value(Nanos now, Nanos age_max, Read&& read) {
        if (!value_ || now - read_at_ >= age_max) {
            value_ = std::forward<Read>(read)();
            read_at_ = now;
        }
        return *value_;
    }
    void forget() { value_.reset(); }

private:
    Nanos read_at_{};
    std::optional<T> value_;
};

} // namespace rove::node
