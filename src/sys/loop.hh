// SPDX-License-Identifier: Apache-2.0
// Loop: a small poll(2) loop for the programs that do without Boost.
//
// One thread; callbacks run one after the other and may add and remove watches, also their own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include <poll.h>

#include "base/clock.hh"
#include "base/result.hh"

namespace rove::sys {

class Loop {
public:
    using Ready = std::function<void(short events)>;

    // Calls ready when fd has one of the events (POLLIN, POLLOUT, POLLPRI), an error or a hangup.
    // One watch per descriptor: a second one replaces the first. The caller keeps the descriptor
    // open and unwatches it before it closes it.
    void watch(int fd, short events, Ready ready);
    void unwatch(int fd);

    using TimerId = uint64_t;
    TimerId after(Nanos delay, std::function<void()> due);
    void cancel(TimerId timer);

    // Waits for and serves one round of events; returns at the deadline at the latest.
    Status run_once(Deadline deadline = Deadline::never());
    // The same for several at once, which may be changed by what they call, but not ended.
    static Status run_together(std::vector<Loop*> const& loops);
    // Until stop() is called or nothing is watched and no timer is set.
    Status run();
    void stop() { stopped_ = true; }

private:
    struct Watch {
        short events;
        uint64_t generation; // a descriptor number that is closed and reused is another watch
        Ready ready;
    };
    struct Timer {
        Nanos at;
        std::function<void()> due;
    };
    void list(std::vector<pollfd>& fds, std::vector<uint64_t>& generations) const;
    void serve(pollfd const& fd, uint64_t generation);
    Nanos next_timer() const;
    void serve_timers();

    std::map<int, Watch> watches_;
    std::map<TimerId, Timer> timers_;
    uint64_t last_id_ = 0;
    bool stopped_ = false;
};

} // namespace rove::sys
