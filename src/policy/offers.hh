// SPDX-License-Identifier: Apache-2.0
// Offers: what a target answers, and what it has promised. Nobody is flooded.
//
// The answer is judged by the load of that moment and by what was promised before, and a promise
// counts as load at once, also in what the node tells others. At most `arrivals_max` arrive at a
// time.
#pragma once

#include <cstdint>
#include <vector>

#include "policy/decision.hh"
#include "policy/knobs.hh"

namespace rove::policy {

struct Offer {
    uint64_t process = 0;
    NodeIndex from = nowhere;
    float demand = 1;
    float stretch_max = 0; // see Order
    uint64_t memory = 0, features = 0;
    Why why = Why::balance;
    uint8_t own = 0; // it is not refused: this node is its home, or somebody wants it here
};

enum class Refusal : uint8_t { none, not_taking, busy, load, memory, features };
char const* word(Refusal refusal);

class Promises {
public:
    // `self` as it is at this moment, without what was promised.
    Refusal answer(Offer const& offer, NodeView const& self, Knobs const& knobs, double now_s);
    // It is here, or will not come.
    void settle(uint64_t process);
    void expire(double now_s);

    double load() const { return load_; }
    uint64_t memory() const { return memory_; }
    size_t arriving() const { return promises_.size(); }

private:
    struct Promise {
        uint64_t process;
        double until_s;
        float demand;
        uint64_t memory;
    };
    void sum_up();

    std::vector<Promise> promises_;
    double load_ = 0;
    uint64_t memory_ = 0;
};

} // namespace rove::policy
