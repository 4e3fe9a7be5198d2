// SPDX-License-Identifier: Apache-2.0
// Caller: who asks by the control socket: a user, and the process that has connected.
//
// A connection outlives both: it is inherited, and the process may end, so that its number becomes
// another one's, or may execute a program that has more rights than who connected. So whatever is
// done to the calling process itself asks same_caller() first. Before Linux 6.5 the kernel tells a
// number only, and who ends between its connect and our accept may be taken for whoever has got
// that number by then, if that is the same user's.
#pragma once

#include <memory>

#include <sys/types.h>

#include "base/fd.hh"
#include "base/result.hh"

namespace rove::node {

struct Caller {
    // No aggregate: g++ 12 destroys one twice that is made inside an awaiting expression.
    Caller() = default;
    uid_t uid = 0;
    gid_t gid = 0;
    pid_t pid = 0;                   // 0: asked by another node
    std::shared_ptr<Fd const> pidfd; // null: the process had ended before we could look
};

// Who is at the other end of this socket.
Result<Caller> caller_of(int socket);
// Whether the process that connected is there still, and is that user's alone unless he is root.
Status same_caller(Caller const& caller);

} // namespace rove::node
