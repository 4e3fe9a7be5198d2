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
inline Nanos monotonic_now() { return clock_now(CLOCK_MONOTONIC); }
inline Nanos boottime_now() { return clock_now(CLOCK_BOOTTIME); }
inline Nanos real_now() { return clock_now(CLOCK_REALTIME); }

inline timespec to_timespec(Nanos time) {
    timespec result{};
    result.tv_sec = time.count() / 1000000000;
    result.tv_nsec = time.count() % 1000000000;
    return result;
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
