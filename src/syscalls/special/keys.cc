// SPDX-License-Identifier: Apache-2.0
// Keys: keyctl by command.
#include "syscalls/builder.hh"

#include <linux/keyctl.h>

namespace rove::syscalls {

namespace {
constexpr uint32_t watch_key = 32;
} // namespace

WALKER(keyctl) {
    Plan& plan = build.plan;
    auto const path = [&](unsigned n) { build.path(argument(n), plan.args[n]); };
    switch (static_cast<uint32_t>(plan.args[0])) {
    case KEYCTL_GET_KEYRING_ID:
    case KEYCTL_REVOKE:
    case KEYCTL_CHOWN:
    case KEYCTL_SETPERM:
    case KEYCTL_CLEAR:
    case KEYCTL_LINK:
    case KEYCTL_UNLINK:
    case KEYCTL_NEGATE:
    case KEYCTL_SET_REQKEY_KEYRING:
    case KEYCTL_SET_TIMEOUT:
    case KEYCTL_ASSUME_AUTHORITY:
    case KEYCTL_SESSION_TO_PARENT:
    case KEYCTL_REJECT:
    case KEYCTL_INVALIDATE:
    case KEYCTL_GET_PERSISTENT:
    case watch_key:
        return Verdict::forward;
    case KEYCTL_JOIN_SESSION_KEYRING:
        path(1);
        return Verdict::forward;
    case KEYCTL_UPDATE:
    case KEYCTL_INSTANTIATE:
        build.in(argument(2), plan.args[2], plan.args[3]);
        return Verdict::forward;
    // These tell the whole length and fill nothing when the buffer is too small: it travels both
    // ways.
    case KEYCTL_DESCRIBE:
    case KEYCTL_READ:
    case KEYCTL_GET_SECURITY:
        build.add(argument(2), plan.args[2], plan.args[3], Direction::inout, Clip::by_result);
        return Verdict::forward;
    case KEYCTL_SEARCH:
        path(2);
        path(3);
        return Verdict::forward;
    case KEYCTL_RESTRICT_KEYRING:
        path(2);
        path(3);
        return Verdict::forward;
    case KEYCTL_MOVE:
        return Verdict::forward;
    case KEYCTL_CAPABILITIES:
        build.add(argument(1), plan.args[1], plan.args[2], Direction::out, Clip::by_result);
        return Verdict::forward;
    default: // vectors and public keys
        return Verdict::comes_home;
    }
}

} // namespace rove::syscalls
