// SPDX-License-Identifier: Apache-2.0
// Control: HTTP on a UNIX socket.
#include "node/control.hh"

#include <optional>

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/json/serialize.hpp>

#include "base/text.hh"
#include "node/visitors.hh"
#include "sys/files.hh"
#include "sys/sockets.hh"

namespace rove::node {

namespace beast = boost::beast;
namespace http = beast::http;
namespace json = boost::json;
using Socket = asio::local::stream_protocol::socket;

namespace {

constexpr uint64_t body_max = 1 << 20;
constexpr uint32_t header_max = 16 << 10;
constexpr size_t said_max = 4096;       // in one message by a follower, who has nothing to say
constexpr size_t backlog_max = 1 << 20; // of events for one follower that does not read
constexpr Nanos idle_max =
    std::chrono::seconds(10); // without a request, or with an answer that is not read

http::status status_of(int code) {
    switch (code) {
    case 0:
        return http::status::ok;
    case 2:
        return http::status::bad_request;
    case 3:
        return http::status::conflict;
    case 4:
        return http::status::not_found;
    case 5:
        return http::status::service_unavailable;
    default:
        return http::status::unprocessable_entity;
    }
}

std::string answer_text(Outcome const& outcome) {
    if (outcome.code == 0) return json::serialize(outcome.body) + "\n";
    json::object object{{"error", outcome.error}, {"code", outcome.code}};
    if (!outcome.reason.empty()) object["reason"] = outcome.reason;
    if (!outcome.members.is_null()) object["members"] = outcome.members;
    return json::serialize(object) + "\n";
}

// Closes a connection on which nothing comes to its end for too long.
class Patience {
public:
    Patience(asio::io_context& io, std::shared_ptr<Socket> const& socket) : timer_(io, idle_max) {
        timer_.async_wait([socket](boost::system::error_code canceled) {
            boost::system::error_code ignored;
            if (!canceled) socket->close(ignored);
        });
    }

private:
    asio::steady_timer timer_;
};

// A follower of events: lines wait here until the socket takes them.
struct Backlog {
    explicit Backlog(asio::io_context& io) : news(std::make_shared<Event>(io)) {}
    std::shared_ptr<Event> news;
    std::string lines;
    bool overrun = false;
    void add(std::string const& line) {
        if (lines.size() + line.size() > backlog_max)
            overrun = true;
        else
            lines += line;
        news->set();
    }
};

double since_of(std::string_view query) {
    for (std::string_view part : split(query, '&')) {
        auto [key, value] = cut(part, '=');
        if (key == "since")
            if (auto number = parse_decimal(value)) return *number;
    }
    // Without it only what is new: no event has happened this late.
    return 1e18;
}

// Ends when the follower closes his side: he is not expected to say anything.
Task<> await_close(Socket& socket, Backlog& backlog) {
    char byte;
    (void)co_await socket.async_read_some(asio::buffer(&byte, 1), no_throw);
    backlog.overrun = true;
    backlog.news->set();
}

template <class Send>
Task<> follow(asio::io_context& io, Node& node, double since, Backlog& backlog, Send send) {
    uint64_t id =
        node.happenings().follow(since, [&](std::string const& line) { backlog.add(line); });
    while (!backlog.overrun) {
        if (backlog.lines.empty()) {
            (void)co_await backlog.news->wait(Nanos::max());
            backlog.news = std::make_shared<Event>(io);
            continue;
        }
        std::string part = std::exchange(backlog.lines, {});
        if (!co_await send(part)) break;
    }
    node.happenings().unfollow(id);
}

Task<> serve_chunks(
    asio::io_context& io, Node& node, std::shared_ptr<Socket> socket, double since) {
    std::string head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n"
        "Connection: close\r\n\r\n";
    auto patience = std::make_optional<Patience>(io, socket);
    auto [error, count] = co_await asio::async_write(*socket, asio::buffer(head), no_throw);
    patience.reset();
    if (error) co_return;
    auto backlog = std::make_shared<Backlog>(io);
    asio::co_spawn(
        io,
        [](std::shared_ptr<Socket> s, std::shared_ptr<Backlog> b) -> Task<> {
            co_await await_close(*s, *b);
        }(socket, backlog),
        asio::detached);
    co_await follow(io, node, since, *backlog, [&](std::string const& part) -> Task<bool> {
        std::string chunk = fmt::format("{:x}\r\n", part.size()) + part + "\r\n";
        Patience limit(io, socket);
        auto [failed, sent] = co_await asio::async_write(*socket, asio::buffer(chunk), no_throw);
        co_return !failed;
    });
    boost::system::error_code ignored;
    socket->close(ignored);
}

Task<> serve_websocket(asio::io_context& io, Node& node, std::shared_ptr<Socket> socket,
    http::request<http::string_body> request, double since) {
    auto stream = std::make_shared<beast::websocket::stream<Socket&>>(*socket);
    auto patience = std::make_optional<Patience>(io, socket);
    auto [error] = co_await stream->async_accept(request, no_throw);
    patience.reset();
    if (error) co_return;
    stream->text(true);
    stream->read_message_max(said_max);
    auto backlog = std::make_shared<Backlog>(io);
    asio::co_spawn(
        io,
        [](auto s, [[maybe_unused]] auto kept, std::shared_ptr<Backlog> b) -> Task<> {
            beast::flat_buffer said;
            for (;;) { // pings and his goodbye
                auto [failed, count] = co_await s->async_read(said, no_throw);
                if (failed) break;
                said.clear();
            }
            b->overrun = true;
            b->news->set();
        }(stream, socket, backlog),
        asio::detached);
    co_await follow(io, node, since, *backlog, [&](std::string const& part) -> Task<bool> {
        Patience limit(io, socket);
        for (std::string_view line : lines(part)) {
            auto [failed, sent] =
                co_await stream->async_write(asio::buffer(line.data(), line.size()), no_throw);
            if (failed) co_return false;
        }
        co_return true;
    });
    boost::system::error_code ignored;
    socket->close(ignored);
}

// Said at once and without hearing him: whoever has too many connections pays no attention to one
// of them.
void turn_away(Socket& socket, Visitors::Limits limits) {
    std::string body = answer_text(Outcome::failed(
        1, fmt::format("too many connections to roved are open: one user may have {}, "
                       "all together {}; end some, or try again in a moment",
               limits.of_party, limits.all)));
    std::string text =
        fmt::format("HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                    "Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.size()) +
        body;
    (void)::send(socket.native_handle(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

Task<> serve(asio::io_context& io, std::shared_ptr<Socket> socket, Node& node,
    std::shared_ptr<Visitors> visitors) {
    auto calling = caller_of(socket->native_handle());
    if (!calling) co_return;
    Caller caller = *calling;
    auto place = visitors->enter(caller.uid, [socket] {
        boost::system::error_code ignored;
        socket->close(ignored);
    });
    if (!place) {
        turn_away(*socket, visitors->limits());
        co_return;
    }
    struct Visit {
        Visitors& visitors;
        uint64_t place;
        ~Visit() { visitors.leave(place); }
    } visit{*visitors, *place};
    beast::flat_buffer buffer(header_max + body_max);
    for (;;) {
        http::request_parser<http::string_body> parser;
        parser.header_limit(header_max);
        parser.body_limit(body_max);
        auto patience = std::make_optional<Patience>(io, socket);
        auto [error, count] = co_await http::async_read(*socket, buffer, parser, no_throw);
        patience.reset();
        if (error == http::error::end_of_stream || error == asio::error::operation_aborted)
            co_return;
        Outcome outcome;
        bool keep = false;
        std::string target;
        if (error) {
            outcome = Outcome::failed(2, "the request is no HTTP request: " + error.message());
        } else {
            auto const& request = parser.get();
            keep = request.keep_alive();
            target = std::string(request.target());
            std::string_view path = target, query;
            std::tie(path, query) = cut(target, '?');
            if (path == "/v1/events" && request.method() == http::verb::get) {
                if (beast::websocket::is_upgrade(request))
                    co_await serve_websocket(io, node, socket, parser.release(), since_of(query));
                else
                    co_await serve_chunks(io, node, socket, since_of(query));
                co_return;
            }
            outcome = co_await node.serve(std::string(request.method_string()), std::string(path),
                std::string(query), request.body(), caller);
        }
        http::response<http::string_body> response(status_of(outcome.code), 11);
        response.set(http::field::content_type, "application/json");
        response.keep_alive(keep);
        response.body() = answer_text(outcome);
        response.prepare_payload();
        patience.emplace(io, socket);
        auto [failed, sent] = co_await http::async_write(*socket, response, no_throw);
        if (failed || !keep) break;
    }
    boost::system::error_code ignored;
    socket->shutdown(Socket::shutdown_send, ignored);
}

Task<> accept_all(asio::io_context& io,
    std::shared_ptr<asio::local::stream_protocol::acceptor> acceptor, Node& node) {
    auto subordinates = sys::read_file("/etc/subuid");
    auto visitors = std::make_shared<Visitors>(
        Visitors::Limits{}, ::geteuid(), parse_subordinate_uids(subordinates ? *subordinates : ""));
    for (;;) {
        auto [error, socket] = co_await acceptor->async_accept(no_throw);
        if (error == asio::error::operation_aborted) co_return;
        if (error) {
            co_await pause(io, std::chrono::milliseconds(50));
            continue;
        }
        start(io, serve(io, std::make_shared<Socket>(std::move(socket)), node, visitors));
    }
}

} // namespace

Status serve_control(asio::io_context& io, std::string const& path, Node& node) {
    Fd listener = TRY(sys::unix_listen(path, 0666));
    auto acceptor = std::make_shared<asio::local::stream_protocol::acceptor>(
        io, asio::local::stream_protocol(), listener.release());
    start(io, accept_all(io, acceptor, node));
    return {};
}

} // namespace rove::node
