// SPDX-License-Identifier: Apache-2.0
// Brake: holds a program up for a part of the time, so that its pages go faster than it writes
// them.
//
// By ptrace, for a few milliseconds each time, and only threads that are running: those that wait
// write nothing.
#pragma once

#include <vector>

#include "tracee/tracee.hh"

namespace rove::migrate {

class Brake {
public:
    // It runs 1/2^level of the time; level 0: all of it. `stand`: how long it is held at most.
    Brake(pid_t pid, int level, Nanos stand);
    ~Brake() { let_go(); }
    Brake(Brake const&) = delete;
    Brake& operator=(Brake const&) = delete;

    // To be called again and again.
    void tick();
    // For how long it was held, in all.
    Nanos stood() const {
        return stood_ + (began_ != Nanos(0) ? monotonic_now() - began_ : Nanos(0));
    }

private:
    void hold();
    void let_go();

    pid_t pid_;
    Nanos stand_{0}, run_{0};
    Nanos next_{0}, began_{0}, stood_{0};
    std::vector<tracee::Tracee> held_;
};

} // namespace rove::migrate
