// SPDX-License-Identifier: Apache-2.0
// HTTP: one request as text, and a parser for its reply that is fed with whatever arrives.
//
// The parser is Boost.Beast's, seen by http.cc alone. It does no input or output, so hostile bytes
// can be tried on it without a socket. Headers are limited to 16 KiB, a body to `body_max`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hh"

namespace rove::client {

/// The longest reply that is not a stream: a board of thousands of nodes is far below it.
inline constexpr uint64_t body_max = 64 * 1024 * 1024;

struct Reply {
    int status = 0;
    std::string body;
};

enum class Stream { no, yes };

class ReplyParser {
public:
    /// A stream's body has no limit; the caller takes it away as it comes.
    explicit ReplyParser(Stream stream = Stream::no);
    ~ReplyParser();
    ReplyParser(ReplyParser&&) noexcept;
    ReplyParser& operator=(ReplyParser&&) noexcept;

    /// Takes the next bytes of the connection. An error means that they are no HTTP reply.
    Status feed(std::string_view bytes);
    /// The connection has ended: fine if the reply's length was to be told by that.
    Status end();

    bool has_header() const;
    bool done() const;
    int status() const;
    /// What has come of the body since the last call.
    std::string take_body();

private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

/// `body` empty: none is sent. `path` must be a valid request target.
std::string request_text(std::string_view method, std::string_view path, std::string_view body);

/// "a b/c" → "a%20b%2Fc", for a part of a path or a query.
std::string escape_path(std::string_view part);

} // namespace rove::client
