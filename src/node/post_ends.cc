// SPDX-License-Identifier: Apache-2.0
// PostOffice: ends of lines for guests here, each under a ticket that its home has given.
//
// The guest's warden fetches its end; a copy stays with us. A guest that moves away leaves the end
// behind: its home asks for a way to it, and we pass on what comes. If it has ended, what it has
// written goes out still (part()). An end that we lose, by a restart, costs a line, no message.
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include "node/post_office.hh"
#include "node/post_office_parts.hh"
#include "node/readable.hh"
#include "sys/random.hh"
#include "sys/sockets.hh"

namespace rove::node {

using wire::MailEndWish;
using wire::MailReply;
using wire::MailType;
using Stream = asio::generic::stream_protocol::socket;

namespace {

constexpr Nanos fetched_within = std::chrono::seconds(10), look_every = std::chrono::seconds(5);
constexpr size_t ends_max = 8192;

MailReply only(int code) {
    MailReply reply;
    reply.code = code;
    return reply;
}

// Whoever has connected knows then that it is in its place.
void say_byte(Fd const& socket) {
    (void)::send(socket.number(), "+", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// Both sides have ended it, or it has broken, and all that came is read.
bool is_over(Fd const& socket) {
    pollfd look{socket.number(), 0, 0};
    int unread = 0;
    return ::poll(&look, 1, 0) == 1 && ::ioctl(socket.number(), FIONREAD, &unread) == 0 &&
           unread == 0;
}

// Something may be missing: whoever reads there must not take it for the end.
void break_off(Stream& stream) {
    boost::system::error_code ignored;
    stream.set_option(asio::socket_base::linger(true, 0), ignored);
    stream.close(ignored);
}

Task<> pass_on(std::shared_ptr<Stream> from, std::shared_ptr<Stream> to) {
    std::string bytes(65536, '\0');
    boost::system::error_code ignored;
    for (;;) {
        auto [ended, count] = co_await from->async_read_some(asio::buffer(bytes), no_throw);
        if (ended == asio::error::eof) {
            to->shutdown(Stream::shutdown_send, ignored);
            co_return;
        }
        if (ended || !to->is_open()) break;
        auto [unsent, sent] =
            co_await asio::async_write(*to, asio::buffer(bytes.data(), count), no_throw);
        if (unsent) break;
    }
    break_off(*from);
    break_off(*to);
}

void join(asio::io_context& io, Fd one, Fd other) {
    asio::generic::stream_protocol const tcp(AF_INET, IPPROTO_TCP);
    auto first = std::make_shared<Stream>(io, tcp, one.release());
    auto second = std::make_shared<Stream>(io, tcp, other.release());
    start(io, pass_on(first, second));
    start(io, pass_on(second, first));
}

} // namespace

Result<std::string> PostOffice::await_end(Awaited const& awaited) {
    std::string token = TRY(sys::random_bytes(line_token_size));
    if (awaited_.size() >= awaited_lines_max) return deny(EAGAIN, "too many lines are awaited");
    awaited_[token] = awaited;
    auto timer = std::make_shared<asio::steady_timer>(io_, line_token_patience);
    timer->async_wait([this, timer, token](boost::system::error_code) { awaited_.erase(token); });
    return token;
}

Task<MailReply> PostOffice::serve_end(std::string from, wire::MailEndQuestion question) {
    auto found = guest_ends_.find(question.ticket);
    bool its = found != guest_ends_.end() && found->second->home == from;
    bool wants_new = question.wish == MailEndWish::await || question.wish == MailEndWish::connect;
    if (wants_new) {
        if (!place_.hosts(from, question.process)) co_return only(ESRCH);
        if (question.ticket == 0 || found != guest_ends_.end()) co_return only(EEXIST);
        if (guest_ends_.size() >= ends_max) co_return only(EUSERS);
    }
    if (question.wish == MailEndWish::known) co_return only(knows(from, question.ticket));
    if (question.wish == MailEndWish::part) {
        if (!its) co_return only(ESRCH);
        part_end(*found->second);
        guest_ends_.erase(found);
        co_return only(0);
    }
    auto end = std::make_shared<GuestEnd>();
    end->home = from;
    end->other = question.other;
    end->process = question.process;
    if (question.wish == MailEndWish::connect) {
        if (auto waits = awaited_.find(question.token);
            waits != awaited_.end() && waits->second.kind == Awaited::Kind::guest)
            co_return only(make_ring(question.ticket, end, waits->first));
        auto socket = co_await connect(question.places, question.token, true);
        if (!socket) co_return only(EHOSTUNREACH);
        end->socket = std::move(*socket);
        keep_end(question.ticket, end);
        co_return only(0);
    }
    bool follows = question.wish == MailEndWish::follow;
    if (follows && !its) co_return only(ENOENT);
    if (!follows && question.wish != MailEndWish::await) co_return only(EINVAL);
    Awaited awaited;
    awaited.kind = follows ? Awaited::Kind::follower : Awaited::Kind::guest;
    awaited.ticket = question.ticket;
    awaited.end = end;
    auto token = await_end(awaited);
    if (!token) co_return only(EAGAIN);
    MailReply reply;
    reply.places = line_places_;
    reply.token = *token;
    co_return reply;
}

// Somebody has connected to an end that waited here.
void PostOffice::take_end(std::string const& token, Awaited const& awaited, Fd socket) {
    say_byte(socket);
    if (awaited.kind == Awaited::Kind::offered) {
        auto offered = offered_.find(token);
        if (offered != offered_.end()) offered->second->socket = std::move(socket);
        return;
    }
    if (awaited.kind == Awaited::Kind::guest) {
        awaited.end->socket = std::move(socket);
        return keep_end(awaited.ticket, awaited.end);
    }
    start(io_, let_follow(awaited.ticket, std::move(socket)));
}

// An end is given away once whoever follows it has said that he has the way to it: one that had
// given up meanwhile would take what had come with it.
Task<> PostOffice::let_follow(uint64_t ticket, Fd socket) {
    auto follower = waitable(io_, socket.number());
    auto found = guest_ends_.find(ticket);
    if (!follower || found == guest_ends_.end()) co_return;
    found->second->followed_at = monotonic_now();
    auto waiting = std::make_shared<asio::posix::stream_descriptor>(std::move(*follower));
    asio::steady_timer limit(io_, line_token_patience);
    limit.async_wait([waiting](boost::system::error_code canceled) {
        boost::system::error_code ignored;
        if (!canceled) waiting->cancel(ignored);
    });
    auto [unheard] =
        co_await waiting->async_wait(asio::posix::stream_descriptor::wait_read, no_throw);
    char word = 0;
    bool confirmed = !unheard && ::recv(socket.number(), &word, 1, MSG_DONTWAIT) == 1;
    found = guest_ends_.find(ticket);
    if (!confirmed || found == guest_ends_.end()) co_return;
    if (auto const& ring = found->second->ring)
        pass_on(io_, ring, std::move(socket));
    else
        join(io_, std::move(found->second->socket), std::move(socket));
    guest_ends_.erase(found);
}

// Both are guests here: their line goes through memory.
int PostOffice::make_ring(
    uint64_t ticket, std::shared_ptr<GuestEnd> const& end, std::string const& token) {
    auto rings = GuestRing::create();
    auto waits = awaited_.extract(token);
    if (!rings) return EAGAIN;
    end->ring = std::move(rings->first);
    waits.mapped().end->ring = std::move(rings->second);
    keep_end(ticket, end);
    keep_end(waits.mapped().ticket, waits.mapped().end);
    return 0;
}

void PostOffice::part_end(GuestEnd& end) {
    if (end.ring)
        part_from(io_, std::move(end.ring));
    else
        start(io_, part(std::move(end.socket)));
}

void PostOffice::keep_end(uint64_t ticket, std::shared_ptr<GuestEnd> const& end) {
    end->since = monotonic_now();
    if (guest_ends_.empty()) start(io_, look_after_ends());
    guest_ends_[ticket] = end;
}

void PostOffice::fetch(int answer_to, std::string_view body) {
    auto wanted = wire::decode<wire::MailFetch>(body);
    auto found = wanted ? guest_ends_.find(wanted->ticket) : guest_ends_.end();
    bool its = found != guest_ends_.end() && found->second->home == wanted->home &&
               found->second->process == wanted->process;
    auto const ring = its ? found->second->ring : nullptr;
    wire::MailFetched fetched{its ? 0 : ENOENT, ring ? ring->side() + 1 : 0};
    std::string answer = wire::mail_packet(MailType::fetched, fetched);
    std::vector<int> fds;
    if (its && ring) fds = {ring->bell(), ring->memory()};
    if (its && !ring) fds.push_back(found->second->socket.number());
    auto sent = sys::send_fds(answer_to, as_bytes(answer), fds);
    if (its && sent) found->second->fetched = true;
}

// Of ends that nobody fetched, that are over, or whose guest is gone without its home's knowledge.
Task<> PostOffice::look_after_ends() {
    while (!guest_ends_.empty()) {
        co_await pause_to_beat(io_, look_every);
        std::erase_if(guest_ends_, [](auto const& entry) {
            GuestEnd const& end = *entry.second;
            bool too_late = !end.fetched && monotonic_now() - end.since > fetched_within;
            return too_late || (end.ring ? end.ring->is_over() : is_over(end.socket));
        });
        auto const all = guest_ends_;
        for (auto const& [ticket, end] : all)
            if (!place_.hosts(end->home, end->process) &&
                monotonic_now() - end->followed_at > 2 * line_token_patience)
                start(io_, ask_home(ticket, end));
    }
}

Task<> PostOffice::ask_home(uint64_t ticket, std::shared_ptr<GuestEnd> end) {
    wire::MailEndQuestion question{MailEndWish::known, end->process, ticket, {}, {}, {}};
    auto reply = co_await ask<MailReply>(end->home, question, wire::mail_end_verb);
    bool gone = reply ? reply->code == ESRCH : reply.error().code == ESRCH;
    if (gone && guest_ends_.erase(ticket) != 0) part_end(*end);
}

void PostOffice::ends_of_lost(std::string const& node) {
    for (auto at = guest_ends_.begin(); at != guest_ends_.end();) {
        auto const end = at->second;
        if (end->other == node && end->socket) (void)::shutdown(end->socket.number(), SHUT_RDWR);
        at = end->home == node ? guest_ends_.erase(at) : std::next(at);
        if (end->home == node) part_end(*end);
    }
}

} // namespace rove::node
