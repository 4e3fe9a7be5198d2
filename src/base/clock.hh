// SPDX-License-Identifier: Apache-2.0
// Clock: the three clocks of Linux as nanoseconds.
//
// Pure folders do not include this; they are given the time.
#pragma once

#include <chrono>

#include <time.h>

namespace rove {

using Nanos = std::chrono::nanoseconds;

inline Nanos clock_now(clockid_t clock) {
    timespec now{};
    (void)clock_gettime(clock, &now);
    return std::chrono::seconds(now.tv_sec) + Nanos(now.tv_nsec);
}
inline Nanos monotonic_now() {
    return clock_now(CLOCK_MONOTONIC);
}
inline Nanos boottime_now() {
    return clock_now(CLOCK_BOOTTIME);
}
inline Nanos real_now() {
    return clock_now(CLOCK_REALTIME);
}

// All three at one moment.
struct Clocks {
    Nanos monotonic{0}, boottime{0}, realtime{0};
};
// A pause between the readings would look like a difference between the clocks: the reading that
// took the least time counts.
inline Clocks clocks_now() {
    Clocks best;
    Nanos least = Nanos::max();
    for (int i = 0; i < 4; ++i) {
        Nanos before = monotonic_now();
        Nanos boottime = boottime_now(), realtime = real_now();
        Nanos after = monotonic_now();
        if (after - before >= least) continue;
        least = after - before;
        best = {before + least / 2, boottime, realtime};
    }
    return best;
}

inline timespec to_timespec(Nanos time) {
    timespec result{};
    result.tv_sec = time.count() / 1000000000;
    result.tv_nsec = time.count() % 1000000000;
    return result;
}

// Sleeps until the clock says so, which may be a coarse one, but not longer than `most`: what is
// missing then.
inline Nanos await_clock(clockid_t clock, Nanos until, Nanos most) {
    Nanos const give_up = monotonic_now() + most, step = std::chrono::microseconds(100);
    for (;;) {
        Nanos left = until - clock_now(clock);
        if (left <= Nanos(0)) return Nanos(0);
        if (monotonic_now() >= give_up) return left;
        timespec nap = to_timespec(left < step ? left : step);
        (void)nanosleep(&nap, nullptr);
    }
}

// A point in monotonic time after which an attempt is given up.
class Deadline {
public:
    static Deadline after(Nanos time) { return Deadline(monotonic_now() + time); }
    static Deadline never() { return Deadline(Nanos::max()); }
    bool passed() const { return at_ != Nanos::max() && monotonic_now() >= at_; }
    // What is left, never negative.
    Nanos left() const {
        if (at_ == Nanos::max()) return at_;
        Nanos now = monotonic_now();
        return now >= at_ ? Nanos(0) : at_ - now;
    }
    // For poll(2): -1 for never, rounded up so that a wait does not end early and spin.
    int poll_ms() const {
        if (at_ == Nanos::max()) return -1;
        auto ms = (left().count() + 999999) / 1000000;
        return ms > 1000000000 ? 1000000000 : static_cast<int>(ms);
    }

private:
    explicit Deadline(Nanos at) : at_(at) {}
    Nanos at_;
};

} // namespace rove
