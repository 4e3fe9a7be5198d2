// SPDX-License-Identifier: Apache-2.0
// Requests: the bodies as JSON; see requests.hh.
#include "client/requests.hh"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/text.hh"
#include "client/json.hh"

namespace rove::client {

namespace {

template <class T> Json or_null(std::optional<T> const& value) {
    return value ? Json(*value) : Json(nullptr);
}
Json or_null(std::optional<std::string> const& value) {
    return value ? Json(valid_utf8(*value)) : Json(nullptr);
}
Json pid_value(std::string const& pid) {
    Result<int64_t> const number = parse_number<int64_t>(pid);
    return number ? Json(*number) : Json(valid_utf8(pid));
}

} // namespace

std::string body_of(RunRequest const& request) {
    boost::json::array command;
    for (std::string const& word : request.command)
        command.emplace_back(valid_utf8(word));
    boost::json::object body;
    body["on"] = or_null(request.on);
    body["stay"] = request.stay;
    body["no_patch"] = request.no_patch;
    body["cpu_baseline"] = or_null(request.cpu_baseline);
    body["storm_ms"] = or_null(request.storm_ms);
    body["seed"] = or_null(request.seed);
    body["report"] = or_null(request.report);
    body["mem"] = or_null(request.mem);
    body["cwd"] = valid_utf8(request.cwd);
    body["command"] = std::move(command);
    return print_json(body);
}

std::string body_of(MoveRequest const& request) {
    boost::json::object body;
    body["pid"] = pid_value(request.pid);
    body["to"] = valid_utf8(request.to);
    body["all"] = request.all;
    body["wait"] = request.wait;
    if (request.freeze_ms) body["freeze_ms"] = *request.freeze_ms;
    return print_json(body);
}

std::string pid_body(std::string const& pid) {
    boost::json::object body;
    body["pid"] = pid_value(pid);
    return print_json(body);
}

std::string body_of(NodeRequest const& request) {
    boost::json::object body;
    body["verb"] = request.verb;
    body["node"] = or_null(request.node);
    body["on"] = or_null(request.on);
    return print_json(body);
}

} // namespace rove::client
