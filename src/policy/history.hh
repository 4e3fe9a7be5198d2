// SPDX-License-Identifier: Apache-2.0
// History: what a process has done, as decaying rates; begun anew when it executes another program.
//
// A sample is what was counted since the last one. Each rate loses half of its weight in a few
// seconds of the process's own history, so that a phase that has ended is forgotten.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "policy/view.hh"

namespace rove::policy {

struct Counted {
    double passed_s = 0;     // wall time of the sample
    double cpu_s = 0;        // CPU time in it
    double wanted_s = 0;     // running or waiting for a core
    double faults = 0;       // page faults that read something
    double read_written = 0; // bytes
    double calls = 0;        // forwarded, or that would be
};

class History {
public:
    History() = default;
    // Of one that comes from elsewhere: what was known of it there.
    History(double cpu_s, double demand) : cpu_s_(cpu_s), expected_demand_(demand) {}

    void add(Counted const& sample);
    // So many messages came and went since the last sample, which has been added. `partner` is any
    // number that stays the same, `node` where it is reached at present.
    void talked(uint64_t partner, NodeIndex node, double messages);
    void executed() { *this = History(); }

    double cpu_s() const { return cpu_s_; } // since exec
    double age_s() const { return age_s_; } // since exec
    double demand() const;                  // of cores
    double faults_per_s() const { return per_second(faults_); }
    double bytes_per_s() const { return per_second(bytes_); }
    double calls_per_cpu_s() const { return per_cpu_second(calls_); }
    // The nodes of the partners that it talks with most.
    std::array<Partner, 2> partners() const;

private:
    double per_second(double count) const { return seconds_ > 0 ? count / seconds_ : 0; }
    double per_cpu_second(double count) const {
        return count / (recent_cpu_ > 0.01 ? recent_cpu_ : 0.01);
    }

    double cpu_s_ = 0, age_s_ = 0;
    // Until it has been seen for a while. Nothing is known of a new one: it may want a core.
    double expected_demand_ = 1;
    // Decayed sums, and the decayed time that they were counted in.
    double seconds_ = 0, recent_cpu_ = 0, wanted_ = 0, faults_ = 0, bytes_ = 0, calls_ = 0;
    struct Talk {
        uint64_t partner;
        NodeIndex node;
        double messages; // decayed
    };
    std::vector<Talk> talks_;
};

} // namespace rove::policy
