// SPDX-License-Identifier: Apache-2.0
// Invite: the most crowded ones that are known.
#include "policy/invite.hh"

#include <algorithm>

#include "policy/load.hh"

namespace rove::policy {

std::vector<NodeIndex> invite(Snapshot const& snapshot, Knobs const& knobs, Random& random) {
    NodeView const& self = snapshot.self;
    bool has_spare = spare(self.load, self.cores) && self.takes && snapshot.stance == Stance::open;
    auto most = whole(knobs.invitations);
    if (!has_spare || most == 0) return {};
    struct Crowded {
        double stretch;
        NodeIndex node;
    };
    std::vector<Crowded> found;
    for (NodeView const& node : snapshot.nodes) {
        // What is old is no reason to hope.
        if (node.load <= node.cores || node.age_s > knobs.fade) continue;
        if (stretch(node, 0) <= stretch(self, knobs.stability)) continue;
        found.push_back({stretch(node, 0) * (1 + knobs.near * random.part()), node.node});
    }
    most = std::min(most, found.size());
    std::partial_sort(found.begin(), found.begin() + static_cast<ptrdiff_t>(most), found.end(),
        [](Crowded const& a, Crowded const& b) { return a.stretch > b.stretch; });
    std::vector<NodeIndex> told;
    for (size_t i = 0; i < most; ++i)
        told.push_back(found[i].node);
    return told;
}

} // namespace rove::policy
