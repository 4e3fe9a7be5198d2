// SPDX-License-Identifier: Apache-2.0
// Landing: see landing.hh.
#include "warden/landing.hh"

#include <sys/socket.h>

#include <cstring>

#include "base/log.hh"
#include "sys/sockets.hh"

namespace rove::warden {

using wire::Hello;

namespace {

constexpr size_t pending_max = 64;
constexpr Nanos hello_time = std::chrono::seconds(2);

Result<Fd> listen_at(std::string const& address, uint16_t port) {
    return sys::tcp_listen(TRY(sys::Endpoint::parse(address, port)), 64);
}

// One address if there is exactly one, else all of this network namespace.
Result<Fd> listen_on(std::vector<std::string> const& addresses, uint16_t port) {
    if (addresses.size() == 1) return listen_at(addresses[0], port);
    auto both = listen_at("::", port);
    if (both) return both;
    return listen_at("0.0.0.0", port);
}

} // namespace

bool check_version(Hello const& hello) {
    return hello.magic == wire::session_magic && hello.version == wire::session_version;
}

bool check_token(Hello const& hello, std::string const& token) {
    // Every byte is looked at, whatever the first ones say.
    unsigned difference = wire::is_token(token) ? 0 : 1;
    for (size_t i = 0; i < sizeof hello.token && i < token.size(); ++i)
        difference |= static_cast<unsigned>(hello.token[i] ^ static_cast<uint8_t>(token[i]));
    return difference == 0;
}

Landing::Landing(sys::Loop& loop, Judge judge, Arrived arrived)
    : loop_(loop), judge_(std::move(judge)), arrived_(std::move(arrived)) {}

Landing::~Landing() {
    while (!pending_.empty())
        drop(pending_.begin());
    if (listener_) loop_.unwatch(listener_.number());
}

Status Landing::listen(wire::WardenOrder const& order) {
    Result<Fd> made =
        fail(EADDRINUSE, "no port is free in {}-{}", order.port_first, order.port_last);
    if (order.port_first == 0) {
        made = listen_on(order.listen, 0);
    } else {
        uint32_t last = std::max(order.port_first, order.port_last);
        for (uint32_t port = order.port_first; port <= last && !made; ++port)
            made = listen_on(order.listen, static_cast<uint16_t>(port));
    }
    listener_ = TRY(std::move(made));
    port_ = TRY(sys::local_endpoint(listener_.number())).port();
    loop_.watch(listener_.number(), POLLIN, [this](short) { accept(); });
    return {};
}

void Landing::accept() {
    auto accepted = sys::accept(listener_.number());
    if (!accepted) return;
    if (pending_.size() >= pending_max) {
        LOG(warn, "too many connections without a hello");
        return;
    }
    (void)sys::set_nodelay(accepted->number(), true);
    pending_.push_back(Guestbook{std::move(*accepted), {}, 0});
    auto entry = std::prev(pending_.end());
    entry->limit = loop_.after(hello_time, [this, entry] {
        entry->limit = 0;
        drop(entry);
    });
    loop_.watch(entry->socket.number(), POLLIN, [this, entry](short) { read(entry); });
}

void Landing::drop(std::list<Guestbook>::iterator entry) {
    if (entry->limit != 0) loop_.cancel(entry->limit);
    if (entry->socket) loop_.unwatch(entry->socket.number());
    pending_.erase(entry);
}

void Landing::read(std::list<Guestbook>::iterator entry) {
    char bytes[sizeof(Hello)];
    // Exactly the hello: what follows belongs to whoever gets the connection.
    ssize_t got =
        recv(entry->socket.number(), bytes, sizeof(Hello) - entry->bytes.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return drop(entry);
    entry->bytes.append(bytes, static_cast<size_t>(got));
    if (entry->bytes.size() < sizeof(Hello)) return;
    Hello hello;
    std::memcpy(&hello, entry->bytes.data(), sizeof hello);
    Verdict verdict = check_version(hello) ? judge_(hello) : Verdict::wrong_version;
    wire::HelloReply reply;
    reply.ok = static_cast<uint16_t>(verdict);
    bool sent = send(entry->socket.number(), &reply, sizeof reply, MSG_NOSIGNAL | MSG_DONTWAIT) ==
                sizeof reply;
    Fd socket;
    if (sent && verdict == Verdict::ok) {
        loop_.unwatch(entry->socket.number());
        socket = std::move(entry->socket);
        if (hello.kind == wire::Kind::link || hello.kind == wire::Kind::spare)
            (void)sys::give_room(socket.number());
    } else {
        // Who comes too early, for a child that is not born yet, comes again.
        if (verdict != Verdict::nothing_expected)
            LOG(warn, "a connection was refused: verdict {}", reply.ok);
    }
    drop(entry);
    if (socket) arrived_(hello, std::move(socket));
}

} // namespace rove::warden
