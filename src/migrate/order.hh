// SPDX-License-Identifier: Apache-2.0
// Order: what a daemon gives a keeper at its start: `--socket S --order-fd N`, and behind N one
// encoded order.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <unistd.h>

#include "base/text.hh"
#include "sys/files.hh"
#include "wire/keeper.hh"

namespace rove::migrate {

template <class T> struct Ordered {
    std::string socket; // empty: none was given
    T order;
};

// Closes the order's descriptor. Nothing if there is no such order, or an option that is unknown;
// --pid is for who reads `ps`.
template <class T> std::optional<Ordered<T>> take_order(int argc, char** argv) {
    constexpr size_t order_max = 1 << 20;
    std::string socket;
    int order_fd = -1;
    for (int i = 2; i + 1 < argc; i += 2) {
        std::string_view name = argv[i];
        if (name == "--socket")
            socket = argv[i + 1];
        else if (name == "--order-fd")
            order_fd = parse_number<int>(argv[i + 1]).value_or(-1);
        else if (name != "--pid")
            return {};
    }
    auto text = sys::read_rest(order_fd, order_max);
    (void)::close(order_fd);
    auto order = text ? wire::decode<T>(*text) : std::nullopt;
    if (!order) return {};
    return Ordered<T>{std::move(socket), std::move(*order)};
}

} // namespace rove::migrate
