// SPDX-License-Identifier: Apache-2.0
// World: what Rove is compared with: a coordinator that knows all loads, and moves by lot.
#include <algorithm>

#include "sim/world.hh"

namespace rove::sim {

NodeIndex World::least_crowded(double demand) const {
    NodeIndex best = 0;
    double least = 1e300;
    for (NodeIndex node = 0; node < hosts_.size(); ++node) {
        Host const& host = hosts_[node];
        if (!host.alive || !host.takes) continue;
        double load = host.machine.load() + host.promises.load() + demand;
        double crowd = policy::stretch(load, host.machine.cores(), host.machine.speed());
        if (crowd < least) least = crowd, best = node;
    }
    return best;
}

// From the most crowded to the least crowded, as long as somebody gains by it.
void World::central_step() {
    std::vector<double> load(hosts_.size());
    for (NodeIndex node = 0; node < hosts_.size(); ++node)
        load[node] = hosts_[node].machine.load();
    for (Journey const& journey : journeys_)
        if (journey.moving) load[journey.to] += jobs_[journey.job].demand;
    auto crowd = [&](NodeIndex node, double more) {
        return policy::stretch(
            load[node] + more, hosts_[node].machine.cores(), hosts_[node].machine.speed());
    };
    std::vector<NodeIndex> nodes;
    for (NodeIndex node = 0; node < hosts_.size(); ++node)
        if (hosts_[node].alive && hosts_[node].takes) nodes.push_back(node);
    std::vector<JobIndex> sent;
    for (size_t moves = 0; nodes.size() > 1 && moves < hosts_.size(); ++moves) {
        NodeIndex from = *std::max_element(nodes.begin(), nodes.end(),
            [&](NodeIndex a, NodeIndex b) { return crowd(a, 0) < crowd(b, 0); });
        NodeIndex to = *std::min_element(nodes.begin(), nodes.end(),
            [&](NodeIndex a, NodeIndex b) { return crowd(a, 1) < crowd(b, 1); });
        if (crowd(to, 1) >= crowd(from, 0) * 0.98) break;
        JobIndex oldest = Machine::nobody;
        double most = scenario_.move_fixed_s;
        for (Machine::Resident const& resident : hosts_[from].machine.residents()) {
            double used =
                jobs_[resident.job].work_s - hosts_[from].machine.work_left(resident, now_s_);
            bool free =
                !resident.native && std::find(sent.begin(), sent.end(), resident.job) == sent.end();
            if (free && used > most) most = used, oldest = resident.job;
        }
        if (oldest == Machine::nobody) {
            std::erase(nodes, from); // nobody there has been seen to compute
            continue;
        }
        sent.push_back(oldest);
        load[from] -= jobs_[oldest].demand;
        load[to] += jobs_[oldest].demand;
        send_at_once(oldest, from, to, false);
    }
}

void World::random_move(NodeIndex node) {
    Host& host = hosts_[node];
    auto const& residents = host.machine.residents();
    if (host.machine.load() <= host.machine.cores() || host.departing > 0 || hosts_.size() < 2)
        return;
    Machine::Resident const& resident = residents[host.random.below(residents.size())];
    auto to = static_cast<NodeIndex>(host.random.below(hosts_.size()));
    if (resident.native || to == node || !hosts_[to].alive) return;
    send_at_once(resident.job, node, to, false);
}

} // namespace rove::sim
