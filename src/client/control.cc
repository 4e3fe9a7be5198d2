// SPDX-License-Identifier: Apache-2.0
// Control: one connection per request; see control.hh.
#include "client/control.hh"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.hh"
#include "client/http.hh"

namespace rove::client {

namespace {

constexpr Millis prompt_limit{10'000};
constexpr size_t line_max = 1024 * 1024;

tl::unexpected<Trouble> silent(std::string const& why) {
    return trouble(Exit::no_daemon,
        fmt::format(
            "roved does not answer on {} ({}); start it with 'systemctl start roved', or see "
            "'journalctl -u roved' for why it does not run",
            socket_path(), why));
}

bool wait_for(int fd, short events, Millis limit) {
    pollfd wanted{fd, events, 0};
    int ready;
    do {
        ready = poll(&wanted, 1, static_cast<int>(limit.count()));
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

Asked<Fd> connect_daemon() {
    std::string const path = socket_path();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path))
        return trouble(Exit::no_daemon,
            fmt::format(
                "the socket path {} is too long; set ROVE_SOCKET to a path below 108 bytes", path));
    std::memcpy(address.sun_path, path.data(), path.size());

    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return silent(std::strerror(errno));
    // A full backlog makes connect wait; the time limit is the socket's.
    timeval const limit{prompt_limit.count() / 1000, 0};
    (void)setsockopt(fd.number(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    int status;
    do {
        status = connect(fd.number(), reinterpret_cast<sockaddr const*>(&address), sizeof(address));
    } while (status < 0 && errno == EINTR);
    if (status < 0) return silent(std::strerror(errno));
    return fd;
}

Asked<bool> send_all(Fd const& fd, std::string_view text) {
    while (!text.empty()) {
        ssize_t const sent = send(fd.number(), text.data(), text.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        // An early refusal (413, 400) is worth reading even though not everything could be sent.
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return true;
        if (sent < 0) return silent(std::strerror(errno));
        text.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
}

// Empty at the end of the connection.
Asked<std::string> receive_some(Fd const& fd) {
    char bytes[16 * 1024];
    ssize_t got;
    do {
        got = recv(fd.number(), bytes, sizeof(bytes), 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return silent(std::strerror(errno));
    return std::string(bytes, static_cast<size_t>(got));
}

// Whether the daemon still answers anybody while one request takes its time.
bool alive() {
    return call("GET", "/v1/nodes").has_value();
}

} // namespace

std::string socket_path() {
    char const* path = std::getenv("ROVE_SOCKET");
    return path && *path ? path : "/run/rove/control.sock";
}

Asked<Json> understand(int status, std::string_view body) {
    Result<Json> value = body.empty() ? Result<Json>(Json()) : parse_json(body);
    if (status >= 200 && status < 300) {
        if (!value) return silent(value.error().what);
        return *std::move(value);
    }
    if (!value || !text_field(*value, "error"))
        return silent(fmt::format("HTTP status {} without a reason", status));
    Trouble found{Exit::failed, *text_field(*value, "error")};
    double const code = number_field(*value, "code").value_or(1);
    if (code == 2 || code == 3 || code == 4 || code == 5) found.code = static_cast<Exit>(code);
    if (code == 125) found.code = Exit::cannot_start;
    found.reason = text_field(*value, "reason").value_or("");
    for (char const* name : {"members", "moved"})
        if (Json const* members = field(*value, name)) found.members = print_json(*members);
    return tl::unexpected<Trouble>(std::move(found));
}

Asked<Json> call(
    std::string_view method, std::string_view path, std::string_view body, Patience patience) {
    Asked<Fd> fd = connect_daemon();
    if (!fd) return tl::unexpected<Trouble>(fd.error());
    if (Asked<bool> sent = send_all(*fd, request_text(method, path, body)); !sent)
        return tl::unexpected<Trouble>(sent.error());

    ReplyParser parser;
    while (!parser.done()) {
        if (!wait_for(fd->number(), POLLIN, prompt_limit)) {
            if (patience == Patience::patient && alive()) continue;
            return silent(fmt::format("no answer within {} s", prompt_limit.count() / 1000));
        }
        Asked<std::string> bytes = receive_some(*fd);
        if (!bytes) return tl::unexpected<Trouble>(bytes.error());
        Status const fed = bytes->empty() ? parser.end() : parser.feed(*bytes);
        if (!fed) return silent(fed.error().what);
    }
    return understand(parser.status(), parser.take_body());
}

Asked<bool> follow(std::string_view path, std::function<bool(Json const&)> const& each) {
    Asked<Fd> fd = connect_daemon();
    if (!fd) return tl::unexpected<Trouble>(fd.error());
    if (Asked<bool> sent = send_all(*fd, request_text("GET", path, {})); !sent)
        return tl::unexpected<Trouble>(sent.error());

    ReplyParser parser(Stream::yes);
    std::string pending;
    while (!parser.done()) {
        // Silence is fine once the stream has begun: nothing happens on this node.
        if (!wait_for(fd->number(), POLLIN, parser.has_header() ? Millis(-1) : prompt_limit))
            return silent(fmt::format("no answer within {} s", prompt_limit.count() / 1000));
        Asked<std::string> bytes = receive_some(*fd);
        if (!bytes) return tl::unexpected<Trouble>(bytes.error());
        Status const fed = bytes->empty() ? parser.end() : parser.feed(*bytes);
        if (!fed) return silent(fed.error().what);
        pending += parser.take_body();
        if (parser.has_header() && parser.status() / 100 != 2) {
            if (pending.size() > line_max) return silent("the reply is endless");
            continue; // a refusal: its whole body is the reason
        }
        size_t begin = 0;
        for (size_t end; (end = pending.find('\n', begin)) != std::string::npos; begin = end + 1) {
            std::string_view const line = std::string_view(pending).substr(begin, end - begin);
            if (line.find_first_not_of(" \r\t") == std::string_view::npos) continue;
            Result<Json> value = parse_json(line);
            if (!value) return silent(value.error().what);
            if (!each(*value)) return true;
        }
        pending.erase(0, begin);
        if (pending.size() > line_max) return silent("an event is endless");
    }
    if (parser.status() / 100 != 2) {
        Asked<Json> refused = understand(parser.status(), pending);
        if (!refused) return tl::unexpected<Trouble>(refused.error());
    }
    return silent("it has ended");
}

} // namespace rove::client
