// SPDX-License-Identifier: Apache-2.0
// Priorities: nice values and policies of a process that is away. Home's kernel has them, for that
// is where the program and others set them; the host follows.
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

#include "migrate/steward.hh"
#include "sys/files.hh"
#include "tracee/proc.hh"

namespace rove::migrate {

using wire::SessionType;

namespace {

// Of a thread that has not ended meanwhile. -1 is a nice value, too.
std::optional<wire::Priority> priority_of(pid_t tid) {
    errno = 0;
    int nice = ::getpriority(PRIO_PROCESS, static_cast<id_t>(tid));
    int policy = errno == 0 ? ::sched_getscheduler(tid) : -1;
    if (policy < 0) return std::nullopt;
    return wire::Priority{0, nice, policy & ~SCHED_RESET_ON_FORK};
}

Result<wire::Priorities> priorities_of(pid_t pid) {
    auto first = priority_of(pid);
    if (!first) return fail(ESRCH, "process {} has ended", pid);
    wire::Priorities found{*first, {}};
    for (pid_t tid : TRY(tracee::list_threads(pid))) {
        auto other = priority_of(tid);
        if (!other || *other == found.all || found.others.size() == wire::other_priorities_max)
            continue;
        auto status = sys::read_file(fmt::format("/proc/{}/task/{}/status", pid, tid));
        if (!status) continue;
        other->tid = TRY(tracee::parse_inner_pid(*status));
        found.others.push_back(*other);
    }
    std::sort(found.others.begin(), found.others.end(),
        [](auto const& one, auto const& other) { return one.tid < other.tid; });
    return found;
}

} // namespace

void Steward::tell_priorities(Session& session) {
    priorities_looked_ = monotonic_now();
    auto found = priorities_of(body_.pid());
    if (!found || told_priorities_ == *found) return;
    if (session.send(SessionType::priorities, *found)) told_priorities_ = std::move(*found);
}

} // namespace rove::migrate
