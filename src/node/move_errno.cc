// SPDX-License-Identifier: Apache-2.0
// Move errno: see move_errno.hh.
#include "node/move_errno.hh"

#include <cerrno>

#include "node/node.hh"
#include "node/reasons.hh"

namespace rove::node {

int errno_of(Moved const& moved) {
    if (moved.ok) return 0;
    if (moved.code == 4) return ESRCH;
    if (moved.unreachable) return EHOSTUNREACH;
    if (moved.reason == "privileged" || moved.reason == "not_permitted") return EPERM;
    Reason const* reason = find_reason(moved.reason);
    bool passes = !reason || reason->passes == Passes::at_once;
    return passes ? EBUSY : ENOTSUP;
}

} // namespace rove::node
