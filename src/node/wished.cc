// SPDX-License-Identifier: Apache-2.0
// Wished: moves that somebody has asked for: a user, or a program by its mailbox, which may do what
// its user may.
#include "node/move_errno.hh"
#include "node/node.hh"
#include "node/proc.hh"

namespace rove::node {

Task<Moved> Node::move_as_wished(
    ProcessPtr process, std::string to, uid_t asker, uint64_t freeze_us) {
    std::string const anchor = to == name_ ? "" : to;
    std::string before = std::exchange(process->anchor, anchor);
    process->asker = asker;
    process->freeze_us = freeze_us;
    Moved moved = co_await move(process, to, asker);
    // A wish that could not be met is not pursued behind anybody's back; the one before it is.
    if (!moved.ok && process->anchor == anchor) process->anchor = before;
    co_return moved;
}

Task<int> Node::move_for_program(pid_t pid, std::string to, uid_t asker) {
    if (!find(pid)) refresh_programs();
    Caller caller;
    caller.uid = asker;
    Outcome allowed = permit(caller, pid);
    if (allowed.code == 4) co_return look_stat(pid) ? EPERM : ESRCH;
    auto process = find(pid);
    Destination where = resolve(to, process, process ? promised_level(*process) : CpuLevel::any);
    if (where.node.empty()) co_return EHOSTUNREACH;
    bool home = where.node == name_;
    if (!process) co_return home ? 0 : ENOTSUP; // it is at home, and stays there
    if (!home && allowed.code != 0) co_return EPERM;
    if (process->host != where.node)
        process->decide({monotonic_now(), "asked", process->host, where.node, {}});
    Moved moved = co_await move_as_wished(process, where.node, asker, 0);
    co_return errno_of(moved);
}

} // namespace rove::node
