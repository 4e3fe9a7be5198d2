// SPDX-License-Identifier: Apache-2.0
// Feed: what the daemon says, while the screen goes on: looked up each second, told as events, and
// answered to wishes.
//
// Each conversation is a thread of its own, since a move takes as long as it takes and a daemon may
// be silent. They share one value under a mutex; the screen is woken by a descriptor. A daemon that
// goes away is asked again until it is back.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "cli/top/view.hh"

namespace rove::cli::top {

/// What has come since the last time.
struct News {
    struct Looked {
        Json nodes, processes;
        double at_s = 0; // monotonic
    };
    std::optional<Looked> looked;
    std::deque<Json> events;
    std::deque<Message> answers;
    std::string trouble; // as it is now: why nothing can be looked up; empty: it can
};

class Feed {
public:
    explicit Feed(Screen const& screen);
    // Its threads end with the process only: one may be waiting for an event.
    ~Feed() = default;
    Feed(Feed&&) = delete;

    /// Readable when there is news.
    int number() const;
    News take();
    void ask(Wish const& wish);
    /// Only one's own processes from now on, or all.
    void set_mine(bool mine);

private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
};

} // namespace rove::cli::top
