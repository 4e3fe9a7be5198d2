// SPDX-License-Identifier: Apache-2.0
// Brake: see brake.hh.
#include "migrate/brake.hh"

#include "sys/files.hh"
#include "tracee/proc.hh"

namespace rove::migrate {

Brake::Brake(pid_t pid, int level, Nanos stand) : pid_(pid) {
    if (level <= 0) return;
    stand_ = stand;
    run_ = stand / ((1 << level) - 1);
    next_ = monotonic_now() + run_;
}

void Brake::tick() {
    if (stand_ == Nanos(0) || monotonic_now() < next_) return;
    if (began_ == Nanos(0))
        hold();
    else
        let_go();
}

void Brake::hold() {
    began_ = monotonic_now();
    next_ = began_ + stand_;
    auto threads = tracee::list_threads(pid_);
    if (!threads) return;
    for (pid_t tid : *threads) {
        auto stat = tracee::parse_stat(
            sys::read_file(fmt::format("/proc/{}/task/{}/stat", pid_, tid)).value_or(""));
        if (!stat || stat->state != 'R') continue;
        if (auto one = tracee::Tracee::seize_thread(tid, stand_)) held_.push_back(std::move(*one));
    }
}

void Brake::let_go() {
    if (began_ == Nanos(0)) return;
    held_.clear();
    Nanos now = monotonic_now();
    stood_ += now - began_;
    began_ = Nanos(0);
    next_ = now + run_;
}

} // namespace rove::migrate
