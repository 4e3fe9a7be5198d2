// SPDX-License-Identifier: Apache-2.0
// Office: see office.hh.
#include "post/testing/office.hh"

#include <algorithm>

#include <poll.h>
#include <unistd.h>

#include "sys/sockets.hh"
#include "wire/mail_direct.hh"
#include "wire/mail_move.hh"

namespace rove::post::testing {

using wire::MailType;

namespace {

template <class T> void say(Fd const& socket, MailType type, T const& body, int fd = -1) {
    std::vector<int> fds;
    if (fd >= 0) fds.push_back(fd);
    (void)sys::send_fds(socket.number(), as_bytes(wire::mail_packet(type, body)), fds);
}

} // namespace

Office::Office(std::string path) : path_(std::move(path)) {
    ::setenv("ROVE_MAIL_SOCKET", path_.c_str(), 1);
    start();
}

Office::~Office() {
    stop();
    (void)::unlink(path_.c_str());
}

void Office::start() {
    auto listener = sys::unix_listen(path_, 0600, SOCK_SEQPACKET);
    listener_ = std::move(*listener);
    stopping_ = false;
    thread_ = std::thread([this] { run(); });
}

void Office::stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    listener_.close();
    clients_.clear();
}

void Office::run() {
    while (!stopping_) {
        std::vector<pollfd> ready{{listener_.number(), POLLIN, 0}};
        for (auto const& client : clients_)
            ready.push_back({client.socket.number(), POLLIN, 0});
        if (::poll(ready.data(), ready.size(), 10) <= 0) continue;
        for (size_t i = 1; i < ready.size(); ++i)
            if (ready[i].revents != 0 && !serve(clients_[i - 1])) clients_[i - 1].socket.close();
        std::erase_if(clients_, [](auto const& client) { return !client.socket; });
        if (ready[0].revents == 0) continue;
        if (auto socket = sys::accept(listener_.number()))
            clients_.push_back({std::move(*socket), 0});
    }
}

bool Office::serve(Client& client) {
    auto got = sys::recv_fds(client.socket.number(), wire::mail_packet_max);
    if (!got || got->bytes.empty()) {
        if (client.incarnation != 0) known_.erase(client.incarnation);
        return false;
    }
    auto packet = wire::open_mail_packet(as_text(got->bytes));
    if (!packet) return false;
    if (packet->type == MailType::open) {
        auto open = wire::decode<wire::MailOpen>(packet->body);
        if (open->incarnation != 0 && !known_.contains(open->incarnation)) {
            say(client.socket, MailType::denied, wire::MailDenied{ESTALE});
            return false;
        }
        client.incarnation = open->incarnation != 0 ? open->incarnation : ++last_;
        wire::MailAddress own{"home", ::getpid(), client.incarnation};
        known_[client.incarnation] = own;
        say(client.socket, MailType::opened, wire::MailOpened{own});
        if (count_every_ms > 0)
            say(client.socket, MailType::count, wire::MailCount{count_every_ms});
    } else if (packet->type == MailType::call) {
        call(client, *wire::decode<wire::MailCall>(packet->body));
    } else if (packet->type == MailType::counted) {
        auto counted = wire::decode<wire::MailCounted>(packet->body);
        std::scoped_lock lock(counting_);
        for (auto const& talk : counted->talks)
            counted_[{client.incarnation, talk.incarnation}] = talk.messages;
    } else if (packet->type == MailType::used) {
        if (goes_direct) go_direct(client, wire::decode<wire::MailUsed>(packet->body)->number);
    } else if (packet->type == MailType::move) {
        auto wish = wire::decode<wire::MailMove>(packet->body);
        ++move_wishes;
        for (int times = 0; move_code >= 0 && times < 2; ++times)
            say(client.socket, MailType::moved, wire::MailMoved{wish->question, move_code});
    } else if (packet->type == MailType::find) {
        auto find = wire::decode<wire::MailFind>(packet->body);
        wire::MailFound found{find->question, ESRCH, {}};
        for (auto const& [incarnation, address] : known_)
            if (address.process == find->process) found = {find->question, 0, address};
        say(client.socket, MailType::found, found);
    }
    return true;
}

uint64_t Office::counted(uint64_t by, uint64_t about) {
    std::scoped_lock lock(counting_);
    auto found = counted_.find({by, about});
    return found == counted_.end() ? 0 : found->second;
}

void Office::go_direct(Client& client, uint64_t number) {
    auto line = made_.find(number);
    if (line == made_.end()) return;
    uint64_t own = client.incarnation;
    auto [one, two] = line->second;
    made_.erase(line);
    auto other = std::find_if(clients_.begin(), clients_.end(), [&](auto const& each) {
        return each.socket && each.incarnation == (own == one ? two : one);
    });
    if (other == clients_.end()) return;
    auto ends = sys::socket_pair();
    ++last_line_;
    ++offers;
    auto tell = [&](Client& whom, uint64_t peer, int end) {
        wire::MailDirect direct;
        direct.line = {known_[peer], last_line_, true, true};
        say(whom.socket, MailType::direct, direct, end);
    };
    tell(client, other->incarnation, ends->first.number());
    tell(*other, own, ends->second.number());
}

void Office::call(Client& client, wire::MailCall const& what) {
    auto other = std::find_if(clients_.begin(), clients_.end(),
        [&](auto const& each) { return each.socket && each.incarnation == what.to.incarnation; });
    if (!allows) return say(client.socket, MailType::refused, wire::MailRefused{what.to, EPERM});
    if (other == clients_.end())
        return say(client.socket, MailType::refused, wire::MailRefused{what.to, ESRCH});
    auto ends = sys::socket_pair();
    last_line_ = std::max(last_line_, what.above) + 1;
    made_[last_line_] = {client.incarnation, what.to.incarnation};
    say(client.socket, MailType::line, wire::MailLine{what.to, last_line_, true, true},
        ends->first.number());
    say(other->socket, MailType::line,
        wire::MailLine{known_[client.incarnation], last_line_, true, true}, ends->second.number());
}

} // namespace rove::post::testing
