// SPDX-License-Identifier: Apache-2.0
// Happenings: what happened on this node, as `rove events` shows it: the last thousand, and whoever
// follows.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>

#include <boost/json/object.hpp>

namespace rove::node {

class Happenings {
public:
    explicit Happenings(std::string node) : node_(std::move(node)) {}

    // pid 0, empty from and to: null.
    void add(std::string const& event, int pid, std::string const& from, std::string const& to,
        boost::json::object figures = {});

    using Follower = std::function<void(std::string const& line)>;
    // First gets what is kept from `since` (seconds since 1970) on, then everything new.
    uint64_t follow(double since, Follower follower);
    void unfollow(uint64_t id) { followers_.erase(id); }

private:
    struct Kept {
        double time;
        std::string line;
    };
    std::string node_;
    std::deque<Kept> kept_;
    std::map<uint64_t, Follower> followers_;
    uint64_t last_id_ = 0;
};

} // namespace rove::node
