// SPDX-License-Identifier: Apache-2.0
// Running: a move that a steward performs, between whoever waits for it and what the steward
// reports.
#pragma once

#include <memory>
#include <optional>

#include <boost/json/object.hpp>

#include "node/async.hh"
#include "wire/keeper.hh"

namespace rove::node {

struct Running {
    explicit Running(asio::io_context& io) : change(std::make_shared<Event>(io)) {}
    uint64_t request = 0;
    std::shared_ptr<Event> change; // armed, done, or the steward is gone
    bool armed = false, gone = false;
    bool unheard = false; // it had said goodbye before it could read the order
    std::optional<wire::MoveDone> done;
    boost::json::object figures; // of the decision that it follows from
};

} // namespace rove::node
