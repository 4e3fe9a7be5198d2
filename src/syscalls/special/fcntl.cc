// SPDX-License-Identifier: Apache-2.0
// Fcntl: by command; most take a number, a few a struct.
#include "syscalls/builder.hh"

#include <asm/fcntl.h>
#include <linux/fcntl.h>

namespace rove::syscalls {

namespace {

constexpr uint64_t lock_bytes = sizeof(struct flock);
static_assert(lock_bytes == 32);
constexpr uint64_t owner_bytes = 8; // struct f_owner_ex
constexpr uint64_t hint_bytes = 8;  // a number of 64 bits
constexpr uint64_t set_sig = 10, get_sig = 11, get_owner_uids = 17, dupfd_query = 1027,
                   created_query = 1028;

} // namespace

WALKER(fcntl) {
    Plan& plan = build.plan;
    Holder const here = argument(2);
    uint64_t const address = plan.args[2];
    switch (static_cast<uint32_t>(plan.args[1])) {
    case F_DUPFD:
    case F_GETFD:
    case F_SETFD:
    case F_GETFL:
    case F_SETFL:
    case F_SETOWN:
    case F_GETOWN:
    case set_sig:
    case get_sig:
    case F_SETLEASE:
    case F_GETLEASE:
    case F_NOTIFY:
    case dupfd_query:
    case created_query:
    case F_CANCELLK:
    case F_DUPFD_CLOEXEC:
    case F_SETPIPE_SZ:
    case F_GETPIPE_SZ:
    case F_ADD_SEALS:
    case F_GET_SEALS:
        return Verdict::forward;
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        build.in(here, address, lock_bytes);
        return Verdict::forward;
    case F_GETLK:
    case F_OFD_GETLK:
        build.inout(here, address, lock_bytes);
        return Verdict::forward;
    case F_SETOWN_EX:
        build.in(here, address, owner_bytes);
        return Verdict::forward;
    case F_GETOWN_EX:
    case get_owner_uids:
        build.out(here, address, owner_bytes);
        return Verdict::forward;
    case F_GET_RW_HINT:
    case F_GET_FILE_RW_HINT:
        build.out(here, address, hint_bytes);
        return Verdict::forward;
    case F_SET_RW_HINT:
    case F_SET_FILE_RW_HINT:
        build.in(here, address, hint_bytes);
        return Verdict::forward;
    default:
        return Verdict::comes_home;
    }
}

} // namespace rove::syscalls
