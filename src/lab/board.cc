// SPDX-License-Identifier: Apache-2.0
// Board: what the nodes' own daemons say of each other, and waiting until they agree.
#include "lab/board.hh"

#include <algorithm>

#include <boost/json.hpp>
#include <poll.h>

#include "lab/daemon.hh"
#include "lab/gate.hh"
#include "lab/init.hh"
#include "lab/tool.hh"

namespace rove::lab {

namespace {

constexpr int pause_ms = 20;

Result<std::map<std::string, std::string>> ask(std::string_view lab, std::string_view node) {
    Gate gate = TRY(Gate::open(lab, node));
    std::string program = TRY(program_dir()) + "/rove";
    return parse_board(TRY(
        output_in(gate, {program, "nodes", "--json"}, Deadline::after(std::chrono::seconds(5)))));
}

// A daemon that has ended will never answer.
Status still_there(std::string_view lab, std::string_view node) {
    auto init = running_init(lab, node);
    if (init && !find_daemons(*init).empty()) return {};
    return fail(0, "roved on {} has ended", node);
}

// The first node that is not up for another, in words; empty if there is none. With `about`: of
// that node alone.
std::string disagreement(Plan const& plan, std::string const& node, std::string_view about) {
    auto board = ask(plan.name, node);
    if (!board) return fmt::format("roved on {} does not answer", node);
    for (NodePlan const& other : plan.nodes) {
        if (!about.empty() && node != about && other.name != about) continue;
        if (other.name != node && plan.is_cut(node, other.name)) continue;
        auto init = running_init(plan.name, other.name);
        if (!init || (!about.empty() && find_daemons(*init).empty())) continue;
        auto found = board->find(other.name);
        if (found == board->end()) return fmt::format("{} does not know {}", node, other.name);
        // A node that takes no guests, by its administrator's wish, is there all the same.
        if (found->second != "up" && found->second != "blocked")
            return fmt::format("{} shows {} as {}", node, other.name, found->second);
    }
    return {};
}

} // namespace

Result<std::map<std::string, std::string>> parse_board(std::string_view text) {
    namespace json = boost::json;
    boost::system::error_code wrong;
    json::value top = json::parse(json::string_view(text.data(), text.size()), wrong);
    json::array const* rows = wrong ? nullptr : top.if_array();
    if (!rows) return fail(EBADMSG, "'rove nodes --json' is not an array");
    std::map<std::string, std::string> board;
    for (json::value const& row : *rows) {
        json::object const* object = row.if_object();
        json::value const* name = object ? object->if_contains("name") : nullptr;
        json::value const* state = object ? object->if_contains("state") : nullptr;
        if (!name || !state || !name->is_string() || !state->is_string())
            return fail(EBADMSG, "a row of 'rove nodes --json' has no name or state");
        board.emplace(name->get_string().c_str(), state->get_string().c_str());
    }
    return board;
}

Status await_daemon(std::string_view lab, std::string_view node, Deadline deadline,
    std::function<Status()> const& interrupted) {
    while (!ask(lab, node)) {
        TRY(interrupted());
        TRY(still_there(lab, node));
        if (deadline.passed()) return fail(0, "roved on {} does not answer", node);
        (void)::poll(nullptr, 0, pause_ms);
    }
    return {};
}

Status await_agreement(Plan const& plan, Deadline deadline,
    std::function<Status()> const& interrupted, std::string_view about) {
    for (NodePlan const& node : plan.nodes) {
        auto init = running_init(plan.name, node.name);
        if (!init || find_daemons(*init).empty()) continue;
        for (;;) {
            TRY(interrupted());
            TRY(still_there(plan.name, node.name));
            std::string missing = disagreement(plan, node.name, about);
            if (missing.empty()) break;
            if (deadline.passed()) return fail(0, "{}", missing);
            (void)::poll(nullptr, 0, pause_ms);
        }
    }
    return {};
}

} // namespace rove::lab
