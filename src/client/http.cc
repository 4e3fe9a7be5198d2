// SPDX-License-Identifier: Apache-2.0
// HTTP: the reply parser over Boost.Beast; see http.hh.
#include "client/http.hh"

#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace rove::client {

namespace http = boost::beast::http;

namespace {

// A string that grows with what comes: a length in the header is only somebody's word.
struct Text : http::string_body {
    class reader : public http::string_body::reader {
    public:
        using http::string_body::reader::reader;
        void init(boost::optional<std::uint64_t> const&, boost::beast::error_code& error) {
            error = {};
        }
    };
};

} // namespace

struct ReplyParser::Inside {
    http::response_parser<Text> parser;
    std::string pending; // bytes that the parser wants to see again, with more behind them
};

ReplyParser::ReplyParser(Stream stream) : inside_(std::make_unique<Inside>()) {
    inside_->parser.eager(true);
    inside_->parser.header_limit(16 * 1024);
    if (stream == Stream::yes)
        inside_->parser.body_limit(boost::none);
    else
        inside_->parser.body_limit(body_max);
}
ReplyParser::~ReplyParser() = default;
ReplyParser::ReplyParser(ReplyParser&&) noexcept = default;
ReplyParser& ReplyParser::operator=(ReplyParser&&) noexcept = default;

Status ReplyParser::feed(std::string_view bytes) {
    Inside& in = *inside_;
    in.pending.append(bytes);
    while (!in.pending.empty() && !in.parser.is_done()) {
        boost::beast::error_code error;
        size_t const used = in.parser.put(boost::asio::buffer(in.pending), error);
        in.pending.erase(0, used);
        if (error == http::error::need_more) break;
        if (error) return fail(EBADMSG, "the reply is not HTTP ({})", error.message());
        if (used == 0) break;
    }
    // A chunk's header that never ends would otherwise pile up here.
    if (in.pending.size() > 64 * 1024) return fail(EBADMSG, "the reply is not HTTP (endless line)");
    return {};
}

Status ReplyParser::end() {
    if (done()) return {};
    boost::beast::error_code error;
    if (inside_->parser.got_some()) inside_->parser.put_eof(error);
    if (error || !done()) return fail(ECONNRESET, "the reply was cut off");
    return {};
}

bool ReplyParser::has_header() const {
    return inside_->parser.is_header_done();
}
bool ReplyParser::done() const {
    return inside_->parser.is_done();
}
int ReplyParser::status() const {
    return static_cast<int>(inside_->parser.get().result_int());
}
std::string ReplyParser::take_body() {
    return std::exchange(inside_->parser.get().body(), {});
}

std::string request_text(std::string_view method, std::string_view path, std::string_view body) {
    std::string text;
    text.append(method).append(" ").append(path).append(" HTTP/1.1\r\nHost: rove\r\n");
    text.append("User-Agent: rove\r\nConnection: close\r\n");
    if (!body.empty()) {
        text.append("Content-Type: application/json\r\nContent-Length: ");
        text.append(std::to_string(body.size())).append("\r\n");
    } else if (method != "GET") {
        text.append("Content-Length: 0\r\n");
    }
    return text.append("\r\n").append(body);
}

std::string escape_path(std::string_view part) {
    std::string text;
    for (unsigned char c : part) {
        bool const plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~' ||
                           c == ':';
        if (plain) {
            text += static_cast<char>(c);
        } else {
            constexpr char digits[] = "0123456789ABCDEF";
            text += '%';
            text += digits[c >> 4];
            text += digits[c & 15];
        }
    }
    return text;
}

} // namespace rove::client
