// SPDX-License-Identifier: Apache-2.0
// Spin: whether it is worth while to look again and again for a moment before one sleeps, as the
// links of guests do (rt/link_io.cc): with the two ends on different CPUs it saves the waking up,
// with both on one it only takes the other's time. So after two misses it is left out for 16, 32, …
// 2048 waits, until one hits again. After a miss it looks for longer: the other end has most likely
// gone to sleep as well, and answers only when it has been woken.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hh"

namespace rove::post {

class Spin {
public:
    // How long to look now; 0: not at all.
    Nanos patience() {
        if (skip_ > 0) {
            --skip_;
            return Nanos(0);
        }
        return misses_ > 0 ? after_miss : usual;
    }
    void hit() { misses_ = pause_ = 0; }
    void missed() {
        if (++misses_ < 2) return;
        pause_ = pause_ == 0 ? pause_first : std::min(pause_ * 2, pause_most);
        skip_ = pause_;
    }

private:
    static constexpr Nanos usual = std::chrono::microseconds(50), after_miss = 4 * usual;
    static constexpr uint32_t pause_first = 16, pause_most = 2048;
    uint32_t misses_ = 0, pause_ = 0, skip_ = 0;
};

} // namespace rove::post
