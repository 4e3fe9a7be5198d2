// SPDX-License-Identifier: Apache-2.0
// Scheduler and capabilities: structs whose size or number of parts they say themselves.
#include "abi/x86_64/numbers.hh"
#include "syscalls/builder.hh"

namespace rove::syscalls {

namespace {

constexpr uint32_t policy_other = 0, policy_batch = 3, policy_idle = 5, reset_on_fork = 0x40000000;

/// Time-sharing is decided at home and mirrored; real time is only real there.
bool time_sharing(uint32_t policy) {
    policy &= ~reset_on_fork;
    return policy == policy_other || policy == policy_batch || policy == policy_idle;
}

} // namespace

/// sched_setscheduler(pid, policy, param) and sched_setattr(pid, attr, flags).
WALKER(scheduler) {
    Plan& plan = build.plan;
    if (plan.nr == abi::nr_sched_setscheduler) {
        if (!time_sharing(static_cast<uint32_t>(plan.args[1]))) return Verdict::comes_home;
        build.in(argument(2), plan.args[2], 4);
        return Verdict::forward;
    }
    struct {
        uint32_t size, policy;
    } attr{};
    constexpr uint32_t first_size = 48, size_max = 4096;
    uint64_t const address = plan.args[1];
    if (address == 0) return Verdict::forward;
    if (!build.read(&attr, address, sizeof attr)) {
        build.hole(argument(1));
        return Verdict::forward;
    }
    if (!time_sharing(attr.policy)) return Verdict::comes_home;
    // A wrong size is answered with E2BIG and the right size in the struct.
    uint32_t const size = attr.size == 0 || attr.size > size_max ? first_size : attr.size;
    build.inout(argument(1), address, size < 8 ? 8 : size, flag_on_error);
    return Verdict::forward;
}

/// capget and capset(header, parts): as many parts of 12 bytes as the header's version means.
WALKER(capability) {
    Plan& plan = build.plan;
    constexpr uint32_t version_1 = 0x19980330;
    struct {
        uint32_t version;
        int32_t pid;
    } header{};
    uint64_t const address = plan.args[0];
    bool const known = address != 0 && build.read(&header, address, sizeof header);
    // An unknown version is answered with EINVAL and the preferred one in the header.
    build.inout(argument(0), address, sizeof header, flag_on_error);
    uint64_t const size = known && header.version == version_1 ? 12 : 24;
    build.add(argument(1), plan.args[1], size,
        plan.nr == abi::nr_capget ? Direction::inout : Direction::in);
    return Verdict::forward;
}

} // namespace rove::syscalls
