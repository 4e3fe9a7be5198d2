// SPDX-License-Identifier: Apache-2.0
// RunQueue: how many threads of this node want a core, the daemon's own left out.
//
// On a whole machine the kernel counts them: one short read, more often while something runs. In a
// lab or a container that number is everybody's. There the node's group says how much CPU time it
// takes; only while it takes some are its threads looked at, for how long they waited for what
// they got. Every step is short; who has much to look at does it in pieces, and less often.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/clock.hh"

namespace rove::node {

// Running or runnable threads of a /proc/loadavg text.
std::optional<unsigned> parse_running(std::string_view text);

class RunQueue {
public:
    struct Step {
        std::optional<double> runnable; // on average since it was said before, if it is time for it
        Nanos rest{};                   // until the next step
    };
    // Whatever suits this node.
    static std::unique_ptr<RunQueue> create();
    virtual ~RunQueue() = default;
    virtual Step step(Nanos now) = 0;
};

// Of a machine, by samples.
std::unique_ptr<RunQueue> machine_run_queue();
// Of the processes that /proc shows, by what they ran and waited.
std::unique_ptr<RunQueue> namespace_run_queue();

} // namespace rove::node
