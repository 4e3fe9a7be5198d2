// SPDX-License-Identifier: Apache-2.0
// Joins: partners on two nodes do not change places.
//
// Both nodes may find at the same time that theirs should go to where the other is. Who has sent
// one there takes none from there, so both are refused and decide anew, each at a time of its own;
// and who has taken one sends nobody back for a partner that is not there any more, until it must
// have heard of it.
#pragma once

#include <cstdint>
#include <map>

#include "policy/view.hh"

namespace rove::policy {

class Joins {
public:
    // A process is on its way to its partner there; it has arrived, or will not go.
    void leaves(uint64_t process, NodeIndex to) { leaving_[process] = to; }
    void settled(uint64_t process) { leaving_.erase(process); }
    // Whether one from there may come to its partner here.
    bool may_come(NodeIndex from) const;
    // It does.
    void comes(NodeIndex from, double now_s);
    // Whether one may go there to be with its partner.
    bool may_go(NodeIndex to, double now_s);

private:
    std::map<uint64_t, NodeIndex> leaving_;  // by process
    std::map<NodeIndex, double> came_until_; // in what time the news of it may travel
};

} // namespace rove::policy
