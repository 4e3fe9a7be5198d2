// SPDX-License-Identifier: Apache-2.0
// GossipSocket: UDP.
#include "node/gossip_socket.hh"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "base/text.hh"
#include "node/host_port.hh"
#include "node/readable.hh"
#include "sys/timers.hh"

namespace rove::node {

namespace {

constexpr size_t headers_bytes = 28; // IPv4 and UDP
constexpr Nanos name_patience = std::chrono::seconds(30);
constexpr size_t told_max = 100;
constexpr Nanos breath = std::chrono::microseconds(300);

} // namespace

Result<std::unique_ptr<GossipSocket>> GossipSocket::create(
    asio::io_context& io, GossipBoard& board, std::string const& key) {
    Fd timer = TRY(sys::timer_fd());
    auto alarm = TRY(waitable(io, timer.number()));
    return std::unique_ptr<GossipSocket>(new GossipSocket(
        io, board, TRY(net::Sealer::create(key)), net::Opener(key), std::move(alarm)));
}

GossipSocket::GossipSocket(asio::io_context& io, GossipBoard& board, net::Sealer sealer,
    net::Opener opener, asio::posix::stream_descriptor alarm)
    : io_(io),
      board_(board),
      sealer_(std::move(sealer)),
      opener_(std::move(opener)),
      alarm_(std::move(alarm)) {}

Status GossipSocket::listen(std::string const& text) {
    HostPort at = TRY(split_address(text));
    boost::system::error_code error;
    auto address =
        asio::ip::make_address(at.host.empty() || at.host == "*" ? "::" : at.host, error);
    if (error) return deny(EINVAL, "'{}' is not a numeric address", at.host);
    udp::endpoint endpoint(address, static_cast<uint16_t>(std::stoi(at.port)));
    auto socket = std::make_shared<udp::socket>(io_);
    socket->open(endpoint.protocol(), error);
    if (!error) socket->bind(endpoint, error);
    if (!error) socket->non_blocking(true, error);
    if (error) return fail(error.value(), "cannot take datagrams on {}", text);
    sockets_.push_back({socket, endpoint.protocol()});
    return {};
}

void GossipSocket::begin() {
    for (Open const& each : sockets_)
        start(io_, receive_all(each.socket));
    start(io_, tick_all());
}

void GossipSocket::wake() {
    if (board_.due() == alarm_at_) return;
    alarm_at_ = board_.due();
    Nanos left = std::max(alarm_at_ - monotonic_now(), Nanos(1)); // none would be never
    if (Status set = sys::set_timer(alarm_.native_handle(), left); !set)
        spdlog::error("{}", set.error().sentence());
}

Task<> GossipSocket::tick_all() {
    for (;;) {
        if (auto letters = sealed(board_.tick(monotonic_now())); !letters.empty()) {
            // Thinking and sending take equally long: who computes on this core in step with others
            // shall have it back in between.
            co_await pause(io_, breath);
            send(letters);
        }
        alarm_at_ = Nanos(-1);
        wake();
        auto [error] =
            co_await alarm_.async_wait(asio::posix::stream_descriptor::wait_read, no_throw);
        if (error) co_return;
        (void)sys::read_timer(alarm_.native_handle());
    }
}

Task<> GossipSocket::receive_all(std::shared_ptr<udp::socket> socket) {
    std::array<char, wire::datagram_max + 1> buffer;
    for (;;) {
        udp::endpoint from;
        auto [error, count] =
            co_await socket->async_receive_from(asio::buffer(buffer), from, no_throw);
        if (error == asio::error::operation_aborted) co_return;
        if (error) {
            co_await pause(io_, std::chrono::milliseconds(100));
            continue;
        }
        net::Opener::Opened opened = opener_.open({buffer.data(), count});
        if (opened.fault != net::SealFault::none) {
            refuse(opened.fault, endpoints_.text_of(from));
            continue;
        }
        ++counts_.received;
        counts_.received_bytes += count + headers_bytes;
        carry(board_.receive(endpoints_.text_of(from), opened.plain, monotonic_now()));
        // Later, too: a question that is answered wakes nobody any more.
        wake();
    }
}

std::vector<GossipSocket::Letter> GossipSocket::sealed(std::vector<Outgoing> const& all) {
    std::vector<Letter> letters;
    for (Outgoing const& each : all) {
        auto to = resolve(each.to);
        auto text = to ? sealer_.seal(each.plain) : deny(EDESTADDRREQ, "not found yet");
        if (text) letters.push_back({*to, std::move(*text)});
    }
    return letters;
}

void GossipSocket::send(std::vector<Letter> const& letters) {
    for (Letter const& each : letters) {
        for (Open const& open : sockets_) {
            boost::system::error_code error;
            udp::endpoint target = each.to;
            if (open.protocol == udp::v6() && target.address().is_v4())
                target.address(
                    asio::ip::make_address_v6(asio::ip::v4_mapped, target.address().to_v4()));
            if (open.protocol != target.protocol()) continue;
            // What does not fit into the kernel's buffer is lost like any other datagram.
            (void)open.socket->send_to(asio::buffer(each.sealed), target, 0, error);
            ++counts_.sent;
            counts_.sent_bytes += each.sealed.size() + headers_bytes;
            break;
        }
    }
}

void GossipSocket::carry(std::vector<Outgoing> const& all) {
    send(sealed(all));
}

void GossipSocket::tell(std::string const& node) {
    carry(board_.tell(node, monotonic_now()));
}

void GossipSocket::leave() {
    carry(board_.leave(monotonic_now()));
}

void GossipSocket::refuse(net::SealFault fault, std::string const& from) {
    char const* why = "";
    switch (fault) {
    case net::SealFault::no_datagram:
        ++counts_.no_datagram;
        return;
    case net::SealFault::replayed:
        ++counts_.replayed;
        return;
    case net::SealFault::other_version:
        ++counts_.other_version;
        why = "it speaks another version of the protocol";
        break;
    case net::SealFault::forged:
        ++counts_.forged;
        why = "it has another cluster key";
        break;
    case net::SealFault::none:
        return;
    }
    if (told_.size() >= told_max || !told_.insert(from + why).second) return;
    spdlog::warn("datagrams from {} are dropped: {}", from, why);
}

std::optional<asio::ip::udp::endpoint> GossipSocket::resolve(std::string const& to) {
    if (auto numeric = endpoints_.numeric(to)) return numeric;
    if (!split_address(to)) return std::nullopt;
    Found& found = names_[to];
    if (found.asked == Nanos(0) || monotonic_now() - found.asked > name_patience) {
        found.asked = monotonic_now();
        start(io_, look_up(to));
    }
    return found.endpoint;
}

Task<> GossipSocket::look_up(std::string to) {
    auto at = split_address(to);
    udp::resolver resolver(io_);
    auto [error, results] = co_await resolver.async_resolve(at->host, at->port, no_throw);
    if (!error && !results.empty()) names_[to].endpoint = results.begin()->endpoint();
}

} // namespace rove::node
