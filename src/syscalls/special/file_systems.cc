// SPDX-License-Identifier: Apache-2.0
// File systems: mount, fsconfig, quotactl, sysfs, statmount, listmount, file handles, attributes by
// struct, landlock.
#include "abi/x86_64/numbers.hh"
#include "syscalls/builder.hh"

#include <linux/dqblk_xfs.h>
#include <linux/mount.h>
#include <linux/quota.h>

namespace rove::syscalls {

/// mount(source, target, type, flags, data): data is a page at most, as much of it as is there.
WALKER(mount) {
    Plan& plan = build.plan;
    build.path(argument(0), plan.args[0]);
    build.path(argument(1), plan.args[1]);
    build.path(argument(2), plan.args[2]);
    build.in(argument(4), plan.args[4], 4096);
    return Verdict::forward;
}

WALKER(fsconfig) {
    Plan& plan = build.plan;
    if (plan.args[2] != 0) build.path(argument(2), plan.args[2]);
    switch (static_cast<uint32_t>(plan.args[1])) {
    case FSCONFIG_SET_STRING:
    case FSCONFIG_SET_PATH:
    case FSCONFIG_SET_PATH_EMPTY:
        build.path(argument(3), plan.args[3]);
        return Verdict::forward;
    case FSCONFIG_SET_BINARY: {
        auto const length = static_cast<int32_t>(plan.args[4]);
        if (length > 0) build.in(argument(3), plan.args[3], static_cast<uint64_t>(length));
        return Verdict::forward;
    }
    default:
        plan.args[3] = plan.args[3] != 0 ? 1 : 0; // it must be null, and the kernel says so
        return Verdict::forward;
    }
}

/// quotactl(command, device, id, address) and quotactl_fd(fd, command, id, address).
WALKER(quotactl) {
    Plan& plan = build.plan;
    bool const named = plan.nr == abi::nr_quotactl;
    uint32_t const command = static_cast<uint32_t>(plan.args[named ? 0 : 1]) >> SUBCMDSHIFT;
    uint64_t const address = plan.args[3];
    Holder const here = argument(3);
    if (named) build.path(argument(1), plan.args[1]);
    constexpr uint64_t quota_v1_bytes = 72, next_v1_bytes = 72, xfs_stat_bytes = 80,
                       xfs_statv_bytes = 160;
    switch (command) {
    case Q_SYNC & 0xffffff:
    case Q_QUOTAOFF & 0xffffff:
    case Q_XQUOTASYNC & 0xffffff:
        return Verdict::forward;
    case Q_QUOTAON & 0xffffff:
        build.path(here, address);
        return Verdict::forward;
    case Q_GETFMT & 0xffffff:
        build.out(here, address, 4);
        return Verdict::forward;
    case Q_GETINFO & 0xffffff:
        build.out(here, address, sizeof(if_dqinfo));
        return Verdict::forward;
    case Q_SETINFO & 0xffffff:
        build.in(here, address, sizeof(if_dqinfo));
        return Verdict::forward;
    case Q_GETQUOTA & 0xffffff:
        build.out(here, address, quota_v1_bytes);
        return Verdict::forward;
    case Q_GETNEXTQUOTA & 0xffffff:
        build.out(here, address, next_v1_bytes);
        return Verdict::forward;
    case Q_SETQUOTA & 0xffffff:
        build.in(here, address, quota_v1_bytes);
        return Verdict::forward;
    case Q_XQUOTAON:
    case Q_XQUOTAOFF:
    case Q_XQUOTARM:
        build.in(here, address, 4);
        return Verdict::forward;
    case Q_XGETQUOTA:
    case Q_XGETNEXTQUOTA:
        build.out(here, address, sizeof(fs_disk_quota));
        return Verdict::forward;
    case Q_XSETQLIM:
        build.in(here, address, sizeof(fs_disk_quota));
        return Verdict::forward;
    case Q_XGETQSTAT:
        build.inout(here, address, xfs_stat_bytes);
        return Verdict::forward;
    case Q_XGETQSTATV:
        build.inout(here, address, xfs_statv_bytes);
        return Verdict::forward;
    default:
        return Verdict::comes_home;
    }
}

/// sysfs(1, name), sysfs(2, index, name's buffer), sysfs(3).
WALKER(sysfs) {
    Plan& plan = build.plan;
    switch (static_cast<uint32_t>(plan.args[0])) {
    case 1:
        build.path(argument(1), plan.args[1]);
        return Verdict::forward;
    case 2: // nobody says how long it is: names of file systems are short
        build.inout(argument(2), plan.args[2], 64);
        return Verdict::forward;
    default:
        return Verdict::forward;
    }
}

/// name_to_handle_at(fd, path, handle, mount id, flags) and open_by_handle_at(fd, handle, flags).
WALKER(file_handle) {
    Plan& plan = build.plan;
    constexpr uint64_t head_bytes = 8, handle_max = 128, unique_mount = 1;
    bool const opens = plan.nr == abi::nr_open_by_handle_at;
    unsigned const n = opens ? 1 : 2;
    uint64_t const address = plan.args[n];
    uint32_t length = 0;
    if (!opens) build.path(argument(1), plan.args[1]);
    if (address != 0 && !build.read(&length, address, sizeof length))
        build.hole(argument(n));
    else if (opens)
        build.in(argument(n), address, head_bytes + (length > handle_max ? 0 : length));
    else // EOVERFLOW tells the length that is needed
        build.inout(
            argument(n), address, head_bytes + (length > handle_max ? 0 : length), flag_on_error);
    if (!opens)
        build.inout(
            argument(3), plan.args[3], (plan.args[4] & unique_mount) != 0 ? 8 : 4, flag_on_error);
    return Verdict::forward;
}

/// landlock_add_rule(fd, type, rule, flags): the type decides how long a rule is.
WALKER(landlock) {
    Plan& plan = build.plan;
    constexpr uint64_t path_beneath = 1, path_beneath_bytes = 12, port_bytes = 16;
    build.in(argument(2), plan.args[2],
        static_cast<uint32_t>(plan.args[1]) == path_beneath ? path_beneath_bytes : port_bytes);
    return Verdict::forward;
}

/// statmount(request, buffer, size, flags) and listmount(request, ids, count, flags).
WALKER(statmount) {
    Plan& plan = build.plan;
    constexpr uint32_t size_max = 4096;
    uint32_t size = 0;
    uint64_t const request = plan.args[0];
    if (request != 0 && !build.read(&size, request, sizeof size))
        build.hole(argument(0));
    else
        build.in(argument(0), request, size < 4 || size > size_max ? 4 : size);
    if (plan.nr == abi::nr_listmount) {
        uint64_t const count = plan.args[2];
        build.out(argument(1), plan.args[1], count > transfer_max ? ~uint64_t{0} : count * 8,
            Clip::by_result_unit, 8);
        return Verdict::forward;
    }
    // The struct's first field says how many bytes of it have been filled.
    int const made =
        build.add(argument(1), plan.args[1], plan.args[2], Direction::out, Clip::by_u32);
    if (made >= 0) build.segment(made).other = static_cast<uint8_t>(made);
    return Verdict::forward;
}

/// lsm_get_self_attr(attribute, contexts, size, flags), lsm_list_modules(ids, size, flags): the
/// size is looked at and set, after E2BIG, too.
WALKER(lsm) {
    Plan& plan = build.plan;
    unsigned const buffer = plan.nr == abi::nr_lsm_get_self_attr ? 1 : 0;
    uint32_t size = 0;
    bool const known =
        plan.args[buffer + 1] != 0 && build.read(&size, plan.args[buffer + 1], sizeof size);
    int const length =
        build.inout(argument(buffer + 1), plan.args[buffer + 1], sizeof size, flag_on_error);
    if (!known) {
        if (plan.args[buffer] != 0) build.hole(argument(buffer));
        return Verdict::forward;
    }
    int const made =
        build.add(argument(buffer), plan.args[buffer], size, Direction::inout, Clip::by_u32);
    if (made >= 0) build.segment(made).other = static_cast<uint8_t>(length);
    return Verdict::forward;
}

/// setxattrat and getxattrat(fd, path, flags, name, {value, size, flags}, size of that).
WALKER(xattrat) {
    Plan& plan = build.plan;
    struct Arguments {
        uint64_t value;
        uint32_t size, flags;
    };
    build.path(argument(1), plan.args[1]);
    build.path(argument(3), plan.args[3]);
    if (plan.args[4] == 0) return Verdict::forward;
    if (plan.args[5] != sizeof(Arguments)) { // another version of the call, or nonsense
        if (plan.args[5] > sizeof(Arguments) && plan.args[5] <= 4096) return Verdict::comes_home;
        build.hole(argument(4));
        return Verdict::forward;
    }
    auto* const arguments = static_cast<Arguments*>(build.local(sizeof(Arguments)));
    if (!arguments || !build.read_or_hole(argument(4), arguments, plan.args[4], sizeof *arguments))
        return Verdict::forward;
    int const index =
        build.in(argument(4), reinterpret_cast<uint64_t>(arguments), sizeof *arguments);
    if (plan.nr == abi::nr_setxattrat)
        build.in(inside(index, 0), arguments->value, arguments->size);
    else
        build.out(inside(index, 0), arguments->value, arguments->size, Clip::by_result);
    return Verdict::forward;
}

} // namespace rove::syscalls
