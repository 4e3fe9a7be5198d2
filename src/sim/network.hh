// SPDX-License-Identifier: Apache-2.0
// Network: delay, loss and partitions.
#pragma once

#include <vector>

#include "policy/random.hh"
#include "policy/view.hh"

namespace rove::sim {

class Network {
public:
    Network(size_t nodes, double delay_s, double loss)
        : delay_s_(delay_s), loss_(loss), side_(nodes) {}

    // Half of it is the same for all, half by lot.
    double delay(policy::Random& random) const {
        return delay_s_ / 2 + random.exponential(delay_s_ / 2);
    }
    bool loses(policy::Random& random) const { return loss_ > 0 && random.happens(loss_); }
    bool connects(policy::NodeIndex one, policy::NodeIndex two) const {
        return side_[one] == side_[two];
    }
    void split_off(policy::NodeIndex node) { side_[node] = 1; }
    void heal() { side_.assign(side_.size(), 0); }
    double loss() const { return loss_; }
    double round_trip() const { return 2 * delay_s_; }

private:
    double delay_s_, loss_;
    std::vector<uint8_t> side_;
};

} // namespace rove::sim
