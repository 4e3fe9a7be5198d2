// SPDX-License-Identifier: Apache-2.0
// Lately: a measurement that costs something, and is not made again within a moment: several parts
// of the daemon ask for it in the same turn.
#pragma once

#include <optional>
#include <utility>

#include "base/clock.hh"

namespace rove::node {

template <class T> class Lately {
public:
    explicit Lately(Nanos kept) : kept_(kept) {}

    template <class Read> T const& value(Nanos now, Read&& read) {
        if (!value_ || now - read_at_ >= kept_) {
            value_ = std::forward<Read>(read)();
            read_at_ = now;
        }
        return *value_;
    }

private:
    Nanos kept_, read_at_{};
    std::optional<T> value_;
};

} // namespace rove::node
