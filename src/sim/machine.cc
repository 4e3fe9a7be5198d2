// SPDX-License-Identifier: Apache-2.0
// Machine: the virtual clock.
#include "sim/machine.hh"

#include <algorithm>
#include <limits>

#include "base/check.hh"

namespace rove::sim {

namespace {
// Who has less left than this has ended: sums of doubles are not exact.
constexpr double rounding_s = 1e-7;
} // namespace

void Machine::advance(double now_s) {
    clock_ += pace_ * (now_s - at_s_);
    at_s_ = now_s;
}

// After residents have changed.
void Machine::settle() {
    if (residents_.empty()) load_ = native_ = 0;
    pace_ = speed_ * (load_ > cores_ ? cores_ / load_ : 1);
    if (used_ > memory_)
        pace_ /= 1 + thrash_ * (static_cast<double>(used_) / static_cast<double>(memory_) - 1);
    next_ = 0;
    for (size_t i = 1; i < residents_.size(); ++i)
        if (residents_[i].ends_at < residents_[next_].ends_at) next_ = i;
}

void Machine::add(
    JobIndex job, double work_s, double demand, uint64_t memory, bool native, double now_s) {
    advance(now_s);
    residents_.push_back(
        {job, static_cast<float>(demand), clock_ + work_s / demand, memory, native});
    load_ += demand;
    if (native) native_ += demand;
    used_ += memory;
    settle();
}

void Machine::take_out(size_t at) {
    Resident const gone = residents_[at];
    residents_[at] = residents_.back();
    residents_.pop_back();
    load_ -= gone.demand;
    if (gone.native) native_ -= gone.demand;
    used_ -= gone.memory;
    settle();
}

double Machine::remove(JobIndex job, double now_s) {
    advance(now_s);
    auto found = std::find_if(residents_.begin(), residents_.end(),
        [&](Resident const& each) { return each.job == job; });
    CHECK(found != residents_.end());
    double left = work_left(*found, now_s);
    take_out(static_cast<size_t>(found - residents_.begin()));
    return left;
}

double Machine::next_end() const {
    if (residents_.empty() || pace_ <= 0) return std::numeric_limits<double>::infinity();
    return at_s_ + std::max(0.0, residents_[next_].ends_at - clock_) / pace_;
}

JobIndex Machine::take_ended(double now_s) {
    advance(now_s);
    if (residents_.empty() || residents_[next_].ends_at - clock_ > rounding_s) return nobody;
    JobIndex job = residents_[next_].job;
    take_out(next_);
    return job;
}

double Machine::work_left(Resident const& resident, double now_s) const {
    double clock = clock_ + pace_ * (now_s - at_s_);
    return std::max(0.0, resident.ends_at - clock) * resident.demand;
}

void Machine::clear() {
    residents_.clear();
    used_ = 0;
    settle();
}

} // namespace rove::sim
