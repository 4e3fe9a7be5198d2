// SPDX-License-Identifier: Apache-2.0
// Visitors: who is connected to the control socket, and who is let in when it is full.
//
// One user cannot keep the others out, and all of them together not root. A user's subordinate
// UIDs (/etc/subuid) are his: whoever can make himself a thousand UIDs is still one party. When all
// places are taken, the party that has most loses its oldest connection to one that has less.
//
// No sockets: a connection is a function that closes it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace rove::node {

struct SubordinateUids {
    uid_t first = 0;
    uint64_t count = 0;
};
// The text of /etc/subuid. Lines that make no sense are left out.
std::vector<SubordinateUids> parse_subordinate_uids(std::string_view text);

class Visitors {
public:
    struct Limits {
        size_t of_party = 64, all = 512; // root has as many again
    };
    Visitors(Limits limits, uid_t own, std::vector<SubordinateUids> subordinates)
        : limits_(limits), own_(own), subordinates_(std::move(subordinates)) {}

    Limits const& limits() const { return limits_; }
    // The place that one more gets, if he is let in; he must leave() it. Where another one's place
    // is taken for it, that one's `close` is called, and its leave() does nothing.
    std::optional<uint64_t> enter(uid_t uid, std::function<void()> close);
    void leave(uint64_t place);

private:
    struct Visit {
        uid_t party;
        std::function<void()> close;
    };
    uid_t party_of(uid_t uid) const;
    bool make_room(uid_t newcomer);

    Limits limits_;
    uid_t own_;
    std::vector<SubordinateUids> subordinates_;
    std::map<uint64_t, Visit> visits_; // the oldest first
    std::map<uid_t, size_t> of_;       // how many a party has
    uint64_t last_place_ = 0;
};

} // namespace rove::node
