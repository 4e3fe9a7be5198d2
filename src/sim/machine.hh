// SPDX-License-Identifier: Apache-2.0
// Machine: the cores and the memory of a node, shared by its processes.
//
// Processor sharing with a virtual clock: it runs at the pace at which a process that wants one
// core computes, so a process ends when the clock has advanced by its work, and nothing need be
// updated while others come and go.
#pragma once

#include <vector>

#include "sim/job.hh"

namespace rove::sim {

class Machine {
public:
    Machine(double cores, double speed, uint64_t memory, double thrash)
        : cores_(cores), speed_(speed), memory_(memory), thrash_(thrash) {}

    // Times never go back.
    void add(
        JobIndex job, double work_s, double demand, uint64_t memory, bool native, double now_s);
    // The work that is left.
    double remove(JobIndex job, double now_s);
    // When the next one ends if nothing changes; infinite if there is none.
    double next_end() const;
    // Who has ended by now, taken out; nobody: none.
    static constexpr JobIndex nobody = UINT32_MAX;
    JobIndex take_ended(double now_s);

    struct Resident {
        JobIndex job;
        float demand;
        double ends_at; // by the virtual clock
        uint64_t memory;
        bool native;
    };
    std::vector<Resident> const& residents() const { return residents_; }
    double work_left(Resident const& resident, double now_s) const;
    double load() const { return load_; }
    double native_load() const { return native_; }
    uint64_t memory_free() const { return memory_ > used_ ? memory_ - used_ : 0; }
    uint64_t memory_total() const { return memory_; }
    double cores() const { return cores_; }
    double speed() const { return speed_; }
    void clear();

private:
    void advance(double now_s);
    void settle();
    void take_out(size_t at);

    double cores_, speed_;
    uint64_t memory_;
    double thrash_;
    std::vector<Resident> residents_;
    double load_ = 0, native_ = 0;
    uint64_t used_ = 0;
    double clock_ = 0, at_s_ = 0, pace_ = 0; // virtual; real; the first per the second
    size_t next_ = 0;                        // who ends first
};

} // namespace rove::sim
