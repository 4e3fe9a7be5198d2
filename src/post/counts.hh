// SPDX-License-Identifier: Apache-2.0
// Counts: how much a mailbox has to say to whom, told to home now and then if home wants to know:
// processes that talk a lot should not be far from each other.
#pragma once

#include <optional>
#include <vector>

#include "base/clock.hh"
#include "mailbox/mailbox.hh"
#include "wire/mail.hh"

namespace rove::post {

class Counts {
public:
    // Home wants them, all from the beginning.
    void wanted(wire::MailCount const& how);
    // A home that was found again may be another one, which says for itself what it wants.
    void home_lost() { wanted_ = false; }
    // What has changed since the last time; nothing if it is too early, or not wanted.
    std::optional<wire::MailCounted> due(mailbox::Mailbox const& mailbox, Nanos now);

private:
    bool wanted_ = false;
    Nanos every_{0}, next_{0};
    std::vector<uint64_t> told_; // by peer
};

} // namespace rove::post
