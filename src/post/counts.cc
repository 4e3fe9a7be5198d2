// SPDX-License-Identifier: Apache-2.0
// Counts: what has changed, not too often.
#include "post/counts.hh"

#include <algorithm>

namespace rove::post {

void Counts::wanted(wire::MailCount const& how) {
    wanted_ = true;
    every_ = std::chrono::milliseconds(std::max<uint32_t>(how.every_ms, 100));
    next_ = Nanos(0);
    told_.clear();
}

std::optional<wire::MailCounted> Counts::due(mailbox::Mailbox const& mailbox, Nanos now) {
    if (!wanted_ || now < next_) return std::nullopt;
    next_ = now + every_;
    wire::MailCounted counted;
    told_.resize(mailbox.count());
    for (mailbox::Peer peer = 0; peer < told_.size(); ++peer) {
        uint64_t messages = mailbox.messages(peer);
        if (messages == told_[peer] || counted.talks.size() == wire::mail_talks_max) continue;
        told_[peer] = messages;
        counted.talks.push_back({mailbox.address(peer).incarnation, messages});
    }
    if (counted.talks.empty()) return std::nullopt;
    return counted;
}

} // namespace rove::post
