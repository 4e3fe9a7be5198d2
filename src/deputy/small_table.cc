// SPDX-License-Identifier: Apache-2.0
// Small table: making it, and both sides of the parting.
#include "deputy/small_table.hh"

namespace rove::deputy {

namespace {

constexpr int worth_it = 2048; // below that a copy is cheaper than a process that waits for another

int low_duplicate(int fd) {
    return static_cast<int>(sys(72, fd, 1030, 3)); // fcntl F_DUPFD_CLOEXEC
}
void close_one(int& fd) {
    if (fd >= 0) sys(3, fd);
    fd = -1;
}

/// Something has killed it; it has not been waited for.
bool has_ended(long child) {
    constexpr uint64_t exited = 4, no_hang = 1, leave_it = 0x1000000, any_child = 0x40000000;
    uint64_t siginfo[16] = {};
    constexpr int by_pid = 1;
    long found = sys(247, by_pid, child, siginfo, exited | no_hang | leave_it | any_child, 0);
    return found != 0 || siginfo[0] != 0; // si_signo
}

} // namespace

SmallTable::SmallTable(int link, int parents_alarm) {
    auto const& c = control();
    if (c.fd_first < worth_it || __atomic_load_n(&c.threads, __ATOMIC_ACQUIRE) != 1) return;
    link_ = low_duplicate(link);
    parents_alarm_ = parents_alarm > 0 ? low_duplicate(parents_alarm) : -1;
    int told = static_cast<int>(sys(290, 0, 0x80000)); // eventfd2, close on exec
    bool low = link_ >= 0 && link_ < c.fd_first && (parents_alarm <= 0 || parents_alarm_ >= 0) &&
               parents_alarm_ < c.fd_first && told >= 0 && told < c.fd_first;
    if (low) {
        told_ = told;
        return;
    }
    // The program has taken all that there are.
    close_one(link_);
    close_one(parents_alarm_);
    close_one(told);
}

SmallTable::~SmallTable() {
    close_one(link_);
    close_one(parents_alarm_);
    close_one(told_);
}

void SmallTable::part() {
    constexpr uint64_t unshare = 2;
    auto const& c = control();
    // Without memory for a table there is no child, as if it had been killed for that.
    if (sys(436, c.fd_first, c.fd_last, unshare) != 0) sys(62, sys(39), 9); // close_range
    uint64_t one = 1;
    sys(1, told_, &one, sizeof one);
    close_one(told_);
}

void SmallTable::await_parting(long child) {
    constexpr int look_ms = 20;
    for (;;) {
        struct {
            int32_t fd;
            int16_t events, got;
        } wanted{told_, 1, 0};
        long come = sys(7, &wanted, 1, look_ms);
        if (come > 0 || has_ended(child)) return;
    }
}

} // namespace rove::deputy
