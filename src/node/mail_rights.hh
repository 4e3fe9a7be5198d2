// SPDX-License-Identifier: Apache-2.0
// MailRights: who may send to whom: as with signals. Pure but for the look at /proc.
#pragma once

#include <sys/types.h>

#include "base/result.hh"
#include "wire/mail.hh"

namespace rove::node {

/// As kill(2) says it: real or effective user is the other's real or saved one; or CAP_KILL.
bool may_send(wire::MailSender const& from, wire::MailSender const& to);

/// What a process may by now, without its address. ESRCH if there is none.
Result<wire::MailSender> look_sender(pid_t pid);

} // namespace rove::node
