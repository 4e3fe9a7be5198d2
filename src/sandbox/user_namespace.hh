// SPDX-License-Identifier: Apache-2.0
// User namespace: where a warden and its guest live.
//
// The warden is root inside and its own user outside; the guest is another user, when the host's
// root has one to give, so that it can neither signal nor trace its warden.
#pragma once

#include <functional>

#include <sys/types.h>

#include "base/result.hh"

namespace rove::sandbox {

constexpr uint32_t warden_uid = 0; // inside
constexpr uint32_t guest_uid = 1;  // inside, if there is one of its own

/// Starts `body` as the first process of new user and PID namespaces, with the maps written, and
/// returns its PID in ours. `body` gets that number, too. It should exec at once: only then is its
/// memory owned by the new namespace, which is what makes it and its guest readable to the warden.
Result<pid_t> start_in_namespaces(
    uint32_t outside_uid, uint32_t outside_gid, std::function<int(pid_t)> const& body);

/// No further user namespaces below the present one.
void forbid_user_namespaces();

} // namespace rove::sandbox
