// SPDX-License-Identifier: Apache-2.0
// Memory and threads: mmap, clone, arch_prctl, personality, get_robust_list: calls that change the
// process's body.
#include "abi/x86_64/numbers.hh"
#include "syscalls/builder.hh"

#include <asm/prctl.h>
#include <linux/mman.h>
#include <linux/sched.h>

namespace rove::syscalls {

/// Anonymous private memory is the host's affair. A file is home's, and shared memory somebody
/// else's, too.
WALKER(mmap) {
    uint64_t const flags = build.plan.args[3];
    uint64_t const type = flags & MAP_TYPE;
    if ((flags & MAP_HUGETLB) != 0) return Verdict::comes_home;
    if ((flags & MAP_ANONYMOUS) != 0)
        return type == MAP_PRIVATE ? Verdict::local : Verdict::comes_home;
    bool const writable = (build.plan.args[2] & PROT_WRITE) != 0;
    if (type != MAP_PRIVATE && writable) return Verdict::comes_home;
    return Verdict::special; // the guest has it mapped at home and fetches its pages
}

/// Threads, and processes as fork and vfork make them, by hand; what shares more or less than that
/// with its creator, at home.
WALKER(clone) {
    Plan& plan = build.plan;
    constexpr uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
    constexpr uint64_t plain = thread | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
                               CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | CLONE_DETACHED;
    uint64_t flags = plan.args[0];
    if (plan.nr == abi::nr_clone3) {
        if (!build.read(&flags, plan.args[0], sizeof flags)) {
            plan.answer = -14;
            return Verdict::answer;
        }
    } else {
        flags &= ~uint64_t{CSIGNAL};
    }
    if ((flags & thread) == thread && (flags & ~plain) == 0) return Verdict::special;
    constexpr uint64_t shares = CLONE_VM | CLONE_VFORK;
    constexpr uint64_t process = shares | CLONE_SETTLS | CLONE_PARENT_SETTID |
                                 CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | CLONE_CLEAR_SIGHAND;
    bool as_fork = (flags & shares) == 0 || (flags & shares) == shares;
    return as_fork && (flags & ~process) == 0 ? Verdict::special : Verdict::comes_home;
}

/// The segment bases of a thread are the guest's; everything else that it can ask is about the CPU
/// at home.
WALKER(arch_prctl) {
    switch (build.plan.args[0]) {
    case ARCH_SET_FS:
    case ARCH_GET_FS:
    case ARCH_GET_GS:
    case ARCH_SET_GS:
        return Verdict::special;
    default:
        return Verdict::comes_home;
    }
}

WALKER(personality) {
    // Reading is by a value that no personality has.
    return static_cast<uint32_t>(build.plan.args[0]) == 0xffffffff ? Verdict::forward
                                                                   : Verdict::comes_home;
}

WALKER(robust) {
    Plan& plan = build.plan;
    if (static_cast<int32_t>(plan.args[0]) == 0) return Verdict::local;
    return Verdict::comes_home;
}

} // namespace rove::syscalls
