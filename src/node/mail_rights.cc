// SPDX-License-Identifier: Apache-2.0
// MailRights: see mail_rights.hh.
#include "node/mail_rights.hh"

#include "node/proc.hh"
#include "sys/files.hh"

namespace rove::node {

bool may_send(wire::MailSender const& from, wire::MailSender const& to) {
    for (uint32_t uid : {from.real_uid, from.effective_uid})
        if (uid == to.real_uid || uid == to.saved_uid) return true;
    return from.may_kill;
}

Result<wire::MailSender> look_sender(pid_t pid) {
    ProcStatus status = TRY(look_status(pid));
    wire::MailSender sender;
    sender.real_uid = status.credentials.uids[0];
    sender.effective_uid = status.credentials.uids[1];
    sender.saved_uid = status.credentials.uids[2];
    // Capabilities of another user namespace are none here.
    constexpr unsigned cap_kill = 5;
    auto own = sys::read_link("/proc/self/ns/user");
    auto its = sys::read_link(fmt::format("/proc/{}/ns/user", pid));
    sender.may_kill =
        own && its && *own == *its && (status.credentials.capabilities >> cap_kill & 1) != 0;
    return sender;
}

} // namespace rove::node
