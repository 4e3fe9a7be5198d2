// SPDX-License-Identifier: Apache-2.0
// Afloat: a process that is stopped by a signal (SIGSTOP, ^Z), and whose threads run all the same
// while a keeper needs them in the runtime.
//
// A thread that ptrace sets going runs although its process is stopped, and stops again, where it
// is, when it is let go. The parent is told of neither. Only for threads that stand in the runtime:
// what is the program's own stays undone.
//
// Belongs to one thread of the tracer. look_after() has to be called every now and then.
#pragma once

#include <vector>

#include "tracee/tracee.hh"

namespace rove::tracee {

class Afloat {
public:
    // All threads of a process, held until now. [begin, end): see let_out.
    explicit Afloat(Tracee&& held, uint64_t begin = 0, uint64_t end = 0);
    Afloat(Afloat&&) = delete;
    // Lets go of all, and waits until the process is seen to be stopped, if it still is.
    ~Afloat();

    // What has come to a stop since goes on: threads that have just been made, or are given a
    // signal.
    void look_after();

    // Holds one; ESRCH: it has ended. Whoever holds it puts it back, or lets it go for good.
    Result<Tracee> hold(pid_t tid, Nanos patience);
    void put_back(Tracee&& held);

    // From now on a thread that has left [begin, end) is let go, before it does anything there.
    void let_out(uint64_t begin, uint64_t end);
    // All have been let go, or have ended.
    bool empty() const { return threads_.empty(); }

private:
    void stopped(pid_t tid, int status);
    int to_give(pid_t tid, int status);
    void set_going(pid_t tid, int signal);
    void add(std::vector<pid_t> const& born);
    bool has(pid_t tid) const;

    pid_t pid_;
    std::vector<pid_t> threads_; // that run
    uint64_t begin_, end_;
    std::vector<int> owed_; // signals that wait until the process goes on
};

} // namespace rove::tracee
