// SPDX-License-Identifier: Apache-2.0
// Standstill: see standstill.hh.
#include "migrate/standstill.hh"

#include <fmt/format.h>

#include "sys/cgroup.hh"
#include "tracee/proc.hh"

namespace rove::migrate {

namespace {
constexpr Nanos group_period = std::chrono::seconds(1);
}

Standstill::Standstill(pid_t pid)
    : stat_(fmt::format("/proc/{}/stat", pid)),
      cgroup_(fmt::format("/proc/{}/cgroup", pid)),
      freezer_(""),
      pid_(pid) {}

bool Standstill::by_signal() const {
    char text[1024];
    return tracee::parse_state(stat_.read(text)) == 'T';
}

bool Standstill::by_group() {
    char text[4096];
    if (Nanos now = monotonic_now(); now - group_looked_ >= group_period) {
        group_looked_ = now;
        if (auto group = cgroup_.read(text); group != group_) {
            auto found = sys::Cgroup::of(pid_);
            auto file = found ? found->freezer_file() : std::nullopt;
            freezer_ = sys::KeptFile(file.value_or(""));
            group_ = group;
        }
    }
    return sys::Cgroup::says_frozen(freezer_.read(text));
}

} // namespace rove::migrate
