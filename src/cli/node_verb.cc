// SPDX-License-Identifier: Apache-2.0
// The verb `node`: what a node takes and gives away.
#include <algorithm>

#include <boost/json/object.hpp>
#include <fmt/core.h>

#include "cli/answer.hh"
#include "cli/screen.hh"
#include "cli/verbs.hh"
#include "client/control.hh"
#include "client/requests.hh"

namespace rove::cli {

namespace {

struct Act {
    char const* name;
    char const* done; // what is true afterwards; {} is the node
};
constexpr Act acts[] = {
    {"block", "{0} takes no guests now; 'rove node unblock {0}' lifts it"},
    {"unblock", "{} takes guests again"},
    {"expel", "{} has sent its guests away"},
    {"bring", "{} has fetched its programs home"},
    {"drain", "{0} has no guests, and no programs away; 'rove node unblock {0}' lifts it"},
    {"auto", ""},
};

constexpr char const* shape[] = {"node", "verb"};

int run(Given const& given) {
    client::NodeRequest request;
    request.verb = given.arguments[0];
    auto const act = std::find_if(
        std::begin(acts), std::end(acts), [&](Act const& one) { return request.verb == one.name; });
    if (act == std::end(acts))
        return usage(given, fmt::format("'{}' is none of block, unblock, expel, bring, drain, auto",
                                for_terminal(request.verb, true)));
    std::vector<std::string> rest(given.arguments.begin() + 1, given.arguments.end());
    if (request.verb == "auto") {
        if (rest.empty() || (rest[0] != "on" && rest[0] != "off"))
            return usage(given, "'auto' needs on or off");
        request.on = rest[0] == "on";
        rest.erase(rest.begin());
    }
    if (rest.size() > 1)
        return usage(
            given, fmt::format("'{}' is one argument too many", for_terminal(rest[1], true)));
    if (!rest.empty()) request.node = rest[0];

    Asked<Json> answer =
        client::call("POST", "/v1/node", client::body_of(request), client::Patience::patient);
    if (!answer) return report(given, answer.error());
    std::string const node =
        client::text_field(*answer, "node").value_or(request.node.value_or("This node"));
    if (given.json) {
        Json told = shaped(*answer, shape);
        if (boost::json::object* object = told.if_object()) (*object)["verb"] = request.verb;
        return print(client::print_json(told) + "\n");
    }
    if (request.on)
        return print(fmt::format("Automatic moves are {} on {}\n", *request.on ? "on" : "off",
            for_terminal(node == "This node" ? "this node" : node, true)));
    return print(fmt::format(fmt::runtime(act->done), for_terminal(node, true)) + "\n");
}

Argument const arguments[] = {
    {"VERB", Kind::node_verb, Need::must},
    {"on|off", Kind::text, Need::may},
    {"NODE", Kind::node, Need::may},
};

} // namespace

Verb const node_verb{"node", "tell a node what to take and to give away", arguments, {},
    "VERB is one of\n"
    "  block         take no guests\n"
    "  unblock       take guests again\n"
    "  expel         send all guests away\n"
    "  bring         fetch its own programs home\n"
    "  drain         all three, for maintenance\n"
    "  auto on|off   whether policy may move programs\n"
    "and NODE the node that it is about, this one if none is named.\n\n"
    "    rove node drain n2",
    run};

} // namespace rove::cli
