// SPDX-License-Identifier: Apache-2.0
// Joins: who is under way.
#include "policy/joins.hh"

#include <algorithm>

namespace rove::policy {

namespace {
// A move, and then a second in which its home tells where it is now.
constexpr double news_s = 5;
} // namespace

bool Joins::may_come(NodeIndex from) const {
    return std::none_of(
        leaving_.begin(), leaving_.end(), [&](auto const& each) { return each.second == from; });
}

void Joins::comes(NodeIndex from, double now_s) {
    came_until_[from] = now_s + news_s;
}

bool Joins::may_go(NodeIndex to, double now_s) {
    std::erase_if(came_until_, [&](auto const& each) { return each.second <= now_s; });
    return !came_until_.contains(to);
}

} // namespace rove::policy
