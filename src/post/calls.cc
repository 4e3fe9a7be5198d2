// SPDX-License-Identifier: Apache-2.0
// Calls: what a mailbox says to home and hears from it; and how it finds home again when its daemon
// was restarted.
#include "post/box.hh"
#include "wire/mail_direct.hh"

namespace rove::post {

using wire::MailType;

template <class T> void Box::tell_home(MailType type, T const& body) {
    if (home_ && !home_->send(type, body)) lose_home();
}

void Box::afterwards() {
    if (!home_ && !forgotten_ && !disowned_ && monotonic_now() >= try_home_at_) find_home();
    if (home_) {
        for (auto const& ended : lines_.take_ended())
            if (ended.ticket != 0)
                tell_home(MailType::left, wire::MailFollow{ended.ticket});
            else
                tell_home(MailType::ended, wire::MailEnded{ended.number});
        for (uint64_t ticket : lines_.take_strays())
            tell_home(MailType::follow, wire::MailFollow{ticket});
        for (auto const& used : lines_.take_used())
            tell_home(
                MailType::used, wire::MailUsed{used.number, to_wire(mailbox_.address(used.peer)),
                                    lines_.keeps_to_home()});
        for (auto const& call : mailbox_.take_calls())
            tell_home(
                MailType::call, wire::MailCall{to_wire(mailbox_.address(call.peer)), call.above});
        if (auto counted = counts_.due(mailbox_, monotonic_now()))
            tell_home(MailType::counted, *counted);
    }
    lines_.show_waiting(mailbox_.waiting() > 0);
}

void Box::hear_home() {
    while (home_) {
        auto received = home_->receive();
        if (!received) return lose_home();
        if (!*received) return;
        take(std::move(**received));
    }
}

void Box::take(HomeLink::Received received) {
    switch (received.type) {
    case MailType::line:
        if (auto line = wire::decode<wire::MailLine>(received.body))
            lines_.give(mailbox_.meet(from_wire(line->peer)), line->number,
                {line->speaks, line->hears}, std::move(received.descriptor));
        break;
    case MailType::direct:
        if (auto direct = wire::decode<wire::MailDirect>(received.body)) {
            uint64_t ticket = direct->ticket;
            Carrier carrier =
                ticket != 0 ? Carrier::take(ticket) : Carrier(std::move(received.descriptor));
            if (ticket != 0 && !carrier) tell_home(MailType::left, wire::MailFollow{ticket});
            lines_.offer(mailbox_.meet(from_wire(direct->line.peer)), direct->line.number,
                std::move(carrier));
        }
        break;
    case MailType::followed:
        if (auto followed = wire::decode<wire::MailFollowed>(received.body))
            lines_.followed(followed->ticket, std::move(received.descriptor));
        break;
    case MailType::refused:
        if (auto refused = wire::decode<wire::MailRefused>(received.body))
            mailbox_.refused(mailbox_.meet(from_wire(refused->peer)),
                refused->code == EPERM ? Mailbox::Refusal::forbidden : Mailbox::Refusal::gone);
        break;
    case MailType::found:
        if (auto found = wire::decode<wire::MailFound>(received.body))
            answered(found->question, {found->code, std::move(found->address)});
        break;
    case MailType::moved:
        if (auto moved = wire::decode<wire::MailMoved>(received.body))
            answered(moved->question, {moved->code, {}});
        break;
    case MailType::count:
        if (auto how = wire::decode<wire::MailCount>(received.body)) counts_.wanted(*how);
        break;
    case MailType::none:
    case MailType::open:
    case MailType::opened:
    case MailType::denied:
    case MailType::call:
    case MailType::find:
    case MailType::move:
    case MailType::ended:
    case MailType::counted:
    case MailType::used:
    case MailType::fetch:
    case MailType::fetched:
    case MailType::follow:
    case MailType::left:
        break;
    }
}

void Box::lose_home() {
    home_.reset();
    lines_.watch_home(-1);
    counts_.home_lost();
    mailbox_.calls_lost();
    // A question that was asked must be asked again.
    for (auto& [question, answer] : asked_)
        answer = Answer{EAGAIN, {}};
    try_home_at_ = monotonic_now();
}

void Box::find_home() {
    constexpr Nanos again = std::chrono::milliseconds(100);
    try_home_at_ = monotonic_now() + again;
    Address own;
    auto home = HomeLink::open(mailbox_.own().incarnation, &own);
    if (!home) {
        if (home.error().code == ESTALE) forgotten_ = true;
        return;
    }
    home_ = std::move(*home);
    lines_.seek_again();
    lines_.watch_home(home_->number());
}

void Box::answered(uint32_t question, Answer answer) {
    if (auto asked = asked_.find(question); asked != asked_.end())
        asked->second = std::move(answer);
}

// While it waits the process may be moved, by its own wish: what home says lies at home, and is
// read there once, from wherever the process is by then.
template <class T>
Result<wire::MailAddress> Box::ask_home(MailType type, T question, Deadline deadline) {
    Lock lock(*this);
    TRY(usable());
    for (question.question = 0;;) {
        if (home_ && question.question == 0) {
            question.question = ++last_question_;
            asked_[question.question] = std::nullopt;
            tell_home(type, question);
        }
        auto asked = asked_.find(question.question);
        if (asked != asked_.end() && asked->second) {
            Answer answer = std::move(*asked->second);
            asked_.erase(asked);
            if (answer.code == 0) return std::move(answer.address);
            if (answer.code != EAGAIN) return deny(answer.code, "home has refused it");
            question.question = 0;
            continue;
        }
        Status waited = wait(lock, deadline);
        if (waited) waited = usable();
        if (!waited) {
            asked_.erase(question.question);
            return deny(waited.error().code == EAGAIN ? ETIMEDOUT : waited.error().code, "{}",
                waited.error().what);
        }
    }
}

Result<Address> Box::find(std::string home, int32_t process, Deadline deadline) {
    if (home.empty()) home = own().home;
    wire::MailFind const question{0, std::move(home), process};
    return from_wire(TRY(ask_home(MailType::find, question, deadline)));
}

Status Box::ask_for_move(wire::MailMove wish, Deadline deadline) {
    (void)TRY(ask_home(MailType::move, std::move(wish), deadline));
    return {};
}

Status Box::move_to_node(std::string node, Deadline deadline) {
    return ask_for_move({0, wire::MailMoveWish::to_node, {}, std::move(node)}, deadline);
}

Status Box::move_to(Address const& peer, Deadline deadline) {
    return ask_for_move({0, wire::MailMoveWish::to_peer, to_wire(peer), {}}, deadline);
}

Status Box::invite(Address const& peer, Deadline deadline) {
    return ask_for_move({0, wire::MailMoveWish::invite, to_wire(peer), {}}, deadline);
}

} // namespace rove::post
