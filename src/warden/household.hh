// SPDX-License-Identifier: Apache-2.0
// Household: the wardens of one process: of the guest that arrived here, and of the children that
// guests have had since.
//
// They share a PID namespace, whose first process this is, and the place where stewards connect; a
// hello's token says to whom. Each has a loop of its own, which ends with it; all are polled
// together. The process ends when its last warden has.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/fd.hh"
#include "base/result.hh"
#include "sys/loop.hh"
#include "warden/landing.hh"
#include "wire/keeper.hh"

namespace rove::warden {

class Warden;

class Household {
public:
    Household(wire::WardenOrder order, std::string session, std::string socket, pid_t outside_pid);
    ~Household();
    /// Until all sessions have ended; the process's exit status.
    int run();

    uint16_t port() const { return landing_.port(); }
    std::string const& daemon_socket() const { return socket_; }
    pid_t outside_pid() const { return outside_pid_; }
    /// Namespaces that all guests here have in common; none before the first of them.
    std::vector<Fd> const& namespaces() const { return namespaces_; }
    void keep_namespaces(std::vector<Fd> kept) { namespaces_ = std::move(kept); }
    /// What a guest makes a userfaultfd with that also the kernel's accesses wait at; none where
    /// that is not to be had.
    Fd const& userfaults() const { return userfaults_; }
    void keep_userfaults(Fd device) { userfaults_ = std::move(device); }
    /// From then on guests are made in that cgroup: to move each one there takes the kernel 10 ms,
    /// now and then, for which a program that executes another would stand still.
    void move_in(std::vector<std::string> const& cgroups);
    bool moved_in() const { return moved_in_; }
    /// All guests make threads and processes in one PID namespace: who is promised the next number
    /// has the turn until it has used it. False: somebody else has it; offer() is called then.
    bool take_turn(Warden const& warden, pid_t number);
    void end_turn(pid_t number);
    void leave_turn(Warden const& warden);
    /// A guest is to have that number: a holder that has it ends.
    void free_number(pid_t number);
    /// Each holder has another number.
    unsigned next_holder() { return holders_++; }
    /// Of a guest that is born here.
    void add(std::unique_ptr<Warden> warden);
    std::list<std::unique_ptr<Warden>> const& wardens() const { return wardens_; }
    /// Those whose guests map memory that this one's guest maps, and so on; itself, if it shares
    /// none.
    std::vector<Warden*> group_of(Warden& warden) const;
    /// Somebody may be about to join a group.
    bool awaits_birth() const;
    /// While one of them is busy for long, the others' stewards must not take them for dead.
    void heartbeat();

private:
    void reap_strays();
    Warden* find(wire::Hello const& hello);

    std::string socket_;
    pid_t outside_pid_;
    std::vector<Fd> namespaces_;
    Fd userfaults_;
    bool moved_in_ = false;
    unsigned holders_ = 0;
    Warden const* turn_ = nullptr; // who may make something now
    pid_t promised_ = 0;
    Nanos turn_since_{0};
    sys::Loop loop_;
    Landing landing_;
    std::list<std::unique_ptr<Warden>> wardens_;
};

} // namespace rove::warden
