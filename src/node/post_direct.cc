// SPDX-License-Identifier: Apache-2.0
// PostOffice: better carriers for lines: between the places where two processes are, which need not
// be their homes. Each side's home sees to its own end: when much goes over the line, and when its
// process has moved.
//
// The office of one side asks the other's for an end that waits for a connection, has its own end
// connected, and then both tell their processes. An end of a process that is away is made by the
// daemon of its host (post_ends.cc). Whatever fails on the way leaves the line as it is.
#include <algorithm>
#include <sys/socket.h>

#include "node/mail_rights.hh"
#include "node/post_office.hh"
#include "node/post_office_parts.hh"
#include "sys/random.hh"
#include "sys/sockets.hh"

namespace rove::node {

using wire::MailDirectReply;
using wire::MailEndWish;
using wire::MailType;

namespace {

constexpr Nanos pause_between = std::chrono::milliseconds(300);
constexpr Nanos offered_for = std::chrono::seconds(10);
constexpr size_t going_max = 512; // lines of one mailbox
constexpr int attempts_max = 7;
constexpr Nanos first_wait = std::chrono::milliseconds(50);

uint64_t new_ticket() {
    uint64_t ticket = 0;
    auto noise = sys::random_bytes(sizeof ticket);
    if (noise) std::memcpy(&ticket, noise->data(), sizeof ticket);
    return ticket;
}

MailDirectReply refused(int code) {
    MailDirectReply reply;
    reply.line.code = code;
    return reply;
}

} // namespace

// Where its ends belong; empty: it is on its way.
std::string PostOffice::place_for(Box const& box) const {
    return box.at_home ? place_.node : place_.where(box.pid);
}

void PostOffice::note_used(BoxPtr const& box, wire::MailUsed const& used) {
    auto& partner = box->partners[used.peer.incarnation];
    box->at_home = box->at_home || used.at_home;
    partner.address = used.peer;
    partner.used = used.number;
    bool in_place = partner.direct_place == place_for(*box);
    bool has_best = in_place && used.number == partner.direct;
    bool is_told = in_place && used.number < partner.direct &&
                   monotonic_now() - partner.told_at < pause_between;
    if (!has_best && !is_told) start(io_, go_direct(box, used.peer));
}

void PostOffice::moved(pid_t pid) {
    std::vector<std::pair<BoxPtr, wire::MailAddress>> lines;
    for (auto const& [incarnation, box] : boxes_)
        for (auto const& [other, partner] : box->partners)
            if (box->pid == pid && partner.used != 0) lines.emplace_back(box, partner.address);
    for (auto const& [box, to] : lines) {
        if (auto arrived = box->partners[to.incarnation].arrived) arrived->set();
        start(io_, go_direct(box, to));
    }
}

Task<> PostOffice::go_direct(BoxPtr box, wire::MailAddress to) {
    Box::Partner& partner = box->partners[to.incarnation];
    partner.go_again = true;
    if (box->going_direct >= going_max || std::exchange(partner.going_direct, true)) co_return;
    ++box->going_direct;
    while (std::exchange(partner.go_again, false) && !box->closed) {
        if (monotonic_now() - partner.told_at < pause_between) co_await pause(io_, pause_between);
        Nanos wait = first_wait;
        for (int attempts = 0; attempts < attempts_max && !box->closed; ++attempts, wait *= 3) {
            auto arrived = partner.arrived = std::make_shared<Event>(io_);
            partner.asking = true;
            bool done = co_await try_direct(box, to);
            partner.asking = false;
            // What was in the way need not be so where it is now.
            if (done || co_await arrived->wait(wait)) break;
        }
    }
    partner.going_direct = false;
    --box->going_direct;
}

// False: not now, perhaps later.
Task<bool> PostOffice::try_direct(BoxPtr box, wire::MailAddress to) {
    auto from = sender_of(*box);
    std::string place = place_for(*box);
    if (!from || place.empty()) co_return false;
    auto const& partner = box->partners[to.incarnation];
    wire::MailDirectQuestion question;
    question.line = {*from, to, std::max({partner.number, partner.used, partner.direct})};
    question.place = place;
    question.through_home = partner.open && partner.number == partner.used;
    bool here = to.home == place_.node;
    MailDirectReply reply;
    if (here) {
        BoxPtr other = find_box(to);
        if (!other) co_return true;
        if (place == place_.node && place_for(*other) == place)
            co_return question.through_home || pair_up(box, other, question);
        reply = co_await offer_end(other, question);
    } else {
        auto answer = co_await ask<MailDirectReply>(to.home, question, wire::mail_direct_verb);
        if (!answer) co_return false;
        reply = std::move(*answer);
    }
    int code = reply.line.code;
    // There is nothing better, or nobody may send.
    if (code == EALREADY || code == EPERM || code == ESRCH) co_return true;
    if (code != 0) co_return false;
    wire::MailDirect own;
    own.line = {to, reply.line.number, reply.line.speaks, may_send(reply.line.to, *from)};
    Fd socket;
    if (place != place_.node) {
        own.ticket = new_ticket();
        wire::MailEndQuestion end{MailEndWish::connect, static_cast<int32_t>(box->pid), own.ticket,
            reply.place, reply.line.places, reply.line.token};
        auto connected = co_await ask<wire::MailReply>(place, end, wire::mail_end_verb);
        if (!connected || connected->code != 0) co_return false;
    } else {
        auto connected = co_await connect(reply.line.places, reply.line.token, true);
        if (!connected) co_return false;
        socket = std::move(*connected);
    }
    if (here) {
        if (!tell_offered(reply.line.token)) co_return false;
    } else {
        question.token = reply.line.token;
        auto told = co_await ask<MailDirectReply>(to.home, question, wire::mail_direct_verb);
        if (!told || told->line.code != 0) co_return false;
    }
    tell_direct(box, own, {place, reply.place}, std::move(socket));
    co_return true;
}

// Both are at home here, and their line is not.
bool PostOffice::pair_up(
    BoxPtr const& box, BoxPtr const& other, wire::MailDirectQuestion const& question) {
    auto to = sender_of(*other);
    auto ends = sys::socket_pair(SOCK_STREAM);
    if (!to || !ends) return false;
    auto const& from = question.line.from;
    bool speaks = may_send(from, *to), hears = may_send(*to, from);
    auto const& partner = other->partners[box->address.incarnation];
    uint64_t number = next_number(std::max({question.line.above, partner.number, partner.direct}));
    Between const between{place_.node, place_.node, true};
    tell_direct(box, {{other->address, number, speaks, hears}, 0}, between, std::move(ends->first));
    tell_direct(
        other, {{box->address, number, hears, speaks}, 0}, between, std::move(ends->second));
    return true;
}

// The end of one of ours: here, or at the host where it is.
Task<MailDirectReply> PostOffice::offer_end(BoxPtr box, wire::MailDirectQuestion question) {
    auto to = sender_of(*box);
    auto const& from = question.line.from;
    MailDirectReply reply;
    reply.place = place_for(*box);
    if (!to) co_return refused(ESRCH);
    if (reply.place.empty()) co_return refused(EAGAIN);
    bool away = reply.place != place_.node;
    bool both_at_home = !away && question.place == from.address.home;
    if (both_at_home && question.through_home) co_return refused(EALREADY);
    auto const& partner = box->partners[from.address.incarnation];
    // If both ask at once, one of the two is answered.
    if (partner.asking && box->address.incarnation < from.address.incarnation)
        co_return refused(EAGAIN);
    reply.line.to = *to;
    reply.line.speaks = may_send(from, *to);
    bool hears = may_send(*to, from);
    if (!reply.line.speaks && !hears) co_return refused(EPERM);
    reply.line.number =
        next_number(std::max({question.line.above, partner.number, partner.used, partner.direct}));
    auto offered = std::make_shared<Offered>();
    offered->incarnation = box->address.incarnation;
    offered->what.line = {from.address, reply.line.number, hears, reply.line.speaks};
    offered->between = {reply.place, question.place};
    if (away) {
        offered->what.ticket = new_ticket();
        wire::MailEndQuestion end{MailEndWish::await, static_cast<int32_t>(box->pid),
            offered->what.ticket, question.place, {}, {}};
        auto waiting = co_await ask<wire::MailReply>(reply.place, end, wire::mail_end_verb);
        if (!waiting || waiting->code != 0) co_return refused(EAGAIN);
        reply.line.places = std::move(waiting->places);
        reply.line.token = std::move(waiting->token);
    } else {
        Awaited awaited;
        awaited.kind = Awaited::Kind::offered;
        auto token = await_end(awaited);
        if (!token) co_return refused(EAGAIN);
        reply.line.places = line_places_;
        reply.line.token = *token;
    }
    offered_[reply.line.token] = offered;
    auto timer = std::make_shared<asio::steady_timer>(io_, offered_for);
    timer->async_wait([this, timer, token = reply.line.token](
                          boost::system::error_code) { offered_.erase(token); });
    co_return reply;
}

bool PostOffice::tell_offered(std::string const& token) {
    auto found = offered_.find(token);
    if (found == offered_.end()) return false;
    auto offered = found->second;
    offered_.erase(found);
    auto box = boxes_.find(offered->incarnation);
    bool whole = offered->what.ticket != 0 || offered->socket;
    if (box == boxes_.end() || !whole) return false;
    tell_direct(box->second, offered->what, offered->between, std::move(offered->socket));
    return true;
}

void PostOffice::tell_direct(
    BoxPtr const& box, wire::MailDirect const& what, Between const& between, Fd socket) {
    uint64_t number = what.line.number;
    auto& partner = box->partners[what.line.peer.incarnation];
    partner.address = what.line.peer;
    partner.direct = number;
    partner.direct_place = between.own;
    partner.told_at = monotonic_now();
    if (box->closed) return;
    if (what.ticket != 0)
        box->away_ends[what.ticket] = {between.own, number};
    else if (!between.pair)
        box->held[number] = {between.other, Fd(::fcntl(socket.number(), F_DUPFD_CLOEXEC, 3))};
    say(box, wire::mail_packet(MailType::direct, what), std::move(socket));
}

Task<MailDirectReply> PostOffice::serve_direct(
    std::string from, wire::MailDirectQuestion question) {
    auto const& line = question.line;
    if (line.from.address.home != from || line.to.home != place_.node) co_return refused(ESRCH);
    if (!question.token.empty()) {
        auto offered = offered_.find(question.token);
        bool its = offered != offered_.end() &&
                   offered->second->what.line.peer.incarnation == line.from.address.incarnation;
        co_return refused(its && tell_offered(question.token) ? 0 : ESRCH);
    }
    BoxPtr box = find_box(line.to);
    if (!box) co_return refused(ESRCH);
    co_return co_await offer_end(box, std::move(question));
}

// The process has moved; the daemon where its end lies passes on what comes there.
Task<> PostOffice::follow(BoxPtr box, uint64_t ticket) {
    wire::MailFollowed followed{ticket, ENOENT};
    Fd socket;
    for (int attempts = 0; attempts < 8 && box->away_ends.contains(ticket); ++attempts) {
        if (attempts > 0) co_await pause(io_, std::chrono::milliseconds(250));
        auto end = box->away_ends.find(ticket);
        if (end == box->away_ends.end() || box->closed) break;
        std::string place = end->second.place;
        wire::MailEndQuestion question{
            MailEndWish::follow, static_cast<int32_t>(box->pid), ticket, {}, {}, {}};
        auto reply = co_await ask<wire::MailReply>(place, question, wire::mail_end_verb);
        if (!reply && reply.error().code != ESRCH) continue;
        if (!reply || (reply->code != 0 && reply->code != EAGAIN)) break;
        if (reply->code != 0) continue;
        auto connected = co_await connect(reply->places, reply->token, true);
        end = box->away_ends.find(ticket);
        if (!connected) continue;
        if (end == box->away_ends.end()) break;
        if (::send(connected->number(), "+", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1) continue;
        socket = std::move(*connected);
        followed.code = 0;
        box->held[end->second.number] = {place, Fd(::fcntl(socket.number(), F_DUPFD_CLOEXEC, 3))};
        box->away_ends.erase(end);
        break;
    }
    --box->calls;
    say(box, wire::mail_packet(MailType::followed, followed), std::move(socket));
}

// Whether a process may still want what lies there.
int PostOffice::knows(std::string const& place, uint64_t ticket) const {
    for (auto const& [incarnation, box] : boxes_) {
        auto end = box->away_ends.find(ticket);
        if (end != box->away_ends.end() && end->second.place == place) return 0;
    }
    return ESRCH;
}

// Its process has no use for it any more.
Task<> PostOffice::let_go(std::string place, pid_t process, uint64_t ticket) {
    wire::MailEndQuestion question{
        MailEndWish::part, static_cast<int32_t>(process), ticket, {}, {}, {}};
    (void)co_await ask<wire::MailReply>(place, question, wire::mail_end_verb);
}

} // namespace rove::node
