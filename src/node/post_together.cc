// SPDX-License-Identifier: Apache-2.0
// PostOffice: processes that want to be where others are, or to have others where they are.
//
// Both is the same: somebody's home finds out where the other one is and has its own process moved
// there. Who is invited is the one that moves, on behalf of who invites; where to, his own home
// finds out when he goes. A process that is on its way is found where it has arrived. Of two that
// want to be with each other only one goes: who has a wish like that himself, and the lower
// incarnation, is waited for. Nobody waits for a greater one, so somebody always goes.
#include <algorithm>

#include "node/mail_rights.hh"
#include "node/post_office.hh"
#include "node/post_office_parts.hh"

namespace rove::node {

using wire::MailMoveWish;
using wire::MailTogetherQuestion;
using wire::MailTogetherReply;
using wire::MailTogetherWish;
using wire::MailType;

namespace {

constexpr size_t wishes_max = 4; // of one mailbox at a time
// For one that is on its way; moves themselves take what they take.
constexpr Nanos join_patience = std::chrono::seconds(30);
constexpr Nanos come_patience = std::chrono::minutes(10);
constexpr int follows_max = 4; // moves after one that is moved elsewhere meanwhile

MailTogetherReply only(int code) {
    MailTogetherReply reply;
    reply.code = code;
    return reply;
}

// For as long as a coroutine is about it.
class Counted {
public:
    explicit Counted(size_t& count) : count_(count) { ++count_; }
    ~Counted() { --count_; }
    Counted(Counted const&) = delete;
    Counted& operator=(Counted const&) = delete;

private:
    size_t& count_;
};

} // namespace

Task<> PostOffice::answer_move(BoxPtr box, wire::MailMove wish) {
    int code = EBUSY;
    if (box->move_wishes < wishes_max) {
        Counted const counted(box->move_wishes);
        auto own = sender_of(*box);
        code = own ? EINVAL : ESRCH;
        if (own && wish.wish == MailMoveWish::to_node)
            code = co_await place_.move(
                box->pid, wish.node.empty() ? place_.node : wish.node, own->effective_uid);
        if (own && wish.wish == MailMoveWish::to_peer)
            code = co_await go_to(box, wish.peer, own->effective_uid, false);
        if (own && wish.wish == MailMoveWish::invite) code = co_await invite(box, wish.peer);
    }
    say(box, wire::mail_packet(MailType::moved, wire::MailMoved{wish.question, code}));
}

Task<int> PostOffice::invite(BoxPtr box, wire::MailAddress whom) {
    auto own = sender_of(*box);
    if (!own) co_return ESRCH;
    if (whom.home == place_.node) {
        BoxPtr other = find_box(whom);
        if (!other) co_return ESRCH;
        co_return co_await go_to(other, box->address, own->effective_uid, true);
    }
    MailTogetherQuestion question{MailTogetherWish::come, *own, whom};
    auto reply = co_await ask<MailTogetherReply>(
        whom.home, question, wire::mail_together_verb, come_patience);
    co_return reply ? reply->code : reply.error().code;
}

Task<int> PostOffice::go_to(BoxPtr box, wire::MailAddress with, uid_t asker, bool invited) {
    Counted const counted(box->joining);
    Nanos const until = monotonic_now() + join_patience;
    Nanos wait = std::chrono::milliseconds(2);
    for (int moves = 0;;) {
        auto own = sender_of(*box);
        if (!own || box->closed) co_return ESRCH;
        if (asker != 0 && asker != own->real_uid) co_return EPERM;
        auto other = co_await find_out_where(box, with);
        if (other.code == EAGAIN && monotonic_now() < until) {
            co_await pause(io_, wait);
            wait = std::min<Nanos>(2 * wait, std::chrono::milliseconds(50));
            continue;
        }
        if (other.code == EAGAIN) co_return EBUSY;
        if (other.code != 0) co_return other.code;
        // Who is invited is told where to come to; who comes by himself might have no right to
        // know.
        if (!invited && !may_send(*own, other.to)) co_return EPERM;
        if (place_.where(box->pid) == other.place) co_return 0;
        if (++moves > follows_max) co_return 0; // it was where the other one was
        int code = co_await place_.move(box->pid, other.place, asker);
        if (code != 0) co_return code;
    }
}

Task<MailTogetherReply> PostOffice::find_out_where(BoxPtr box, wire::MailAddress whom) {
    if (whom.home == place_.node) {
        BoxPtr other = find_box(whom);
        if (!other) co_return only(ESRCH);
        co_return where_to_join(*other, box->address);
    }
    auto own = sender_of(*box);
    if (!own) co_return only(ESRCH);
    MailTogetherQuestion question{MailTogetherWish::where, *own, whom};
    auto reply = co_await ask<MailTogetherReply>(whom.home, question, wire::mail_together_verb);
    if (!reply) co_return only(reply.error().code);
    co_return std::move(*reply);
}

MailTogetherReply PostOffice::where_to_join(Box const& box, wire::MailAddress const& joins) const {
    MailTogetherReply reply;
    auto to = sender_of(box);
    if (!to) return only(ESRCH);
    reply.to = *to;
    reply.place = place_.where(box.pid);
    bool goes_first = box.joining > 0 && box.address.incarnation < joins.incarnation;
    if (reply.place.empty() || goes_first) reply.code = EAGAIN;
    return reply;
}

Task<MailTogetherReply> PostOffice::serve_together(
    std::string from, MailTogetherQuestion question) {
    auto const& asker = question.from;
    if (asker.address.home != from || question.to.home != place_.node) co_return only(ESRCH);
    BoxPtr box = find_box(question.to);
    if (!box) co_return only(ESRCH);
    if (question.wish == MailTogetherWish::where) co_return where_to_join(*box, asker.address);
    if (question.wish != MailTogetherWish::come) co_return only(EINVAL);
    co_return only(co_await go_to(box, asker.address, asker.effective_uid, true));
}

} // namespace rove::node
