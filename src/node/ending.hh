// SPDX-License-Identifier: Apache-2.0
// Ending: how processes ended, and what is told about them for an hour after, also by a next daemon
// of this boot.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "base/clock.hh"
#include "wire/keeper.hh"

namespace rove::node {

struct Decision {
    Nanos at{}; // monotonic
    std::string verdict, from, to;
    boost::json::object figures;
    bool repeats = false; // found again each time; the last one is enough
};

// Both empty: the kernel does not tell whoever is not its parent.
struct Ending {
    std::optional<int> exit_status, signal;
};
// Of a process that has ended: from its zombie, or once it has been reaped (Linux 6.15).
Ending look_ending(int pidfd, wire::Identity const& identity);

struct Ended {
    Nanos at{}; // monotonic
    pid_t pid = 0;
    uid_t uid = 0;
    std::string host, reason, text; // a reason if it ended with its host
    Ending ending;
    std::deque<Decision> decisions;
};

class EndedList {
public:
    explicit EndedList(std::string path) : path_(std::move(path)) {}
    void recall(Nanos now);
    void add(Ended ended);
    void forget(Nanos now); // those of more than an hour ago
    Ended const* find(pid_t pid) const;

private:
    void rewrite();
    std::string path_; // one object a line, newest last
    std::map<pid_t, Ended> list_;
    size_t lines_ = 0;
};

} // namespace rove::node
