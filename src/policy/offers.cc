// SPDX-License-Identifier: Apache-2.0
// Offers: judging and remembering.
#include "policy/offers.hh"

#include <algorithm>

#include "policy/load.hh"
#include "policy/targets.hh"

namespace rove::policy {

namespace {
// A promise that is being redeemed: the transfer itself may take long.
constexpr double per_byte_s = 1e-8;
} // namespace

char const* word(Refusal refusal) {
    switch (refusal) {
    case Refusal::none:
        return "none";
    case Refusal::not_taking:
        return "not_taking";
    case Refusal::busy:
        return "busy";
    case Refusal::load:
        return "load";
    case Refusal::memory:
        return "memory";
    case Refusal::features:
        return "features";
    }
    return "none";
}

Refusal Promises::answer(
    Offer const& offer, NodeView const& self, Knobs const& knobs, double now_s) {
    expire(now_s);
    if (!offer.own) {
        if (!self.takes) return Refusal::not_taking;
        if (offer.features & ~self.features) return Refusal::features;
        if (static_cast<double>(promises_.size()) >= knobs.arrivals_max) return Refusal::busy;
        if (offer.memory + memory_ + reserve_of(self, knobs) > self.memory_free)
            return Refusal::memory;
        bool by_load = offer.why != Why::memory && offer.why != Why::drained &&
                       offer.why != Why::owner && offer.why != Why::make_room;
        if (by_load && stretch(self, load_ + offer.demand) > offer.stretch_max)
            return Refusal::load;
    }
    double until = now_s + knobs.reservation + per_byte_s * static_cast<double>(offer.memory);
    promises_.push_back({offer.process, until, offer.demand, offer.memory});
    sum_up();
    return Refusal::none;
}

void Promises::settle(uint64_t process) {
    std::erase_if(promises_, [&](Promise const& each) { return each.process == process; });
    sum_up();
}

void Promises::expire(double now_s) {
    if (std::erase_if(promises_, [&](Promise const& each) { return each.until_s <= now_s; }) > 0)
        sum_up();
}

void Promises::sum_up() {
    load_ = 0;
    memory_ = 0;
    for (Promise const& each : promises_)
        load_ += each.demand, memory_ += each.memory;
}

} // namespace rove::policy
