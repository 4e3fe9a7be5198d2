// SPDX-License-Identifier: Apache-2.0
// Fuzz target: what reaches the daemon from its UNIX socket and from /proc: requests as HTTP and
// JSON, PID names, and texts that programs can shape.
// uses: base sys image node/proc node/sensors/memory node/sensors/own_groups
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>

#include "node/pid_name.hh"
#include "node/proc.hh"
#include "node/sensors/memory.hh"

using namespace rove::node;
namespace http = boost::beast::http;

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    std::string text(reinterpret_cast<char const*>(bytes), size);
    http::request_parser<http::string_body> parser;
    parser.header_limit(16 << 10);
    parser.body_limit(1 << 20);
    parser.eager(true);
    boost::beast::error_code wrong;
    (void)parser.put(boost::asio::buffer(text), wrong);
    std::string body = parser.is_done() ? parser.get().body() : text;
    boost::json::parse_options options;
    options.max_depth = 16;
    boost::json::error_code not_json;
    auto value = boost::json::parse(body, not_json, {}, options);
    if (!not_json) {
        (void)parse_pid(value);
        if (auto* object = value.if_object())
            for (auto const& member : *object)
                (void)parse_pid(member.value());
    }
    (void)parse_pid(pid_value(text));
    (void)parse_proc_stat(text);
    (void)parse_proc_status(text);
    (void)parse_meminfo(text);
    return 0;
}
