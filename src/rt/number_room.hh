// SPDX-License-Identifier: Apache-2.0
// Number room: while it lives, this process may make descriptors with the runtime's numbers, which
// may lie above the program's soft limit so that none below is taken from the program. One that
// comes from elsewhere has a low number for a moment: who makes one for the program meanwhile looks
// after it (deputy/lowest.cc).
//
// blob only. The porter's; calls of the program that ask for the limit, or set it, take the same
// lock.
#pragma once

#include "rt/futex.hh"
#include "rt/slot.hh"

namespace rove::rt {

class NumberRoom {
public:
    NumberRoom() : lock_(&control().lock) {
        __atomic_fetch_add(&control().number_rooms, 1, __ATOMIC_SEQ_CST);
        sys(302, 0, nofile, 0, &before_); // prlimit64
        auto wanted = static_cast<uint64_t>(control().fd_last) + 1;
        if (before_.soft >= wanted) return;
        Limit lifted{wanted < before_.hard ? wanted : before_.hard, before_.hard};
        lifted_ = sys(302, 0, nofile, &lifted, 0) == 0;
    }
    ~NumberRoom() {
        if (lifted_) sys(302, 0, nofile, &before_, 0);
        __atomic_fetch_add(&control().number_rooms, 1, __ATOMIC_SEQ_CST);
    }
    NumberRoom(NumberRoom const&) = delete;
    NumberRoom& operator=(NumberRoom const&) = delete;

private:
    static constexpr int nofile = 7;
    struct Limit {
        uint64_t soft, hard;
    };
    Lock lock_;
    Limit before_{};
    bool lifted_ = false;
};

} // namespace rove::rt
