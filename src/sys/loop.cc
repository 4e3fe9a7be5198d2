// SPDX-License-Identifier: Apache-2.0
// Loop: poll, then timers, then descriptors.
#include "sys/loop.hh"

#include <algorithm>
#include <vector>

namespace rove::sys {

void Loop::watch(int fd, short events, Ready ready) {
    watches_[fd] = Watch{events, ++last_id_, std::move(ready)};
}

void Loop::unwatch(int fd) {
    watches_.erase(fd);
}

Loop::TimerId Loop::after(Nanos delay, std::function<void()> due) {
    timers_[++last_id_] = Timer{monotonic_now() + delay, std::move(due)};
    return last_id_;
}

void Loop::cancel(TimerId timer) {
    timers_.erase(timer);
}

Nanos Loop::next_timer() const {
    Nanos next = Nanos::max();
    for (auto const& [id, timer] : timers_)
        next = std::min(next, timer.at);
    return next;
}

void Loop::serve_timers() {
    Nanos now = monotonic_now();
    std::vector<std::pair<Nanos, TimerId>> due;
    for (auto const& [id, timer] : timers_)
        if (timer.at <= now) due.emplace_back(timer.at, id);
    std::sort(due.begin(), due.end());
    for (auto [at, id] : due) {
        auto found = timers_.find(id); // one that was due before may have cancelled it
        if (found == timers_.end()) continue;
        auto call = std::move(found->second.due);
        timers_.erase(found);
        call();
    }
}

namespace {

// ppoll until that time; false if it failed.
Result<int> poll_until(std::vector<pollfd>& fds, Nanos wait) {
    timespec limit = to_timespec(wait);
    int count = ::ppoll(fds.data(), fds.size(), wait == Nanos::max() ? nullptr : &limit, nullptr);
    if (count < 0 && errno != EINTR) return fail(errno, "cannot poll");
    return count;
}

Nanos until(Nanos next) {
    return next == Nanos::max() ? next : std::max(Nanos(0), next - monotonic_now());
}

} // namespace

void Loop::list(std::vector<pollfd>& fds, std::vector<uint64_t>& generations) const {
    for (auto const& [fd, watch] : watches_) {
        fds.push_back(pollfd{fd, watch.events, 0});
        generations.push_back(watch.generation);
    }
}

void Loop::serve(pollfd const& fd, uint64_t generation) {
    if (fd.revents == 0) return;
    auto found = watches_.find(fd.fd);
    if (found == watches_.end() || found->second.generation != generation) return;
    auto ready = found->second.ready; // a copy: it may unwatch itself
    ready(fd.revents);
}

// Timers come after descriptors: one that finds a peer silent must not fire before what he has said
// long ago is read.
Status Loop::run_once(Deadline deadline) {
    std::vector<pollfd> fds;
    std::vector<uint64_t> generations;
    list(fds, generations);
    int count = TRY(poll_until(fds, std::min(deadline.left(), until(next_timer()))));
    for (size_t at = 0; count > 0 && at < fds.size(); ++at)
        serve(fds[at], generations[at]);
    serve_timers();
    return {};
}

Status Loop::run_together(std::vector<Loop*> const& loops) {
    std::vector<pollfd> fds;
    std::vector<uint64_t> generations;
    std::vector<Loop*> owners;
    Nanos next = Nanos::max();
    for (Loop* loop : loops) {
        loop->list(fds, generations);
        owners.resize(fds.size(), loop);
        next = std::min(next, loop->next_timer());
    }
    int count = TRY(poll_until(fds, until(next)));
    for (size_t at = 0; count > 0 && at < fds.size(); ++at)
        owners[at]->serve(fds[at], generations[at]);
    for (Loop* loop : loops)
        loop->serve_timers();
    return {};
}

Status Loop::run() {
    stopped_ = false;
    while (!stopped_ && !(watches_.empty() && timers_.empty()))
        TRY(run_once());
    return {};
}

} // namespace rove::sys
