// SPDX-License-Identifier: Apache-2.0
// PostOffice: making lines: two ends of a socket pair, or a TCP connection to another office.
#include <algorithm>

#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>

#include "node/host_port.hh"
#include "node/mail_rights.hh"
#include "node/post_office.hh"
#include "node/post_office_parts.hh"
#include "sys/random.hh"
#include "sys/sockets.hh"

namespace rove::node {

using asio::ip::tcp;
using wire::MailType;

namespace {

constexpr size_t token_size = line_token_size, strangers_max = 64, awaited_max = awaited_lines_max;
constexpr size_t outbox_max = 256; // lines that a process has not taken yet
constexpr Nanos token_patience = line_token_patience;

// A peer that is gone without a word is the board's business; this is for when no office has the
// line any more. No limit on unacknowledged bytes: it would end lines whose reader takes its time.
void tend(int fd) {
    (void)sys::set_nodelay(fd, true);
    (void)sys::set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    (void)sys::set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
    (void)sys::set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 20);
}

Result<Fd> release(tcp::socket& socket) {
    boost::system::error_code error;
    Fd fd(socket.release(error));
    if (error) return fail(error.value(), "cannot take a connection out of the loop");
    return fd;
}

// Closes what does not come to its end in time. Its timer may have run out already when it is over.
class Patience {
public:
    Patience(asio::io_context& io, tcp::socket& socket, Nanos time) : timer_(io, time) {
        // One that has fallen due is called without an error, also when it is cancelled after that.
        timer_.async_wait([&socket, waits = waits_](boost::system::error_code canceled) {
            boost::system::error_code ignored;
            if (!canceled && *waits) socket.close(ignored);
        });
    }
    ~Patience() { *waits_ = false; }
    Patience(Patience const&) = delete;
    Patience& operator=(Patience const&) = delete;

private:
    std::shared_ptr<bool> waits_ = std::make_shared<bool>(true);
    asio::steady_timer timer_;
};

} // namespace

// Who is there still when it has been looked at: its socket may have heirs that outlive it, and its
// PID another owner.
Result<wire::MailSender> PostOffice::sender_of(Box const& box) const {
    auto sender = TRY(look_sender(box.pid));
    if (!alive(box)) return deny(ESRCH, "its process has ended");
    sender.address = box.address;
    return sender;
}

// Numbers grow, here and against what the caller knows; those of other offices may lie between, and
// it should not happen that two offices give a mailbox the same one.
uint64_t PostOffice::next_number(uint64_t above) {
    auto now = static_cast<uint64_t>(real_now().count());
    last_number_ = std::max({now, above + 1, last_number_ + 1});
    return last_number_;
}

Task<> PostOffice::call(BoxPtr box, wire::MailCall what) {
    for (;;) {
        Box::Partner& partner = box->partners[what.to.incarnation];
        if (partner.open && partner.number > what.above) break; // it comes, or has come meanwhile
        int code = EAGAIN;
        if (what.to.home == place_.node) {
            code = call_here(box, what);
        } else if (!awaits(*box, what.to)) {
            partner.calling = true;
            code = co_await call_there(box, what);
            partner.calling = false;
        }
        // From now on for both: the other one may live, and call.
        if (code == ESRCH) box->partners[what.to.incarnation].gone = true;
        if (code != 0 && code != EAGAIN)
            say(box, wire::mail_packet(MailType::refused, refusal(what.to, code)));
        if (code != EAGAIN || box->closed) break;
        co_await pause(io_, std::chrono::milliseconds(200));
        if (box->closed) break;
    }
    --box->calls;
}

// Whether the other side has called, and its line is on its way here.
bool PostOffice::awaits(Box const& box, wire::MailAddress const& other) const {
    return std::any_of(awaited_.begin(), awaited_.end(), [&](auto const& entry) {
        return entry.second.incarnation == box.address.incarnation &&
               entry.second.line.peer.incarnation == other.incarnation;
    });
}

int PostOffice::call_here(BoxPtr const& box, wire::MailCall const& what) {
    BoxPtr other = find_box(what.to);
    if (!other || other->partners[box->address.incarnation].gone) return ESRCH;
    auto from = sender_of(*box), to = sender_of(*other);
    if (!from || !to) return ESRCH;
    if (!may_send(*from, *to)) return EPERM;
    if (other->outbox.size() >= outbox_max) return EAGAIN;
    auto ends = sys::socket_pair(SOCK_STREAM);
    if (!ends) return EAGAIN;
    bool back = may_send(*to, *from);
    uint64_t number =
        next_number(std::max(what.above, other->partners[box->address.incarnation].number));
    hand_over(box, {other->address, number, true, back}, std::move(ends->first));
    hand_over(other, {box->address, number, back, true}, std::move(ends->second));
    return 0;
}

Task<int> PostOffice::call_there(BoxPtr box, wire::MailCall const& what) {
    auto from = sender_of(*box);
    if (!from) co_return ESRCH;
    wire::MailQuestion question{*from, what.to, what.above};
    auto reply = co_await ask<wire::MailReply>(what.to.home, question, wire::mail_verb);
    if (!reply) co_return reply.error().code == ESRCH ? ESRCH : EAGAIN;
    if (reply->code != 0) co_return reply->code;
    auto socket = co_await connect(reply->places, reply->token, false);
    if (!socket || box->closed) co_return EAGAIN;
    // What comes is limited by what the other office says of its process, and by what ours may.
    bool back = may_send(reply->to, *from);
    hand_over(box, {what.to, reply->number, reply->speaks, back}, std::move(*socket));
    co_return 0;
}

Task<Result<Fd>> PostOffice::connect(
    std::vector<std::string> places, std::string token, bool acknowledged) {
    for (std::string const& place : places) {
        auto at = split_address(place);
        boost::system::error_code not_numeric;
        auto address = asio::ip::make_address(at ? at->host : "", not_numeric);
        if (!at || not_numeric) continue;
        tcp::endpoint endpoint(address, static_cast<uint16_t>(std::stoi(at->port)));
        tcp::socket socket(io_);
        boost::system::error_code not_made;
        socket.open(endpoint.protocol(), not_made);
        if (not_made) continue;
        sys::avoid_pacing(socket.native_handle());
        Patience patience(io_, socket, std::chrono::seconds(2));
        auto [failed] = co_await socket.async_connect(endpoint, no_throw);
        if (failed) continue;
        auto [unsent, count] = co_await asio::async_write(socket, asio::buffer(token), no_throw);
        if (unsent || !socket.is_open()) continue;
        if (acknowledged) {
            char byte = 0;
            auto [unread, got] =
                co_await asio::async_read(socket, asio::buffer(&byte, 1), no_throw);
            if (unread || !socket.is_open()) continue;
        }
        tend(socket.native_handle());
        co_return release(socket);
    }
    co_return deny(EHOSTUNREACH, "no line to {}", places.empty() ? "nowhere" : places.front());
}

Task<wire::MailReply> PostOffice::serve_line(std::string from, wire::MailQuestion question) {
    wire::MailReply reply;
    reply.code = ESRCH;
    if (question.from.address.home != from || question.to.home != place_.node) co_return reply;
    BoxPtr box =
        question.to.incarnation == 0 ? newest_of(question.to.process) : find_box(question.to);
    auto to = box ? sender_of(*box) : deny(ESRCH, "no such mailbox");
    if (!to) co_return reply;
    bool allowed = may_send(question.from, *to);
    if (question.to.incarnation == 0) {
        if (!allowed) co_return reply;
        reply.code = 0;
        reply.to.address = box->address;
        co_return reply;
    }
    reply.code = EPERM;
    if (!allowed) co_return reply;
    reply.code = EAGAIN;
    Box::Partner const& partner = box->partners[question.from.address.incarnation];
    if (partner.gone) {
        reply.code = ESRCH;
        co_return reply;
    }
    bool on_its_way = partner.open && partner.number > question.above &&
                      monotonic_now() - partner.since < token_patience;
    // If both ask at once, one of the two is answered.
    bool ours_goes_first =
        partner.calling && box->address.incarnation < question.from.address.incarnation;
    if (on_its_way || ours_goes_first) co_return reply;
    auto token = sys::random_bytes(token_size);
    if (!token || box->outbox.size() >= outbox_max || awaited_.size() >= awaited_max)
        co_return reply;
    reply.code = 0;
    reply.to = *to;
    reply.speaks = true;
    reply.number = next_number(std::max(question.above, partner.number));
    reply.places = line_places_;
    reply.token = *token;
    awaited_[*token] = {box->address.incarnation,
        {question.from.address, reply.number, may_send(*to, question.from), true},
        Awaited::Kind::line, 0, nullptr};
    auto timer = std::make_shared<asio::steady_timer>(io_, token_patience);
    timer->async_wait(
        [this, timer, key = *token](boost::system::error_code) { awaited_.erase(key); });
    co_return reply;
}

Status PostOffice::listen() {
    for (std::string const& text : place_.addresses) {
        boost::system::error_code error;
        auto address = asio::ip::make_address(text, error);
        if (error) continue;
        tcp::endpoint endpoint(address, 0);
        auto acceptor = std::make_shared<tcp::acceptor>(io_);
        acceptor->open(endpoint.protocol(), error);
        if (!error) sys::avoid_pacing(acceptor->native_handle());
        if (!error) acceptor->bind(endpoint, error);
        if (!error) acceptor->listen(128, error);
        if (error) {
            spdlog::warn("mailboxes: cannot listen on {}: {}", text, error.message());
            continue;
        }
        uint16_t port = acceptor->local_endpoint().port();
        line_places_.push_back(address.is_v6() ? fmt::format("[{}]:{}", text, port)
                                               : fmt::format("{}:{}", text, port));
        start(io_, accept_lines(acceptor));
    }
    return {};
}

Task<> PostOffice::accept_lines(std::shared_ptr<tcp::acceptor> acceptor) {
    for (;;) {
        auto [error, socket] = co_await acceptor->async_accept(no_throw);
        if (error == asio::error::operation_aborted) co_return;
        if (error || strangers_ >= strangers_max) {
            co_await pause(io_, std::chrono::milliseconds(20));
            continue;
        }
        start(io_, receive_line(std::move(socket)));
    }
}

Task<> PostOffice::receive_line(tcp::socket socket) {
    std::string token(token_size, '\0');
    boost::system::error_code error;
    {
        ++strangers_;
        Patience patience(io_, socket, std::chrono::seconds(2));
        auto [failed, count] = co_await asio::async_read(socket, asio::buffer(token), no_throw);
        error = failed;
        --strangers_;
    }
    auto found = awaited_.find(token);
    if (error || found == awaited_.end()) co_return;
    Awaited awaited = std::move(found->second);
    awaited_.erase(found);
    tend(socket.native_handle());
    if (awaited.kind != Awaited::Kind::line) {
        if (auto fd = release(socket)) take_end(token, awaited, std::move(*fd));
        co_return;
    }
    auto box = boxes_.find(awaited.incarnation);
    if (box == boxes_.end()) co_return;
    if (auto fd = release(socket)) hand_over(box->second, awaited.line, std::move(*fd));
}

void PostOffice::hand_over(BoxPtr const& box, wire::MailLine const& line, Fd socket) {
    if (box->closed) return;
    Box::Partner& partner = box->partners[line.peer.incarnation];
    partner.address = line.peer;
    partner.number = line.number;
    partner.open = true;
    partner.used = 0;
    partner.address = line.peer;
    partner.since = monotonic_now();
    if (line.peer.home != place_.node)
        box->held[line.number] = {line.peer.home, Fd(::fcntl(socket.number(), F_DUPFD_CLOEXEC, 3))};
    want_counts(box);
    say(box, wire::mail_packet(MailType::line, line), std::move(socket));
}

void PostOffice::say(BoxPtr const& box, std::string packet, Fd descriptor) {
    if (box->closed) return;
    box->outbox.push_back({std::move(packet), std::move(descriptor)});
    if (box->socket && !box->delivering) start(io_, deliver(box));
}

// Whoever does not read keeps its packets waiting here, nobody else.
Task<> PostOffice::deliver(BoxPtr box) {
    box->delivering = true;
    asio::posix::stream_descriptor ready(io_, ::fcntl(box->socket.number(), F_DUPFD_CLOEXEC, 3));
    while (!box->outbox.empty() && !box->closed) {
        auto const& packet = box->outbox.front();
        std::vector<int> fds;
        if (packet.descriptor) fds.push_back(packet.descriptor.number());
        auto sent = sys::send_fds(box->socket.number(), as_bytes(packet.bytes), fds);
        if (sent) {
            box->outbox.pop_front();
            continue;
        }
        int code = sent.error().code;
        if (code == EAGAIN) {
            auto [error] =
                co_await ready.async_wait(asio::posix::stream_descriptor::wait_write, no_throw);
            if (error) break;
        } else if (code == ETOOMANYREFS || code == ENOBUFS || code == ENOMEM) {
            co_await pause(io_, std::chrono::milliseconds(20));
        } else {
            break; // it is gone; whoever reads from it will see that
        }
    }
    box->delivering = false;
}

// Its process is gone: what it has written goes out, what comes for it is nobody's. Closing a
// socket with unread bytes would throw away what is still to be sent.
Task<> PostOffice::part(Fd socket) {
    (void)::shutdown(socket.number(), SHUT_WR);
    asio::posix::stream_descriptor ready(io_, socket.release());
    std::string nobodys(65536, '\0');
    for (;;) {
        auto [error] =
            co_await ready.async_wait(asio::posix::stream_descriptor::wait_read, no_throw);
        if (error) co_return;
        ssize_t count = ::recv(ready.native_handle(), nobodys.data(), nobodys.size(), MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (count <= 0) co_return;
    }
}

} // namespace rove::node
