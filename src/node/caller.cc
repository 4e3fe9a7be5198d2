// SPDX-License-Identifier: Apache-2.0
// Caller: asking the kernel.
#include "node/caller.hh"

#include <algorithm>

#include "node/proc.hh"
#include "sys/process.hh"
#include "sys/sockets.hh"

namespace rove::node {

Result<Caller> caller_of(int socket) {
    auto credentials = TRY(sys::peer_credentials(socket));
    Caller caller;
    caller.uid = credentials.uid;
    caller.gid = credentials.gid;
    caller.pid = credentials.pid;
    auto pidfd = sys::peer_pidfd(socket);
    if (!pidfd && pidfd.error().code == ENOPROTOOPT) pidfd = sys::pidfd_open(caller.pid);
    if (pidfd) caller.pidfd = std::make_shared<Fd const>(std::move(*pidfd));
    return caller;
}

Status same_caller(Caller const& caller) {
    if (caller.pid <= 0)
        return deny(ESRCH, "the daemon cannot see this process: it is in another PID namespace");
    auto status = look_status(caller.pid);
    // Once it has been looked at: until it has ended nobody else gets its number.
    auto ended = caller.pidfd ? sys::wait_pidfd(caller.pidfd->number(), Deadline::after(Nanos(0)))
                              : Result<bool>(true);
    if (!status || !ended || *ended)
        return deny(ESRCH, "the process that connected to the daemon has ended");
    auto const& uids = status->credentials.uids;
    bool own = std::all_of(uids.begin(), uids.end(), [&](uid_t uid) { return uid == caller.uid; });
    if (caller.uid != 0 && !own)
        return deny(EPERM, "process {} has the rights of another user than {}, who has connected",
            caller.pid, caller.uid);
    return {};
}

} // namespace rove::node
