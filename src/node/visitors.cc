// SPDX-License-Identifier: Apache-2.0
// Visitors: counting parties.
#include "node/visitors.hh"

#include <algorithm>

#include "base/text.hh"

namespace rove::node {

std::vector<SubordinateUids> parse_subordinate_uids(std::string_view text) {
    std::vector<SubordinateUids> ranges;
    for (std::string_view line : lines(text)) {
        auto [owner, numbers] = cut(line, ':');
        auto [first, count] = cut(numbers, ':');
        auto from = parse_number<uid_t>(first);
        auto how_many = parse_number<uint64_t>(count);
        if (from && how_many && *from != 0) ranges.push_back({*from, *how_many});
    }
    return ranges;
}

uid_t Visitors::party_of(uid_t uid) const {
    if (uid == own_) return 0;
    for (SubordinateUids const& range : subordinates_)
        if (uid >= range.first && uid - range.first < range.count) return range.first;
    return uid;
}

std::optional<uint64_t> Visitors::enter(uid_t uid, std::function<void()> close) {
    uid_t party = party_of(uid);
    bool root = party == 0;
    auto has = of_.find(party);
    if (!root && has != of_.end() && has->second >= limits_.of_party) return std::nullopt;
    if (root && visits_.size() >= 2 * limits_.all) return std::nullopt;
    if (!root && visits_.size() >= limits_.all && !make_room(party)) return std::nullopt;
    ++of_[party];
    visits_[++last_place_] = {party, std::move(close)};
    return last_place_;
}

void Visitors::leave(uint64_t place) {
    auto visit = visits_.find(place);
    if (visit == visits_.end()) return;
    auto of = of_.find(visit->second.party);
    if (--of->second == 0) of_.erase(of);
    visits_.erase(visit);
}

bool Visitors::make_room(uid_t newcomer) {
    size_t most = 0;
    for (auto const& [party, count] : of_)
        if (party != 0) most = std::max(most, count);
    auto present = of_.find(newcomer);
    if (most <= (present == of_.end() ? 0 : present->second)) return false;
    auto oldest = std::find_if(visits_.begin(), visits_.end(), [&](auto const& each) {
        uid_t party = each.second.party;
        return party != 0 && of_[party] == most;
    });
    auto close = oldest->second.close;
    leave(oldest->first);
    close();
    return true;
}

} // namespace rove::node
