// SPDX-License-Identifier: Apache-2.0
// PostOffice: nodes that do not answer.
//
// A mailbox that was said to be gone never comes back, and its messages are lost. So the board's
// word, which is a matter of seconds, is not enough: a node whose daemon is slow or is restarted,
// but whose machine answers, is waited for.
#include <sys/socket.h>

#include "node/post_office_parts.hh"

namespace rove::node {

template <class Reply, class T>
Task<Result<Reply>> PostOffice::ask(
    std::string node, T question, char const* verb, Nanos patience) {
    wire::Ask ask{verb, 0, wire::encode(question)};
    std::string body = wire::encode(ask);
    auto reply = co_await peers_->ask(node, wire::PeerType::ask, body, patience);
    if (!reply) {
        auto member = board_.find(node, monotonic_now());
        bool lost = !member || member->state == MemberState::left;
        if (member && member->state == MemberState::dead)
            lost = !co_await peers_->machine_answers(node);
        co_return deny(lost ? ESRCH : EHOSTUNREACH, "{}", reply.error().what);
    }
    auto answer = wire::decode<wire::Answer>(reply->body);
    auto mail = answer && answer->code == 0 ? wire::decode<Reply>(answer->body) : std::nullopt;
    if (!mail) co_return deny(EHOSTUNREACH, "{} does not know mailboxes", node);
    co_return std::move(*mail);
}

template Task<Result<wire::MailReply>> PostOffice::ask(
    std::string, wire::MailQuestion, char const*, Nanos);
template Task<Result<wire::MailDirectReply>> PostOffice::ask(
    std::string, wire::MailDirectQuestion, char const*, Nanos);
template Task<Result<wire::MailReply>> PostOffice::ask(
    std::string, wire::MailEndQuestion, char const*, Nanos);
template Task<Result<wire::MailTogetherReply>> PostOffice::ask(
    std::string, wire::MailTogetherQuestion, char const*, Nanos);

void PostOffice::node_lost(std::string const& node) {
    for (auto const& [incarnation, box] : boxes_)
        for (auto const& [number, held] : box->held)
            if (held.node == node) (void)::shutdown(held.socket.number(), SHUT_RDWR);
    ends_of_lost(node);
}

Task<> PostOffice::node_silent(std::string node) {
    if (co_await peers_->machine_answers(node)) co_return;
    auto member = board_.find(node, monotonic_now());
    if (member && member->state == MemberState::dead) node_lost(node);
}

} // namespace rove::node
