// SPDX-License-Identifier: Apache-2.0
// Lines: waiting, at home or at the host, and what follows from it.
#include <algorithm>
#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/epoll.h>

#include "post/lines.hh"
#include "post/watching.hh"

namespace rove::post {

namespace {

constexpr Nanos ms = std::chrono::milliseconds(1);

} // namespace

Lines::Watched Lines::watched() const {
    Watched watched;
    auto add = [&](Carrier const& carrier, uint64_t of, uint32_t events) {
        if (carrier.ticket() == 0 || carrier.astray() || events == 0) return;
        watched.ends.push_back({carrier.ticket(), events, 0});
        watched.of.push_back(of);
    };
    for (Peer peer = 0; peer < lines_.size(); ++peer) {
        Line const& line = lines_[peer];
        uint32_t room = line.full ? POLLOUT : 0, coming = line.read_out ? 0 : POLLIN;
        add(line.carrier, peer + first_peer, line.read_out ? 0 : coming | (line.over ? 0 : room));
        add(line.next, (peer + first_peer) | of_next, line.heard ? (line.over ? room : 0) : POLLIN);
    }
    watched.home_soon = mailbox_.waits_for_home() || !sought_.empty();
    watched.home_rarely = std::all_of(lines_.begin(), lines_.end(), [](Line const& line) {
        return !line.carrier || (line.carrier.ticket() != 0 && !line.next);
    });
    return watched;
}

// At the host, with a look home between: what comes there are new lines, and those of peers that
// have not gone over yet.
Result<std::vector<Lines::Ready>> Lines::wait(Watched watched, Nanos timeout) {
    if (watched.ends.empty()) return wait_at_home(timeout);
    // Each look costs home some 0.1 ms of CPU time.
    constexpr Nanos soon = 5 * ms;
    Nanos const seldom = (watched.home_rarely ? 400 : 50) * ms;
    Nanos until_home = std::max(Nanos(0), looked_home_ + home_patience_ - monotonic_now());
    if (watched.home_soon) until_home = Nanos(0);
    long count = wait_for(watched.ends, std::min(timeout, until_home));
    if (count == -EINTR) return fail(EINTR, "cannot wait");
    std::vector<Ready> ready;
    for (size_t i = 0; i < watched.ends.size(); ++i) {
        // Where the process has moved none of them is there: reading will say so.
        uint32_t events = count < 0 ? uint32_t{POLLNVAL} : watched.ends[i].ready;
        if (events != 0) ready.push_back({watched.of[i], events});
    }
    bool look = (timeout == Nanos(0) && !watched.home_later) || watched.home_soon ||
                monotonic_now() - looked_home_ >= home_patience_;
    if (!look) return ready;
    bool nothing_else = watched.home_soon && ready.empty();
    auto home = TRY(wait_at_home(nothing_else ? std::min(timeout, soon) : Nanos(0)));
    looked_home_ = monotonic_now();
    home_patience_ = home.empty() ? std::clamp<Nanos>(2 * home_patience_, ms, seldom) : Nanos(0);
    ready.insert(ready.end(), home.begin(), home.end());
    return ready;
}

Result<std::vector<Lines::Ready>> Lines::wait_at_home(Nanos timeout) {
    constexpr int64_t forever_ms = 1 << 30;
    int64_t wait_ms = timeout == Nanos::max()
                          ? -1
                          : std::min((timeout.count() + ms.count() - 1) / ms.count(), forever_ms);
    std::array<epoll_event, 16> events;
    int count = ::epoll_wait(
        ready_.number(), events.data(), static_cast<int>(events.size()), static_cast<int>(wait_ms));
    if (count < 0) return fail(errno, "cannot wait");
    std::vector<Ready> ready;
    for (size_t i = 0; i < static_cast<size_t>(count); ++i)
        ready.push_back({events[i].data.u64, events[i].events});
    return ready;
}

bool Lines::serve(std::vector<Ready> const& ready) {
    bool home = false;
    for (Ready const& each : ready) {
        if (each.of == of_home) {
            home = true;
            continue;
        }
        auto peer = static_cast<Peer>((each.of & ~of_next) - first_peer);
        if (peer >= lines_.size() || !lines_[peer].carrier) continue;
        Line& line = lines_[peer];
        if ((each.of & of_next) != 0) {
            serve_next(peer, each.events);
            continue;
        }
        if ((each.events & EPOLLOUT) != 0 && line.full && !line.over) {
            line.full = false;
            if (line.carrier.ticket() == 0 && !line.read_out)
                watch(line.carrier.number(), peer + first_peer, EPOLLIN, false);
            push(peer);
        }
        if ((each.events & ~uint32_t{EPOLLOUT}) != 0 && lines_[peer].carrier) (void)read(peer);
    }
    return home;
}

} // namespace rove::post
