// SPDX-License-Identifier: Apache-2.0
// Happenings: the ring and its followers.
#include "node/happenings.hh"

#include <boost/json/serialize.hpp>

#include "base/clock.hh"

namespace rove::node {

namespace json = boost::json;

void Happenings::add(std::string const& event, int pid, std::string const& from,
    std::string const& to, json::object figures) {
    auto or_null = [](std::string const& text) {
        return text.empty() ? json::value() : json::value(text);
    };
    double time = std::chrono::duration<double>(real_now()).count();
    json::object row;
    row["time"] = time;
    row["node"] = node_;
    row["event"] = event;
    row["pid"] = pid == 0 ? json::value() : json::value(pid);
    row["from"] = or_null(from);
    row["to"] = or_null(to);
    row["figures"] = std::move(figures);
    kept_.push_back({time, json::serialize(row) + "\n"});
    if (kept_.size() > 1000) kept_.pop_front();
    // A follower may unfollow itself while it is told.
    auto followers = followers_;
    for (auto& [id, follower] : followers)
        follower(kept_.back().line);
}

uint64_t Happenings::follow(double since, Follower follower) {
    for (Kept const& kept : kept_)
        if (kept.time >= since) follower(kept.line);
    followers_[++last_id_] = std::move(follower);
    return last_id_;
}

} // namespace rove::node
