// SPDX-License-Identifier: Apache-2.0
#include "node/priorities.hh"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>

#include "base/text.hh"
#include "node/proc.hh"
#include "sys/files.hh"

namespace rove::node {

namespace {

wire::Priority const& priority_of(pid_t inner, wire::Priorities const& wanted) {
    auto found = std::find_if(wanted.others.begin(), wanted.others.end(),
        [&](auto const& other) { return other.tid == inner; });
    return found == wanted.others.end() ? wanted.all : *found;
}

Status set_priority(pid_t tid, wire::Priority const& wanted, int best) {
    if (::setpriority(PRIO_PROCESS, static_cast<id_t>(tid), std::clamp(wanted.nice, best, 19)) != 0)
        return fail(errno, "cannot set the nice value of thread {}", tid);
    if (wanted.policy != SCHED_OTHER && wanted.policy != SCHED_BATCH && wanted.policy != SCHED_IDLE)
        return {};
    sched_param none{};
    if (::sched_getscheduler(tid) != wanted.policy &&
        ::sched_setscheduler(tid, wanted.policy, &none) != 0)
        return fail(errno, "cannot set the policy of thread {}", tid);
    return {};
}

} // namespace

// A warden tells the number of its guest itself, and shall not have another process slowed down.
Status set_priorities(pid_t guest, pid_t warden, wire::Priorities const& wanted, int best) {
    if (TRY(look_stat(guest)).parent != warden)
        return deny(EPERM, "process {} is no guest of warden {}", guest, warden);
    Status done;
    for (auto const& name : TRY(sys::list_directory(fmt::format("/proc/{}/task", guest)))) {
        auto tid = parse_number<pid_t>(name);
        if (!tid) continue;
        pid_t inner = 0;
        if (!wanted.others.empty()) {
            auto status = look_status(*tid);
            if (!status) continue;
            inner = status->inner_pid;
        }
        auto set = set_priority(*tid, priority_of(inner, wanted), best);
        if (!set && !set.error().gone()) done = set;
    }
    return done;
}

} // namespace rove::node
