// SPDX-License-Identifier: Apache-2.0
// Prctl: by option: most are about the process as home's kernel knows it.
#include "syscalls/builder.hh"

#include <linux/prctl.h>

namespace rove::syscalls {

namespace {

constexpr uint64_t get_auxiliary_vector = 0x41555856; // PR_GET_AUXV, 6.4
constexpr uint64_t set_mdwe = 65, get_mdwe = 66, set_memory_merge = 67, get_memory_merge = 68;

} // namespace

WALKER(prctl) {
    Plan& plan = build.plan;
    uint64_t const address = plan.args[1];
    switch (static_cast<uint32_t>(plan.args[0])) {
    case PR_SET_PDEATHSIG:
    case PR_GET_DUMPABLE:
    case PR_SET_DUMPABLE:
    case PR_GET_KEEPCAPS:
    case PR_SET_KEEPCAPS:
    case PR_GET_TIMING:
    case PR_SET_TIMING:
    case PR_GET_SECCOMP:
    case PR_CAPBSET_READ:
    case PR_CAPBSET_DROP:
    case PR_GET_SECUREBITS:
    case PR_SET_SECUREBITS:
    case PR_SET_TIMERSLACK:
    case PR_GET_TIMERSLACK:
    case PR_MCE_KILL:
    case PR_MCE_KILL_GET:
    case PR_SET_PTRACER:
    case PR_SET_CHILD_SUBREAPER:
    case PR_SET_NO_NEW_PRIVS:
    case PR_GET_NO_NEW_PRIVS:
    case PR_CAP_AMBIENT:
    case PR_GET_SPECULATION_CTRL:
    case PR_SET_IO_FLUSHER:
    case PR_GET_IO_FLUSHER:
    case PR_MPX_ENABLE_MANAGEMENT: // and the like: EINVAL on any kernel that we run on
    case PR_MPX_DISABLE_MANAGEMENT:
    case get_memory_merge:
        return Verdict::forward;
    case PR_GET_PDEATHSIG:
    case PR_GET_CHILD_SUBREAPER:
        build.out(argument(1), address, 4);
        return Verdict::forward;
    case PR_SET_NAME: // the kernel reads a string of at most 16 bytes
        build.path(argument(1), address);
        return Verdict::forward;
    case PR_GET_NAME:
        build.out(argument(1), address, 16);
        return Verdict::forward;
    case get_auxiliary_vector:
        build.out(argument(1), address, plan.args[2], Clip::by_result);
        return Verdict::forward;
    // about the memory, which is here
    case PR_GET_TSC:
    case PR_SET_THP_DISABLE:
    case PR_GET_THP_DISABLE:
    case PR_GET_TID_ADDRESS:
    case PR_SET_VMA:
    case get_mdwe:
        return Verdict::local;
    case PR_SET_TSC:
    case PR_SET_SECCOMP:
    case PR_SET_MM:
    case PR_SET_SYSCALL_USER_DISPATCH:
    case PR_SET_SPECULATION_CTRL:
    case PR_SCHED_CORE:
    case PR_TASK_PERF_EVENTS_DISABLE:
    case PR_TASK_PERF_EVENTS_ENABLE:
    case set_memory_merge:
    case set_mdwe:
    default:
        return Verdict::comes_home;
    }
}

} // namespace rove::syscalls
