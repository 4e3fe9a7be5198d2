// SPDX-License-Identifier: Apache-2.0
// Filter: see filter.hh. One rule per call; a binary search over the numbers leads to it.
#include "sandbox/filter.hh"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include <cerrno>
#include <functional>
#include <initializer_list>
#include <map>

#include "sandbox/assembler.hh"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace rove::sandbox {

namespace {

constexpr uint32_t allow = SECCOMP_RET_ALLOW;
constexpr uint32_t trap = SECCOMP_RET_TRAP;
constexpr uint32_t unknown_call = SECCOMP_RET_ERRNO | ENOSYS;
constexpr uint32_t x32_bit = 0x40000000;

using Label = Assembler::Label;

/// Emits checks that jump to `deny`; falling through means: allowed.
using Rule = std::function<void(Assembler&, Label deny)>;
using Rules = std::map<uint32_t, Rule>;

void anything(Assembler&, Label) {}

Rule all_of(std::initializer_list<Rule> rules) {
    return [rules = std::vector<Rule>(rules)](Assembler& out, Label deny) {
        for (auto const& rule : rules)
            rule(out, deny);
    };
}

// The kernel takes only the low word of an int argument.
Rule one_of(int argument, std::vector<uint32_t> values, uint32_t ignored_bits = 0) {
    return [=](Assembler& out, Label deny) {
        Label found = out.label();
        out.load_low(argument);
        if (ignored_bits != 0) out.mask(~ignored_bits);
        for (uint32_t value : values)
            out.if_equal(value, found);
        out.jump(deny);
        out.bind(found);
    };
}

Rule only_bits(int argument, uint32_t bits) {
    return [=](Assembler& out, Label deny) {
        out.load_low(argument);
        out.if_any_bit(~bits, deny);
    };
}

Rule high_zero(int argument) {
    return [=](Assembler& out, Label deny) {
        out.load_high(argument);
        out.if_not_equal(0, deny);
    };
}

Rule zero(int argument) {
    return [=](Assembler& out, Label deny) { out.if_not_zero(argument, deny); };
}

Rule outside(int address, int length, FilterPlan const& plan) {
    uint64_t begin = plan.region, end = plan.region + plan.region_size;
    return
        [=](Assembler& out, Label deny) { out.if_range_meets(address, length, begin, end, deny); };
}

Rule own_descriptor(int argument, FilterPlan const& plan) {
    auto first = static_cast<uint32_t>(plan.fd_first);
    return [=](Assembler& out, Label deny) {
        Label fine = out.label();
        out.load_low(argument);
        out.if_at_least(0x80000000, deny);
        out.if_at_least(first, fine);
        out.jump(deny);
        out.bind(fine);
    };
}

// Fixed places only outside of the region; elsewhere the kernel chooses and never takes what is in
// use.
Rule private_memory(FilterPlan const& plan) {
    constexpr uint32_t flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_FIXED_NOREPLACE |
                               MAP_NORESERVE | MAP_STACK | MAP_POPULATE | MAP_NONBLOCK | MAP_32BIT |
                               MAP_DENYWRITE | MAP_EXECUTABLE;
    auto placed = outside(0, 1, plan);
    return [=](Assembler& out, Label deny) {
        Label anywhere = out.label(), fixed = out.label();
        high_zero(3)(out, deny);
        out.load_low(3);
        out.if_any_bit(~flags, deny);
        out.mask(MAP_PRIVATE | MAP_ANONYMOUS);
        out.if_not_equal(MAP_PRIVATE | MAP_ANONYMOUS, deny);
        out.load_low(3);
        out.if_any_bit(MAP_FIXED | MAP_FIXED_NOREPLACE, fixed);
        out.jump(anywhere);
        out.bind(fixed);
        placed(out, deny);
        out.bind(anywhere);
    };
}

// A file that the warden has handed over: it can only be read, so sharing it is harmless.
Rule memory_or_file(FilterPlan const& plan) {
    auto placed = outside(0, 1, plan), memory = private_memory(plan);
    return [=](Assembler& out, Label deny) {
        Label no_file = out.label(), file = out.label(), done = out.label();
        out.load_low(3);
        out.if_any_bit(MAP_ANONYMOUS, no_file);
        high_zero(3)(out, deny);
        out.load_low(3);
        out.if_equal(MAP_PRIVATE | MAP_FIXED, file);
        out.if_equal(MAP_SHARED | MAP_FIXED, file);
        out.jump(deny);
        out.bind(file);
        placed(out, deny);
        out.jump(done);
        out.bind(no_file);
        memory(out, deny);
        out.bind(done);
    };
}

Rule moved_memory(FilterPlan const& plan) {
    auto from = outside(0, 1, plan), to = outside(4, 2, plan);
    return [=](Assembler& out, Label deny) {
        Label anywhere = out.label(), fixed = out.label();
        from(out, deny);
        only_bits(3, MREMAP_MAYMOVE | MREMAP_FIXED)(out, deny);
        out.load_low(3);
        out.if_any_bit(MREMAP_FIXED, fixed);
        out.jump(anywhere);
        out.bind(fixed);
        to(out, deny);
        out.bind(anywhere);
    };
}

Rules memory_rules(FilterPlan const& plan) {
    return {
        {SYS_mmap, private_memory(plan)},
        {SYS_munmap, outside(0, 1, plan)},
        {SYS_mprotect, all_of({outside(0, 1, plan), high_zero(2),
                           only_bits(2, PROT_READ | PROT_WRITE | PROT_EXEC | 8 /* PROT_SEM */)})},
        {SYS_madvise,
            all_of({one_of(2, {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
                                  MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE}),
                outside(0, 1, plan)})},
        {SYS_mremap, moved_memory(plan)},
    };
}

/// What the program's own text may do without the runtime.
Rules program_rules(FilterPlan const& plan) {
    Rules rules = memory_rules(plan);
    rules.erase(SYS_mremap); // which may have to be done at home, see the guest's local.cc
    Rule const host_clocks =
        one_of(0, {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
                      CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME});
    // Waiting goes through the runtime, which must be able to stop it; waking does not.
    rules[SYS_futex] = one_of(1,
        {FUTEX_WAKE, FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP, FUTEX_UNLOCK_PI,
            FUTEX_WAKE_BITSET},
        FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
    rules[SYS_clock_gettime] = plan.host_wall_clock
                                   ? host_clocks
                                   : one_of(0, {CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,
                                                   CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME});
    rules[SYS_clock_getres] = host_clocks;
    // Not its registrations, which home must know of.
    rules[SYS_membarrier] = only_bits(0, ~uint32_t{1 << 2 | 1 << 4 | 1 << 6 | 1 << 8});
    for (uint32_t number :
        {SYS_sched_yield, SYS_getpid, SYS_gettid, SYS_gettimeofday, SYS_time, SYS_getrandom}) {
        bool wall_clock = number == SYS_gettimeofday || number == SYS_time;
        if (plan.host_wall_clock || !wall_clock) rules[number] = anything;
    }
    return rules;
}

/// Threads of this process, and children whose parent is the warden: no namespace, no descriptors
/// in common.
Rule new_task() {
    constexpr uint32_t thread =
        CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    constexpr uint32_t ids = CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID;
    return [](Assembler& out, Label deny) {
        Label fine = out.label();
        high_zero(0)(out, deny);
        out.load_low(0);
        out.mask(~(ids | CLONE_SETTLS | CLONE_DETACHED));
        out.if_equal(thread, fine);
        out.load_low(0);
        out.mask(~ids);
        out.if_equal(CLONE_PARENT, fine);
        out.if_equal(CLONE_PARENT | CLONE_VM | CLONE_VFORK, fine);
        out.jump(deny);
        out.bind(fine);
    };
}

/// What the runtime's text may do. A program can jump into it: nothing here may reach the host.
Rules runtime_rules(FilterPlan const& plan) {
    Rules rules = memory_rules(plan);
    // The runtime passes on what the program asks for after a look of its own, so it may do more:
    // all advice about private memory, but nothing that punches files or poisons pages.
    std::vector<uint32_t> advice{MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
        MADV_DONTNEED, MADV_FREE, MADV_COLLAPSE};
    for (uint32_t value = MADV_DONTFORK; value <= MADV_POPULATE_WRITE; ++value)
        advice.push_back(value);
    rules[SYS_mmap] = memory_or_file(plan);
    rules[SYS_madvise] = all_of({one_of(2, advice), outside(0, 1, plan)});
    rules[SYS_mprotect] = all_of({outside(0, 1, plan), high_zero(2),
        only_bits(2, PROT_READ | PROT_WRITE | PROT_EXEC | 8 | PROT_GROWSDOWN | PROT_GROWSUP)});
    Rule const link = own_descriptor(0, plan);
    rules[SYS_read] = link;
    rules[SYS_write] = link;
    rules[SYS_readv] = link;
    rules[SYS_writev] = link;
    // No address: a link is connected, and nothing else may be.
    rules[SYS_sendto] =
        all_of({link, zero(4), only_bits(3, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE | MSG_OOB)});
    rules[SYS_recvfrom] = all_of({link, zero(4)});
    // Descriptors arrive on the service socket only; sendmsg, which could send them or connect,
    // nowhere.
    rules[SYS_recvmsg] = one_of(0, {static_cast<uint32_t>(plan.service_fd)});
    rules[SYS_close] = link;
    rules[SYS_shutdown] = link;
    rules[SYS_fcntl] = all_of(
        {link, one_of(1, {F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_SETOWN, F_SETOWN_EX, F_SETSIG})});
    // The window of a link.
    rules[SYS_setsockopt] = all_of({link, one_of(1, {IPPROTO_TCP}), one_of(2, {TCP_WINDOW_CLAMP})});
    rules[SYS_brk] = anything; // it cannot grow over a mapping, nor shrink below its own start
    rules[SYS_clone] = new_task();
    // Its own thread, or those of its relatives here: what the runtime's doorbell does to them is
    // nothing.
    rules[SYS_tgkill] = one_of(2, {SIGURG});
    // A child has copies of what is its parent's.
    rules[SYS_dup2] = all_of({link, own_descriptor(1, plan)});
    rules[SYS_close_range] = zero(2);
    rules[SYS_prctl] = one_of(0, {PR_SET_NAME, PR_GET_NAME, PR_GET_TID_ADDRESS});
    constexpr uint32_t set_gs = 0x1001, set_fs = 0x1002, get_fs = 0x1003, get_gs = 0x1004;
    rules[SYS_arch_prctl] = one_of(0, {set_gs, set_fs, get_fs, get_gs});
    rules[SYS_get_robust_list] = zero(0);
    for (uint32_t number : {SYS_poll, SYS_ppoll, SYS_futex, SYS_rt_sigreturn, SYS_rt_sigprocmask,
             SYS_rt_sigaction, SYS_rt_sigpending, SYS_rt_sigtimedwait, SYS_sigaltstack, SYS_exit,
             SYS_exit_group, SYS_set_robust_list, SYS_set_tid_address, SYS_rseq, SYS_gettid,
             SYS_getpid, SYS_nanosleep, SYS_clock_nanosleep, SYS_clock_gettime, SYS_clock_getres,
             SYS_gettimeofday, SYS_time, SYS_restart_syscall, SYS_getcpu, SYS_sched_yield,
             SYS_mincore, SYS_getrandom, SYS_membarrier, SYS_getrusage, SYS_times, SYS_pause}) {
        rules[number] = anything;
    }
    return rules;
}

/// Binary search in rules[from, to); A holds the number.
void search(Assembler& out, std::vector<Rules::value_type const*> const& rules, size_t from,
    size_t to, uint32_t otherwise) {
    if (to - from == 1) {
        auto const& [number, rule] = *rules[from];
        Label matches = out.label(), deny = out.label();
        out.if_equal(number, matches);
        out.ret(otherwise);
        out.bind(matches);
        rule(out, deny);
        out.ret(allow);
        out.bind(deny);
        out.ret(otherwise);
        return;
    }
    size_t middle = from + (to - from) / 2;
    Label right = out.label(), near = out.label(), left = out.label();
    // Conditional jumps reach 255 instructions only.
    out.if_at_least(rules[middle]->first, near);
    out.jump(left);
    out.bind(near);
    out.jump(right);
    out.bind(left);
    search(out, rules, from, middle, otherwise);
    out.bind(right);
    search(out, rules, middle, to, otherwise);
}

void emit_rules(Assembler& out, Rules const& rules, uint32_t otherwise) {
    std::vector<Rules::value_type const*> sorted;
    for (auto const& rule : rules)
        sorted.push_back(&rule);
    out.load_number();
    search(out, sorted, 0, sorted.size(), otherwise);
}

} // namespace

std::vector<sock_filter> guest_filter(FilterPlan const& plan) {
    Assembler out;
    Label trapped = out.label(), native = out.label(), program = out.label();
    Label program_far = out.label(), runtime = out.label();

    out.load_arch();
    out.if_not_equal(AUDIT_ARCH_X86_64, trapped);
    out.load_number();
    out.if_at_least(x32_bit, trapped);
    out.jump(native);
    out.bind(trapped);
    out.ret(trap);

    // The instruction pointer stands behind the two bytes of `syscall`: one that equals the text's
    // begin is the program's.
    out.bind(native);
    uint64_t const first = plan.text_begin + 2, last = plan.text_begin + plan.text_size;
    out.load_ip_high();
    out.if_not_equal(static_cast<uint32_t>(plan.text_begin >> 32), program_far);
    out.load_ip_low();
    out.if_greater(static_cast<uint32_t>(last), program_far);
    out.if_at_least(static_cast<uint32_t>(first), runtime);
    out.bind(program_far);
    out.jump(program);
    out.bind(runtime);
    emit_rules(out, runtime_rules(plan), unknown_call);

    out.bind(program);
    emit_rules(out, program_rules(plan), trap);
    return out.finish();
}

} // namespace rove::sandbox
