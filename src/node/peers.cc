// SPDX-License-Identifier: Apache-2.0
// Peers: TLS connections between daemons.
#include "node/peers.hh"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <spdlog/spdlog.h>

#include "base/text.hh"
#include "net/tls.hh"
#include "node/config.hh"
#include "node/host_port.hh"
#include "sys/round_trip.hh"
#include "sys/sockets.hh"

namespace rove::node {

using asio::ip::tcp;
using wire::PeerType;

namespace {

constexpr size_t outbox_max = 16 << 20;
constexpr Nanos connect_patience = std::chrono::seconds(1);
// Until the other end has said who it is; until a connection that is of no use is closed.
constexpr Nanos greeting_patience = std::chrono::seconds(3), idle_max = std::chrono::seconds(60);
// Of connections whose other end has not said yet, under the cluster's key, who it is.
constexpr size_t strangers_max = 64, strangers_of_address_max = 8;

} // namespace

struct Pending {
    explicit Pending(asio::io_context& io) : done(io) {}
    Event done;
    std::optional<PeerReply> reply;
};

class PeerLink : public std::enable_shared_from_this<PeerLink> {
public:
    PeerLink(asio::io_context& io, tcp::socket a_socket, net::Tls a_tls, std::string an_address)
        : io_(io),
          socket(std::move(a_socket)),
          tls(std::move(a_tls)),
          address(std::move(an_address)),
          began(monotonic_now()),
          heard(began),
          ready(io) {}

    asio::io_context& io_;
    tcp::socket socket;
    net::Tls tls;
    std::string address;
    std::string name; // known after its hello; before that whom we dialled
    bool dialled = false, said_hello = false, greeted = false;
    uint64_t incarnation = 0;
    Nanos began, heard;
    Event ready; // greeted, or ended
    size_t serving = 0;
    std::string inbox;
    uint32_t last_request = 0;
    std::map<uint32_t, std::shared_ptr<Pending>> pending;

    template <class T> void send(PeerType type, uint32_t request, T const& message) {
        send_frame(wire::peer_frame(type, request, message));
    }
    void send_frame(std::string const& frame) {
        if (!tls.established()) return;
        if (!tls.write(frame)) return close();
        flush();
    }
    void flush() {
        outbox_ += tls.take_output();
        if (outbox_.size() > outbox_max) return close();
        if (!writing_ && !outbox_.empty()) start(io_, write_all());
    }
    void close() {
        boost::system::error_code ignored;
        socket.close(ignored);
    }

private:
    Task<> write_all() {
        auto self = shared_from_this();
        writing_ = true;
        while (!outbox_.empty()) {
            std::string part = std::exchange(outbox_, {});
            auto [error, count] = co_await asio::async_write(socket, asio::buffer(part), no_throw);
            if (error) {
                close();
                break;
            }
        }
        writing_ = false;
    }
    std::string outbox_;
    bool writing_ = false;
};

struct Peers::Listener {
    explicit Listener(tcp::acceptor a) : acceptor(std::move(a)) {}
    tcp::acceptor acceptor;
};

Peers::Peers(asio::io_context& io, GossipBoard& board, std::string psk, Serve serve)
    : io_(io), board_(board), psk_(std::move(psk)), serve_(std::move(serve)) {}
Peers::~Peers() = default;

Status Peers::listen(std::string const& text) {
    HostPort at = TRY(split_address(text));
    boost::system::error_code error;
    auto address =
        asio::ip::make_address(at.host.empty() || at.host == "*" ? "::" : at.host, error);
    if (error) return deny(EINVAL, "'{}' is not a numeric address", at.host);
    tcp::endpoint endpoint(address, static_cast<uint16_t>(std::stoi(at.port)));
    tcp::acceptor acceptor(io_);
    acceptor.open(endpoint.protocol(), error);
    if (!error) sys::avoid_pacing(acceptor.native_handle());
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(128, error);
    if (error) return fail(error.value(), "cannot listen on {}", text);
    start(io_, accept_all(std::make_shared<Listener>(std::move(acceptor))));
    return {};
}

Task<> Peers::accept_all(std::shared_ptr<Listener> listener) {
    for (;;) {
        auto [error, socket] = co_await listener->acceptor.async_accept(no_throw);
        if (error == asio::error::operation_aborted) co_return;
        if (error) {
            co_await pause(io_, std::chrono::milliseconds(100));
            continue;
        }
        boost::system::error_code ignored;
        auto from = socket.remote_endpoint(ignored).address().to_string();
        make_room(from);
        auto tls = net::Tls::create(psk_, net::Role::server);
        if (!tls) continue;
        socket.set_option(tcp::no_delay(true), ignored);
        auto link = std::make_shared<PeerLink>(io_, std::move(socket), std::move(*tls), from);
        start(io_, converse(link));
    }
}

// The oldest goes: a peer needs a few milliseconds, and whoever only occupies a place has done so
// for longest.
void Peers::make_room(std::string const& from) {
    std::shared_ptr<PeerLink> oldest, oldest_there;
    size_t strangers = 0, there = 0;
    for (auto const& weak : all_) {
        auto link = weak.lock();
        if (!link || link->greeted || link->dialled || !link->socket.is_open()) continue;
        ++strangers;
        if (!oldest) oldest = link;
        if (link->address != from) continue;
        ++there;
        if (!oldest_there) oldest_there = link;
    }
    if (there >= strangers_of_address_max)
        oldest_there->close();
    else if (strangers >= strangers_max)
        oldest->close();
}

namespace {

Task<Result<std::vector<tcp::endpoint>>> look_up(asio::io_context& io, std::string address) {
    auto at = split_address(address);
    if (!at) co_return tl::unexpected(at.error());
    std::vector<tcp::endpoint> found;
    boost::system::error_code not_numeric;
    auto numeric = asio::ip::make_address(at->host, not_numeric);
    if (!not_numeric) {
        found.emplace_back(numeric, static_cast<uint16_t>(std::stoi(at->port)));
        co_return found;
    }
    tcp::resolver resolver(io);
    auto [error, results] = co_await resolver.async_resolve(at->host, at->port, no_throw);
    if (error) co_return deny(error.value(), "{}", error.message());
    found.assign(results.begin(), results.end());
    co_return found;
}

} // namespace

Task<Result<tcp::socket>> Peers::connect(std::string address) {
    auto endpoints = co_await look_up(io_, std::move(address));
    if (!endpoints) co_return tl::unexpected(endpoints.error());
    // The limit's handler may already be due, and run after the end of this.
    auto shared = std::make_shared<tcp::socket>(io_);
    tcp::socket& socket = *shared;
    // A connect that nobody answers is given up after a second.
    asio::steady_timer limit(io_, connect_patience);
    limit.async_wait([shared](boost::system::error_code canceled) {
        boost::system::error_code ignored;
        if (!canceled) shared->close(ignored);
    });
    boost::system::error_code error = asio::error::host_not_found;
    for (auto const& endpoint : *endpoints) {
        if (limit.expiry() <= asio::steady_timer::clock_type::now()) break;
        boost::system::error_code ignored;
        socket.close(ignored);
        socket.open(endpoint.protocol(), error);
        if (error) continue;
        sys::avoid_pacing(socket.native_handle());
        auto [failed] = co_await socket.async_connect(endpoint, no_throw);
        error = failed;
        if (!error || error == asio::error::operation_aborted) break;
    }
    if (error == asio::error::operation_aborted || (!error && !socket.is_open()))
        co_return deny(ETIMEDOUT, "it does not answer");
    if (error) co_return deny(error.value(), "{}", error.message());
    co_return std::move(socket);
}

Task<bool> Peers::machine_answers(std::string node) {
    std::string address = board_.contact(node);
    if (address.empty()) co_return false;
    // Once may be one's own tardiness.
    for (int attempts = 0; attempts < 3; ++attempts) {
        auto socket = co_await connect(address);
        if (socket || socket.error().code == ECONNREFUSED) co_return true;
    }
    co_return false;
}

Task<> Peers::dial(std::string name) {
    std::string address = board_.contact(name);
    if (address.empty()) {
        board_.set_trouble(name, "its address is not known");
        co_return;
    }
    auto socket = co_await connect(address);
    if (!socket) {
        board_.set_trouble(name, socket.error().what);
        co_return;
    }
    auto tls = net::Tls::create(psk_, net::Role::client);
    if (!tls) co_return;
    boost::system::error_code ignored;
    socket->set_option(tcp::no_delay(true), ignored);
    auto link = std::make_shared<PeerLink>(io_, std::move(*socket), std::move(*tls), address);
    link->name = name;
    link->dialled = true;
    start(io_, converse(link));
    (void)co_await link->ready.wait(greeting_patience);
}

Task<> Peers::converse(std::shared_ptr<PeerLink> link) {
    std::erase_if(all_, [](auto const& weak) { return weak.expired(); });
    all_.push_back(link);
    link->flush();
    std::array<char, 16384> buffer;
    for (;;) {
        auto [error, count] = co_await link->socket.async_read_some(asio::buffer(buffer), no_throw);
        if (error) break;
        link->heard = monotonic_now();
        Status fed = link->tls.feed({buffer.data(), count});
        link->flush();
        if (!fed) {
            trouble(*link, fed.error());
            break;
        }
        if (!link->tls.established()) continue;
        if (!link->said_hello) {
            link->said_hello = true;
            wire::PeerHello hello;
            hello.name = board_.own().name;
            hello.incarnation = board_.own().incarnation;
            link->send(PeerType::hello, 0, hello);
        }
        auto plain = link->tls.read();
        if (!plain) {
            // What was written last by the other end tells of a key that differs.
            trouble(*link, plain.error());
            break;
        }
        link->inbox += *plain;
        bool good = true;
        while (good) {
            wire::PeerRead read = wire::read_peer_frame(link->inbox);
            if (read.bad) {
                spdlog::warn("peer {}: bytes that are no message; the connection is closed",
                    link->name.empty() ? link->address : link->name);
                good = false;
            }
            if (!read.frame) break;
            std::string body(read.body);
            link->inbox.erase(0, read.used);
            good = take(*link, *read.frame, body);
        }
        if (!good) break;
    }
    // Let the alert or the last words go out before the socket closes.
    co_await pause(io_, std::chrono::milliseconds(1));
    link->close();
    link->ready.set();
    for (auto& [number, pending] : link->pending)
        pending->done.set();
    auto found = links_.find(link->name);
    if (found != links_.end() && found->second == link) links_.erase(found);
}

void Peers::trouble(PeerLink& link, Error const& error) {
    std::string whom = link.name.empty() ? link.address : link.name;
    if (!link.name.empty()) board_.set_trouble(link.name, error.what);
    if (error.code == EPIPE || told_[whom] == error.what) return;
    told_[whom] = error.what;
    spdlog::warn("peer {}: {}", whom, error.what);
}

bool Peers::take_hello(PeerLink& link, std::string_view body) {
    auto hello = wire::decode<wire::PeerHello>(body);
    if (!hello) return false;
    if (link.dialled && hello->name != link.name) {
        trouble(link, Error(EPROTO, fmt::format("it calls itself '{}'", printable(hello->name))));
        return false;
    }
    // Who has the key is a member, also if the board has not heard of it yet.
    if (!is_node_name(hello->name) || hello->name == board_.own().name) {
        trouble(link, Error(EPROTO, fmt::format("it calls itself '{}'", printable(hello->name))));
        return false;
    }
    link.name = hello->name;
    if (hello->speaks_min > wire::peer_speaks_max || hello->speaks_max < wire::peer_speaks_min) {
        trouble(
            link, Error(EPROTO,
                      fmt::format("it speaks versions {} to {} of the protocol, this node {} to {}",
                          hello->speaks_min, hello->speaks_max, wire::peer_speaks_min,
                          wire::peer_speaks_max)));
        return false;
    }
    link.greeted = true;
    told_.erase(link.name);
    link.incarnation = hello->incarnation;
    // Both may have dialled at once; the other connection is used to its end.
    links_[link.name] = link.shared_from_this();
    link.ready.set();
    return true;
}

bool Peers::take(PeerLink& link, wire::PeerFrame const& frame, std::string_view body) {
    if (!link.greeted) return frame.type == PeerType::hello && take_hello(link, body);
    switch (frame.type) {
    case PeerType::offer:
    case PeerType::ask:
    case PeerType::withdraw:
        start(io_, answer(link.shared_from_this(), frame, std::string(body)));
        return true;
    case PeerType::accept:
    case PeerType::refuse:
    case PeerType::answer: {
        auto found = link.pending.find(frame.request);
        if (found == link.pending.end()) return true; // given up meanwhile
        found->second->reply = PeerReply{frame.type, std::string(body)};
        found->second->done.set();
        return true;
    }
    case PeerType::hello:
    case PeerType::none:
    case PeerType::retired_2:
    case PeerType::retired_3:
        break;
    }
    return false;
}

Task<> Peers::answer(std::shared_ptr<PeerLink> link, wire::PeerFrame frame, std::string body) {
    ++link->serving;
    PeerReply reply = co_await serve_(link->name, frame.type, std::move(body));
    --link->serving;
    if (reply.type == PeerType::none || !link->socket.is_open()) co_return;
    wire::PeerFrame head;
    head.length = static_cast<uint32_t>(reply.body.size());
    head.type = reply.type;
    head.request = frame.request;
    if (head.length > wire::peer_body_max(head.type)) co_return;
    link->send_frame(std::string(reinterpret_cast<char const*>(&head), sizeof head) + reply.body);
}

std::shared_ptr<PeerLink> Peers::open_link(std::string const& node) const {
    auto found = links_.find(node);
    return found != links_.end() && found->second->socket.is_open() ? found->second : nullptr;
}

// A daemon that is being restarted is still up for the others.
Task<std::shared_ptr<PeerLink>> Peers::link_to(std::string node) {
    Deadline patience = Deadline::after(std::chrono::seconds(1));
    for (;;) {
        if (auto link = open_link(node)) co_return link;
        if (auto found = dialling_.find(node); found != dialling_.end()) {
            auto dialled = found->second;
            (void)co_await dialled->wait(Nanos::max());
        } else {
            auto dialled = std::make_shared<Event>(io_);
            dialling_[node] = dialled;
            co_await dial(node);
            dialling_.erase(node);
            dialled->set();
        }
        if (auto link = open_link(node)) co_return link;
        auto member = board_.find(node, monotonic_now());
        bool may_come = member && member->state == MemberState::up;
        if (!may_come || patience.passed()) co_return nullptr;
        co_await pause(io_, std::chrono::milliseconds(50));
    }
}

// A question whose connection ended before the answer came is asked once more: an offer that was
// accepted twice is a reservation that expires.
Task<Result<PeerReply>> Peers::ask(
    std::string node, PeerType type, std::string body, Nanos timeout) {
    auto first = co_await ask_once(node, type, body, timeout);
    if (first || first.error().code != ECONNRESET) co_return first;
    co_return co_await ask_once(std::move(node), type, std::move(body), timeout);
}

Task<Result<PeerReply>> Peers::ask_once(
    std::string node, PeerType type, std::string body, Nanos timeout) {
    if (body.size() > wire::peer_body_max(type))
        co_return deny(EMSGSIZE, "the question to {} is too long", node);
    auto link = co_await link_to(node);
    if (!link) {
        auto member = board_.find(node, monotonic_now());
        std::string why =
            member && !member->trouble.empty() ? member->trouble : "it does not answer";
        co_return deny(EHOSTUNREACH, "{} cannot be reached: {}", node, why);
    }
    uint32_t number = ++link->last_request;
    auto pending = std::make_shared<Pending>(io_);
    link->pending[number] = pending;
    wire::PeerFrame head;
    head.length = static_cast<uint32_t>(body.size());
    head.type = type;
    head.request = number;
    link->send_frame(std::string(reinterpret_cast<char const*>(&head), sizeof head) + body);
    Nanos asked = monotonic_now();
    (void)co_await pending->done.wait(timeout);
    link->pending.erase(number);
    int code = link->socket.is_open() ? ETIMEDOUT : ECONNRESET;
    // Nobody is there any more; the next question gets a connection of its own.
    if (!pending->reply && link->heard < asked) link->close();
    if (!pending->reply) co_return fail(code, "{} cannot be reached: it does not answer", node);
    co_return std::move(*pending->reply);
}

void Peers::tell(std::string const& node, PeerType type, std::string const& body) {
    auto found = links_.find(node);
    if (found == links_.end()) return;
    wire::PeerFrame head;
    head.length = static_cast<uint32_t>(body.size());
    head.type = type;
    found->second->send_frame(
        std::string(reinterpret_cast<char const*>(&head), sizeof head) + body);
}

void Peers::beat() {
    Nanos now = monotonic_now();
    for (auto const& weak : std::vector(all_)) {
        auto link = weak.lock();
        if (!link) continue;
        bool idle = link->pending.empty() && link->serving == 0 && now - link->heard > idle_max;
        // Bytes that come to nothing do not keep a stranger here.
        bool silent = !link->greeted && now - link->began > greeting_patience;
        if (silent) trouble(*link, Error(ETIMEDOUT, "it does not answer"));
        if (idle || silent) link->close();
    }
}

std::map<std::string, Nanos> Peers::round_trips() const {
    std::map<std::string, Nanos> found;
    for (auto const& [name, link] : links_)
        if (link->socket.is_open())
            if (auto measured = sys::shortest_round_trip(link->socket.native_handle()))
                found[name] = *measured;
    return found;
}

void Peers::drop(std::string const& name, std::optional<uint64_t> all_but) {
    for (auto const& weak : std::vector(all_))
        if (auto link = weak.lock(); link && link->name == name && link->incarnation != all_but)
            link->close();
}

} // namespace rove::node
